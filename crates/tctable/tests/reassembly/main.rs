//! Fragments to datagrams, through the public API, in virtual time, for IPv4 and IPv6.

mod cut;
mod headers;
mod kernel;
mod limits;
mod permutations;
mod support;

//! `tctable simulate` as a user sees it: a capture and a shaping in, text and an exit status out.

mod compare;
mod errors;
mod examples;
mod formats;
mod pcap_out;
mod road;
mod toml;
mod world;

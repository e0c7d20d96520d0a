//! `tctable simulate` as a user sees it: a capture and a shaping in, text and an exit status out.

#[path = "../replay/support.rs"]
#[allow(dead_code)]
mod support;

mod compare;
mod errors;
mod examples;
mod formats;
mod pcap_out;
mod road;
mod toml;
mod world;

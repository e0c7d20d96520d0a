//! Capture files as they are found in the field, built by hand, read through the public interface.

mod build;
mod compression;
mod damage;
mod pcap;
mod pcapng;
mod streams;

//! Commands that speak with a running gateway, against one that saw `examples/office.pcap`.

mod changes;
mod errors;
mod lists;
mod top;
mod world;

//! Commands that speak with a running gateway, against one that saw `examples/office.pcap`.

mod changes;
mod errors;
mod lists;
#[path = "../tmux/mod.rs"]
mod tmux;
mod top;
mod world;

//! From bytes to [`tctable::packet::PacketInfo`].

mod cut;
mod fragments;
mod invalid;
mod ipv4;
mod ipv6;
mod link;
mod malformed;
mod not_ip;
mod transports;

use tctable::packet::{LinkType, NotIp, PacketInfo};

pub use fragments::fragment;

use crate::support::frame;

/// Reads a frame that was kept whole.
fn read(link: LinkType, data: &[u8]) -> Result<PacketInfo, NotIp> {
    PacketInfo::read(&frame(link, data))
}

/// Reads an IP packet that must be one.
fn read_ip(packet: &[u8]) -> PacketInfo {
    read(LinkType::Raw, packet).expect("an IP packet")
}

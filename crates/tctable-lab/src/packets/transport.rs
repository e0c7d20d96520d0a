//! TCP, UDP and UDP-Lite.

use std::net::SocketAddr;

use super::{
    ip::ip,
    link::join,
    protocol::{TCP, UDP, UDP_LITE},
};
use crate::checksum::Sum;

/// The fields of a TCP header (RFC 9293) that are not ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// See [`flags`](super::flags).
    pub flags: u8,
    /// The window as it stands in the header.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, padded with zeros to a multiple of 4 bytes.
    pub options: Vec<u8>,
}

impl Default for Tcp {
    /// An acknowledgement in the middle of a connection, with a window of 65,535 bytes.
    fn default() -> Self {
        Self { seq: 0, ack: 0, flags: super::flags::ACK, window: 0xffff, urgent: 0, options: Vec::new() }
    }
}

/// A TCP segment; the addresses are for its checksum.
pub fn tcp(src: SocketAddr, dst: SocketAddr, header: &Tcp, payload: &[u8]) -> Vec<u8> {
    let mut options = header.options.clone();
    options.resize(options.len().next_multiple_of(4), 0);
    let words = (20 + options.len()) as u8 / 4;
    let mut segment = join(&[
        &src.port().to_be_bytes(),
        &dst.port().to_be_bytes(),
        &header.seq.to_be_bytes(),
        &header.ack.to_be_bytes(),
        &[words << 4, header.flags],
        &header.window.to_be_bytes(),
        &[0, 0],
        &header.urgent.to_be_bytes(),
        &options,
        payload,
    ]);
    let mut sum = Sum::pseudo_header(src.ip(), dst.ip(), TCP, segment.len());
    sum.add(&segment);
    segment[16..18].copy_from_slice(&sum.finish().to_be_bytes());
    segment
}

/// A UDP datagram; the addresses are for its checksum.
pub fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len();
    let mut datagram =
        join(&[&src.port().to_be_bytes(), &dst.port().to_be_bytes(), &(length as u16).to_be_bytes(), &[0, 0], payload]);
    let mut sum = Sum::pseudo_header(src.ip(), dst.ip(), UDP, length);
    sum.add(&datagram);
    datagram[6..8].copy_from_slice(&sum.finish_udp().to_be_bytes());
    datagram
}

/// A UDP-Lite datagram (RFC 3828); the checksum covers the first `coverage` bytes, header included, or all for zero.
pub fn udp_lite(src: SocketAddr, dst: SocketAddr, coverage: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram =
        join(&[&src.port().to_be_bytes(), &dst.port().to_be_bytes(), &coverage.to_be_bytes(), &[0, 0], payload]);
    let covered = match usize::from(coverage) {
        0 => datagram.len(),
        some => some.min(datagram.len()),
    };
    let mut sum = Sum::pseudo_header(src.ip(), dst.ip(), UDP_LITE, datagram.len());
    sum.add(&datagram[..covered]);
    datagram[6..8].copy_from_slice(&sum.finish_udp().to_be_bytes());
    datagram
}

/// A TCP segment in an IP packet.
pub fn tcp_packet(src: SocketAddr, dst: SocketAddr, header: &Tcp, payload: &[u8]) -> Vec<u8> {
    ip(src.ip(), dst.ip(), TCP, &tcp(src, dst, header, payload))
}

/// A UDP datagram in an IP packet.
pub fn udp_packet(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    ip(src.ip(), dst.ip(), UDP, &udp(src, dst, payload))
}

//! One Ethernet frame, written in place: the generator's hot path allocates nothing.

use std::net::IpAddr;

use crate::checksum::{Sum, checksum};

/// The longest frame: an MTU of 1500 and the Ethernet header.
const LONGEST: usize = 1514;
/// The shortest frame without its check sequence: shorter ones are padded, as a network card does.
const SHORTEST: usize = 60;
/// Where the IP header starts.
const IP: usize = 14;

/// IP protocol numbers.
pub(super) mod protocol {
    pub(in crate::generate) const ICMP: u8 = 1;
    pub(in crate::generate) const TCP: u8 = 6;
    pub(in crate::generate) const UDP: u8 = 17;
    pub(in crate::generate) const ICMPV6: u8 = 58;
}

/// One end of a connection, as seen on the inside network.
#[derive(Clone, Copy)]
pub(super) struct Side {
    /// The inside host's own, the gateway's for everybody outside.
    pub mac: [u8; 6],
    pub ip: IpAddr,
    /// The TCP or UDP port, or the identifier of an echo.
    pub port: u16,
    /// The TTL or hop limit that its packets have left when they pass.
    pub ttl: u8,
}

/// A payload of `len` bytes: `head`, then zeros, which cost nothing to sum up.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    pub head: &'a [u8],
    pub len: usize,
}

impl<'a> Payload<'a> {
    pub(super) const EMPTY: Payload<'static> = Payload { head: &[], len: 0 };

    /// A payload that is all written out.
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self { head: bytes, len: bytes.len() }
    }
}

/// The header fields of a TCP segment that change from one to the next.
pub(super) struct Segment<'a> {
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    /// A multiple of four bytes.
    pub options: &'a [u8],
}

/// The frame being written: its first bytes, and how long it was on the wire.
pub(super) struct Frame {
    bytes: [u8; LONGEST],
    wire: usize,
    snap_len: usize,
}

impl Frame {
    /// An empty frame; `snap_len` bytes of each are kept.
    pub(super) fn new(snap_len: u32) -> Self {
        Self { bytes: [0; LONGEST], wire: 0, snap_len: snap_len as usize }
    }

    /// The bytes that the capture keeps.
    pub(super) fn captured(&self) -> &[u8] {
        &self.bytes[..self.wire.min(self.snap_len)]
    }

    /// The frame's length before the capture cut it.
    pub(super) fn wire_len(&self) -> usize {
        self.wire
    }

    /// The IP packet, for an error message to quote. Only of a packet whose payload was written out whole and that needed
    /// no padding.
    pub(super) fn packet(&self) -> &[u8] {
        &self.bytes[IP..self.wire]
    }

    /// Writes a TCP segment.
    pub(super) fn tcp(&mut self, from: &Side, to: &Side, segment: &Segment<'_>, payload: Payload<'_>) {
        let header = 20 + segment.options.len();
        let (at, mut sum) = self.ip(from, to, protocol::TCP, header + payload.len);
        let tcp = &mut self.bytes[at..];
        tcp[0..2].copy_from_slice(&from.port.to_be_bytes());
        tcp[2..4].copy_from_slice(&to.port.to_be_bytes());
        tcp[4..8].copy_from_slice(&segment.seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&segment.ack.to_be_bytes());
        tcp[12] = (header as u8 / 4) << 4;
        tcp[13] = segment.flags;
        tcp[14..16].copy_from_slice(&segment.window.to_be_bytes());
        tcp[16..20].fill(0);
        tcp[20..header].copy_from_slice(segment.options);
        sum.add(&tcp[..header]);
        sum.add(payload.head);
        tcp[16..18].copy_from_slice(&sum.finish().to_be_bytes());
        self.finish(at + header, payload);
    }

    /// Writes a UDP datagram.
    pub(super) fn udp(&mut self, from: &Side, to: &Side, payload: Payload<'_>) {
        let length = 8 + payload.len;
        let (at, mut sum) = self.ip(from, to, protocol::UDP, length);
        let udp = &mut self.bytes[at..];
        udp[0..2].copy_from_slice(&from.port.to_be_bytes());
        udp[2..4].copy_from_slice(&to.port.to_be_bytes());
        udp[4..6].copy_from_slice(&(length as u16).to_be_bytes());
        udp[6..8].fill(0);
        sum.add(&udp[..8]);
        sum.add(payload.head);
        udp[6..8].copy_from_slice(&sum.finish_udp().to_be_bytes());
        self.finish(at + 8, payload);
    }

    /// Writes an ICMP or ICMPv6 message, whichever the addresses call for.
    pub(super) fn icmp(&mut self, from: &Side, to: &Side, kind: u8, code: u8, rest: u32, payload: Payload<'_>) {
        let (number, pseudo) = match from.ip {
            IpAddr::V4(_) => (protocol::ICMP, false),
            IpAddr::V6(_) => (protocol::ICMPV6, true),
        };
        let (at, sum) = self.ip(from, to, number, 8 + payload.len);
        // ICMPv6 sums the pseudo header (RFC 4443 section 2.3), ICMP does not.
        let mut sum = if pseudo { sum } else { Sum::default() };
        let icmp = &mut self.bytes[at..];
        icmp[0..4].copy_from_slice(&[kind, code, 0, 0]);
        icmp[4..8].copy_from_slice(&rest.to_be_bytes());
        sum.add(&icmp[..8]);
        sum.add(payload.head);
        icmp[2..4].copy_from_slice(&sum.finish().to_be_bytes());
        self.finish(at + 8, payload);
    }

    /// Writes a frame that is not IP.
    pub(super) fn ethernet(&mut self, from: [u8; 6], to: [u8; 6], ethertype: u16, payload: &[u8]) {
        self.bytes[0..6].copy_from_slice(&to);
        self.bytes[6..12].copy_from_slice(&from);
        self.bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
        self.finish(IP, Payload::whole(payload));
    }

    /// Writes the Ethernet and the IP header; returns where the transport header goes and the sum of the pseudo header.
    fn ip(&mut self, from: &Side, to: &Side, protocol: u8, length: usize) -> (usize, Sum) {
        self.bytes[0..6].copy_from_slice(&to.mac);
        self.bytes[6..12].copy_from_slice(&from.mac);
        let ip = &mut self.bytes[IP..];
        let header = match (from.ip, to.ip) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                // Don't fragment, identification 0: an atomic datagram (RFC 6864 section 4.1).
                ip[0..2].copy_from_slice(&[0x45, 0]);
                ip[2..4].copy_from_slice(&(20 + length as u16).to_be_bytes());
                ip[4..12].copy_from_slice(&[0, 0, 0x40, 0, from.ttl, protocol, 0, 0]);
                ip[12..16].copy_from_slice(&src.octets());
                ip[16..20].copy_from_slice(&dst.octets());
                let sum = checksum(&ip[..20]);
                ip[10..12].copy_from_slice(&sum.to_be_bytes());
                20
            }
            (src, dst) => {
                ip[0..4].copy_from_slice(&[0x60, 0, 0, 0]);
                ip[4..6].copy_from_slice(&(length as u16).to_be_bytes());
                ip[6..8].copy_from_slice(&[protocol, from.ttl]);
                ip[8..24].copy_from_slice(&octets(src));
                ip[24..40].copy_from_slice(&octets(dst));
                40
            }
        };
        self.bytes[12..14].copy_from_slice(if header == 20 { &[0x08, 0x00] } else { &[0x86, 0xdd] });
        (IP + header, Sum::pseudo_header(from.ip, to.ip, protocol, length))
    }

    /// Writes the payload, and the zeros after it as far as the capture keeps them.
    fn finish(&mut self, at: usize, payload: Payload<'_>) {
        let written = at + payload.head.len();
        self.bytes[at..written].copy_from_slice(payload.head);
        self.wire = (at + payload.len).max(SHORTEST);
        let kept = self.wire.min(self.snap_len);
        if written < kept {
            self.bytes[written..kept].fill(0);
        }
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

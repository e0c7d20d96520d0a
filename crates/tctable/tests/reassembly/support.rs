//! What the tests have in common: fragments of a datagram in both families, and what becomes of them in short words.

use std::net::{Ipv4Addr, Ipv6Addr};

use tctable::HashKey;
use tctable::defrag::{Cause, Config, Defrag, Outcome, Statistics};
use tctable::packet::{DeviceId, Family, Fragment, Frame, FrameDirection, LinkType, Packet, PacketInfo};
use tctable::time::{Duration, Instant};
use tctable_lab::packets::{Ipv4, Ipv6, protocol};

pub const BOTH: [Family; 2] = [Family::V4, Family::V6];
pub const START: Instant = Instant::from_secs(1_700_000_000);

pub const V4: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 1));
pub const V6: (Ipv6Addr, Ipv6Addr) =
    (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));

/// The payload of a datagram: a UDP header, then bytes that tell where they are.
pub fn payload(len: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    let header = [0x13, 0x88, 0, 53, (len >> 8) as u8, len as u8, 0, 0];
    let known = bytes.len().min(8);
    bytes[..known].copy_from_slice(&header[..known]);
    bytes
}

/// An IPv4 header of a fragment; the offset in bytes.
pub fn v4(id: u16, offset: u32, more: bool) -> Ipv4 {
    let fragment_offset = (offset / 8) as u16;
    Ipv4 { id, fragment_offset, more_fragments: more, ..Ipv4::new(V4.0, V4.1, protocol::UDP) }
}

/// IPv6 headers of a fragment; the offset in bytes.
pub fn v6(id: u32, offset: u32, more: bool) -> Ipv6 {
    Ipv6::new(V6.0, V6.1, protocol::UDP).fragment(id, (offset / 8) as u16, more)
}

/// A fragment of datagram `id`: the bytes from `start` to `end` of `datagram`.
pub fn fragment(family: Family, id: u16, datagram: &[u8], start: u32, end: u32, more: bool) -> Vec<u8> {
    let bytes = &datagram[start as usize..end as usize];
    match family {
        Family::V4 => v4(id, start, more).build(bytes),
        Family::V6 => v6(id.into(), start, more).build(bytes),
    }
}

/// The datagram as it would be without having been split.
pub fn whole(family: Family, id: u16, datagram: &[u8]) -> Vec<u8> {
    match family {
        Family::V4 => v4(id, 0, false).build(datagram),
        Family::V6 => Ipv6::new(V6.0, V6.1, protocol::UDP).build(datagram),
    }
}

/// What became of a fragment; the bytes of a whole datagram and its length on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Held,
    Whole(Vec<u8>, u32),
    Refused(Cause),
    Passed,
}

impl Seen {
    /// In one letter: H, W, P, or that of the cause.
    pub fn letter(&self) -> char {
        match self {
            Seen::Held => 'H',
            Seen::Whole(..) => 'W',
            Seen::Passed => 'P',
            Seen::Refused(Cause::Memory) => 'M',
            Seen::Refused(Cause::Duplicate) => 'D',
            Seen::Refused(Cause::Overlap) => 'O',
            Seen::Refused(Cause::Length) => 'L',
            Seen::Refused(Cause::TooLong) => 'T',
            Seen::Refused(Cause::Ecn) => 'E',
            Seen::Refused(Cause::Header) => 'C',
        }
    }
}

/// Where fragments are sent to.
pub struct Road {
    pub defrag: Defrag,
    pub now: Instant,
    pub device: DeviceId,
    /// Bytes that the capture keeps of each frame.
    pub snap_len: usize,
}

impl Road {
    pub fn new(config: &Config) -> Self {
        let defrag = Defrag::new(config, HashKey([3, 4]));
        Road { defrag, now: START, device: DeviceId(1), snap_len: usize::MAX }
    }

    pub fn send(&mut self, packet: &[u8]) -> Seen {
        let frame = Frame {
            time: self.now,
            device: self.device,
            direction: FrameDirection::Inbound,
            link: LinkType::Raw,
            wire_len: packet.len() as u32,
            data: &packet[..packet.len().min(self.snap_len)],
        };
        let info = PacketInfo::read(&frame).expect("an IP packet");
        assert_ne!(info.fragment, Fragment::None, "no fragment");
        match self.defrag.push(self.now, Packet { frame: &frame, info: &info }) {
            Outcome::Held => Seen::Held,
            Outcome::Refused(cause) => Seen::Refused(cause),
            Outcome::Passed => Seen::Passed,
            Outcome::Whole(whole, _) => {
                let told = (whole.time, whole.device, whole.direction, whole.link);
                assert_eq!(told, (self.now, self.device, FrameDirection::Inbound, LinkType::Raw));
                assert!(PacketInfo::read(&whole).is_ok_and(|info| info.ip_len == whole.wire_len));
                Seen::Whole(whole.data.to_vec(), whole.wire_len)
            }
        }
    }

    /// What becomes of each packet, in letters.
    pub fn letters(&mut self, packets: impl IntoIterator<Item = Vec<u8>>) -> String {
        packets.into_iter().map(|packet| self.send(&packet).letter()).collect()
    }

    pub fn wait(&mut self, span: Duration) {
        self.now += span;
    }

    pub fn statistics(&self, family: Family) -> &Statistics {
        self.defrag.statistics(family)
    }
}

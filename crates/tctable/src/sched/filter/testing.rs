//! What tests of filters and actions need: packets, and an attachment point.

use std::net::IpAddr;

use super::block::{Block, Classified};
use super::classifier::FilterKinds;
use super::ether_type::EtherType;
use super::options::FilterOptions;
use super::request::{FilterChange, FilterError, FilterKey, FilterQuery, FilterRequest, FilterView};
use crate::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo, protocol};
use crate::sched::control::Flags;
use crate::sched::handle::{ClassId, Handle};
use crate::sched::skb::Skb;
use crate::sched::testing::World;
use crate::time::Instant;

/// An IPv4 packet in an Ethernet frame, of which nothing was read.
pub(crate) fn skb(data: &[u8]) -> Skb<'_> {
    Skb {
        token: 0,
        data,
        network_offset: 14,
        protocol: 0x800,
        len: data.len() as u32,
        info: None,
        mark: 0,
        priority: 0,
        input: None,
        ct: None,
        host: None,
    }
}

/// A frame with what was read of it.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) info: PacketInfo,
}

/// A packet of TCP, UDP or ICMP of either version of IP, in tags, with 20 bytes of transport header and payload: ports of
/// ICMP are its type and code.
pub(crate) fn packet(tags: &[u16], transport: u8, source: (&str, u16), destination: (&str, u16)) -> Packet {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    for tag in tags {
        bytes.extend(EtherType::VLAN.0.to_be_bytes());
        bytes.extend(tag.to_be_bytes());
    }
    let mut rest = Vec::new();
    if matches!(transport, protocol::ICMP | protocol::ICMPV6) {
        rest.extend([source.1 as u8, destination.1 as u8, 0, 0]);
    } else {
        rest.extend(source.1.to_be_bytes());
        rest.extend(destination.1.to_be_bytes());
    }
    // A length for UDP, header length and SYN for TCP.
    rest.extend([0, 20, 0, 0, 0, 0, 0, 0, 0x50, 0x02]);
    rest.resize(20, 0);
    match (source.0.parse().unwrap(), destination.0.parse().unwrap()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([0x08, 0x00, 0x45, 0x10, 0, 40, 0, 1, 0x40, 0, 64, transport, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            bytes.extend([0x86, 0xdd, 0x61, 0, 0, 0, 0, 20, transport, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        _ => panic!("two versions of IP"),
    }
    bytes.extend(rest);
    read(bytes)
}

/// A frame that is read anew.
pub(crate) fn read(bytes: Vec<u8>) -> Packet {
    let frame = Frame {
        time: Instant::ZERO,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link: LinkType::Ethernet,
        wire_len: bytes.len() as u32,
        data: &bytes,
    };
    let info = PacketInfo::read(&frame).expect("a packet");
    Packet { bytes, info }
}

/// The same TCP packet for each version of IP.
pub(crate) fn both(source_port: u16, destination_port: u16) -> [Packet; 2] {
    [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")]
        .map(|(source, destination)| packet(&[], protocol::TCP, (source, source_port), (destination, destination_port)))
}

impl Packet {
    pub(crate) fn skb(&self) -> Skb<'_> {
        let network_offset = self.info.network_offset;
        let protocol = u16::from_be_bytes([
            self.bytes[usize::from(network_offset) - 2],
            self.bytes[usize::from(network_offset) - 1],
        ]);
        Skb { network_offset, protocol, info: Some(&self.info), ..skb(&self.bytes) }
    }
}

/// Class 1:`minor`.
pub(crate) fn class(minor: u16) -> Option<Handle> {
    Some(Handle::new(1, minor))
}

pub(crate) fn classified(minor: u16) -> Classified {
    Classified::Class(ClassId::from(Handle::new(1, minor)))
}

/// The filters of a qdisc `1:`.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) block: Block,
    pub(crate) kinds: FilterKinds,
}

/// What makes a filter with the next handle.
pub(crate) fn request(protocol: EtherType, priority: u16, options: FilterOptions) -> FilterRequest {
    FilterRequest { device: DeviceId(0), parent: Handle::new(1, 0), protocol, priority, chain: 0, handle: 0, options }
}

/// What names all filters.
pub(crate) fn query() -> FilterQuery {
    FilterQuery {
        device: DeviceId(0),
        parent: Handle::new(1, 0),
        protocol: EtherType::UNSPEC,
        priority: 0,
        chain: 0,
        handle: 0,
        kind: None,
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench { world: World::new(), block: Block::default(), kinds: FilterKinds::default() }
    }

    pub(crate) fn set(&mut self, request: &FilterRequest, flags: Flags) -> Result<FilterChange, FilterError> {
        self.block.change(&self.kinds, self.world.now, Handle::new(1, 0), request, flags)
    }

    /// Makes a filter for all packets; its handle.
    pub(crate) fn add(&mut self, priority: u16, options: FilterOptions) -> FilterKey {
        self.set(&request(EtherType::ALL, priority, options), Flags::ADD).expect("a filter").key
    }

    pub(crate) fn delete(&mut self, query: &FilterQuery) -> Result<FilterChange, FilterError> {
        self.block.delete(self.world.now, Handle::new(1, 0), query)
    }

    pub(crate) fn classify(&mut self, skb: &mut Skb<'_>) -> Classified {
        self.block.classify(&mut self.world.context(), skb)
    }

    /// What a packet falls into.
    pub(crate) fn of(&mut self, packet: &Packet) -> Classified {
        self.classify(&mut packet.skb())
    }

    pub(crate) fn views(&self) -> Vec<FilterView> {
        let mut views: Vec<FilterView> = Vec::new();
        while let Some(view) = self.block.view_after(views.last().map(|view| view.key)) {
            views.push(view);
        }
        views
    }

    /// What a filter counted.
    pub(crate) fn view(&self, key: FilterKey) -> FilterView {
        let FilterKey { chain, priority, handle, .. } = key;
        self.block.get(&FilterQuery { chain, priority, handle, ..query() }).expect("a filter")
    }
}

use std::net::IpAddr;

use crate::sched::action::ActionOptions;
use crate::sched::filter::EtherType;
use crate::sched::handle::Handle;

/// A `flower` filter: header fields. What is `None` is not looked at; two filters of a priority must not say the same.
///
/// Where packets come through address translation, the `orig_` keys have what the kernel has no key for: the addresses and
/// ports of the connection's first packet ([`CtInfo::original`](crate::sched::CtInfo::original)), whichever direction the
/// packet has. They never match where the packet has no connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowerOptions {
    /// `dst_mac`: the Ethernet destination.
    pub dst_mac: Option<Masked<[u8; 6]>>,
    /// `src_mac`: the Ethernet source.
    pub src_mac: Option<Masked<[u8; 6]>>,
    /// The protocol behind the tags that the filter names, if it names any; `tc` sets it to the filter's own where that is
    /// not a tag's.
    pub eth_type: Option<EtherType>,
    /// `vlan_id`: the outermost tag's number, 0 to 4095.
    pub vlan_id: Option<u16>,
    /// `vlan_prio`: the outermost tag's priority, 0 to 7.
    pub vlan_prio: Option<u8>,
    /// `vlan_ethtype`: the protocol behind the outermost tag.
    pub vlan_eth_type: Option<EtherType>,
    /// `ip_proto`: the transport protocol.
    pub ip_proto: Option<u8>,
    /// `ip_tos`: IPv4's type of service, IPv6's traffic class.
    pub ip_tos: Option<Masked<u8>>,
    /// `ip_ttl`: IPv4's time to live, IPv6's hop limit.
    pub ip_ttl: Option<Masked<u8>>,
    /// `src_ip`.
    pub src_ip: Option<IpPrefix>,
    /// `dst_ip`.
    pub dst_ip: Option<IpPrefix>,
    /// `src_port` of TCP, UDP or SCTP.
    pub src_port: Option<PortRange>,
    /// `dst_port`.
    pub dst_port: Option<PortRange>,
    /// `tcp_flags`: the lowest 12 bits of TCP's flags word.
    pub tcp_flags: Option<Masked<u16>>,
    /// `type` of ICMP or ICMPv6.
    pub icmp_type: Option<Masked<u8>>,
    /// `code` of ICMP or ICMPv6.
    pub icmp_code: Option<Masked<u8>>,
    /// `ct_state`: bits of [`CtInfo::state`](crate::sched::CtInfo::state).
    pub ct_state: Option<Masked<u16>>,
    /// `ct_mark`: the connection's mark.
    pub ct_mark: Option<Masked<u32>>,
    /// `orig_src_ip`: the source of the connection's first packet.
    pub orig_src_ip: Option<IpPrefix>,
    /// `orig_dst_ip`: the destination of the connection's first packet.
    pub orig_dst_ip: Option<IpPrefix>,
    /// `orig_src_port`: the source port of the connection's first packet.
    pub orig_src_port: Option<PortRange>,
    /// `orig_dst_port`: the destination port of the connection's first packet.
    pub orig_dst_port: Option<PortRange>,
    /// The class that a packet belongs to.
    pub class: Option<Handle>,
    /// What is done to it.
    pub actions: Vec<ActionOptions>,
}

/// A value with the bits that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masked<T> {
    /// What it must be under the mask.
    pub value: T,
    /// The bits that count.
    pub mask: T,
}

/// Addresses that begin alike, or, as `tc` allows too, that are alike under any mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPrefix {
    /// One of them.
    pub address: IpAddr,
    /// The bits that count, as many as the address has; the lowest 32 for IPv4.
    pub mask: u128,
}

/// Ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortRange {
    /// One, or some that are alike under a mask.
    Masked(Masked<u16>),
    /// All from one to another, both included; the first is lower than the last.
    Range {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
}

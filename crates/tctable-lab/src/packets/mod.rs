//! Single packets by hand, for tests that need exactly this one.
//!
//! Each builder takes what it carries and gives the bytes, so that layers nest as they do on the wire. Lengths and
//! checksums are always right; a test that wants a wrong one overwrites its bytes. Structs hold the fields that a test
//! may care about and default to the unremarkable.
//!
//! ```
//! use tctable_lab::packets::{Ipv4, Tcp, ethernet, ethertype, flags, ip, protocol, tcp, udp_packet, vlan};
//!
//! let client = "192.168.1.10:40000".parse()?;
//! let server = "93.184.216.34:443".parse()?;
//!
//! // The short way: a DNS query in an IP packet in an Ethernet frame.
//! let query = ethernet([2; 6], [4; 6], ethertype::IPV4, &udp_packet(client, server, b"query"));
//! assert_eq!(query.len(), 14 + 20 + 8 + 5);
//!
//! // The long way: a SYN with an unusual TTL, behind two VLAN tags.
//! let syn = tcp(client, server, &Tcp { flags: flags::SYN, seq: 7, ..Tcp::default() }, b"");
//! let packet = Ipv4 { ttl: 1, ..Ipv4::new([192, 168, 1, 10], [93, 184, 216, 34], protocol::TCP) }.build(&syn);
//! let tagged = vlan(100, ethertype::VLAN, &vlan(7, ethertype::IPV4, &packet));
//! let frame = ethernet([2; 6], [4; 6], ethertype::QINQ, &tagged);
//! assert_eq!(frame.len(), 14 + 4 + 4 + 20 + 20);
//!
//! // The family follows the addresses.
//! let segment = tcp(client, server, &Tcp::default(), b"hello");
//! assert_eq!(ip(client.ip(), server.ip(), protocol::TCP, &segment)[0] >> 4, 4);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

mod fragment;
mod gre;
mod icmp;
mod ip;
mod layout;
mod link;
mod options;
mod sctp;
#[cfg(test)]
mod tests;
mod transport;

pub use fragment::{Datagram, Piece};
pub use gre::{Gre, gre, gre_pptp};
pub use icmp::{icmp, icmp_echo, icmp_error, icmpv6, icmpv6_echo, icmpv6_error};
pub use ip::{Ipv4, Ipv6, ip};
pub use layout::{FragmentInfo, Layout, checksum_field, checksum_is_right, layout, repair_checksums};
pub use link::{ethernet, linux_sll, linux_sll2, loopback, null, pcap, pppoe_session, vlan};
pub use options::{TcpOption, tcp_options};
pub use sctp::{chunk, sctp, sctp_chunk};
pub use transport::{Tcp, tcp, tcp_packet, udp, udp_lite, udp_packet};

/// Ethertypes.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// An 802.1Q tag.
    pub const VLAN: u16 = 0x8100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// A PPPoE session packet.
    pub const PPPOE_SESSION: u16 = 0x8864;
    /// An 802.1ad service tag.
    pub const QINQ: u16 = 0x88a8;
}

/// IP protocol numbers, those of IPv6 extension headers among them.
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// GRE, a protocol without ports.
    pub const GRE: u8 = 47;
    /// Encapsulating security payload.
    pub const ESP: u8 = 50;
    /// Authentication header.
    pub const AUTH: u8 = 51;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6: nothing follows.
    pub const NO_NEXT: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION: u8 = 60;
    /// OSPF.
    pub const OSPF: u8 = 89;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// UDP-Lite.
    pub const UDP_LITE: u8 = 136;
}

/// TCP flags, to be combined with `|`.
pub mod flags {
    /// The sender has no more data.
    pub const FIN: u8 = 0x01;
    /// Opens a connection.
    pub const SYN: u8 = 0x02;
    /// Ends a connection at once.
    pub const RST: u8 = 0x04;
    /// Hand the data over now.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// Congestion was experienced (RFC 3168).
    pub const ECE: u8 = 0x40;
    /// The congestion window was reduced (RFC 3168).
    pub const CWR: u8 = 0x80;
}

/// Link types of capture files.
pub mod link_type {
    /// BSD loopback, the family in the byte order of the machine that captured.
    pub const NULL: u32 = 0;
    /// Ethernet.
    pub const ETHERNET: u32 = 1;
    /// Raw IP: the version tells the family.
    pub const RAW: u32 = 101;
    /// BSD loopback, the family in network byte order.
    pub const LOOP: u32 = 108;
    /// Linux cooked capture.
    pub const LINUX_SLL: u32 = 113;
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: u32 = 276;
}

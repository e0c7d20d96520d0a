//! The headers of UDP-Lite, SCTP and GRE.

use tctable::packet::{Frame, Invalid, LinkType, PacketInfo, SctpHeader, Transport};
use tctable_lab::packets::{ip, udp};

use super::read_ip;
use crate::support::{BOTH, CLIENT_PORT, Net, SERVER_PORT, frame};

const GRE: u8 = 47;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

fn carrying(net: Net, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip(net.client, net.server, protocol, payload)
}

/// Reads a packet of which the capture kept that much of the payload.
fn cut(net: Net, protocol: u8, payload: &[u8], kept: usize) -> PacketInfo {
    let packet = carrying(net, protocol, payload);
    let data = &packet[..net.header() as usize + kept];
    PacketInfo::read(&Frame { wire_len: packet.len() as u32, ..frame(LinkType::Raw, data) }).expect("an IP packet")
}

fn ports(info: &PacketInfo) -> (u16, u16) {
    (info.tuple.source_port, info.tuple.destination_port)
}

const CUT: Transport = Transport::Invalid(Invalid::Cut);
const LENGTH: Transport = Transport::Invalid(Invalid::Length);

/// A UDP-Lite datagram with any checksum.
fn udplite(net: Net, coverage: u16) -> Vec<u8> {
    let mut datagram = udp(net.from(), net.to(), b"the data");
    datagram[4..6].copy_from_slice(&coverage.to_be_bytes());
    datagram
}

#[test]
fn udplite_has_ports_and_a_coverage_that_fits() {
    for net in BOTH {
        for (coverage, fits) in [(0, true), (1, false), (7, false), (8, true), (15, true), (16, true), (17, false)] {
            let info = read_ip(&carrying(net, UDPLITE, &udplite(net, coverage)));
            assert_eq!(info.transport, if fits { Transport::UdpLite } else { LENGTH }, "{coverage}");
            assert_eq!(ports(&info), (CLIENT_PORT, SERVER_PORT));
        }
        let datagram = udplite(net, 8);
        for length in 0..8 {
            assert_eq!(read_ip(&carrying(net, UDPLITE, &datagram[..length])).transport, LENGTH, "{length}");
            assert_eq!(cut(net, UDPLITE, &datagram, length).transport, CUT, "{length}");
        }
        assert_eq!(cut(net, UDPLITE, &datagram, 8).transport, Transport::UdpLite);
    }
}

#[test]
fn udplite_needs_a_checksum() {
    for net in BOTH {
        let mut datagram = udplite(net, 0);
        datagram[6..8].copy_from_slice(&[0, 0]);
        let info = read_ip(&carrying(net, UDPLITE, &datagram));
        assert_eq!(info.transport, Transport::Invalid(Invalid::NoChecksum));
    }
}

#[test]
fn sctp_has_ports_and_a_verification_tag() {
    let packet = [0, 7, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 3, 0, 0, 4];
    for net in BOTH {
        let info = read_ip(&carrying(net, SCTP, &packet));
        assert_eq!(info.transport, Transport::Sctp(SctpHeader { verification_tag: 0x0102_0304 }));
        assert_eq!(ports(&info), (7, 80));
        for length in 0..12 {
            assert_eq!(read_ip(&carrying(net, SCTP, &packet[..length])).transport, LENGTH, "{length}");
            assert_eq!(cut(net, SCTP, &packet, length).transport, CUT, "{length}");
        }
        assert_eq!(cut(net, SCTP, &packet, 12).transport, info.transport);
    }
}

#[test]
fn gre_has_keys_in_its_enhanced_version_only() {
    // With key and sequence number; key 7, or 4 bytes for call 7.
    for net in BOTH {
        for version in 0..8 {
            let info = read_ip(&carrying(net, GRE, &[0x30, version, 0x88, 0x0b, 0, 4, 0, 7, 0, 0, 0, 0]));
            assert_eq!(info.transport, Transport::Gre, "{version}");
            assert_eq!(ports(&info), (0, if version == 1 { 7 } else { 0 }), "{version}");
        }
        // The other bits of the version's byte are flags.
        let info = read_ip(&carrying(net, GRE, &[0x30, 0x81, 0x88, 0x0b, 0, 4, 0, 7]));
        assert_eq!(ports(&info), (0, 7));
    }
}

#[test]
fn enhanced_gre_carries_ppp() {
    for net in BOTH {
        let info = read_ip(&carrying(net, GRE, &[0x30, 1, 8, 0, 0, 4, 0, 7]));
        assert_eq!((info.transport, ports(&info)), (Transport::Invalid(Invalid::GreProtocol), (0, 0)));
    }
}

#[test]
fn gre_that_ends_before_the_call_id_has_none() {
    let enhanced = [0x30, 1, 0x88, 0x0b, 0, 4, 0, 7, 0, 0, 0, 0];
    let plain = [0, 0, 8, 0, 0, 0, 0, 0];
    for net in BOTH {
        for length in 0..8 {
            let info = read_ip(&carrying(net, GRE, &enhanced[..length]));
            assert_eq!((info.transport, ports(&info)), (Transport::Gre, (0, 0)), "{length}");
            // Where the capture cut it nobody knows.
            assert_eq!(cut(net, GRE, &enhanced, length).transport, CUT, "{length}");
            assert_eq!(cut(net, GRE, &plain, length).transport, if length < 4 { CUT } else { Transport::Gre });
        }
        assert_eq!(ports(&cut(net, GRE, &enhanced, 8)), (0, 7));
    }
}

#[test]
fn tuples_are_shown_in_the_words_of_the_conntrack_program() {
    for net in BOTH {
        let shown = |protocol, payload: &[u8]| {
            let info = read_ip(&carrying(net, protocol, payload));
            let text = info.tuple.to_string();
            let (_, after) = text.split_once(&format!("dst={}", net.server)).expect("a destination");
            after.to_owned()
        };
        assert_eq!(shown(UDPLITE, &udplite(net, 0)), format!(" sport={CLIENT_PORT} dport={SERVER_PORT}"));
        assert_eq!(shown(SCTP, &[0, 7, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0]), " sport=7 dport=80");
        assert_eq!(shown(GRE, &[0x30, 1, 0x88, 0x0b, 0, 4, 0, 77]), " srckey=0x0 dstkey=0x4d");
        assert_eq!(shown(GRE, &[0, 0, 8, 0]), " srckey=0x0 dstkey=0x0");
        // It has no tracker, and so no ports.
        assert_eq!(shown(33, &[0, 7, 0, 80]), " sport=0 dport=0");
        assert_eq!(shown(50, &[0, 7, 0, 80]), "");
    }
}

//! The checksums that nf_conntrack verifies at PREROUTING while `nf_conntrack_checksum` is set.
//!
//! That is TCP, UDP, UDP-Lite, ICMP, ICMPv6 and SCTP, and neither GRE nor anything else. As in the kernel the addresses
//! are those of the IP header, also with a routing header or source route, and the length is that of the IP packet's
//! payload, whatever UDP's own length says.

use super::address::{Address, Family};
use super::info::{Fragment, Packet};
use super::transport::{Invalid, Transport, protocol};

/// What a packet's checksum is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// It fits the packet.
    Correct,
    /// It does not: nf_conntrack says that the packet is invalid.
    Wrong,
    /// There is nothing to verify: the protocol or the packet has no checksum, the header tells no connection anyway, the
    /// capture did not keep the whole packet, or it is a later fragment.
    Unverified,
}

/// Verifies a packet's transport checksum.
pub(crate) fn verify(packet: Packet<'_>) -> Checksum {
    let bytes = packet.transport_bytes();
    let whole = bytes.len() == packet.transport_len() as usize;
    if !whole || packet.info.fragment == Fragment::Later {
        return Checksum::Unverified;
    }
    let correct = match packet.info.transport {
        Transport::Tcp(_) => internet(packet, protocol::TCP, packet.transport_len(), bytes),
        // Zero is "none" (RFC 768); the kernel takes it for that with IPv6 too, where it must not be.
        Transport::Udp if bytes.get(6..8) == Some(&[0, 0]) => return Checksum::Unverified,
        Transport::Udp => internet(packet, protocol::UDP, packet.transport_len(), bytes),
        Transport::UdpLite => internet(packet, protocol::UDP, udplite_len(packet), covered(bytes)),
        Transport::IcmpQuery | Transport::IcmpError | Transport::Untracked | Transport::Invalid(Invalid::IcmpType) => {
            match (packet.info.tuple.family, packet.info.tuple.protocol) {
                // No pseudo header (RFC 792). A message of zeros is right too: the kernel sums the IP header with it, whose
                // own sum is another zero.
                (Family::V4, protocol::ICMP) => matches!(sum(bytes), 0 | 0xffff),
                (Family::V6, protocol::ICMPV6) => internet(packet, protocol::ICMPV6, packet.transport_len(), bytes),
                _ => return Checksum::Unverified,
            }
        }
        Transport::Sctp(_) => sctp(bytes),
        Transport::Gre | Transport::Generic | Transport::Fragment | Transport::Invalid(_) => {
            return Checksum::Unverified;
        }
    };
    if correct { Checksum::Correct } else { Checksum::Wrong }
}

/// The length in UDP-Lite's pseudo header.
///
/// What the kernel takes for correct is not what RFC 3828 section 3.2 has in mind. Seen with Linux 6.18: in both families
/// the pseudo header has UDP's number, 17; in IPv6 the length is right, in IPv4 only its low byte enters, so datagrams
/// below 256 bytes differ by the number alone.
fn udplite_len(packet: Packet<'_>) -> u32 {
    match packet.info.tuple.family {
        Family::V4 => packet.transport_len() & 0xff,
        Family::V6 => packet.transport_len(),
    }
}

/// What a UDP-Lite checksum covers; the length field tells it, and zero is all.
fn covered(bytes: &[u8]) -> &[u8] {
    match bytes.get(4..6) {
        Some(&[high, low]) if [high, low] != [0, 0] => {
            bytes.get(..usize::from(u16::from_be_bytes([high, low]))).unwrap_or(bytes)
        }
        _ => bytes,
    }
}

/// Whether the Internet checksum (RFC 1071) over the pseudo header with that protocol and length and over these bytes fits.
fn internet(packet: Packet<'_>, protocol: u8, length: u32, bytes: &[u8]) -> bool {
    let tuple = &packet.info.tuple;
    fold(pseudo(tuple.source, tuple.destination, protocol, length) + u64::from(sum(bytes))) == 0xffff
}

/// The pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1), summed but not folded.
pub(crate) fn pseudo(source: Address, destination: Address, protocol: u8, length: u32) -> u64 {
    let words = |address: Address| {
        let Address { high, low } = address;
        (high >> 32) + (high & 0xffff_ffff) + (low >> 32) + (low & 0xffff_ffff)
    };
    words(source) + words(destination) + u64::from(protocol) + u64::from(length)
}

/// The one's complement sum of 16-bit words in network order (RFC 1071); an odd last byte is padded with zero.
///
/// Words of the machine's own order are summed, four bytes at a time: 2^16 is 1 in this arithmetic, and a swap of the
/// bytes of all words swaps those of the sum (RFC 1071 section 2). Four sums side by side are what a compiler vectorises.
pub fn sum(bytes: &[u8]) -> u16 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut lanes = [0u64; 4];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            let word = u64::from_ne_bytes(*word);
            *lane += (word & 0xffff_ffff) + (word >> 32);
        }
    }
    let (words, tail) = rest.as_chunks::<4>();
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(tail) {
        *to = *from;
    }
    let words = words.iter().chain([&last]).map(|word| u64::from(u32::from_ne_bytes(*word)));
    u16::from_be(fold(lanes.into_iter().chain(words).sum()))
}

/// A sum of words in 16 bits, with the carries added (RFC 1071 section 2).
pub(crate) fn fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// CRC32c over the packet with its checksum as zero (RFC 9260 section 6.8 and appendix A).
fn sctp(bytes: &[u8]) -> bool {
    let Some((header, chunks)) = bytes.split_first_chunk::<12>() else { return false };
    let [.., a, b, c, d] = *header;
    let crc = crc32c::crc32c(&header[..8]);
    let crc = crc32c::crc32c_append(crc, &[0; 4]);
    crc32c::crc32c_append(crc, chunks) == u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::super::frame::{DeviceId, Frame, FrameDirection, LinkType};
    use super::super::info::PacketInfo;
    use super::*;
    use crate::time::Instant;
    use Checksum::{Correct, Unverified, Wrong};
    use tctable_lab::packets::{Ipv4, Ipv6, Tcp, icmp_echo, icmp_error, icmpv6_echo, ip, protocol as lab, tcp, udp};

    const V4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(198, 51, 100, 254))];
    const V6: [IpAddr; 2] = [
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xfffe, 3, 2, 1, 0)),
    ];

    /// A packet of which the capture kept that much.
    fn kept(packet: &[u8], kept: usize) -> Checksum {
        let frame = Frame {
            time: Instant::ZERO,
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: packet.len() as u32,
            data: &packet[..kept],
        };
        let info = PacketInfo::read(&frame).expect("an IP packet");
        verify(Packet { frame: &frame, info: &info })
    }

    fn whole(packet: &[u8]) -> Checksum {
        kept(packet, packet.len())
    }

    /// The Internet checksum word by word, for UDP-Lite, over a pseudo header with that protocol, and in IPv4 with the
    /// low byte of the length.
    fn udplite([source, destination]: [IpAddr; 2], pseudo: u8, coverage: u16, data: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0, 7, 0, 8, (coverage >> 8) as u8, coverage as u8, 0, 0];
        datagram.extend(data);
        let covered = if coverage == 0 { datagram.len() } else { coverage.into() };
        let mut bytes = Vec::new();
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
        }
        bytes.extend([0, pseudo]);
        let [high, low] = (datagram.len() as u16).to_be_bytes();
        bytes.extend([if source.is_ipv4() { 0 } else { high }, low]);
        bytes.extend(&datagram[..covered]);
        let mut sum = 0u32;
        for at in (0..bytes.len()).step_by(2) {
            sum += u32::from(bytes[at]) << 8 | u32::from(*bytes.get(at + 1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        datagram[6..8].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        ip(source, destination, 136, &datagram)
    }

    /// An SCTP packet whose CRC is reckoned bit by bit.
    fn sctp_packet([source, destination]: [IpAddr; 2], chunks: &[u8]) -> Vec<u8> {
        let mut packet = vec![0, 7, 0, 8, 1, 2, 3, 4, 0, 0, 0, 0];
        packet.extend(chunks);
        let crc = packet.iter().fold(!0u32, |crc, byte| {
            let reflected_polynomial = 0x82f6_3b78;
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (reflected_polynomial * (crc & 1)))
        });
        packet[8..12].copy_from_slice(&(!crc).to_le_bytes());
        ip(source, destination, 132, &packet)
    }

    /// Packets with a checksum of every kind; the data end in the middle of words too.
    fn packets(ends: [IpAddr; 2]) -> Vec<Vec<u8>> {
        let [from, to] = [(ends[0], 40_000).into(), (ends[1], 443).into()];
        let mut packets = Vec::new();
        for length in (0..70).chain([1441, 60_000]) {
            let data: Vec<u8> = (0..length).map(|n| (n * 37 + 0xf1) as u8).collect();
            let header = Tcp { seq: 0xffff_ffff, options: vec![1; 12], ..Tcp::default() };
            packets.push(ip(ends[0], ends[1], lab::TCP, &tcp(from, to, &header, &data)));
            packets.push(ip(ends[0], ends[1], lab::UDP, &udp(from, to, &data)));
            packets.push(udplite(ends, lab::UDP, 0, &data));
            packets.push(udplite(ends, lab::UDP, 8 + length as u16, &data));
            packets.push(sctp_packet(ends, &data));
            packets.push(match ends {
                [IpAddr::V6(source), IpAddr::V6(destination)] => {
                    ip(ends[0], ends[1], lab::ICMPV6, &icmpv6_echo(source, destination, false, 7, 1, &data))
                }
                _ => ip(ends[0], ends[1], lab::ICMP, &icmp_echo(false, 7, 1, &data)),
            });
        }
        packets
    }

    #[test]
    fn right_ones_are_correct_wherever_the_data_end() {
        for ends in [V4, V6] {
            for packet in packets(ends) {
                assert_eq!(whole(&packet), Correct, "{packet:02x?}");
                // Padding is none of the packet's bytes.
                let mut padded = packet.clone();
                padded.extend([0xff; 5]);
                assert_eq!(whole(&padded), Correct);
            }
        }
    }

    #[test]
    fn any_bit_that_flips_behind_the_ip_header_is_seen() {
        for ends in [V4, V6] {
            let header = if ends == V4 { 20 } else { 40 };
            for packet in packets(ends).iter().filter(|packet| packet.len() < 150) {
                for bit in header * 8..packet.len() * 8 {
                    let mut damaged = packet.clone();
                    damaged[bit / 8] ^= 1 << (bit % 8);
                    // Where the header makes no sense any more nothing is verified.
                    assert_ne!(whole(&damaged), Correct, "{packet:02x?} {bit}");
                }
                // And what the pseudo header has of the IP header: an address.
                let mut damaged = packet.clone();
                damaged[header - 1] ^= 1;
                let without = packet[9] == lab::ICMP && ends == V4 || [packet[9], packet[6]].contains(&132);
                assert_eq!(whole(&damaged), if without { Correct } else { Wrong }, "{packet:02x?}");
            }
        }
    }

    #[test]
    fn a_cut_packet_cannot_be_verified() {
        for ends in [V4, V6] {
            let header = if ends == V4 { 20 } else { 40 };
            for packet in packets(ends).iter().filter(|packet| packet.len() < 150) {
                let mut damaged = packet.clone();
                *damaged.last_mut().unwrap() ^= 0x55;
                for length in header..packet.len() {
                    assert_eq!(kept(&damaged, length), Unverified);
                }
            }
        }
    }

    #[test]
    fn udp_without_a_checksum_passes_in_both_families() {
        for ends in [V4, V6] {
            let mut datagram = udp((ends[0], 1).into(), (ends[1], 2).into(), b"data");
            datagram[6..8].copy_from_slice(&[0, 0]);
            assert_eq!(whole(&ip(ends[0], ends[1], lab::UDP, &datagram)), Unverified);
            datagram[6..8].copy_from_slice(&[0, 1]);
            assert_eq!(whole(&ip(ends[0], ends[1], lab::UDP, &datagram)), Wrong);
        }
    }

    #[test]
    fn udp_is_verified_over_all_that_the_ip_packet_has() {
        for ends in [V4, V6] {
            let mut datagram = udp((ends[0], 1).into(), (ends[1], 2).into(), b"data");
            datagram.extend(b"more");
            assert_eq!(whole(&ip(ends[0], ends[1], lab::UDP, &datagram)), Wrong);
        }
    }

    #[test]
    fn udplite_is_verified_as_far_as_it_is_covered_and_with_udps_number() {
        for ends in [V4, V6] {
            for coverage in 8..16u16 {
                let mut packet = udplite(ends, lab::UDP, coverage, b"the data");
                assert_eq!(whole(&packet), Correct, "{coverage}");
                let end = packet.len() - 1;
                packet[end] ^= 1;
                assert_eq!(whole(&packet), Correct, "{coverage}");
                packet[end - 8] ^= 1;
                assert_eq!(whole(&packet), Wrong, "{coverage}");
                assert_eq!(whole(&udplite(ends, 136, coverage, b"the data")), Wrong, "{coverage}");
            }
        }
    }

    #[test]
    fn errors_and_discovery_are_verified_too() {
        let quote = ip(V4[0], V4[1], lab::UDP, &udp((V4[0], 1).into(), (V4[1], 2).into(), b""));
        let mut error = ip(V4[1], V4[0], lab::ICMP, &icmp_error(3, 3, 0, &quote));
        assert_eq!(whole(&error), Correct);
        error[22] ^= 1;
        assert_eq!(whole(&error), Wrong);
        let [IpAddr::V6(source), IpAddr::V6(destination)] = V6 else { panic!("IPv6") };
        let mut solicitation = icmpv6_echo(source, destination, false, 0, 0, &[0; 16]);
        // From echo request to neighbour solicitation: the sum changes by as much.
        solicitation[0] = 135;
        solicitation[2] -= 7;
        assert_eq!(whole(&ip(V6[0], V6[1], lab::ICMPV6, &solicitation)), Correct);
        solicitation[3] ^= 1;
        assert_eq!(whole(&ip(V6[0], V6[1], lab::ICMPV6, &solicitation)), Wrong);
    }

    #[test]
    fn a_way_through_other_addresses_does_not_matter() {
        let segment = tcp((V6[0], 1).into(), (V6[1], 2).into(), &Tcp::default(), b"data");
        let [IpAddr::V6(source), IpAddr::V6(destination)] = V6 else { panic!("IPv6") };
        let mut routing = vec![2, 1, 0, 0, 0, 0];
        routing.extend([0xee; 16]);
        let packet = Ipv6::new(source, destination, lab::TCP).extension(lab::ROUTING, &routing).build(&segment);
        assert_eq!(whole(&packet), Correct);
        let segment = tcp((V4[0], 1).into(), (V4[1], 2).into(), &Tcp::default(), b"data");
        let [IpAddr::V4(source), IpAddr::V4(destination)] = V4 else { panic!("IPv4") };
        let options = vec![0x83, 7, 4, 9, 9, 9, 9];
        assert_eq!(whole(&Ipv4 { options, ..Ipv4::new(source, destination, lab::TCP) }.build(&segment)), Correct);
    }

    #[test]
    fn what_has_no_checksum_of_interest_is_not_verified() {
        for ends in [V4, V6] {
            // GRE with its checksum present and wrong; a protocol without a tracker; a header that tells nothing.
            for (number, payload) in [(lab::GRE, &[0x80, 0, 8, 0, 1, 2, 0, 0][..]), (253, &[1, 2, 3]), (lab::TCP, &[1])]
            {
                assert_eq!(whole(&ip(ends[0], ends[1], number, payload)), Unverified);
            }
        }
    }

    /// Only one that is not reassembled comes here at all, and the kernel verifies it by itself: mostly that is wrong.
    #[test]
    fn a_first_fragment_is_verified_like_a_whole_packet() {
        let [IpAddr::V4(source), IpAddr::V4(destination)] = V4 else { panic!("IPv4") };
        let first = Ipv4 { more_fragments: true, ..Ipv4::new(source, destination, lab::TCP) };
        let mut header = [0; 24];
        header[12] = 5 << 4;
        assert_eq!(whole(&first.build(&header)), Wrong);
    }
}

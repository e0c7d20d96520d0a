//! A packet in one line, in tcpdump's manner.

use std::{
    fmt::{self, Write},
    net::IpAddr,
};

use crate::packets::{
    Layout, checksum_is_right, chunk, layout,
    protocol::{GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDP_LITE},
};

/// Quotes within quotes that are still described.
const DEEPEST: u8 = 3;

/// A packet in one line: addresses and ports, then what the protocol has of interest, and what is wrong with lengths and
/// checksums.
pub fn describe(packet: &[u8]) -> String {
    let mut line = String::new();
    write_packet(&mut line, packet, 0).expect("a string takes everything");
    line
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |half| u16::from_be_bytes([half[0], half[1]]))
}

fn write_packet(line: &mut String, packet: &[u8], depth: u8) -> fmt::Result {
    let Some(found) = layout(packet) else {
        return write!(line, "no IP header in {} bytes", packet.len());
    };
    let Layout { src, dst, protocol, payload, fragment, total_length } = found;
    let body = &packet[payload.clone()];
    let later = fragment.is_some_and(|fragment| fragment.offset != 0);
    line.push_str(if src.is_ipv4() { "IP " } else { "IP6 " });
    let ports = matches!(protocol, TCP | UDP | UDP_LITE | SCTP) && body.len() >= 4 && !later;
    if ports {
        write!(line, "{src}.{} > {dst}.{}: ", half(body, 0), half(body, 2))?;
    } else {
        write!(line, "{src} > {dst}: ")?;
    }
    if let Some(fragment) = fragment {
        let (start, end) = (fragment.offset, fragment.offset + body.len());
        write!(line, "frag {start}-{end}{} id {:#x}, ", if fragment.more { "+" } else { "" }, fragment.id)?;
    }
    if !src.is_ipv4() {
        write_extensions(line, packet, payload.start)?;
    } else if payload.start > 20 {
        write!(line, "IP options {} bytes, ", payload.start - 20)?;
    }
    match protocol {
        _ if later => write!(line, "protocol {protocol}, length {}", body.len())?,
        TCP if body.len() >= 20 => write_tcp(line, body)?,
        UDP | UDP_LITE if body.len() >= 8 => write_udp(line, protocol, body)?,
        ICMP | ICMPV6 if body.len() >= 8 => write_icmp(line, src, body, depth)?,
        SCTP if body.len() >= 12 => write_sctp(line, body)?,
        GRE if body.len() >= 4 => write_gre(line, body)?,
        _ => write!(line, "protocol {protocol}, length {}", body.len())?,
    }
    if depth == 0 {
        match total_length.cmp(&packet.len()) {
            std::cmp::Ordering::Less => write!(line, ", {} bytes behind it", packet.len() - total_length)?,
            std::cmp::Ordering::Greater => write!(line, ", {} bytes missing", total_length - packet.len())?,
            std::cmp::Ordering::Equal => {}
        }
        if checksum_is_right(packet) == Some(false) {
            line.push_str(", bad checksum");
        }
    }
    Ok(())
}

/// The numbers of the extension headers before the payload.
fn write_extensions(line: &mut String, packet: &[u8], end: usize) -> fmt::Result {
    let (mut number, mut at) = (packet[6], 40);
    while at + 8 <= end {
        write!(line, "ext {number}, ")?;
        let length = match number {
            44 => 8,
            51 => (usize::from(packet[at + 1]) + 2) * 4,
            _ => (usize::from(packet[at + 1]) + 1) * 8,
        };
        (number, at) = (packet[at], at + length);
    }
    Ok(())
}

fn write_tcp(line: &mut String, body: &[u8]) -> fmt::Result {
    const LETTERS: [char; 8] = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];
    let flags: String =
        LETTERS.iter().enumerate().filter(|(bit, _)| body[13] >> bit & 1 == 1).map(|(_, c)| c).collect();
    let header = usize::from(body[12] >> 4) * 4;
    let flags = if flags.is_empty() { "none" } else { &flags };
    write!(line, "Flags [{flags}], seq {}", word(body, 4))?;
    if body[13] & 0x10 != 0 || word(body, 8) != 0 {
        write!(line, ", ack {}", word(body, 8))?;
    }
    write!(line, ", win {}", half(body, 14))?;
    if half(body, 18) != 0 {
        write!(line, ", urg {}", half(body, 18))?;
    }
    let Some(options) = body.get(20..header) else {
        return write!(line, ", data offset {header}, length {}", body.len() - 20);
    };
    if !options.is_empty() {
        line.push_str(", options [");
        write_options(line, options)?;
        line.push(']');
    }
    write!(line, ", length {}", body.len() - header)
}

fn write_options(line: &mut String, options: &[u8]) -> fmt::Result {
    let mut at = 0;
    while let Some(kind) = options.get(at) {
        if at > 0 {
            line.push(',');
        }
        let len = usize::from(options.get(at + 1).copied().unwrap_or(0));
        let value = options.get(at + 2..at + len);
        match (kind, value) {
            (0, _) => return line.write_str("eol"),
            (1, _) => {
                line.push_str("nop");
                at += 1;
                continue;
            }
            (_, None) => return write!(line, "bad {:x?}", &options[at..]),
            (2, Some(value)) if len == 4 => write!(line, "mss {}", half(value, 0))?,
            (3, Some(value)) if len == 3 => write!(line, "wscale {}", value[0])?,
            (4, _) if len == 2 => line.push_str("sackOK"),
            (5, Some(value)) if len % 8 == 2 => {
                line.push_str("sack");
                for block in value.chunks(8) {
                    write!(line, " {{{}:{}}}", word(block, 0), word(block, 4))?;
                }
            }
            (8, Some(value)) if len == 10 => write!(line, "TS val {} ecr {}", word(value, 0), word(value, 4))?,
            (kind, Some(value)) => write!(line, "kind {kind} {value:x?}")?,
        }
        at += len;
    }
    Ok(())
}

fn write_udp(line: &mut String, protocol: u8, body: &[u8]) -> fmt::Result {
    let len = body.len() - 8;
    let stated = half(body, 4);
    if protocol == UDP_LITE {
        write!(line, "UDP-Lite, coverage {stated}, length {len}")?;
    } else {
        write!(line, "UDP, length {len}")?;
        if usize::from(stated) != body.len() {
            write!(line, ", header says {stated}")?;
        }
    }
    if half(body, 6) == 0 {
        line.push_str(", no checksum");
    }
    Ok(())
}

fn write_icmp(line: &mut String, src: IpAddr, body: &[u8], depth: u8) -> fmt::Result {
    let (kind, code) = (body[0], body[1]);
    let v4 = src.is_ipv4();
    let name = match (v4, kind) {
        (true, 8) | (false, 128) => "echo request",
        (true, 0) | (false, 129) => "echo reply",
        (true, 3) | (false, 1) => "unreachable",
        (false, 2) => "packet too big",
        (true, 11) | (false, 3) => "time exceeded",
        (true, 12) | (false, 4) => "parameter problem",
        (true, 5) | (false, 137) => "redirect",
        (true, 4) => "source quench",
        _ => "other",
    };
    write!(line, "{} {name}, type {kind}, code {code}", if v4 { "ICMP" } else { "ICMP6" })?;
    let quotes = if v4 { matches!(kind, 3 | 4 | 5 | 11 | 12) } else { (1..5).contains(&kind) };
    if quotes && depth < DEEPEST {
        line.push_str(", quoting [");
        write_packet(line, &body[8..], depth + 1)?;
        line.push(']');
    } else {
        write!(line, ", id {}, seq {}, length {}", half(body, 4), half(body, 6), body.len())?;
    }
    Ok(())
}

fn chunk_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        chunk::DATA => "DATA",
        chunk::INIT => "INIT",
        chunk::INIT_ACK => "INIT ACK",
        chunk::SACK => "SACK",
        chunk::HEARTBEAT => "HB REQ",
        chunk::HEARTBEAT_ACK => "HB ACK",
        chunk::ABORT => "ABORT",
        chunk::SHUTDOWN => "SHUTDOWN",
        chunk::SHUTDOWN_ACK => "SHUTDOWN ACK",
        chunk::ERROR => "ERROR",
        chunk::COOKIE_ECHO => "COOKIE ECHO",
        chunk::COOKIE_ACK => "COOKIE ACK",
        chunk::SHUTDOWN_COMPLETE => "SHUTDOWN COMPLETE",
        chunk::ASCONF => "ASCONF",
        _ => return None,
    })
}

fn write_sctp(line: &mut String, body: &[u8]) -> fmt::Result {
    write!(line, "SCTP, tag {:#x}", word(body, 4))?;
    let mut at = 12;
    while at + 4 <= body.len() {
        let (kind, len) = (body[at], usize::from(half(body, at + 2)));
        match chunk_name(kind) {
            Some(name) => write!(line, ", [{name}]")?,
            None => write!(line, ", [chunk {kind}]")?,
        }
        match kind {
            chunk::INIT | chunk::INIT_ACK => write!(line, " init tag {:#x}", word(body, at + 4))?,
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE if body[at + 1] & 1 == 1 => line.push_str(" T"),
            _ => {}
        }
        if len < 4 || at + len > body.len() {
            return write!(line, " length {len}");
        }
        at += len.next_multiple_of(4);
    }
    if at < body.len() {
        write!(line, ", {} bytes", body.len() - at)?;
    }
    Ok(())
}

fn write_gre(line: &mut String, body: &[u8]) -> fmt::Result {
    write!(line, "GREv{}, flags {:#06x}, proto {:#06x}", body[1] & 7, half(body, 0), half(body, 2))?;
    if body[1] & 7 == 1 {
        write!(line, ", call {}", half(body, 6))?;
    } else if body[0] & 0x20 != 0 {
        write!(line, ", key {:#x}", word(body, if body[0] & 0x80 != 0 { 8 } else { 4 }))?;
    }
    write!(line, ", length {}", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{
        Ipv4, Ipv6, Tcp, TcpOption, flags, icmp_error, icmpv6_error, ip, sctp, sctp_chunk, tcp_options, tcp_packet,
        udp_packet,
    };

    #[test]
    fn segments_tell_their_flags_numbers_and_options() {
        let (a, b) = ("10.11.1.1:1024".parse().unwrap(), "10.22.1.1:80".parse().unwrap());
        let options = tcp_options(&[TcpOption::Mss(1460), TcpOption::WindowScale(7), TcpOption::Sack(vec![[1, 2]])]);
        let header = Tcp { seq: 7, flags: flags::SYN | flags::ECE, window: 9, options, ..Tcp::default() };
        assert_eq!(
            describe(&tcp_packet(a, b, &header, b"")),
            "IP 10.11.1.1.1024 > 10.22.1.1.80: Flags [SE], seq 7, win 9, options [mss 1460,wscale 7,sack {1:2},eol], length 0"
        );
        let mut wrong = tcp_packet(a, b, &Tcp { ack: 5, ..Tcp::default() }, b"hi");
        wrong[36] ^= 1;
        wrong.push(0);
        assert_eq!(
            describe(&wrong),
            "IP 10.11.1.1.1024 > 10.22.1.1.80: Flags [.], seq 0, ack 5, win 65535, length 2, 1 bytes behind it, bad checksum"
        );
    }

    #[test]
    fn errors_tell_what_they_quote() {
        let (a, b) = ("[fd00:11::1]:1".parse().unwrap(), "[fd00:22::1]:2".parse().unwrap());
        let quoted = udp_packet(a, b, b"hello");
        let (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) = (b.ip(), a.ip()) else { panic!() };
        let error = ip(b.ip(), a.ip(), ICMPV6, &icmpv6_error(src, dst, 1, 4, 0, &quoted[..48]));
        assert_eq!(
            describe(&error),
            "IP6 fd00:22::1 > fd00:11::1: ICMP6 unreachable, type 1, code 4, quoting [IP6 fd00:11::1.1 > fd00:22::1.2: UDP, length 0, header says 13]"
        );
        let cut = Ipv4::new([10, 22, 1, 1], [10, 11, 1, 1], ICMP).build(&icmp_error(3, 3, 0, &[0x45; 7]));
        assert!(describe(&cut).ends_with("code 3, quoting [no IP header in 7 bytes]"), "{}", describe(&cut));
    }

    #[test]
    fn fragments_and_chunks_are_told() {
        let later = Ipv6::new([0xfd00, 0x11, 0, 0, 0, 0, 0, 1], [0xfd00, 0x22, 0, 0, 0, 0, 0, 1], UDP);
        let later = later.fragment(5, 2, true).build(&[0; 8]);
        assert_eq!(describe(&later), "IP6 fd00:11::1 > fd00:22::1: frag 16-24+ id 0x5, ext 44, protocol 17, length 8");
        let init = sctp_chunk(chunk::INIT, 0, &[0, 0, 0, 9, 0, 0, 0, 0]);
        let mut broken = sctp_chunk(chunk::DATA, 3, &[]);
        broken[3] = 0;
        let packet = Ipv4::new([10, 11, 1, 1], [10, 22, 1, 1], SCTP).build(&sctp([1, 2], 0, &[init, broken]));
        assert_eq!(
            describe(&packet),
            "IP 10.11.1.1.1 > 10.22.1.1.2: SCTP, tag 0x0, [INIT] init tag 0x9, [DATA] length 0"
        );
    }

    #[test]
    fn any_bytes_can_be_described() {
        let mut rng = crate::rng::Rng::new(1);
        for _ in 0..20_000 {
            let len = rng.below(100) as usize;
            let mut bytes = rng.bytes(len);
            if let Some(first) = bytes.first_mut() {
                *first = rng.pick(&[0x45, 0x46, 0x60]);
            }
            if bytes.len() > 9 {
                let number = rng.pick(&[TCP, UDP, ICMP, ICMPV6, SCTP, GRE, 44, 51, 0]);
                (bytes[6], bytes[9]) = (number, number);
                bytes[2] = 0;
                bytes[4] = 0;
            }
            assert!(!describe(&bytes).is_empty());
        }
    }
}

use std::net::Ipv4Addr;

use super::line::{Bytes, Line, Stop, Told, be16, be32};

const HEADER_LEN: usize = 20;
const ERROR_HEADER_LEN: usize = 8;

/// A packet that begins there: the one itself, or one that it quotes.
pub(super) fn packet(line: &mut Line<'_, '_>, bytes: Bytes<'_>, at: usize) -> Told {
    let Some(header) = bytes.get::<HEADER_LEN>(at) else {
        line.put(format_args!("TRUNCATED"))?;
        return Err(Stop::Cut);
    };
    let [source, destination] = [12, 16].map(|at| Ipv4Addr::from_bits(be32(header, at)));
    line.put(format_args!("SRC={source} DST={destination} "))?;
    let (tos, precedence) = (header[1] & 0x1e, header[1] & 0xe0);
    let (length, ttl, id) = (be16(header, 2), header[8], be16(header, 4));
    line.put(format_args!("LEN={length} TOS=0x{tos:02X} PREC=0x{precedence:02X} TTL={ttl} ID={id} "))?;
    let word = be16(header, 6);
    for (bit, name) in [(0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")] {
        if word & bit != 0 {
            line.put(format_args!("{name}"))?;
        }
    }
    let offset = word & 0x1fff;
    if offset != 0 {
        line.put(format_args!("FRAG:{offset} "))?;
    }
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if line.tells_ip_options() && header_len > HEADER_LEN {
        match bytes.slice(at + HEADER_LEN, header_len - HEADER_LEN) {
            Some(options) => line.options(options)?,
            None => {
                line.put(format_args!("TRUNCATED"))?;
                return Err(Stop::Cut);
            }
        }
    }
    let (transport, later) = (at + header_len, offset != 0);
    match header[9] {
        1 => icmp(line, bytes, at, transport, later),
        6 => line.tcp(bytes, transport, later),
        17 => line.udp("UDP", bytes, transport, later),
        136 => line.udp("UDPLITE", bytes, transport, later),
        50 => security(line, "ESP", bytes, (transport, 0, 8), later),
        51 => security(line, "AH", bytes, (transport, 4, 12), later),
        other => line.put(format_args!("PROTO={other} ")),
    }
}

/// ESP and authentication, by where the header is, where in it the index, and how long it is.
fn security(
    line: &mut Line<'_, '_>,
    name: &str,
    bytes: Bytes<'_>,
    (at, index, length): (usize, usize, usize),
    later: bool,
) -> Told {
    line.put(format_args!("PROTO={name} "))?;
    if later {
        return Ok(());
    }
    match bytes.slice(at, length) {
        Some(header) => line.put(format_args!("SPI=0x{:x} ", be32(header, index))),
        None => line.incomplete(bytes.left(at)),
    }
}

fn icmp(line: &mut Line<'_, '_>, bytes: Bytes<'_>, at: usize, icmp: usize, later: bool) -> Told {
    line.put(format_args!("PROTO=ICMP "))?;
    if later {
        return Ok(());
    }
    let left = bytes.left(icmp);
    let Some(header) = bytes.get::<ERROR_HEADER_LEN>(icmp) else { return line.incomplete(left) };
    let [kind, code, ..] = *header;
    line.put(format_args!("TYPE={kind} CODE={code} "))?;
    let required = match kind {
        3 | 4 | 5 | 11 | 12 => ERROR_HEADER_LEN + HEADER_LEN,
        13 | 14 => 20,
        17 | 18 => 12,
        _ => 0,
    };
    if left < required {
        return line.incomplete(left);
    }
    match kind {
        0 | 8 => return line.put(format_args!("ID={} SEQ={} ", be16(header, 4), be16(header, 6))),
        12 => return line.put(format_args!("PARAMETER={} ", header[4])),
        5 => line.put(format_args!("GATEWAY={} ", Ipv4Addr::from_bits(be32(header, 4))))?,
        3 | 4 | 11 => {}
        _ => return Ok(()),
    }
    if at == 0 {
        line.put(format_args!("["))?;
        match packet(line, bytes, icmp + ERROR_HEADER_LEN) {
            // The quote ends early, not the line.
            Ok(()) | Err(Stop::Cut) => line.put(format_args!("] "))?,
            Err(stop) => return Err(stop),
        }
    }
    if (kind, code) == (3, 4) { line.put(format_args!("MTU={} ", be16(header, 6))) } else { Ok(()) }
}

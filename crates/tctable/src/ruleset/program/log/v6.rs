use super::line::{Bytes, Line, Stop, Told, be16, be32};

const HEADER_LEN: usize = 40;
const ERROR_HEADER_LEN: usize = 8;

/// The headers that may come before the transport header (RFC 8200 section 4).
mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const ESP: u8 = 50;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// A packet that begins there: the one itself, or one that it quotes.
pub(super) fn packet(line: &mut Line<'_, '_>, bytes: Bytes<'_>, at: usize) -> Told {
    let Some(header) = bytes.get::<HEADER_LEN>(at) else {
        line.put(format_args!("TRUNCATED"))?;
        return Err(Stop::Cut);
    };
    line.put(format_args!("SRC="))?;
    address(line, header, 8)?;
    line.put(format_args!(" DST="))?;
    address(line, header, 24)?;
    let first = be32(header, 0);
    let (length, class, label) = (usize::from(be16(header, 4)) + HEADER_LEN, first >> 20 & 0xff, first & 0x000f_ffff);
    line.put(format_args!(" LEN={length} TC={class} HOPLIMIT={} FLOWLBL={label} ", header[7]))?;
    let Chain { next, transport, later } = extensions(line, bytes, at + HEADER_LEN, header[6])?;
    match next {
        6 => line.tcp(bytes, transport, later),
        17 => line.udp("UDP", bytes, transport, later),
        136 => line.udp("UDPLITE", bytes, transport, later),
        58 => icmp(line, bytes, at, transport, later),
        other => line.put(format_args!("PROTO={other} ")),
    }
}

/// All eight groups of four digits.
fn address(line: &mut Line<'_, '_>, header: &[u8], at: usize) -> Told {
    (0..8).try_for_each(|group| {
        let colon = if group == 0 { "" } else { ":" };
        line.put(format_args!("{colon}{:04x}", be16(header, at + 2 * group)))
    })
}

/// What follows the extension headers.
struct Chain {
    next: u8,
    transport: usize,
    later: bool,
}

fn extensions(line: &mut Line<'_, '_>, bytes: Bytes<'_>, mut at: usize, mut next: u8) -> Result<Chain, Stop> {
    use extension::*;
    let options = line.tells_ip_options();
    let mut later = false;
    loop {
        if !matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | ESP | AUTHENTICATION | DESTINATION) {
            return Ok(Chain { next, transport: at, later });
        }
        let Some([following, length]) = bytes.get::<2>(at).copied() else {
            line.put(format_args!("TRUNCATED"))?;
            return Err(Stop::Cut);
        };
        if options {
            line.put(format_args!("OPT ( "))?;
        }
        let length = usize::from(length);
        at += match next {
            FRAGMENT => {
                later |= fragment(line, bytes, at)?;
                8
            }
            AUTHENTICATION => {
                if options {
                    security(line, "AH", bytes, (at, 4, 12), later)?;
                    line.put(format_args!(" "))?;
                }
                (length + 2) * 4
            }
            ESP => {
                if options {
                    security(line, "ESP", bytes, (at, 0, 8), later)?;
                    line.put(format_args!(" )"))?;
                }
                return Err(Stop::Cut);
            }
            _ if later => {
                if options {
                    line.put(format_args!(")"))?;
                }
                return Err(Stop::Cut);
            }
            _ => (length + 1) * 8,
        };
        if options {
            line.put(format_args!(") "))?;
        }
        next = following;
    }
}

/// A fragment header, and whether it is that of a later fragment.
fn fragment(line: &mut Line<'_, '_>, bytes: Bytes<'_>, at: usize) -> Result<bool, Stop> {
    line.put(format_args!("FRAG:"))?;
    let Some(header) = bytes.get::<8>(at) else {
        line.put(format_args!("TRUNCATED "))?;
        return Err(Stop::Cut);
    };
    let word = be16(header, 2);
    line.put(format_args!("{} ", word & 0xfff8))?;
    if word & 1 != 0 {
        line.put(format_args!("INCOMPLETE "))?;
    }
    line.put(format_args!("ID:{:08x} ", be32(header, 4)))?;
    Ok(word & 0xfff8 != 0)
}

/// Authentication and ESP within the options, by where the header is, where in it the index, and how long it is.
fn security(
    line: &mut Line<'_, '_>,
    name: &str,
    bytes: Bytes<'_>,
    (at, index, length): (usize, usize, usize),
    later: bool,
) -> Told {
    line.put(format_args!("{name} "))?;
    if later {
        line.put(format_args!(")"))?;
        return Err(Stop::Cut);
    }
    match bytes.slice(at, length) {
        Some(header) => line.put(format_args!("SPI=0x{:x}", be32(header, index))),
        None => {
            line.incomplete(bytes.left(at))?;
            line.put(format_args!(")"))?;
            Err(Stop::Cut)
        }
    }
}

fn icmp(line: &mut Line<'_, '_>, bytes: Bytes<'_>, at: usize, icmp: usize, later: bool) -> Told {
    line.put(format_args!("PROTO=ICMPv6 "))?;
    if later {
        return Ok(());
    }
    let Some(header) = bytes.get::<ERROR_HEADER_LEN>(icmp) else {
        line.incomplete(bytes.left(icmp))?;
        return Err(Stop::Cut);
    };
    let [kind, code, ..] = *header;
    line.put(format_args!("TYPE={kind} CODE={code} "))?;
    match kind {
        128 | 129 => return line.put(format_args!("ID={} SEQ={} ", be16(header, 4), be16(header, 6))),
        4 => line.put(format_args!("POINTER={:08x} ", be32(header, 4)))?,
        1..=3 => {}
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
    if kind == 2 { line.put(format_args!("MTU={} ", be32(header, 4))) } else { Ok(()) }
}

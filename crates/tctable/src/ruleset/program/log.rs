//! LOG: what it tells of a packet, and the kernel's line of it.

mod line;
mod v4;
mod v6;

use crate::hook::{Devices, Hook, PacketBuf};
use crate::packet::{LinkType, Transport, Tuple};
use crate::ruleset::Log;

/// The bytes of a packet that are kept for its line, from its IP header on. What lies behind, after a longer chain of
/// extension headers than anybody sends, is told as if a capture had cut it off.
const KEPT: usize = 1_024;

/// Ethernet's header: what `MAC=` shows.
const ETHERNET_LEN: usize = 14;

/// What a LOG rule tells of a packet. As text it is the kernel's line (nf_log_syslog), without what stands before `IN=` but
/// the prefix; like that one it ends with a blank.
///
/// Nothing here has a socket, so `--log-uid` adds nothing, as in the kernel for packets that are forwarded.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// `--log-level`
    pub level: u8,
    /// `--log-prefix`
    pub prefix: Box<str>,
    /// Where the rule's chain hangs.
    pub hook: Hook,
    /// The name of the device that the packet came in by; empty where there is none.
    pub input: Box<str>,
    /// The name of the device that it will leave by; empty where there is none.
    pub output: Box<str>,
    /// Its addresses, ports and protocol.
    pub tuple: Tuple,
    /// The IP packet's length in bytes.
    pub length: u32,
    /// What follows its IP headers.
    pub transport: Transport,
    /// Its mark.
    pub mark: u32,
    /// What else the line tells (`--log-tcp-sequence` and its like), as [`Log::flags`] has it.
    flags: u8,
    link: LinkHeader,
    /// The packet's beginning.
    bytes: Box<[u8]>,
}

/// The link header as the line tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LinkHeader {
    /// The packet did not come in by a device.
    None,
    /// That of a device without such headers.
    Empty,
    Ethernet([u8; ETHERNET_LEN]),
}

/// Takes down what a rule tells of a packet.
pub(crate) fn record(log: &Log, hook: Hook, packet: &PacketBuf<'_>, devices: &Devices) -> LogRecord {
    let info = packet.info();
    let data = packet.data();
    let at = usize::from(info.network_offset);
    let end = data.len().min(at + KEPT.min(info.ip_len as usize));
    let name = |device| Box::from(devices.name(device));
    LogRecord {
        level: log.level,
        prefix: log.prefix.clone(),
        hook,
        input: name(packet.input()),
        output: name(packet.output()),
        tuple: info.tuple,
        length: info.ip_len,
        transport: info.transport,
        mark: packet.mark,
        flags: log.flags,
        link: packet.input().map_or(LinkHeader::None, |_| link_header(packet)),
        bytes: data.get(at..end).unwrap_or_default().into(),
    }
}

/// The addresses of the frame, and the type of what follows, without any tags between.
fn link_header(packet: &PacketBuf<'_>) -> LinkHeader {
    let before = packet.data().get(..usize::from(packet.info().network_offset)).unwrap_or_default();
    match (packet.packet().frame.link, before.first_chunk::<12>(), before.last_chunk::<2>()) {
        (LinkType::Ethernet, Some(addresses), Some(kind)) if before.len() >= ETHERNET_LEN => {
            let mut header = [0; ETHERNET_LEN];
            header[..12].copy_from_slice(addresses);
            header[12..].copy_from_slice(kind);
            LinkHeader::Ethernet(header)
        }
        _ => LinkHeader::Empty,
    }
}

#[cfg(test)]
mod tests;

//! Frames as fast as they go: UDP of many connections, by a packet socket, many at a time.

use std::io::{self, IoSlice};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, bind, sendmmsg, socket};

use crate::checksum::checksum;

/// Frames that are handed over at a time.
const BATCH: usize = 64;
/// Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;
/// Hosts that connections are spread over, from this last byte on.
const HOSTS: u32 = 200;
const FIRST: u32 = 20;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Blast {
    /// Connections, which take turns.
    pub connections: u32,
    /// Bytes of a frame, without the checksum that a card appends: at least 60.
    pub size: usize,
    /// The Ethernet address that frames are for.
    pub to_mac: [u8; 6],
    /// Where they come from: a /24, whose hosts are made up.
    pub from: Ipv4Addr,
    /// Who they are for.
    pub to: Ipv4Addr,
}

/// Sends by an interface of this thread's namespace until it is told to stop; tells how many frames went out.
///
/// # Errors
/// What the operating system says.
pub fn blast(interface: &str, what: Blast, stop: &AtomicBool) -> io::Result<u64> {
    let raw = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    // An interface's own address names it, and asks for no frames.
    let own = getifaddrs()?.find_map(|each| {
        let link: LinkAddr = *each.address?.as_link_addr()?;
        (each.interface_name == interface).then_some(link)
    });
    bind(raw.as_raw_fd(), &own.ok_or(io::ErrorKind::NotFound)?)?;
    let mut frames: Vec<Vec<u8>> = (0..BATCH).map(|_| template(what)).collect();
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    let (mut connection, mut sent) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        for frame in &mut frames {
            address(frame, connection, what.from);
            connection = (connection + 1) % what.connections;
        }
        let slices: Vec<[IoSlice<'_>; 1]> = frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
        match sendmmsg(raw.as_raw_fd(), &mut headers, &slices, [None; BATCH], [], MsgFlags::empty()) {
            Ok(done) => sent += done.count() as u64,
            // No room: they are lost, as they would be on a link.
            Err(Errno::ENOBUFS | Errno::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}

/// A frame whose source is still to come.
fn template(what: Blast) -> Vec<u8> {
    let size = what.size.max(60);
    let mut frame = vec![0; size];
    frame[..6].copy_from_slice(&what.to_mac);
    frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 8, 0]);
    let ip = &mut frame[14..];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&((size - 14) as u16).to_be_bytes());
    ip[6] = 0x40;
    ip[8..10].copy_from_slice(&[64, 17]);
    ip[16..20].copy_from_slice(&what.to.octets());
    // No checksum, which UDP over IPv4 may do without.
    ip[22..24].copy_from_slice(&7000u16.to_be_bytes());
    ip[24..26].copy_from_slice(&((size - HEADERS + 8) as u16).to_be_bytes());
    frame
}

/// Makes a frame one of a connection.
fn address(frame: &mut [u8], connection: u32, from: Ipv4Addr) {
    let [a, b, c, _] = from.octets();
    let ip = &mut frame[14..];
    ip[12..16].copy_from_slice(&[a, b, c, (FIRST + connection % HOSTS) as u8]);
    ip[20..22].copy_from_slice(&(1024 + (connection / HOSTS) as u16).to_be_bytes());
    ip[10..12].fill(0);
    let sum = checksum(&ip[..20]);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_connection_is_another_one_and_right() {
        let what = Blast {
            connections: 1000,
            size: 60,
            to_mac: [2; 6],
            from: Ipv4Addr::new(10, 71, 0, 0),
            to: Ipv4Addr::new(10, 72, 0, 11),
        };
        let mut frame = template(what);
        let mut seen = HashSet::new();
        for connection in 0..what.connections {
            address(&mut frame, connection, what.from);
            let headers = etherparse::PacketHeaders::from_ethernet_slice(&frame).expect("a packet");
            let Some(etherparse::NetHeaders::Ipv4(ip, _)) = headers.net else { panic!("no IPv4") };
            assert_eq!(ip.header_checksum, ip.calc_header_checksum());
            let Some(etherparse::TransportHeader::Udp(udp)) = headers.transport else { panic!("no UDP") };
            assert_eq!((ip.total_len, udp.length), (46, 26));
            seen.insert((ip.source, udp.source_port));
        }
        assert_eq!(seen.len(), 1000);
    }
}

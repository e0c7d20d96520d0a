//! The obvious way to count flows in Rust, to measure tctable against: pcap-file reads, etherparse parses, a `HashMap`
//! keeps two-way flows. There are no connection states, nothing expires, and hosts are not counted.
//!
//! `obvious FILE` prints packets, bytes (those of the IP packets), flows, and how long the longest lasted.

use std::{collections::HashMap, env, error::Error, fs::File, net::IpAddr};

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_file::{TsResolution, pcap::PcapReader};

/// Both directions of a flow have the same key: the smaller endpoint comes first.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    addresses: [IpAddr; 2],
    /// Or the identifier of an ICMP echo.
    ports: [u16; 2],
    protocol: u8,
}

/// What is counted, by direction: index 0 is from the smaller endpoint to the larger. Times are nanoseconds since 1970.
#[derive(Default)]
struct Flow {
    packets: [u64; 2],
    bytes: [u64; 2],
    first: u64,
    last: u64,
}

/// The flow, the direction and the length of an IP packet; nothing for other frames.
fn parse(frame: &[u8]) -> Option<(Key, usize, u64)> {
    // The lax parser takes packets that the capture cut; the IP header still tells their length.
    let packet = LaxSlicedPacket::from_ethernet(frame).ok()?;
    let (src, dst, protocol, bytes): (IpAddr, IpAddr, _, _) = match packet.net? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let bytes = u64::from(header.total_len());
            (header.source_addr().into(), header.destination_addr().into(), ip.payload_ip_number(), bytes)
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let bytes = u64::from(header.payload_length()) + 40;
            (header.source_addr().into(), header.destination_addr().into(), ip.payload().ip_number, bytes)
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let (sport, dport) = match packet.transport {
        Some(TransportSlice::Tcp(tcp)) => (tcp.source_port(), tcp.destination_port()),
        Some(TransportSlice::Udp(udp)) => (udp.source_port(), udp.destination_port()),
        Some(TransportSlice::Icmpv4(icmp)) => echo_id(icmp.bytes5to8()),
        Some(TransportSlice::Icmpv6(icmp)) => echo_id(icmp.bytes5to8()),
        Some(TransportSlice::Igmp(_)) | None => (0, 0),
    };
    let reply = (src, sport) > (dst, dport);
    let (addresses, ports) = if reply { ([dst, src], [dport, sport]) } else { ([src, dst], [sport, dport]) };
    Some((Key { addresses, ports, protocol: protocol.0 }, usize::from(reply), bytes))
}

fn echo_id(word: [u8; 4]) -> (u16, u16) {
    let id = u16::from_be_bytes([word[0], word[1]]);
    (id, id)
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args_os().nth(1).ok_or("usage: obvious FILE")?;
    // The reader has a buffer of 8 MB of its own and hands out slices of it.
    let mut reader = PcapReader::new(File::open(file)?)?;
    let unit = match reader.header().ts_resolution {
        TsResolution::MicroSecond => 1_000,
        TsResolution::NanoSecond => 1,
    };
    let mut flows: HashMap<Key, Flow> = HashMap::new();
    let (mut packets, mut total, mut longest) = (0_u64, 0, 0);
    // Raw, because the reader's other packets may not be longer than the snap length: it refuses those that were cut.
    while let Some(packet) = reader.next_raw_packet() {
        let packet = packet?;
        packets += 1;
        let now = u64::from(packet.ts_sec) * 1_000_000_000 + u64::from(packet.ts_frac) * unit;
        let Some((key, direction, bytes)) = parse(&packet.data) else { continue };
        total += bytes;
        let flow = flows.entry(key).or_insert_with(|| Flow { first: now, ..Flow::default() });
        flow.packets[direction] += 1;
        flow.bytes[direction] += bytes;
        flow.last = now;
        longest = longest.max(flow.last.saturating_sub(flow.first));
    }
    println!("{packets} packets, {total} bytes, {} flows, the longest of {} s", flows.len(), longest / 1_000_000_000);
    Ok(())
}

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use tctable::packet::{DeviceId, LinkType, sum};
use tctable_io::port::{Completer, Departure, Offload, PacketConfig, PacketSocket, Port, Role, Segments};
use tctable_lab::packets::{Tcp, ethernet, ethertype, ip, protocol, sctp, sctp_chunk, tcp, udp, vlan};

use super::net::{BOUND, in_namespace, receive_until, run, veth};

fn open(device: &str) -> PacketSocket {
    PacketSocket::open(PacketConfig::new(device, DeviceId(0), Role::InLine)).expect("a port")
}

/// Frames larger than the MTU, of each kind and family, plain and with a tag.
pub fn large_frames() -> Vec<(Vec<u8>, Offload)> {
    let data: Vec<u8> = (0..40_000u32).map(|at| (at * 7 + at / 256) as u8).collect();
    let v4 = [Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(10, 0, 0, 2).into()];
    let v6 = [1, 2].map(|host| IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host)));
    let mut frames = Vec::new();
    for [from, to] in [v4, v6] {
        let (kind, network) = if from.is_ipv4() { (ethertype::IPV4, 20) } else { (ethertype::IPV6, 40) };
        let (from_port, to_port) = ((from, 40_000).into(), (to, 443).into());
        let header = Tcp { seq: 0xffff_0000, flags: 0x19, options: vec![1; 12], ..Tcp::default() };
        for segments in [Segments::Tcp, Segments::Udp] {
            let (packet, place, headers) = match segments {
                Segments::Tcp => (ip(from, to, protocol::TCP, &tcp(from_port, to_port, &header, &data)), 16, 32),
                Segments::Udp => (ip(from, to, protocol::UDP, &udp(from_port, to_port, &data)), 6, 8),
            };
            // Of the checksum there is the pseudo header's part.
            let mut packet = packet;
            let addresses = if from.is_ipv4() { &packet[12..20] } else { &packet[8..40] };
            let number = if place == 16 { protocol::TCP } else { protocol::UDP };
            let length = (packet.len() - usize::from(network)) as u16;
            let begun = sum(&[addresses, &[0, number], &length.to_be_bytes()].concat());
            let field = usize::from(network + place);
            packet[field..field + 2].copy_from_slice(&begun.to_be_bytes());
            let start = 14 + network;
            let offload = Offload::checksum(start, place).segmented(segments, from.is_ipv6(), start + headers, 1400);
            let [source, destination] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
            frames.push((ethernet(source, destination, kind, &packet), offload));
            let tagged = ethernet(source, destination, ethertype::VLAN, &vlan(0x2005, kind, &packet));
            frames.push((tagged, offload.moved(4)));
        }
    }
    frames
}

/// The frame as it is on a wire.
pub fn completed(frame: &[u8], offload: Offload) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let shown = Completer::default().complete(LinkType::Ethernet, frame, offload, &mut |one| all.push(one.to_vec()));
    shown.expect("a frame that makes sense");
    all
}

#[test]
fn what_is_left_undone_travels_and_the_kernel_does_it_as_we_do() {
    in_namespace(|| {
        veth("left", "far-left");
        veth("right", "far-right");
        // What leaves to the right may not be as large: the kernel cuts it.
        run("ip link set right gso_max_size 20000");
        let [mut source, mut left, mut right, mut sink] = ["far-left", "left", "right", "far-right"].map(open);
        for (frame, offload) in large_frames() {
            assert_eq!(source.send(&[Departure { data: &frame, offload }]).expect("room"), 1);
            let copy = |arrival: &tctable_io::port::Arrival<'_>| {
                assert_eq!(arrival.frame.wire_len as usize, arrival.frame.data.len());
                (arrival.frame.data.to_vec(), arrival.offload)
            };
            let came = receive_until(&mut left, copy, |came| !came.is_empty()).remove(0);
            assert_eq!(came.0.len(), frame.len());
            // Where the headers end is a hint, and the checksum was that of the whole.
            assert!(came.1.is_segmented() && came.1.needs_checksum());
            let expected = completed(&frame, offload);
            assert_eq!(completed(&came.0, came.1), expected);
            assert_eq!(right.send(&[Departure { data: &came.0, offload: came.1 }]).expect("room"), 1);
            let cut = receive_until(&mut sink, copy, |came| came.len() >= expected.len());
            let cut: Vec<_> = cut.iter().flat_map(|(frame, offload)| completed(frame, *offload)).collect();
            assert_eq!(cut.len(), expected.len());
            for (cut, expected) in cut.iter().zip(&expected) {
                assert_eq!(cut, expected);
            }
        }
        for mut port in [source, left, right] {
            let counted = port.statistics();
            assert_eq!((counted.receive_dropped, counted.send_full, counted.send_refused), (0, 0, 0));
        }
    });
}

#[test]
fn what_there_is_no_room_for_is_offered_again_and_nothing_is_lost() {
    in_namespace(|| {
        veth("right", "far-right");
        // Cut by the kernel, so through the device's queue, which is slow and has more room than a port may take of it.
        run("ip link set right gso_max_size 20000");
        run("tc qdisc add dev right root tbf rate 400mbit burst 64kb limit 64mb");
        let [mut right, mut sink] = ["right", "far-right"].map(open);
        let (frame, offload) = large_frames().swap_remove(0);
        let pieces = completed(&frame, offload).len();
        let frames = vec![Departure { data: &frame, offload }; 100];
        let (mut done, mut came) = (0, Vec::new());
        let deadline = Instant::now() + BOUND;
        while came.len() < frames.len() * pieces {
            assert!(Instant::now() < deadline, "{} of {}", came.len(), frames.len() * pieces);
            done += right.send(&frames[done..]).expect("the device is up");
            let shown = sink.receive(tctable::time::Instant::ZERO, 64, &mut |burst| {
                came.extend(burst.iter().map(|one| one.frame.data.len()));
            });
            shown.expect("the port works");
        }
        assert_eq!(came.iter().map(|length| length - 66).sum::<usize>(), frames.len() * (frame.len() - 66));
        let counted = right.statistics();
        assert_eq!((counted.sent, counted.send_refused), (100, 0));
        assert!(counted.send_full > 0, "there was always room");
    });
}

#[test]
fn many_large_frames_in_one_burst_keep_their_order_among_small_ones() {
    in_namespace(|| {
        veth("left", "far-left");
        let [mut source, mut left] = ["far-left", "left"].map(open);
        let large = large_frames();
        let frames: Vec<(Vec<u8>, Offload)> = (0..60usize)
            .map(|number| match number % 3 {
                0 => (super::packet::frame(60 + number, 1), Offload::default()),
                _ => large[number % large.len()].clone(),
            })
            .collect();
        let departures: Vec<_> = frames.iter().map(|(data, offload)| Departure { data, offload: *offload }).collect();
        assert_eq!(source.send(&departures).expect("room"), frames.len());
        let came = receive_until(&mut left, |arrival| arrival.frame.data.to_vec(), |came| came.len() >= frames.len());
        assert!(
            came.iter().zip(&frames).all(|(came, (sent, _))| came.len() == sent.len() && came[14..34] == sent[14..34])
        );
        assert_eq!(left.statistics().receive_dropped, 0);
    });
}

#[test]
fn who_watches_sees_the_beginning_of_a_large_frame_and_its_length() {
    in_namespace(|| {
        veth("left", "far-left");
        let mut source = open("far-left");
        let watch = PacketConfig::new("left", DeviceId(0), Role::Watch);
        let mut watch = PacketSocket::open(watch).expect("a port");
        for (frame, offload) in large_frames() {
            assert_eq!(source.send(&[Departure { data: &frame, offload }]).expect("room"), 1);
            let copy = |one: &tctable_io::port::Arrival<'_>| (one.frame.wire_len as usize, one.frame.data.to_vec());
            let (length, kept) = receive_until(&mut watch, copy, |came| !came.is_empty()).remove(0);
            assert_eq!(length, frame.len());
            assert!(kept.len() > 1514 && kept.len() < length && frame.starts_with(&kept));
        }
    });
}

#[test]
fn sctp_is_finished_as_it_comes() {
    in_namespace(|| {
        veth("left", "far-left");
        let [mut source, mut left] = ["far-left", "left"].map(open);
        let right = sctp([7, 8], 9, &[sctp_chunk(4, 0, b"are you there?")]);
        let [from, to] = [Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(10, 0, 0, 2).into()];
        let frame = |payload: &[u8]| ethernet([2; 6], [4; 6], ethertype::IPV4, &ip(from, to, protocol::SCTP, payload));
        let mut begun = right.clone();
        begun[8..12].fill(0xee);
        let data = frame(&begun);
        assert_eq!(source.send(&[Departure { data: &data, offload: Offload::checksum(34, 8) }]).expect("room"), 1);
        let came = receive_until(&mut left, |one| (one.frame.data.to_vec(), one.offload), |came| !came.is_empty());
        assert_eq!(came, [(frame(&right), Offload::default())]);
    });
}

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use tctable::packet::{DeviceId, LinkType};
use tctable_io::port::{Departure, Layer, Offload, PacketConfig, PacketSocket, Port, Role, Tun, TunConfig};
use tctable_lab::packets::{checksum_is_right, ethernet, ethertype, ip, protocol, udp};

use super::far::Far;
use super::net::{BOUND, down, in_namespace, receive_bytes, receive_until, run, until_up};
use super::offload::{completed, large_frames};

fn config(layer: Layer, offload: bool) -> TunConfig {
    TunConfig { device: "tct0".to_owned(), id: DeviceId(3), layer, offload }
}

fn datagram(from: [u8; 4], from_port: u16, to: [u8; 4], to_port: u16, data: &[u8]) -> Vec<u8> {
    let [from, to] = [from, to].map(|end| IpAddr::V4(Ipv4Addr::from(end)));
    ip(from, to, protocol::UDP, &udp((from, from_port).into(), (to, to_port).into(), data))
}

#[test]
fn the_kernel_talks_to_whoever_holds_the_device() {
    in_namespace(|| {
        let mut tun = Tun::open(config(Layer::Ip, true)).expect("a device");
        assert_eq!(tun.link(), LinkType::Raw);
        run("ip addr add 10.9.0.1/24 dev tct0");
        let socket = UdpSocket::bind("10.9.0.1:5000").expect("a socket");
        socket.set_read_timeout(Some(BOUND)).expect("a bound");
        for length in [0, 1, 1472, 1473] {
            let data = vec![0x5a; length];
            socket.send_to(&data, "10.9.0.2:6000").expect("sent");
            // What is longer than the MTU comes in fragments.
            let count = 1 + usize::from(length > 1472);
            let copy = |one: &tctable_io::port::Arrival<'_>| (one.frame.data.to_vec(), one.offload);
            let came = receive_until(&mut tun, copy, |came| came.len() >= count);
            assert_eq!(came.iter().map(|(packet, _)| packet.len() - 20).sum::<usize>(), length + 8);
            // A checksum that was left to us is finished.
            for (packet, offload) in came.iter().filter(|_| count == 1) {
                let mut done = Vec::new();
                let mut completer = tctable_io::port::Completer::default();
                completer.complete(LinkType::Raw, packet, *offload, &mut |one| done = one.to_vec()).expect("sense");
                assert_eq!(checksum_is_right(&done), Some(true));
            }
            let answer = datagram([10, 9, 0, 2], 6000, [10, 9, 0, 1], 5000, &data);
            assert_eq!(tun.send(&[Departure { data: &answer, offload: Offload::default() }]).expect("room"), 1);
            assert_eq!(socket.recv_from(&mut [0; 2000]).expect("an answer").0, length);
        }
        let counted = tun.statistics();
        assert_eq!((counted.received, counted.sent, counted.receive_dropped), (5, 4, 0));
    });
}

#[test]
fn segments_come_whole_where_they_may_and_cut_where_not() {
    for offload in [true, false] {
        in_namespace(|| {
            let mut tap = Tun::open(config(Layer::Ethernet, offload)).expect("a device");
            assert_eq!(tap.link(), LinkType::Ethernet);
            let device = PacketConfig::new("tct0", DeviceId(0), Role::InLine);
            let mut kernel = PacketSocket::open(device).expect("a port");
            for (frame, left) in large_frames() {
                assert_eq!(kernel.send(&[Departure { data: &frame, offload: left }]).expect("room"), 1);
                let expected = completed(&frame, left);
                let count = if offload { 1 } else { expected.len() };
                let copy = |one: &tctable_io::port::Arrival<'_>| (one.frame.data.to_vec(), one.offload);
                let came = receive_until(&mut tap, copy, |came| came.len() >= count);
                assert!(came.iter().all(|(_, left)| left.is_segmented() == offload && left.is_done() != offload));
                let cut: Vec<_> = came.iter().flat_map(|(frame, left)| completed(frame, *left)).collect();
                assert!(cut == expected);
                // And the other way.
                let (data, left) = (&frame[..], left);
                assert_eq!(tap.send(&[Departure { data, offload: left }]).expect("room"), 1);
                let came = receive_until(&mut kernel, copy, |came| !came.is_empty());
                assert!(completed(&came[0].0, came[0].1) == expected);
            }
        });
    }
}

#[test]
fn what_nobody_reads_is_counted_to_the_packet() {
    in_namespace(|| {
        let mut tun = Tun::open(config(Layer::Ip, false)).expect("a device");
        run("ip link set tct0 txqueuelen 100");
        let kernel = Far::open("tct0");
        let packet = datagram([10, 9, 0, 1], 1, [10, 9, 0, 2], 2, b"data");
        for round in 1..=2 {
            (0..160).for_each(|_| kernel.send(&packet));
            assert_eq!(receive_bytes(&mut tun, 100), vec![packet.clone(); 100]);
            let counted = tun.statistics();
            assert_eq!((counted.received, counted.receive_dropped), (round * 100, round * 60));
        }
    });
}

#[test]
fn a_pair_of_ports_has_one_queue_in_both_directions() {
    in_namespace(|| {
        let mut queues = Tun::open_shards(&config(Layer::Ip, false), 3).expect("a device");
        let kernel = Far::open("tct0");
        let mut used = [0; 3];
        for port in 1..=30 {
            let [ours, theirs] = [[10, 9, 0, 1], [10, 9, 0, 2]];
            kernel.send(&datagram(ours, port, theirs, 443, b"there"));
            kernel.send(&datagram(theirs, 443, ours, port, b"back"));
            let mut came = [0; 3];
            let deadline = std::time::Instant::now() + BOUND;
            while came.iter().sum::<usize>() < 2 {
                assert!(std::time::Instant::now() < deadline);
                for (queue, came) in queues.iter_mut().zip(&mut came) {
                    *came += queue.receive(tctable::time::Instant::ZERO, 64, &mut |_| ()).expect("it works");
                }
            }
            let number = came.iter().position(|count| *count == 2).expect("one queue for both");
            used[number] += 1;
        }
        assert!(used.iter().all(|count| *count > 0), "{used:?}");
    });
}

#[test]
fn a_device_that_was_removed_is_made_again() {
    in_namespace(|| {
        let mut tun = Tun::open(config(Layer::Ethernet, false)).expect("a device");
        let frame = ethernet([2; 6], [4; 6], ethertype::ARP, &[0; 46]);
        for away in ["ip link del tct0", "ip link set tct0 down"] {
            run(away);
            if away.ends_with("down") {
                assert!(tun.send(&[Departure { data: &frame, offload: Offload::default() }]).is_err());
                assert!(tun.reopen().is_err());
                run("ip link set tct0 up");
            } else {
                down(&mut tun);
            }
            until_up(&mut tun);
            Far::open("tct0").send(&frame);
            assert_eq!(receive_bytes(&mut tun, 1), std::slice::from_ref(&frame));
        }
        assert_eq!(tun.statistics().received, 2);
    });
}

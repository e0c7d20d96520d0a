use tctable::packet::{DeviceId, LinkType};
use tctable_io::port::{Departure, PacketConfig, PacketSocket, Port, Role, XdpConfig, XdpSocket, open_best};

use super::far::Far;
use super::net::{down, in_namespace, receive_bytes, run, until_up, veth};
use super::offload::{completed, large_frames};
use super::packet::{departures, frame};

fn open(device: &str, slots: u32) -> XdpSocket {
    let config = XdpConfig { device: device.to_owned(), id: DeviceId(1), slots, promiscuous: true };
    XdpSocket::open(config).expect("a port")
}

/// The other end: a plain socket does not show tags.
fn open_packet(device: &str) -> PacketSocket {
    PacketSocket::open(PacketConfig::new(device, DeviceId(2), Role::InLine)).expect("a port")
}

#[test]
fn frames_of_every_length_arrive_as_they_were_sent() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", 2048);
        let far = Far::open("far");
        assert_eq!(port.link(), LinkType::Ethernet);
        assert!(port.copies(), "veth cannot do more");
        let tagged: Vec<u8> = [&frame(60, 1)[..12], &[0x81, 0, 0, 7], &frame(1514, 2)[12..]].concat();
        let mut sent: Vec<Vec<u8>> = (14..=1514).map(|length| frame(length, 3)).collect();
        sent.push(tagged);
        sent.iter().for_each(|frame| far.send(frame));
        assert_eq!(receive_bytes(&mut port, sent.len()), sent);
        let mut witness = open_packet("far");
        let mut done = 0;
        while done < sent.len() {
            done += port.send(&departures(&sent[done..])).expect("the device is up");
        }
        assert_eq!(receive_bytes(&mut witness, sent.len()), sent);
        assert_eq!(port.send(&departures(&[frame(1519, 1), frame(60, 1)])).expect("room"), 2);
        assert_eq!(receive_bytes(&mut witness, 1), [frame(60, 1)]);
        let counted = port.statistics();
        assert_eq!((counted.received, counted.sent), (1502, 1503));
        assert_eq!((counted.receive_dropped, counted.send_refused), (0, 1));
    });
}

#[test]
fn what_the_ring_has_no_room_for_is_counted_to_the_frame() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", 64);
        let far = Far::open("far");
        for round in 1..=3 {
            (0..200).for_each(|_| far.send(&frame(60, round)));
            assert_eq!(receive_bytes(&mut port, 64), vec![frame(60, round); 64]);
            let (counted, rounds) = (port.statistics(), u64::from(round));
            assert_eq!((counted.received, counted.receive_dropped), (rounds * 64, rounds * 136));
        }
    });
}

#[test]
fn what_was_left_undone_is_done_before_it_is_sent() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", 256);
        let mut witness = open_packet("far");
        for (frame, offload) in large_frames() {
            assert_eq!(port.send(&[Departure { data: &frame, offload }]).expect("room"), 1);
            let expected = completed(&frame, offload);
            assert!(receive_bytes(&mut witness, expected.len()) == expected);
        }
        drop(witness);
        // All segments or none.
        let mut small = open("far", 16);
        let (frame, offload) = large_frames().swap_remove(0);
        assert_eq!(small.send(&[Departure { data: &frame, offload }]).expect("the device is up"), 1);
        assert_eq!(small.statistics().send_refused, 1);
    });
}

#[test]
fn a_device_that_was_removed_is_taken_up_again() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", 256);
        for _ in 0..2 {
            run("ip link del near");
            down(&mut port);
            assert!(port.reopen().is_err());
            veth("near", "far");
            until_up(&mut port);
            let far = Far::open("far");
            far.send(&frame(60, 9));
            assert_eq!(receive_bytes(&mut port, 1), [frame(60, 9)]);
            assert_eq!(port.send(&departures(&[frame(61, 9)])).expect("room"), 1);
            assert_eq!(far.receive(), frame(61, 9));
        }
        assert_eq!((port.statistics().received, port.statistics().sent), (2, 2));
    });
}

#[test]
fn where_a_device_cannot_there_are_packet_sockets_and_a_reason() {
    in_namespace(|| {
        run("ip link add near type bridge");
        run("ip link set near up");
        let config = PacketConfig::new("near", DeviceId(0), Role::InLine);
        let best = open_best(&config, 1).expect("ports");
        let why = best.instead.expect("a reason");
        assert!(why.starts_with("packet sockets instead of AF_XDP: near: ") && !why.contains('\n'), "{why}");
        assert_eq!(best.ports.len(), 1);
        // A veth device has one queue.
        veth("left", "right");
        let config = PacketConfig::new("left", DeviceId(0), Role::InLine);
        assert_eq!(open_best(&config, 1).expect("ports").instead, None);
        let best = open_best(&config, 2).expect("ports");
        assert!(best.instead.expect("a reason").contains("1 receive queues, and there are 2 shards"));
        drop(PacketSocket::open(config).expect("a port"));
    });
}

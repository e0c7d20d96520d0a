use tctable::packet::{DeviceId, FrameDirection, LinkType};
use tctable_io::port::{Departure, Offload, PacketConfig, PacketSocket, Port, PortError, Role};

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::far::Far;
use super::net::{BOUND, down, in_namespace, ready, receive_bytes, receive_until, run, until_up, veth};

const NEAR: DeviceId = DeviceId(7);

fn open(device: &str, role: Role) -> PacketSocket {
    PacketSocket::open(PacketConfig::new(device, NEAR, role)).expect("a port")
}

/// A frame of that length for nobody, with a protocol that nobody speaks.
pub fn frame(length: usize, seed: u8) -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    frame.extend((frame.len()..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)));
    frame
}

pub fn departures(frames: &[Vec<u8>]) -> Vec<Departure<'_>> {
    frames.iter().map(|data| Departure { data, offload: Offload::default() }).collect()
}

#[test]
fn frames_of_every_length_arrive_as_they_were_sent() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", Role::InLine);
        let far = Far::open("far");
        assert_eq!(port.link(), LinkType::Ethernet);
        let sent: Vec<Vec<u8>> = (14..=1514).map(|length| frame(length, 3)).collect();
        sent.iter().for_each(|frame| far.send(frame));
        assert_eq!(receive_bytes(&mut port, sent.len()), sent);
        assert_eq!(port.send(&departures(&sent)).expect("room"), sent.len());
        for frame in &sent {
            assert_eq!(&far.receive(), frame);
        }
        let counted = port.statistics();
        assert_eq!((counted.received, counted.sent), (1501, 1501));
        assert_eq!((counted.receive_dropped, counted.send_full, counted.send_refused), (0, 0, 0));
    });
}

#[test]
fn who_watches_sees_both_directions_and_who_is_in_line_only_what_comes() {
    in_namespace(|| {
        veth("near", "far");
        let mut line = open("near", Role::InLine);
        let mut watch = open("near", Role::Watch);
        let far = Far::open("far");
        let frames = [frame(60, 1), frame(60, 2)];
        // Not by a port: those send past taps.
        Far::open("near").send(&frames[0]);
        far.send(&frames[1]);
        let copy = |arrival: &tctable_io::port::Arrival<'_>| {
            let frame = arrival.frame;
            assert_eq!((frame.device, frame.wire_len), (NEAR, 60));
            (frame.direction, frame.data.to_vec())
        };
        let seen = receive_until(&mut watch, copy, |came| came.len() >= 2);
        let [first, second] = frames;
        assert_eq!(seen, [(FrameDirection::Outbound, first), (FrameDirection::Inbound, second.clone())]);
        assert_eq!(receive_until(&mut line, copy, |came| !came.is_empty()), [(FrameDirection::Inbound, second)]);
    });
}

#[test]
fn tags_are_where_they_were() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", Role::InLine);
        let far = Far::open("far");
        run("ip link set far mtu 1504");
        let tagged = |tags: &[u8], length| {
            let plain = frame(length, 5);
            [&plain[..12], tags, &plain[12..]].concat()
        };
        let frames = [
            tagged(&[0x81, 0, 0x20, 7], 1514),
            tagged(&[0x88, 0xa8, 0, 9], 1514),
            tagged(&[0x88, 0xa8, 0xe0, 9, 0x81, 0, 0x1f, 0xff], 1500),
            // Priority alone.
            tagged(&[0x81, 0, 0, 0], 60),
        ];
        frames.iter().for_each(|frame| far.send(frame));
        let copy = |arrival: &tctable_io::port::Arrival<'_>| (arrival.frame.wire_len, arrival.frame.data.to_vec());
        let came = receive_until(&mut port, copy, |came| came.len() >= frames.len());
        assert_eq!(came, frames.clone().map(|frame| (frame.len() as u32, frame)));
        // On their way out the kernel has room beyond the MTU for a tag of 802.1Q alone.
        let mut back = open("far", Role::InLine);
        assert_eq!(port.send(&departures(&frames)).expect("room"), frames.len());
        let counted = port.statistics();
        assert_eq!((counted.sent, counted.send_refused), (3, 1));
        let went = [&frames[0], &frames[2], &frames[3]];
        assert!(receive_bytes(&mut back, went.len()).iter().eq(went));
    });
}

#[test]
fn frames_are_as_old_as_they_are() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", Role::InLine);
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
        let before = now();
        Far::open("far").send(&frame(60, 0));
        let after = now();
        // Received later; the time is that of its coming.
        std::thread::sleep(Duration::from_millis(5));
        let times = receive_until(&mut port, |arrival| arrival.frame.time.as_nanos(), |came| !came.is_empty());
        assert!(before <= times[0] && times[0] <= after, "{before} {times:?} {after}");
    });
}

#[test]
fn what_the_ring_has_no_room_for_is_counted_to_the_frame() {
    in_namespace(|| {
        veth("near", "far");
        let config = PacketConfig { slots: 64, ..PacketConfig::new("near", NEAR, Role::InLine) };
        let mut port = PacketSocket::open(config).expect("a port");
        let far = Far::open("far");
        for round in 1..=3 {
            (0..200).for_each(|_| far.send(&frame(60, round)));
            assert_eq!(receive_bytes(&mut port, 64), vec![frame(60, round); 64]);
            let counted = port.statistics();
            let rounds = u64::from(round);
            assert_eq!((counted.received, counted.receive_dropped), (rounds * 64, rounds * 136));
        }
    });
}

#[test]
fn a_frame_that_is_too_long_is_refused_and_those_behind_it_go() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", Role::InLine);
        let far = Far::open("far");
        let frames = [frame(60, 1), frame(1515, 2), frame(60, 3)];
        assert_eq!(port.send(&departures(&frames)).expect("room"), 3);
        assert_eq!([far.receive(), far.receive()], [frame(60, 1), frame(60, 3)]);
        let counted = port.statistics();
        assert_eq!((counted.sent, counted.send_refused), (2, 1));
    });
}

#[test]
fn what_makes_no_sense_is_refused_anywhere_in_a_burst_and_all_others_go_in_their_order() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", Role::InLine);
        let mut far = open("far", Role::InLine);
        let frames: Vec<Vec<u8>> = (0..200).map(|seed| frame(60 + usize::from(seed), seed)).collect();
        // More rounds than the ring has slots, and each begins at another one.
        for round in 0..17 {
            let wrong = |at: usize| at % 17 == round;
            let mut burst = departures(&frames);
            for (_, departure) in burst.iter_mut().enumerate().filter(|(at, _)| wrong(*at)) {
                // A checksum beyond the frame's end.
                departure.offload = Offload::checksum(1400, 16);
            }
            let before = port.statistics();
            let mut done = 0;
            while done < burst.len() {
                done += port.send(&burst[done..]).expect("the device is up");
            }
            let right: Vec<Vec<u8>> =
                (0..).zip(&frames).filter(|(at, _)| !wrong(*at)).map(|(_, f)| f.clone()).collect();
            assert!(receive_bytes(&mut far, right.len()) == right, "round {round}");
            let counted = port.statistics();
            let refused = (frames.len() - right.len()) as u64;
            let sent = right.len() as u64;
            assert_eq!((counted.sent - before.sent, counted.send_refused - before.send_refused), (sent, refused));
        }
    });
}

#[test]
fn a_port_says_that_its_device_is_down_and_goes_on_when_it_is_up() {
    in_namespace(|| {
        veth("near", "far");
        let mut port = open("near", Role::InLine);
        for (away, back) in [
            ("ip link set near down", "ip link set near up"),
            ("ip link set far down", "ip link set far up"),
            ("ip link del near", "ip link add near type veth peer name far"),
        ] {
            run(away);
            if away == "ip link set far down" {
                // Nothing but the carrier is lost: that is seen when something is to be sent, and until the kernel tells
                // of it there is no room.
                let deadline = Instant::now() + BOUND;
                while let Ok(taken) = port.send(&departures(&[frame(60, 0)])) {
                    assert!(taken == 0 && Instant::now() < deadline);
                }
                let sent = port.send(&departures(&[frame(60, 0)]));
                assert!(matches!(sent, Err(PortError::Down { .. })), "{sent:?}");
            } else {
                down(&mut port);
                assert!(port.send(&departures(&[frame(60, 0)])).is_err());
            }
            run(back);
            run("ip link set near up");
            run("ip link set far up");
            ready(&["near", "far"]);
            until_up(&mut port);
            let far = Far::open("far");
            far.send(&frame(60, 9));
            assert_eq!(receive_bytes(&mut port, 1), [frame(60, 9)]);
            assert_eq!(port.send(&departures(&[frame(61, 9)])).expect("room"), 1);
            assert_eq!(far.receive(), frame(61, 9));
        }
        let counted = port.statistics();
        assert_eq!((counted.received, counted.sent), (3, 3));
    });
}

use tctable::packet::{DeviceId, FrameDirection, LinkType};
use tctable_io::port::{Departure, Offload, PacketConfig, PacketSocket, Port, Role};

use super::far::Far;
use super::net::{in_namespace, receive_bytes, receive_until, veth};

const NEAR: DeviceId = DeviceId(7);

fn open(device: &str, role: Role) -> PacketSocket {
    PacketSocket::open(PacketConfig::new(device, NEAR, role)).expect("a port")
}

/// A frame of that length for nobody, with a protocol that nobody speaks.
fn frame(length: usize, seed: u8) -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    frame.extend((frame.len()..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)));
    frame
}

fn departures(frames: &[Vec<u8>]) -> Vec<Departure<'_>> {
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

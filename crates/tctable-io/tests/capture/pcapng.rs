//! pcapng: what each block and option means.

use tctable::packet::{FrameDirection, LinkType};
use tctable_io::capture::{Format, LinkCode, OpenError};

use crate::build::{ETHERNET, ORDERS, Order, PcapNg, RADIOTAP, Seen, drain, frames, open};

const NAME: u16 = 2;
const MAC: u16 = 6;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;
const FLAGS: u16 = 2;

fn little() -> PcapNg {
    PcapNg::new(Order::Little)
}

#[test]
fn enhanced_packets_are_read_in_both_byte_orders() {
    for order in ORDERS {
        let file = PcapNg::new(order)
            .interface(ETHERNET, 0, &[])
            .packet(0, 1_700_000_000_000_001, b"abcde")
            .packet_with(0, 1_700_000_000_000_002, 1500, b"ab", &[])
            .bytes;
        let cut = Seen { wire_len: 1500, ..Seen::ethernet(1_700_000_000_000_002_000, b"ab") };
        assert_eq!(frames(&file), [Seen::ethernet(1_700_000_000_000_001_000, b"abcde"), cut]);
    }
}

#[test]
fn interfaces_keep_their_name_and_hardware_address() {
    let mac = [2, 0, 0, 0, 0, 7];
    let file = little()
        .interface(ETHERNET, 96, &[(NAME, b"eth0\0"), (MAC, &mac)])
        .interface(101, 0, &[(NAME, &[b'n'; 300]), (MAC, &mac[..5])])
        .packet(1, 0, b"x")
        .bytes;
    let capture = open(&file).unwrap();
    assert_eq!(capture.format(), Format::PcapNg);
    let [first, second] = capture.interfaces() else { panic!("{:?}", capture.interfaces()) };
    assert_eq!((first.name.as_deref(), first.mac), (Some("eth0"), Some(mac)));
    assert_eq!((first.snap_len, first.link_type), (96, LinkCode(1)));
    assert_eq!((second.name.as_ref().unwrap().len(), second.mac), (256, None));
    assert_eq!(frames(&file), [Seen { device: 1, link: LinkType::Raw, ..Seen::ethernet(0, b"x") }]);
}

#[test]
fn each_interface_has_its_own_resolution_and_offset() {
    for order in ORDERS {
        let offset = order.u64(1_700_000_000);
        let file = PcapNg::new(order)
            .interface(ETHERNET, 0, &[(RESOLUTION, &[9])])
            .interface(ETHERNET, 0, &[(RESOLUTION, &[0x80 | 10])])
            .interface(ETHERNET, 0, &[(RESOLUTION, &[3]), (OFFSET, &offset)])
            .packet(0, 1_000_000_007, b"x")
            .packet(1, 1024 + 512, b"x")
            .packet(2, 5, b"x")
            .bytes;
        let nanos: Vec<_> = frames(&file).iter().map(|seen| seen.nanos).collect();
        assert_eq!(nanos, [1_000_000_007, 1_500_000_000, 1_700_000_000_005_000_000]);
    }
}

#[test]
fn packet_flags_tell_the_direction() {
    for order in ORDERS {
        let directions = [
            (0, FrameDirection::Unknown),
            (0xfd, FrameDirection::Inbound),
            (2, FrameDirection::Outbound),
            (3, FrameDirection::Unknown),
        ];
        for (flags, direction) in directions {
            let flags = order.u32(flags);
            let options: [(u16, &[u8]); 2] = [(1, b"a comment"), (FLAGS, &flags)];
            let file = PcapNg::new(order)
                .interface(ETHERNET, 0, &[])
                .packet_with(0, 0, 1, b"x", &options)
                .obsolete_packet(0, 0, b"x", &options)
                .bytes;
            let expected = Seen { direction, ..Seen::ethernet(0, b"x") };
            assert_eq!(frames(&file), [expected.clone(), expected]);
        }
    }
}

#[test]
fn unreadable_packet_options_only_hide_the_direction() {
    let mut body = [[0; 12].as_slice(), &1u32.to_le_bytes(), &1u32.to_le_bytes(), b"x\0\0\0"].concat();
    body.extend([2, 0, 0xff, 0xff, 1, 0, 0, 0]);
    let file = little().interface(ETHERNET, 0, &[]).block(6, &body).bytes;
    assert_eq!(frames(&file), [Seen::ethernet(0, b"x")]);
}

#[test]
fn simple_packets_have_the_time_of_the_packet_before() {
    for order in ORDERS {
        let file = PcapNg::new(order)
            .interface(ETHERNET, 8, &[])
            .simple_packet(3, b"abc")
            .packet(0, 7, b"x")
            .simple_packet(1500, b"abcdefgh")
            .bytes;
        let cut = Seen { wire_len: 1500, ..Seen::ethernet(7_000, b"abcdefgh") };
        assert_eq!(frames(&file), [Seen::ethernet(0, b"abc"), Seen::ethernet(7_000, b"x"), cut]);
    }
}

#[test]
fn obsolete_packets_are_read() {
    for order in ORDERS {
        let file = PcapNg::new(order)
            .interface(ETHERNET, 0, &[])
            .interface(ETHERNET, 0, &[])
            .obsolete_packet(1, 1 << 32, b"abc", &[])
            .bytes;
        assert_eq!(frames(&file), [Seen { device: 1, ..Seen::ethernet((1 << 32) * 1000, b"abc") }]);
    }
}

#[test]
fn interfaces_of_later_sections_have_numbers_of_their_own() {
    let file = little()
        .interface(ETHERNET, 0, &[(NAME, b"eth0")])
        .packet(0, 1, b"x")
        .section(Order::Big, 1)
        .interface(101, 0, &[(NAME, b"tun0"), (RESOLUTION, &[9])])
        .packet(0, 2, b"y")
        .section(Order::Big, 1)
        .interface(ETHERNET, 0, &[])
        .interface(ETHERNET, 2, &[])
        .packet(1, 3, b"z")
        .bytes;
    let mut capture = open(&file).unwrap();
    assert_eq!(capture.interfaces().len(), 1);
    let second = Seen { device: 1, link: LinkType::Raw, ..Seen::ethernet(2, b"y") };
    let third = Seen { device: 3, ..Seen::ethernet(3_000, b"z") };
    assert_eq!(drain(&mut capture, 9).0, [Seen::ethernet(1_000, b"x"), second, third]);
    let names: Vec<_> = capture.interfaces().iter().map(|interface| interface.name.as_deref()).collect();
    assert_eq!(names, [Some("eth0"), Some("tun0"), None, None]);
}

#[test]
fn unknown_blocks_are_passed_over() {
    let file = little()
        .block(0x0000_0bad, &[7; 40])
        .interface(ETHERNET, 0, &[])
        .block(5, &[])
        .packet(0, 1, b"x")
        .block(0x8000_0001, &vec![7; 3 << 20])
        .packet(0, 2, b"y")
        .bytes;
    assert_eq!(frames(&file), [Seen::ethernet(1_000, b"x"), Seen::ethernet(2_000, b"y")]);
}

#[test]
fn an_unsupported_interface_before_the_first_packet_is_refused() {
    for order in ORDERS {
        let file = PcapNg::new(order)
            .interface(ETHERNET, 0, &[])
            .block(0x0bad, &[0; 1000])
            .interface(RADIOTAP, 0, &[])
            .packet(0, 1, b"x")
            .bytes;
        let error = open(&file).unwrap_err();
        assert_eq!(error.to_string(), "link type 127 (IEEE 802.11 radiotap) is not supported");
    }
}

#[test]
fn the_search_for_interfaces_ends_somewhere() {
    let mut file = little().interface(ETHERNET, 0, &[]);
    for _ in 0..5 {
        file = file.block(0x0bad, &vec![0; 1 << 20]);
    }
    let file = file.interface(RADIOTAP, 0, &[]).packet(1, 1, b"skipped").packet(0, 1, b"x").bytes;
    let mut capture = open(&file).unwrap();
    assert_eq!(capture.interfaces().len(), 1);
    assert_eq!(drain(&mut capture, 64).0, [Seen::ethernet(1_000, b"x")]);
    assert_eq!((capture.interfaces().len(), capture.skipped().total()), (2, 1));
}

#[test]
fn packets_that_cannot_be_handed_over_are_counted_by_cause() {
    let file = little()
        .interface(ETHERNET, 0, &[])
        .packet(0, 1, b"x")
        .interface(RADIOTAP, 0, &[])
        .interface(50_000, 0, &[])
        .packet(1, 2, b"skipped")
        .packet(1, 2, b"skipped")
        .packet(2, 2, b"skipped")
        .packet(3, 2, b"skipped")
        .packet(0, 3, b"y")
        .section(Order::Big, 1)
        .simple_packet(7, b"skipped")
        .packet(u32::MAX, 2, b"skipped")
        .interface(RADIOTAP, 0, &[])
        .simple_packet(7, b"skipped")
        .bytes;
    let mut capture = open(&file).unwrap();
    assert_eq!(capture.skipped().total(), 0);
    let (seen, failure) = drain(&mut capture, 64);
    assert!(failure.is_none());
    assert_eq!(seen, [Seen::ethernet(1_000, b"x"), Seen::ethernet(3_000, b"y")]);
    let skipped = capture.skipped();
    let by_link: Vec<_> = skipped.unsupported_link.iter().map(|(link, count)| (link.number(), *count)).collect();
    assert_eq!((by_link, skipped.unknown_interface), (vec![(127, 3), (50_000, 1)], 3));
    assert_eq!(skipped.total(), 7);
}

#[test]
fn other_versions_are_refused() {
    let file = PcapNg::with_version(Order::Big, 2).bytes;
    assert!(matches!(open(&file), Err(OpenError::UnsupportedVersion { major: 2, minor: 0 })));
}

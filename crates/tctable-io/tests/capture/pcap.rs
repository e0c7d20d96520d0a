//! pcap: what each field means.

use tctable::packet::LinkType;
use tctable::time::Instant;
use tctable_io::capture::{Compression, Format, LinkCode, OpenError, Resolution, WriteError, Writer};

use crate::build::{ETHERNET, ORDERS, Order, Pcap, RADIOTAP, Seen, frames, open};

#[test]
fn both_byte_orders_and_both_resolutions_are_read() {
    for order in ORDERS {
        let micros = Pcap::new(order, Pcap::MICROS, ETHERNET).frame(1_700_000_000, 999_999, b"abc").bytes;
        assert_eq!(frames(&micros), [Seen::ethernet(1_700_000_000_999_999_000, b"abc")]);
        let nanos = Pcap::new(order, Pcap::NANOS, ETHERNET).frame(1_700_000_000, 999_999_999, b"abc").bytes;
        assert_eq!(frames(&nanos), [Seen::ethernet(1_700_000_000_999_999_999, b"abc")]);
    }
}

#[test]
fn seconds_are_unsigned_and_ticks_may_exceed_a_second() {
    let file = Pcap::new(Order::Big, Pcap::MICROS, ETHERNET).frame(u32::MAX, u32::MAX, b"x").bytes;
    assert_eq!(frames(&file), [Seen::ethernet(4_294_967_295_000_000_000 + 4_294_967_295_000, b"x")]);
}

#[test]
fn a_cut_frame_keeps_its_length_on_the_wire() {
    let file = Pcap::new(Order::Little, Pcap::MICROS, ETHERNET).record(0, 0, (3, 1500), b"abc").bytes;
    assert_eq!(frames(&file), [Seen { wire_len: 1500, ..Seen::ethernet(0, b"abc") }]);
}

#[test]
fn a_wire_length_below_the_captured_length_is_raised_to_it() {
    let file = Pcap::new(Order::Little, Pcap::MICROS, ETHERNET).record(0, 0, (3, 1), b"abc").bytes;
    assert_eq!(frames(&file), [Seen::ethernet(0, b"abc")]);
}

#[test]
fn lengths_of_old_versions_are_told_apart_by_their_size() {
    let old = Pcap::with_version(Order::Big, Pcap::MICROS, ETHERNET, 2, 3);
    let file = old.record(0, 0, (60, 3), b"abc").record(0, 0, (3, 60), b"def").bytes;
    let expected = |data| Seen { wire_len: 60, ..Seen::ethernet(0, data) };
    assert_eq!(frames(&file), [expected(b"abc"), expected(b"def")]);
}

#[test]
fn the_file_header_describes_the_one_interface() {
    let file = Pcap::new(Order::Little, Pcap::MICROS, 276).bytes;
    let capture = open(&file).unwrap();
    let [interface] = capture.interfaces() else { panic!("{:?}", capture.interfaces()) };
    assert_eq!((interface.link_type, interface.snap_len), (LinkCode(276), 65_535));
    assert_eq!((&interface.name, interface.mac), (&None, None));
    assert_eq!((capture.format(), capture.compression()), (Format::Pcap, Compression::None));
    assert_eq!((capture.name(), capture.bytes_read()), ("test", 24));
    assert_eq!(frames(&file), []);
}

#[test]
fn every_readable_link_type_reaches_its_frames() {
    let readable = [
        (0, LinkType::Null),
        (1, LinkType::Ethernet),
        (12, LinkType::Raw),
        (14, LinkType::Raw),
        (51, LinkType::Pppoe),
        (101, LinkType::Raw),
        (108, LinkType::Loop),
        (113, LinkType::LinuxSll),
        (228, LinkType::Ipv4),
        (229, LinkType::Ipv6),
        (276, LinkType::LinuxSll2),
    ];
    for (number, link) in readable {
        let file = Pcap::new(Order::Little, Pcap::MICROS, number).frame(0, 0, b"x").bytes;
        assert_eq!(frames(&file), [Seen { link, ..Seen::ethernet(0, b"x") }]);
    }
}

#[test]
fn frame_check_sequence_bits_are_no_part_of_the_link_type() {
    let file = Pcap::new(Order::Little, Pcap::MICROS, ETHERNET | 0x4400_0000).frame(0, 0, b"x").bytes;
    assert_eq!(frames(&file), [Seen::ethernet(0, b"x")]);
}

#[test]
fn an_unsupported_link_type_is_named() {
    let file = Pcap::new(Order::Big, Pcap::MICROS, RADIOTAP).frame(0, 0, b"x").bytes;
    let error = open(&file).unwrap_err();
    assert_eq!(error.to_string(), "link type 127 (IEEE 802.11 radiotap) is not supported");
    assert!(matches!(error, OpenError::UnsupportedLinkType(LinkCode(127))));
}

#[test]
fn other_versions_are_refused() {
    let file = Pcap::with_version(Order::Big, Pcap::MICROS, ETHERNET, 3, 1).bytes;
    assert!(matches!(open(&file), Err(OpenError::UnsupportedVersion { major: 3, minor: 1 })));
}

#[test]
fn modified_formats_are_refused_as_such() {
    for magic in [0xa1b2_cd34, 0xa1b2_34cd, 0xa12b_3c4d, 0x1c00_01ac, 0x1c00_01ab] {
        for order in ORDERS {
            let file = Pcap::new(order, magic, ETHERNET).bytes;
            assert!(matches!(open(&file), Err(OpenError::ModifiedPcap { .. })), "{magic:x}");
        }
    }
}

#[test]
fn what_the_writer_writes_is_read_back() {
    for (resolution, expected) in
        [(Resolution::Micros, 1_500_000_123_456_000), (Resolution::Nanos, 1_500_000_123_456_789)]
    {
        let mut writer = Writer::new(Vec::new(), LinkType::Raw, 4, resolution).unwrap();
        let time = Instant::from_nanos(1_500_000_123_456_789);
        writer.write(time, 1500, b"abcdef").unwrap();
        writer.write(time, 0, b"abc").unwrap();
        let file = writer.finish().unwrap();
        let seen = |wire_len, data| Seen { link: LinkType::Raw, wire_len, ..Seen::ethernet(expected, data) };
        assert_eq!(frames(&file), [seen(1500, b"abcd"), seen(3, b"abc")]);
    }
}

#[test]
fn the_writer_refuses_times_beyond_32_bits_of_seconds() {
    let mut writer = Writer::new(Vec::new(), LinkType::Raw, 96, Resolution::Nanos).unwrap();
    assert!(matches!(writer.write(Instant::from_secs(1 << 32), 0, b""), Err(WriteError::Time(_))));
    writer.write(Instant::from_secs((1 << 32) - 1), 0, b"").unwrap();
    assert_eq!(writer.finish().unwrap().len(), 24 + 16);
}

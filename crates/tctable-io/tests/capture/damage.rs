//! Files that are cut or corrupt: each failure has a name, and all before it is handed over.

use tctable_io::capture::{Corruption, MAX_BLOCK, OpenError, ReadError};

use crate::build::{ETHERNET, ORDERS, Order, Pcap, PcapNg, Seen, drain, open};

/// One good frame, then what the file is damaged by.
fn pcap() -> Pcap {
    Pcap::new(Order::Little, Pcap::MICROS, ETHERNET).frame(0, 1, b"good")
}

fn pcapng(order: Order) -> PcapNg {
    PcapNg::new(order).interface(ETHERNET, 0, &[]).packet(0, 1, b"good")
}

/// The file's one good frame, and then the damage at `offset`.
#[track_caller]
fn assert_corrupt(file: &[u8], offset: usize, expected: Corruption) {
    for max in [1, 64] {
        let (seen, failure) = drain(&mut open(file).unwrap(), max);
        assert_eq!(seen, [Seen::ethernet(1_000, b"good")]);
        match failure {
            Some(ReadError::Corrupt { offset: at, what }) => assert_eq!((at, what), (offset as u64, expected)),
            other => panic!("{other:?}"),
        }
    }
}

/// Cuts a file whose whole header ends at the first of `ends`, and whose records or blocks end at the others.
fn assert_cuts(file: &[u8], ends: &[usize], is_frame: &[bool]) {
    for cut in 0..=file.len() {
        let result = open(&file[..cut]);
        if cut < ends[0] {
            match result {
                Err(OpenError::Empty) => assert_eq!(cut, 0),
                Err(OpenError::Cut { wanted, had }) => assert!(had == cut as u64 && wanted > had),
                other => panic!("{other:?}"),
            }
            continue;
        }
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        let border = ends[whole - 1];
        let (seen, failure) = drain(&mut result.unwrap(), 64);
        assert_eq!(seen.len(), is_frame[..whole].iter().filter(|&&is| is).count());
        match failure {
            None => assert_eq!(cut, border),
            Some(ReadError::Cut { offset, wanted, had }) => {
                assert_eq!((offset, had), (border as u64, (cut - border) as u64));
                assert!(wanted > had && wanted <= (ends[whole] - border) as u64);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pcap_file_cut_anywhere_gives_all_whole_records() {
    for order in ORDERS {
        let file = Pcap::new(order, Pcap::NANOS, ETHERNET).frame(1, 2, &[1; 20]).frame(1, 3, &[]).frame(2, 0, &[2; 7]);
        assert_cuts(&file.bytes, &[24, 60, 76, 99], &[false, true, true, true]);
    }
}

#[test]
fn a_pcapng_file_cut_anywhere_gives_all_whole_blocks() {
    for order in ORDERS {
        let file = PcapNg::new(order)
            .interface(ETHERNET, 64, &[(2, b"eth0"), (9, &[9])])
            .packet(0, 7, &[1; 21])
            .block(0x0bad, &[3; 9])
            .simple_packet(90, &[4; 64])
            .section(Order::Big, 1)
            .interface(101, 0, &[])
            .obsolete_packet(0, 5, &[5; 3], &[(2, &[0; 4])]);
        let is_frame = [false, false, true, false, true, false, false, true];
        assert_cuts(&file.bytes, &file.ends, &is_frame);
    }
}

#[test]
fn nothing_is_an_empty_file() {
    assert!(matches!(open(b""), Err(OpenError::Empty)));
}

#[test]
fn other_files_are_told_by_their_first_bytes() {
    let error = open(b"GIF89a").unwrap_err();
    assert_eq!(error.to_string(), "not a pcap or pcapng file: it begins with 47 49 46 38");
}

#[test]
fn a_captured_length_beyond_every_snapshot_length_is_corrupt() {
    let file = pcap().record(0, 0, (262_145, 262_145), &[0; 100]).bytes;
    assert_corrupt(&file, 24 + 16 + 4, Corruption::CapturedLength(262_145));
    for kind in [2, 6] {
        let mut body = [0; 20];
        body[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        let file = pcapng(Order::Little);
        let offset = file.bytes.len();
        assert_corrupt(&file.block(kind, &body).bytes, offset, Corruption::CapturedLength(u32::MAX));
    }
    let file = pcapng(Order::Little);
    let offset = file.bytes.len();
    let file = file.simple_packet(300_000, &[0; 8]);
    assert_corrupt(&file.bytes, offset, Corruption::CapturedLength(300_000));
}

#[test]
fn impossible_block_lengths_are_corrupt() {
    for order in ORDERS {
        for length in [0, 8, 11, 13, 18, MAX_BLOCK as u32 + 4, u32::MAX] {
            let mut file = pcapng(order).bytes;
            let offset = file.len();
            file.extend(order.u32(6));
            file.extend(order.u32(length));
            file.extend([0; 40]);
            assert_corrupt(&file, offset, Corruption::BlockLength(length));
        }
    }
}

#[test]
fn a_block_must_end_with_its_length() {
    for order in ORDERS {
        for kind in [1, 3, 6, 0x0bad] {
            let file = pcapng(order);
            let offset = file.bytes.len();
            let mut file = file.block(kind, &[0; 40]).bytes;
            let last = file.len() - 4;
            file[last..].copy_from_slice(&order.u32(56));
            assert_corrupt(&file, offset, Corruption::TrailingLength { leading: 52, trailing: 56 });
        }
    }
}

#[test]
fn a_later_section_must_have_a_byte_order_and_a_known_version() {
    let mut file = pcapng(Order::Big).bytes;
    let offset = file.len();
    file.extend(PcapNg::new(Order::Little).bytes);
    file[offset + 8] = 0x4e;
    assert_corrupt(&file, offset, Corruption::ByteOrderMagic(0x4e3c_2b1a));

    let file = pcapng(Order::Big).section(Order::Little, 3).bytes;
    assert_corrupt(&file, offset, Corruption::SectionVersion { major: 3, minor: 0 });
}

#[test]
fn a_first_section_that_cannot_be_read_fails_to_open() {
    let mut file = pcapng(Order::Big).bytes;
    file[8] = 0;
    assert!(matches!(open(&file), Err(OpenError::Corrupt { what: Corruption::ByteOrderMagic(0x2b_3c4d) })));

    let mut file = pcapng(Order::Little).bytes;
    file[4..8].copy_from_slice(&20u32.to_le_bytes());
    file[16..20].copy_from_slice(&20u32.to_le_bytes());
    assert!(matches!(open(&file), Err(OpenError::Corrupt { what: Corruption::ShortBlock(0x0a0d_0d0a) })));
}

#[test]
fn blocks_must_hold_the_fields_of_their_type() {
    for (kind, fields) in [(1, 4), (2, 16), (3, 0), (6, 16)] {
        let file = pcapng(Order::Big);
        let offset = file.bytes.len();
        assert_corrupt(&file.block(kind, &[0; 16][..fields]).bytes, offset, Corruption::ShortBlock(kind));
    }
}

#[test]
fn blocks_must_hold_the_data_that_they_announce() {
    let file = pcapng(Order::Big);
    let offset = file.bytes.len();
    let mut body = [0; 24];
    body[15] = 5;
    for kind in [2, 6] {
        assert_corrupt(&file.clone().block(kind, &body).bytes, offset, Corruption::ShortBlock(kind));
    }
    assert_corrupt(&file.simple_packet(5, b"abcd").bytes, offset, Corruption::ShortBlock(3));
}

#[test]
fn interface_options_that_decide_the_time_must_be_readable() {
    let bad: [&[(u16, &[u8])]; 3] = [&[(9, &[6, 6])], &[(9, &[])], &[(14, &[0; 4])]];
    for options in bad {
        let file = pcapng(Order::Little);
        let offset = file.bytes.len();
        assert_corrupt(&file.interface(ETHERNET, 0, options).bytes, offset, Corruption::InterfaceOptions);
    }
    let file = pcapng(Order::Little);
    let offset = file.bytes.len();
    let body = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 9, 0, b'e', b't', b'h', b'0'];
    assert_corrupt(&file.block(1, &body).bytes, offset, Corruption::InterfaceOptions);
}

#[test]
fn damage_before_the_first_packet_is_reported_by_the_first_burst() {
    let mut file = PcapNg::new(Order::Little).interface(ETHERNET, 0, &[]).bytes;
    let offset = file.len() as u64;
    file.extend([9; 8]);
    let (seen, failure) = drain(&mut open(&file).unwrap(), 64);
    assert!(seen.is_empty());
    assert!(matches!(failure, Some(ReadError::Corrupt { offset: at, .. }) if at == offset));
}

#[test]
fn there_are_at_most_as_many_interfaces_as_device_numbers() {
    let mut file = PcapNg::new(Order::Little);
    for _ in 0..65_536 {
        file = file.interface(ETHERNET, 0, &[]);
    }
    let file = file.packet(65_535, 1, b"good");
    let offset = file.bytes.len();
    let (seen, failure) = drain(&mut open(&file.interface(ETHERNET, 0, &[]).bytes).unwrap(), 64);
    assert_eq!(seen, [Seen { device: 65_535, ..Seen::ethernet(1_000, b"good") }]);
    match failure {
        Some(ReadError::Corrupt { offset: at, what: Corruption::TooManyInterfaces }) => assert_eq!(at, offset as u64),
        other => panic!("{other:?}"),
    }
}

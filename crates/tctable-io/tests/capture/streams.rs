//! Streams that deliver as they please.

use std::io::{self, Cursor, ErrorKind, Read};

use tctable_io::capture::{MAX_CAPTURED, OpenError, ReadError};

use crate::build::{ETHERNET, Order, Pcap, PcapNg, Seen, drain, frames, open, open_reader, samples};

/// At most one byte to a read, and an interruption before each.
struct Trickle {
    file: Cursor<Vec<u8>>,
    interrupt: bool,
}

impl Trickle {
    fn new(file: &[u8]) -> Trickle {
        Trickle { file: Cursor::new(file.to_vec()), interrupt: false }
    }
}

impl Read for Trickle {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(ErrorKind::Interrupted.into());
        }
        let length = into.len().min(1);
        self.file.read(&mut into[..length])
    }
}

/// Fails for good after the bytes.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(ErrorKind::ConnectionReset.into()),
            count => Ok(count),
        }
    }
}

#[test]
fn one_byte_at_a_time_gives_the_same_frames() {
    for file in samples() {
        let mut capture = open_reader(Trickle::new(&file)).unwrap();
        let (seen, failure) = drain(&mut capture, 64);
        assert!(failure.is_none());
        assert_eq!(seen, frames(&file));
        assert_eq!(capture.bytes_read(), file.len() as u64);
    }
}

#[test]
fn the_size_of_bursts_changes_nothing() {
    let mut pcap = Pcap::new(Order::Little, Pcap::NANOS, ETHERNET);
    let mut pcapng = PcapNg::new(Order::Big).interface(ETHERNET, 0, &[(9, &[9])]);
    let mut expected = Vec::new();
    // More than one buffer, with records across every border.
    for number in 0..5_000u32 {
        let data = vec![number as u8; (number % 257) as usize];
        expected.push(Seen::ethernet(number.into(), &data));
        pcap = pcap.frame(0, number, &data);
        pcapng = pcapng.packet(0, number.into(), &data);
    }
    for file in [pcap.bytes, pcapng.bytes] {
        for max in [0, 1, 7, 64, 1000, usize::MAX] {
            let (seen, failure) = drain(&mut open(&file).unwrap(), max);
            assert!(failure.is_none());
            assert!(seen == expected, "bursts of {max}");
        }
    }
}

#[test]
fn a_record_may_be_larger_than_the_buffer() {
    let large = vec![7; MAX_CAPTURED as usize];
    let expected = [Seen::ethernet(0, b"x"), Seen::ethernet(1_000, &large), Seen::ethernet(2_000, b"y")];
    let pcap = Pcap::new(Order::Big, Pcap::MICROS, ETHERNET).frame(0, 0, b"x").frame(0, 1, &large).frame(0, 2, b"y");
    assert!(frames(&pcap.bytes) == expected);
    let pcapng = PcapNg::new(Order::Big).interface(ETHERNET, 0, &[]);
    let pcapng = pcapng.packet(0, 0, b"x").packet(0, 1, &large).packet(0, 2, b"y");
    assert!(frames(&pcapng.bytes) == expected);
}

#[test]
fn a_stream_that_fails_gives_what_came_before() {
    for file in samples() {
        let expected = frames(&file);
        let mut capture = open_reader(Failing(Cursor::new(file.clone()))).unwrap();
        let (seen, failure) = drain(&mut capture, 64);
        assert_eq!(seen, expected);
        match failure {
            Some(ReadError::Io { offset, reason }) => {
                assert_eq!((offset, reason.kind()), (file.len() as u64, ErrorKind::ConnectionReset));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_stream_that_fails_in_the_header_fails_to_open() {
    for length in [0, 3, 10, 20] {
        for file in samples() {
            let result = open_reader(Failing(Cursor::new(file[..length].to_vec())));
            assert!(matches!(result, Err(OpenError::Io(reason)) if reason.kind() == ErrorKind::ConnectionReset));
        }
    }
}

#[test]
fn a_stream_that_fails_before_the_first_packet_fails_in_the_first_burst() {
    let file = PcapNg::new(Order::Big).interface(ETHERNET, 0, &[]).bytes;
    let (seen, failure) = drain(&mut open_reader(Failing(Cursor::new(file))).unwrap(), 64);
    assert!(seen.is_empty());
    assert!(matches!(failure, Some(ReadError::Io { .. })));
}

#[test]
fn a_path_that_is_no_file_fails_to_open() {
    let missing = std::env::temp_dir().join("tctable-io-no-such-file.pcap");
    assert!(matches!(tctable_io::capture::Capture::open(&missing), Err(OpenError::Io(_))));
    assert!(matches!(tctable_io::capture::Capture::open(&std::env::temp_dir()), Err(OpenError::Io(_))));
}

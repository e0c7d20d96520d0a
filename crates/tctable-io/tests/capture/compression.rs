//! gzip and zstd, told by content.

use std::io::{Cursor, Read, Write};

use flate2::write::GzEncoder;
use tctable_io::capture::{Compression, OpenError, ReadError};

use crate::build::{ETHERNET, Order, Pcap, Seen, drain, frames, open, open_reader, samples};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

type Compressor = (Compression, fn(&[u8]) -> Vec<u8>);

const COMPRESSORS: [Compressor; 2] = [(Compression::Gzip, gzip), (Compression::Zstd, zstd)];

/// Frames that do not compress to nothing, in more than one buffer.
fn large_file() -> Vec<u8> {
    let mut state = 1u32;
    let mut pcap = Pcap::new(Order::Little, Pcap::MICROS, ETHERNET);
    for number in 0..4_000 {
        let data: Vec<u8> = (0..300)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        pcap = pcap.frame(number, 0, &data);
    }
    pcap.bytes
}

#[test]
fn compressed_files_give_the_same_frames() {
    for (compression, compress) in COMPRESSORS {
        for file in samples().into_iter().chain([large_file()]) {
            let compressed = compress(&file);
            let mut capture = open(&compressed).unwrap();
            assert_eq!(capture.compression(), compression);
            let (seen, failure) = drain(&mut capture, 64);
            assert!(failure.is_none(), "{failure:?}");
            assert!(seen == frames(&file));
            assert_eq!(capture.bytes_read(), compressed.len() as u64);
        }
    }
}

#[test]
fn concatenated_members_are_one_file() {
    for (_, compress) in COMPRESSORS {
        for file in samples() {
            // Also within the header, and within a record.
            for at in 0..file.len() {
                let joined = [compress(&file[..at]), compress(&file[at..])].concat();
                assert_eq!(frames(&joined), frames(&file));
            }
        }
    }
}

#[test]
fn a_skippable_zstd_frame_may_come_first() {
    for file in samples() {
        let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], b"skip".as_slice()].concat();
        assert_eq!(frames(&[skippable, zstd(&file)].concat()), frames(&file));
    }
}

#[test]
fn an_empty_compressed_file_is_empty() {
    for (_, compress) in COMPRESSORS {
        assert!(matches!(open(&compress(b"")), Err(OpenError::Empty)));
    }
}

#[test]
fn compression_is_undone_once() {
    for (_, compress) in COMPRESSORS {
        assert!(matches!(open(&compress(&compress(b"x"))), Err(OpenError::NotACapture { .. })));
    }
}

#[test]
fn a_cut_compressed_file_gives_what_was_decompressed() {
    for (compression, compress) in COMPRESSORS {
        for file in samples() {
            let whole = frames(&file);
            let compressed = compress(&file);
            for cut in 4..compressed.len() {
                match open(&compressed[..cut]) {
                    Err(OpenError::Decompress { compression: named, .. }) => assert_eq!(named, compression),
                    Ok(mut capture) => {
                        let (seen, failure) = drain(&mut capture, 64);
                        assert!(whole.starts_with(&seen));
                        assert!(matches!(failure, Some(ReadError::Decompress { .. })), "{failure:?}");
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_long_compressed_file_loses_little_to_a_cut() {
    for (_, compress) in COMPRESSORS {
        let file = large_file();
        let compressed = compress(&file);
        let (seen, failure) = drain(&mut open(&compressed[..compressed.len() / 2]).unwrap(), 64);
        assert!(matches!(failure, Some(ReadError::Decompress { .. })));
        let whole = frames(&file);
        assert!(whole.starts_with(&seen));
        // A zstd block holds up to 128 KiB and is decompressed whole.
        assert!(seen.len() > whole.len() * 2 / 5, "{}", seen.len());
    }
}

#[test]
fn damaged_checksums_are_found_after_the_last_frame() {
    for file in samples() {
        let mut compressed = gzip(&file);
        let checksum = compressed.len() - 8;
        compressed[checksum] ^= 1;
        let (seen, failure) = drain(&mut open(&compressed).unwrap(), 64);
        assert_eq!(seen, frames(&file));
        assert!(matches!(failure, Some(ReadError::Decompress { offset, .. }) if offset == file.len() as u64));
    }
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused() {
    // A frame header that asks for a window of 2^28 bytes, and one raw block.
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (28 - 10) << 3];
    let data = Pcap::new(Order::Little, Pcap::MICROS, ETHERNET).bytes;
    file.extend(&((data.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    file.extend(&data);
    assert!(matches!(open(&file), Err(OpenError::Decompress { compression: Compression::Zstd, .. })));
    file[5] = (27 - 10) << 3;
    assert_eq!(frames(&file), []);
}

#[test]
fn one_byte_at_a_time_is_enough_for_the_decompressors() {
    struct OneByte(Cursor<Vec<u8>>);
    impl Read for OneByte {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let length = into.len().min(1);
            self.0.read(&mut into[..length])
        }
    }
    for (_, compress) in COMPRESSORS {
        let file = Pcap::new(Order::Big, Pcap::NANOS, ETHERNET).frame(1, 2, b"abc").bytes;
        let mut capture = open_reader(OneByte(Cursor::new(compress(&file)))).unwrap();
        assert_eq!(drain(&mut capture, 64).0, [Seen::ethernet(1_000_000_002, b"abc")]);
    }
}

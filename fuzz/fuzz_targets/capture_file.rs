//! Arbitrary bytes as a capture file: never a panic, and what comes out depends neither on the size of the bursts
//! nor on how the bytes arrive.
#![no_main]

use std::io::{self, Cursor, Read};

use libfuzzer_sys::fuzz_target;
use tctable::packet::{Frame, FrameDirection, LinkType};
use tctable_io::capture::{Capture, MAX_CAPTURED, OpenError, ReadError, Skipped};

/// At most one byte to a read.
struct OneByte(Cursor<Vec<u8>>);

impl Read for OneByte {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(1);
        self.0.read(&mut into[..length])
    }
}

type Seen = (u64, u16, FrameDirection, LinkType, u32, Vec<u8>);

#[derive(Debug, PartialEq)]
struct Outcome {
    frames: Vec<Seen>,
    failure: Option<String>,
    interfaces: usize,
    skipped: Skipped,
}

fuzz_target!(|file: &[u8]| {
    let whole = |max| read(Box::new(Cursor::new(file.to_vec())), max);
    let expected = whole(256);
    for max in [1, 7] {
        compare(&expected, &whole(max));
    }
    compare(&expected, &read(Box::new(OneByte(Cursor::new(file.to_vec()))), 64));
});

/// What was read, or why not, and whether a decompressor is to blame.
type Reading = (Result<Outcome, String>, bool);

/// A decompressor that meets damage keeps what it has not yet delivered, which depends on how it is asked. All
/// other ends are where they are.
fn compare((first, first_damaged): &Reading, (second, second_damaged): &Reading) {
    if !first_damaged && !second_damaged {
        assert_eq!(first, second);
    } else if let (Ok(first), Ok(second)) = (first, second) {
        let common = first.frames.len().min(second.frames.len());
        assert_eq!(first.frames[..common], second.frames[..common]);
    }
}

fn read(file: Box<dyn Read + Send>, max: usize) -> Reading {
    let mut capture = match Capture::from_reader(file, "fuzz") {
        Ok(capture) => capture,
        Err(error) => {
            let damaged = matches!(error, OpenError::Decompress { .. });
            return (Err(error.to_string()), damaged);
        }
    };
    let mut frames = Vec::new();
    let failure = loop {
        match capture.next_burst(max) {
            Ok(Some(burst)) => {
                assert!((1..=max).contains(&burst.len()));
                assert_eq!(burst.frames().len(), burst.len());
                frames.extend(burst.frames().map(seen));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(capture.next_burst(max), Ok(None)), "reading goes on after the end");
    let interfaces = capture.interfaces();
    for &(_, device, _, link, ..) in &frames {
        assert_eq!(interfaces[usize::from(device)].link_type.link_type(), Some(link));
    }
    let damaged = matches!(failure, Some(ReadError::Decompress { .. }));
    let failure = failure.map(|error| error.to_string());
    (Ok(Outcome { frames, failure, interfaces: interfaces.len(), skipped: capture.skipped().clone() }), damaged)
}

fn seen(frame: Frame<'_>) -> Seen {
    assert!(frame.data.len() <= frame.wire_len as usize);
    assert!(frame.data.len() <= MAX_CAPTURED as usize);
    (frame.time.as_nanos(), frame.device.0, frame.direction, frame.link, frame.wire_len, frame.data.to_vec())
}

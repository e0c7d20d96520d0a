//! Frames, most of them alike enough that filters meet them.

use super::random::Random;

/// A frame, and which of the two devices it comes in by.
pub struct Frame {
    pub bytes: Vec<u8>,
    pub input: usize,
    /// Where the innermost protocol begins, and which it is.
    pub network_offset: u16,
    pub protocol: u16,
    /// Tags: the kernel counts the first one's bytes nowhere.
    pub tags: usize,
}

impl Frame {
    /// The length that the kernel counts.
    pub fn len(&self) -> u32 {
        self.bytes.len() as u32 - if self.tags > 0 { 4 } else { 0 }
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

pub fn frame(random: &mut Random) -> Frame {
    let mut bytes = Vec::new();
    for _ in 0..2 {
        bytes.extend([2, 0, 0, 0, random.pick(&[0, 1, 2]), random.bits() as u8 & 3]);
    }
    let tags = if random.percent(80) { 0 } else { 1 + random.below(2) };
    for _ in 0..tags {
        bytes.extend(random.pick(&[0x8100u16, 0x8100, 0x88a8]).to_be_bytes());
        bytes.extend((random.bits() as u16 & 0xe00f).to_be_bytes());
    }
    let protocol = random.pick(&[IPV4, IPV4, IPV4, IPV4, IPV6, IPV6, 0x0806, 0x88b5]);
    bytes.extend(protocol.to_be_bytes());
    let network_offset = bytes.len() as u16;
    match protocol {
        IPV4 => ipv4(random, &mut bytes),
        IPV6 => ipv6(random, &mut bytes),
        _ => payload(random, &mut bytes, 60),
    }
    if random.percent(5) {
        // Headers end anywhere, but behind what the way there reads.
        let shortest = usize::from(network_offset) + 8;
        bytes.truncate(shortest + random.below(24));
    }
    Frame { bytes, input: random.below(2), network_offset, protocol, tags }
}

fn ipv4(random: &mut Random, bytes: &mut Vec<u8>) {
    let words = if random.percent(90) { random.pick(&[5, 5, 5, 6, 7, 15]) } else { random.below(16) };
    let start = bytes.len();
    bytes.extend([0x40 | words as u8, random.pick(&[0, 0, 0x10, 0xb8]), 0, 0, 0, random.bits() as u8]);
    bytes.extend(random.pick(&[0x0000u16, 0x4000, 0x2000, 0x00b9]).to_be_bytes());
    bytes.extend([64, random.pick(&[6, 6, 17, 1]), 0, 0]);
    for _ in 0..2 {
        bytes.extend([10, 0, random.pick(&[0, 1]), random.bits() as u8 & 7]);
    }
    payload(random, bytes, words.saturating_sub(5) * 4);
    transport(random, bytes);
    let len = (bytes.len() - start) as u16;
    bytes[start + 2..start + 4].copy_from_slice(&len.to_be_bytes());
}

fn ipv6(random: &mut Random, bytes: &mut Vec<u8>) {
    bytes.extend([0x60, random.bits() as u8 & 0x30, 0, 0, 0, 40, random.pick(&[6, 17, 58]), 64]);
    for _ in 0..2 {
        bytes.extend([0xfd, 0, 0, random.pick(&[0, 1]), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, random.bits() as u8 & 7]);
    }
    transport(random, bytes);
}

fn transport(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..2 {
        bytes.extend(random.pick(&[22u16, 53, 80, 443, 1024, 50_000]).to_be_bytes());
    }
    let len = 16 + random.below(100);
    payload(random, bytes, len);
}

fn payload(random: &mut Random, bytes: &mut Vec<u8>, len: usize) {
    bytes.extend((0..len).map(|_| if random.percent(60) { 0 } else { random.bits() as u8 & 0x33 }));
}

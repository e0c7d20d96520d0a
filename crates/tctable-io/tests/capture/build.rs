//! Builders for capture files, and a reader that keeps everything.

use std::io::{Cursor, Read};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;
use tctable_io::capture::{Capture, OpenError, ReadError};

pub const ETHERNET: u32 = 1;
pub const RADIOTAP: u32 = 127;

/// A frame that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub nanos: u64,
    pub device: u16,
    pub direction: FrameDirection,
    pub link: LinkType,
    pub wire_len: u32,
    pub data: Vec<u8>,
}

impl Seen {
    /// An Ethernet frame that was kept whole, on the first interface.
    pub fn ethernet(nanos: u64, data: &[u8]) -> Seen {
        Seen {
            nanos,
            device: 0,
            direction: FrameDirection::Unknown,
            link: LinkType::Ethernet,
            wire_len: data.len() as u32,
            data: data.to_vec(),
        }
    }
}

impl From<Frame<'_>> for Seen {
    fn from(frame: Frame<'_>) -> Seen {
        let Frame { time, device: DeviceId(device), direction, link, wire_len, data } = frame;
        Seen { nanos: Instant::as_nanos(time), device, direction, link, wire_len, data: data.to_vec() }
    }
}

/// Opens a file in memory.
pub fn open(file: &[u8]) -> Result<Capture, OpenError> {
    open_reader(Cursor::new(file.to_vec()))
}

/// Opens a stream.
pub fn open_reader(reader: impl Read + Send + 'static) -> Result<Capture, OpenError> {
    Capture::from_reader(Box::new(reader), "test")
}

/// Everything up to the end or the failure, in bursts of at most `max`. After it, the file must have ended.
pub fn drain(capture: &mut Capture, max: usize) -> (Vec<Seen>, Option<ReadError>) {
    let mut seen = Vec::new();
    let failure = loop {
        match capture.next_burst(max) {
            Ok(Some(burst)) => {
                assert!((1..=max.max(1)).contains(&burst.len()) && !burst.is_empty());
                assert_eq!(burst.frames().len(), burst.len());
                seen.extend(burst.frames().map(Seen::from));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(capture.next_burst(max), Ok(None)));
    (seen, failure)
}

/// All frames of a file that has nothing wrong.
pub fn frames(file: &[u8]) -> Vec<Seen> {
    let (seen, failure) = drain(&mut open(file).unwrap(), 64);
    assert!(failure.is_none(), "{failure:?}");
    seen
}

/// Numbers in the byte order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

pub const ORDERS: [Order; 2] = [Order::Little, Order::Big];

impl Order {
    pub fn u16(self, number: u16) -> [u8; 2] {
        if self == Order::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub fn u32(self, number: u32) -> [u8; 4] {
        if self == Order::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub fn u64(self, number: u64) -> [u8; 8] {
        if self == Order::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

/// A pcap file under construction.
#[derive(Clone, Debug)]
pub struct Pcap {
    pub bytes: Vec<u8>,
    order: Order,
}

impl Pcap {
    pub const MICROS: u32 = 0xa1b2_c3d4;
    pub const NANOS: u32 = 0xa1b2_3c4d;

    pub fn new(order: Order, magic: u32, link: u32) -> Pcap {
        Pcap::with_version(order, magic, link, 2, 4)
    }

    pub fn with_version(order: Order, magic: u32, link: u32, major: u16, minor: u16) -> Pcap {
        let mut bytes = order.u32(magic).to_vec();
        bytes.extend(order.u16(major));
        bytes.extend(order.u16(minor));
        bytes.extend([0; 8]);
        bytes.extend(order.u32(65_535));
        bytes.extend(order.u32(link));
        Pcap { bytes, order }
    }

    /// A record as its header says, which need not be true.
    pub fn record(mut self, seconds: u32, ticks: u32, lengths: (u32, u32), data: &[u8]) -> Pcap {
        for number in [seconds, ticks, lengths.0, lengths.1] {
            self.bytes.extend(self.order.u32(number));
        }
        self.bytes.extend(data);
        self
    }

    /// A frame that was kept whole.
    pub fn frame(self, seconds: u32, ticks: u32, data: &[u8]) -> Pcap {
        let length = data.len() as u32;
        self.record(seconds, ticks, (length, length), data)
    }
}

/// A pcapng file under construction.
#[derive(Clone, Debug)]
pub struct PcapNg {
    pub bytes: Vec<u8>,
    order: Order,
    /// Where each block ends.
    pub ends: Vec<usize>,
}

impl PcapNg {
    /// With the section header.
    pub fn new(order: Order) -> PcapNg {
        PcapNg::with_version(order, 1)
    }

    pub fn with_version(order: Order, major: u16) -> PcapNg {
        PcapNg { bytes: Vec::new(), order, ends: Vec::new() }.section(order, major)
    }

    pub fn block(mut self, kind: u32, body: &[u8]) -> PcapNg {
        let padded = body.len().next_multiple_of(4);
        let length = self.order.u32(padded as u32 + 12);
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(length);
        self.ends.push(self.bytes.len());
        self
    }

    /// Blocks that follow are in this section's order.
    pub fn section(mut self, order: Order, major: u16) -> PcapNg {
        self.order = order;
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(major));
        body.extend(order.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub fn interface(self, link: u32, snap_len: u32, options: &[(u16, &[u8])]) -> PcapNg {
        let mut body = self.order.u16(link as u16).to_vec();
        body.extend([0; 2]);
        body.extend(self.order.u32(snap_len));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    /// An enhanced packet block that says the frame was kept whole.
    pub fn packet(self, interface: u32, ticks: u64, data: &[u8]) -> PcapNg {
        self.packet_with(interface, ticks, data.len() as u32, data, &[])
    }

    pub fn packet_with(
        self,
        interface: u32,
        ticks: u64,
        wire_len: u32,
        data: &[u8],
        options: &[(u16, &[u8])],
    ) -> PcapNg {
        let mut body = self.order.u32(interface).to_vec();
        body.extend(self.packet_tail(ticks, wire_len, data, options));
        self.block(6, &body)
    }

    /// The packet block that enhanced packet blocks replaced.
    pub fn obsolete_packet(self, interface: u16, ticks: u64, data: &[u8], options: &[(u16, &[u8])]) -> PcapNg {
        let mut body = self.order.u16(interface).to_vec();
        body.extend(self.order.u16(3));
        body.extend(self.packet_tail(ticks, data.len() as u32, data, options));
        self.block(2, &body)
    }

    pub fn simple_packet(self, wire_len: u32, data: &[u8]) -> PcapNg {
        let mut body = self.order.u32(wire_len).to_vec();
        body.extend(data);
        self.block(3, &body)
    }

    fn packet_tail(&self, ticks: u64, wire_len: u32, data: &[u8], options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut tail = Vec::new();
        for number in [(ticks >> 32) as u32, ticks as u32, data.len() as u32, wire_len] {
            tail.extend(self.order.u32(number));
        }
        tail.extend(data);
        tail.resize(tail.len().next_multiple_of(4), 0);
        tail.extend(self.options(options));
        tail
    }

    fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(self.order.u16(*code));
            bytes.extend(self.order.u16(value.len() as u16));
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }
}

/// A small file of each format and byte order, with all that the format has.
pub fn samples() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    for order in ORDERS {
        let pcap = Pcap::new(order, Pcap::MICROS, ETHERNET);
        samples.push(pcap.frame(1, 2, &[1; 20]).frame(1, 3, &[]).record(2, 0, (7, 900), &[2; 7]).bytes);
        let other = if order == Order::Little { Order::Big } else { Order::Little };
        samples.push(
            PcapNg::new(order)
                .interface(ETHERNET, 64, &[(2, b"eth0"), (9, &[9])])
                .packet(0, 1_000_000_007, &[1; 21])
                .packet_with(0, 1_000_000_008, 1500, &[2; 6], &[(2, &order.u32(1))])
                .block(0x0bad, &[3; 9])
                .simple_packet(90, &[4; 64])
                .section(other, 1)
                .interface(101, 0, &[])
                .obsolete_packet(0, 5, &[5; 3], &[])
                .bytes,
        );
    }
    samples
}

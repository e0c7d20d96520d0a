use crate::conntrack::connection::{Counter, Direction};
use crate::packet::{Address, Family, Tuple};
use crate::time::Instant;

/// Puts numbers behind each other.
#[derive(Default)]
pub(in crate::conntrack) struct Writer(pub(in crate::conntrack) Vec<u8>);

impl Writer {
    pub(in crate::conntrack) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(in crate::conntrack) fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    pub(in crate::conntrack) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u128(&mut self, value: u128) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn instant(&mut self, at: Instant) {
        self.u64(at.as_nanos());
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// So many bytes, 65,535 at most.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(u16::MAX.into())];
        self.u16(bytes.len() as u16);
        self.0.extend(bytes);
    }

    pub(super) fn address(&mut self, address: Address) {
        self.u64(address.high);
        self.u64(address.low);
    }

    pub(super) fn tuple(&mut self, tuple: &Tuple) {
        self.u8(tuple.family as u8);
        self.u8(tuple.protocol);
        self.u16(tuple.zone);
        self.address(tuple.source);
        self.address(tuple.destination);
        self.u16(tuple.source_port);
        self.u16(tuple.destination_port);
    }

    pub(super) fn counter(&mut self, counter: Counter) {
        self.u64(counter.packets);
        self.u64(counter.bytes);
    }
}

/// Takes numbers off the front; `None` where there is none, or where it cannot be.
pub(in crate::conntrack) struct Reader<'a>(pub(super) &'a [u8]);

/// No counter comes to this: at 400 Gbit/s it would take 700 years.
const MAX_COUNT: u64 = 1 << 60;

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(in crate::conntrack) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(in crate::conntrack) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(in crate::conntrack) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    pub(super) fn instant(&mut self) -> Option<Instant> {
        self.u64().map(Instant::from_nanos)
    }

    pub(in crate::conntrack) fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Some(None) }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        let (bytes, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(super) fn direction(&mut self) -> Option<Direction> {
        Some(if self.bool()? { Direction::Reply } else { Direction::Original })
    }

    pub(super) fn family(&mut self) -> Option<Family> {
        match self.u8()? {
            4 => Some(Family::V4),
            6 => Some(Family::V6),
            _ => None,
        }
    }

    pub(super) fn address(&mut self, family: Family) -> Option<Address> {
        let address = Address { high: self.u64()?, low: self.u64()? };
        (family == Family::V6 || address.bits() <= u32::MAX.into()).then_some(address)
    }

    pub(super) fn tuple(&mut self) -> Option<Tuple> {
        let (family, protocol, zone) = (self.family()?, self.u8()?, self.u16()?);
        Some(Tuple {
            source: self.address(family)?,
            destination: self.address(family)?,
            source_port: self.u16()?,
            destination_port: self.u16()?,
            protocol,
            family,
            zone,
        })
    }

    pub(super) fn counter(&mut self) -> Option<Counter> {
        let counter = Counter { packets: self.u64()?, bytes: self.u64()? };
        (counter.packets.max(counter.bytes) < MAX_COUNT).then_some(counter)
    }
}

use std::sync::Arc;

use super::SnapshotError::Senseless;
use super::{CHECKSUM, HEADER, MAGIC, NO_GROUP, SnapshotError, VERSION};
use crate::account::host::{ClassCounters, ClassEntry, Host};
use crate::account::limit::Pace;
use crate::account::mac::{MacAddress, Station};
use crate::account::metering::Metering;
use crate::account::owner::Owner;
use crate::account::period::Span;
use crate::account::quota::{Meter, Quota};
use crate::account::rates::{Past, Ring, Traffic};
use crate::account::table::Hosts;
use crate::conntrack::Counter;
use crate::packet::{Address, Family};
use crate::time::{Duration, Instant};

/// No counter of one class and side comes to this: at 400 Gbit/s it would take 700 years. So sums of a host's do not
/// overflow.
const MAX_COUNT: u64 = 1 << 60;

/// What cannot be.
const SHORT: SnapshotError = Senseless("it ends too early");

pub(super) type Read<T> = Result<T, SnapshotError>;

/// Takes numbers off the front.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    /// Nothing in the snapshot happened later.
    pub(super) taken_at: Instant,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or(SHORT)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn u8(&mut self) -> Read<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn bool(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Senseless("neither yes nor no")),
        }
    }

    pub(super) fn u32(&mut self) -> Read<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Read<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn instant(&mut self) -> Read<Instant> {
        self.u64().map(Instant::from_nanos)
    }

    /// A time that has passed.
    fn past_instant(&mut self) -> Read<Instant> {
        let at = self.instant()?;
        if at <= self.taken_at { Ok(at) } else { Err(Senseless("something happened after the snapshot")) }
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn address(&mut self) -> Read<(Family, Address)> {
        let family = match self.u8()? {
            4 => Family::V4,
            6 => Family::V6,
            _ => return Err(Senseless("an address of no family")),
        };
        let address = Address { high: self.u64()?, low: self.u64()? };
        if family == Family::V4 && address.bits() > u32::MAX.into() {
            return Err(Senseless("an address that is too long"));
        }
        Ok((family, address))
    }

    fn counter(&mut self) -> Read<Counter> {
        let counter = Counter { packets: self.u64()?, bytes: self.u64()? };
        if counter.packets.max(counter.bytes) < MAX_COUNT { Ok(counter) } else { Err(Senseless("too large a counter")) }
    }

    fn classes(&mut self) -> Read<[ClassCounters; 4]> {
        let mut classes = <[ClassCounters; 4]>::default();
        for ClassCounters { tx, rx } in &mut classes {
            (*tx, *rx) = (self.counter()?, self.counter()?);
        }
        Ok(classes)
    }

    /// What was counted in some time. A beginning may lie below zero, since counters may be zeroed.
    fn traffic(&mut self) -> Read<Traffic> {
        let mut counter = || Ok(Counter { packets: self.u64()?, bytes: self.u64()? });
        Ok(Traffic { tx: counter()?, rx: counter()?, connections: self.u64()? })
    }

    pub(super) fn meter(&mut self) -> Read<Meter> {
        let before = self.instant()?;
        let span = Span { begins: self.instant()?, ends: self.instant()? };
        if before > span.begins || span.begins >= span.ends || span.begins > self.taken_at {
            return Err(Senseless("a period that cannot be"));
        }
        let (used, previous) = (self.u64()?, self.u64()?);
        let (soft, hard) = (self.option(Self::u64)?, self.option(Self::u64)?);
        Ok(Meter { span, before, used, previous, lent: 0, soft, hard })
    }

    fn ring<const N: usize, const SECONDS: u64>(&mut self) -> Read<Ring<N, SECONDS>> {
        let number = self.u64()?;
        if number > self.taken_at.as_nanos() / 1_000_000_000 / SECONDS {
            return Err(Senseless("a second after the snapshot"));
        }
        let mut ring = Ring { number, base: self.traffic()?, parts: [Traffic::default(); N] };
        for part in &mut ring.parts {
            *part = self.traffic()?;
        }
        Ok(ring)
    }

    fn past(&mut self) -> Read<Past> {
        Ok(Past { seconds: self.ring()?, tens: self.ring()?, peak: self.traffic()? })
    }

    fn class(&mut self) -> Read<ClassEntry> {
        let counters = [self.counter()?, self.counter()?];
        let (last, ended) = (self.past_instant()?, self.past_instant()?);
        Ok(ClassEntry { counters, last, ended, ..ClassEntry::default() })
    }

    pub(super) fn host(&mut self) -> Read<Saved> {
        self.host_and_group_place().map(|(saved, _)| saved)
    }

    /// A host, and how many bytes were left where the number of its group stands.
    pub(super) fn host_and_group_place(&mut self) -> Read<(Saved, usize)> {
        let (family, address) = self.address()?;
        let by_device = self.bool()?;
        let mac = self.option(|reader| reader.array().map(MacAddress))?;
        if mac.is_some_and(|mac| !mac.is_station()) {
            return Err(Senseless("an Ethernet address that no station has"));
        }
        let (first_id, next_id) = (self.u64()?, self.u64()?);
        if first_id > next_id || next_id > Owner::MAX_ID {
            return Err(Senseless("ids that fall"));
        }
        let (first, armed, pace) = (self.past_instant()?, self.past_instant()?, self.instant()?);
        if pace > self.taken_at + Duration::from_secs(1) {
            return Err(Senseless("tokens beyond the next second"));
        }
        let left = self.bytes.len();
        let group = self.u32()?;
        let mut classes = <[ClassEntry; 4]>::default();
        for class in &mut classes {
            *class = self.class()?;
        }
        let (base, meter, past) = (self.option(Self::classes)?, self.option(Self::meter)?, self.option(Self::past)?);
        let host = Host {
            next_id,
            armed,
            pace: Pace(pace),
            station: mac.map_or(Station::UNKNOWN, Station::from),
            by_device,
            classes,
            past: past.map(Box::new),
            ..Host::new(first, family, address, first_id)
        };
        Ok((Saved { host, group, base, meter }, left))
    }

    pub(super) fn group(&mut self) -> Read<SavedGroup> {
        let length = self.u32()? as usize;
        let (name, rest) = self.bytes.split_at_checked(length).ok_or(SHORT)?;
        let name = std::str::from_utf8(name).map_err(|_| Senseless("a name that is no text"))?.into();
        self.bytes = rest;
        let (departed, pace) = (self.classes()?, Pace(self.instant()?));
        if pace.0 > self.taken_at + Duration::from_secs(1) {
            return Err(Senseless("tokens beyond the next second"));
        }
        Ok(SavedGroup { name, departed, pace, meter: self.option(Self::meter)? })
    }
}

/// A host as it was saved.
pub(super) struct Saved {
    pub(super) host: Host,
    pub(super) group: u32,
    pub(super) base: Option<[ClassCounters; 4]>,
    pub(super) meter: Option<Meter>,
}

impl Saved {
    pub(super) fn key(&self) -> (Family, Address) {
        (self.host.family, self.host.address)
    }
}

pub(super) struct SavedGroup {
    pub(super) name: Arc<str>,
    pub(super) departed: [ClassCounters; 4],
    pub(super) pace: Pace,
    pub(super) meter: Option<Meter>,
}

impl Saved {
    /// Adds what the same host counted in another table; `same_group`: for the same group.
    pub(super) fn add(&mut self, more: Saved, same_group: bool) {
        let other = more.host;
        let before = totals_of(&other);
        let host = &mut self.host;
        let opened = (host.next_id - host.first_id) + (other.next_id - other.first_id);
        // Ids that either gave are not given again, and as many as both gave are below the next one.
        let lowest = host.first_id.min(other.first_id);
        host.next_id = host.next_id.max(other.next_id).max(lowest.saturating_add(opened)).min(Owner::MAX_ID);
        host.first_id = host.next_id.saturating_sub(opened);
        host.first = host.first.min(other.first);
        host.armed = host.armed.max(other.armed);
        host.pace = Pace(host.pace.0.max(other.pace.0));
        host.by_device |= other.by_device;
        if host.mac().is_none() {
            host.station = other.station;
        }
        for (class, other) in host.classes.iter_mut().zip(&other.classes) {
            for (counter, more) in class.counters.iter_mut().zip(other.counters) {
                *counter += more;
            }
            class.last = class.last.max(other.last);
            class.ended = class.ended.max(other.ended);
        }
        // They tell of how counters rose, and these have just risen by something else.
        host.past = None;
        // What was counted for no group, or for another one, is not this one's.
        let others_base = if same_group { more.base } else { Some(before) };
        if let Some(base) = others_base {
            let sum = self.base.get_or_insert_default();
            for (sum, more) in sum.iter_mut().zip(base) {
                sum.tx += more.tx;
                sum.rx += more.rx;
            }
        }
        self.meter = self.meter.take().or(more.meter);
    }
}

fn totals_of(host: &Host) -> [ClassCounters; 4] {
    crate::account::Class::ALL.map(|class| host.class(class))
}

impl SavedGroup {
    /// Adds what those who left it counted in another table.
    pub(super) fn add(&mut self, more: &SavedGroup) {
        for (sum, more) in self.departed.iter_mut().zip(more.departed) {
            sum.tx += more.tx;
            sum.rx += more.rx;
        }
        self.pace = Pace(self.pace.0.max(more.pace.0));
    }
}

/// The body of a snapshot that is whole.
pub(super) fn body<'a>(magic_of: &[u8; 8], bytes: &'a [u8]) -> Read<&'a [u8]> {
    let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
        // It may still have begun well.
        let torn = SnapshotError::Torn { there: bytes.len() as u64, expected: (HEADER + CHECKSUM) as u64 };
        return Err(if magic_of.starts_with(bytes) { torn } else { SnapshotError::Foreign });
    };
    if magic != magic_of {
        return Err(SnapshotError::Foreign);
    }
    let torn = |expected| SnapshotError::Torn { there: bytes.len() as u64, expected };
    let too_short = || torn((HEADER + CHECKSUM) as u64);
    let (version, rest) = rest.split_first_chunk().ok_or_else(too_short)?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let (length, rest) = rest.split_first_chunk().ok_or_else(too_short)?;
    let length = u64::from_le_bytes(*length);
    let (body, checksum) = rest.split_last_chunk().ok_or_else(too_short)?;
    if body.len() as u64 != length {
        return Err(torn(length.saturating_add((HEADER + CHECKSUM) as u64)));
    }
    let summed = bytes.len() - CHECKSUM;
    if u32::from_le_bytes(*checksum) != crc32c::crc32c(bytes.get(..summed).unwrap_or_default()) {
        return Err(SnapshotError::Checksum);
    }
    Ok(body)
}

impl Hosts {
    /// Takes a snapshot over in the place of all hosts, and gives the time at which it was taken.
    ///
    /// Hosts belong to the groups that are set up now. A group of the snapshot that is not among them is gone with what it
    /// counted; and so is what was used of a quota that has other periods now.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is changed then.
    pub(crate) fn restore(&mut self, now: Instant, bytes: &[u8]) -> Result<Instant, SnapshotError> {
        if self.iter().any(|host| host.open_connections() != 0) {
            return Err(SnapshotError::InUse);
        }
        let mut reader = Reader { bytes: body(MAGIC, bytes)?, taken_at: Instant::MAX };
        reader.taken_at = reader.instant()?;
        let taken_at = reader.taken_at;
        let mut hosts = self.emptied(now.max(taken_at));
        hosts.first_id = hosts.first_id.max(reader.u64()?);
        if hosts.first_id > Owner::MAX_ID {
            return Err(Senseless("ids that fall"));
        }

        let count = reader.u32()?;
        // The numbers that the snapshot's groups have now.
        let mut numbers = Vec::new();
        for _ in 0..count {
            let SavedGroup { name, departed, pace, meter } = reader.group()?;
            let number = hosts.roster.number(&name);
            if number.is_some() && numbers.contains(&number) {
                return Err(Senseless("two groups of one name"));
            }
            numbers.push(number);
            let offset = hosts.config.utc_offset;
            if let Some(state) = number.and_then(|number| hosts.roster.get_mut(number)) {
                (state.departed, state.pace) = (departed, pace);
                if let Some(meter) = meter.filter(|meter| fits(meter, state.quota, offset)) {
                    state.meter = Some(meter);
                }
            }
        }

        let count = reader.u32()?;
        if count > hosts.config.max {
            return Err(SnapshotError::TooManyHosts { hosts: count, max: hosts.config.max });
        }
        for _ in 0..count {
            let mut saved = reader.host()?;
            // Ids that were given since are not given again.
            if let Some(place) = self.find(saved.host.family, saved.host.address) {
                let given = self.slab[place].next_id.saturating_sub(saved.host.next_id);
                saved.host.first_id += given;
                saved.host.next_id += given;
            }
            let group = match saved.group {
                NO_GROUP => None,
                number => *numbers.get(number as usize).ok_or(Senseless("a host of no group"))?,
            };
            hosts.settle(taken_at, saved, group)?;
        }
        for _ in 0..reader.u32()? {
            let (key, meter) = (reader.address()?, reader.meter()?);
            if !fits(&meter, hosts.config.quota, hosts.config.utc_offset) {
                continue;
            }
            match hosts.remembered.len() < hosts.config.max as usize {
                true => drop(hosts.remembered.insert(key, meter)),
                false => hosts.forgotten += 1,
            }
        }
        if !reader.bytes.is_empty() {
            return Err(Senseless("it goes on after its end"));
        }
        *self = hosts;
        Ok(taken_at)
    }

    /// Puts a saved host in; `group` is the one that it belonged to.
    fn settle(&mut self, now: Instant, saved: Saved, group: Option<u32>) -> Result<(), SnapshotError> {
        let Saved { mut host, base, meter, .. } = saved;
        if self.find(host.family, host.address).is_some() {
            return Err(Senseless("a host that is there twice"));
        }
        if !self.config.rates {
            host.past = None;
        }
        let place = self.put(&host).map_err(|_| Senseless("hosts whose hashes are alike"))?;
        let now_in = self.roster.groups.decide(host.family, host.address, host.mac());
        if let Some(number) = group {
            self.join(place, number);
            self.slab[place].base = base.map(Box::new);
        }
        if now_in != group {
            self.move_to(place, now_in);
        }
        if let Some(meter) = meter.filter(|meter| fits(meter, self.config.quota, self.config.utc_offset)) {
            self.slab[place].metering = Some(Box::new(Metering { meter: Some(meter), ..Metering::default() }));
        }
        self.meter(now, place);
        Ok(())
    }
}

/// Whether a meter's period is one of a quota's.
fn fits(meter: &Meter, quota: Option<Quota>, offset: crate::account::UtcOffset) -> bool {
    quota.is_some_and(|quota| {
        let fresh = Meter::new(meter.span.begins, &quota, offset);
        (fresh.span, fresh.before) == (meter.span, meter.before)
    })
}

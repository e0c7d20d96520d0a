use super::decode::{Saved, SavedGroup};
use super::{HEADER, MAGIC, NO_GROUP, VERSION};
use crate::account::host::{Class, ClassCounters, ClassEntry, Host};
use crate::account::quota::Meter;
use crate::account::rates::{Past, Ring, Traffic};
use crate::account::table::Hosts;
use crate::conntrack::Counter;
use crate::packet::{Address, Family};
use crate::time::Instant;

/// Puts numbers behind each other.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn instant(&mut self, at: Instant) {
        self.u64(at.as_nanos());
    }

    /// How many follow. No table has more than 2^32 - 1.
    pub(super) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn address(&mut self, family: Family, address: Address) {
        self.u8(family as u8);
        self.u64(address.high);
        self.u64(address.low);
    }

    fn counter(&mut self, counter: Counter) {
        self.u64(counter.packets);
        self.u64(counter.bytes);
    }

    fn classes(&mut self, classes: &[ClassCounters; 4]) {
        for ClassCounters { tx, rx } in classes {
            self.counter(*tx);
            self.counter(*rx);
        }
    }

    fn traffic(&mut self, Traffic { tx, rx, connections }: Traffic) {
        self.counter(tx);
        self.counter(rx);
        self.u64(connections);
    }

    pub(super) fn meter(&mut self, Meter { span, before, used, previous, soft, hard, .. }: &Meter) {
        self.instant(*before);
        self.instant(span.begins);
        self.instant(span.ends);
        self.u64(*used);
        self.u64(*previous);
        self.option(*soft, Self::u64);
        self.option(*hard, Self::u64);
    }

    fn ring<const N: usize, const SECONDS: u64>(&mut self, ring: &Ring<N, SECONDS>) {
        self.u64(ring.number);
        self.traffic(ring.base);
        ring.parts.iter().for_each(|part| self.traffic(*part));
    }

    fn past(&mut self, Past { seconds, tens, peak }: &Past) {
        self.ring(seconds);
        self.ring(tens);
        self.traffic(*peak);
    }

    fn class(&mut self, taken_at: Instant, entry: &ClassEntry) {
        entry.counters.iter().for_each(|counter| self.counter(*counter));
        self.instant(entry.last);
        // What is open ends here, as far as the table that comes of this can know.
        self.instant(if entry.open != 0 { taken_at } else { entry.ended });
    }

    /// What stands before a host's past; gives where its group's number stands.
    fn row(
        &mut self,
        taken_at: Instant,
        host: &Host,
        group: u32,
        base: Option<&[ClassCounters; 4]>,
        meter: Option<&Meter>,
    ) -> usize {
        let begins = self.0.len();
        self.address(host.family, host.address);
        self.u8(host.by_device.into());
        self.option(host.mac(), |writer, mac| writer.0.extend(mac.0));
        self.u64(host.first_id);
        self.u64(host.next_id);
        self.instant(host.first);
        self.instant(host.armed);
        self.instant(host.pace.0);
        let group_at = self.0.len() - begins;
        self.u32(group);
        for class in Class::ALL {
            self.class(taken_at, &host.classes[class as usize]);
        }
        self.option(base, Self::classes);
        self.option(meter, Self::meter);
        group_at
    }

    /// A host that was read from a snapshot; gives where its group's number stands.
    pub(super) fn saved(&mut self, saved: &Saved) -> usize {
        let Saved { host, group, base, meter } = saved;
        // None of its connections is open, so no time is needed for their ends.
        let group_at = self.row(Instant::ZERO, host, *group, base.as_ref(), meter.as_ref());
        self.option(host.past.as_deref(), Self::past);
        group_at
    }

    /// A group that was read from a snapshot.
    pub(super) fn saved_group(&mut self, SavedGroup { name, departed, pace, meter }: &SavedGroup) {
        self.count(name.len());
        self.0.extend(name.bytes());
        self.classes(departed);
        self.instant(pace.0);
        self.option(meter.as_ref(), Writer::meter);
    }

    pub(super) fn host(&mut self, taken_at: Instant, host: &Host, group: u32, meter: Option<Meter>, with_past: bool) {
        self.row(taken_at, host, group, host.base.as_deref(), meter.as_ref());
        self.option(host.past.as_deref().filter(|_| with_past), Self::past);
    }
}

impl Hosts {
    /// The table as bytes, as it stands at a time that is not before anything that it counted.
    pub(crate) fn snapshot(&self, now: Instant) -> Vec<u8> {
        let mut body = Writer::default();
        body.instant(now);
        body.u64(self.first_id);
        self.write_groups(now, &mut body);
        body.count(self.len());
        for (place, host) in self.there() {
            let group = self.roster.get(host.group).map_or(NO_GROUP, |_| host.group);
            body.host(now, host, group, self.host_meter(now, place), true);
        }
        body.count(self.remembered.len());
        for ((family, address), meter) in &self.remembered {
            body.address(*family, *address);
            body.meter(meter);
        }

        sealed(MAGIC, &mut body.0)
    }

    /// All groups.
    pub(super) fn write_groups(&self, now: Instant, body: &mut Writer) {
        body.count(self.roster.states.len());
        for (number, state) in (0u32..).zip(&self.roster.states) {
            body.count(state.name.len());
            body.0.extend(state.name.bytes());
            body.classes(&state.departed);
            body.instant(state.pace.0);
            body.option(self.group_meter(now, number).as_ref(), Writer::meter);
        }
    }
}

/// A body between its header and its checksum.
pub(super) fn sealed(magic: &[u8; 8], body: &mut Vec<u8>) -> Vec<u8> {
    let mut whole = Vec::with_capacity(HEADER + body.len() + super::CHECKSUM);
    whole.extend(magic);
    whole.extend(VERSION.to_le_bytes());
    whole.extend((body.len() as u64).to_le_bytes());
    whole.append(body);
    let checksum = crc32c::crc32c(&whole);
    whole.extend(checksum.to_le_bytes());
    whole
}

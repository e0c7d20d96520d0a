//! `hashlimit`: a limit for each address, pair of ports or whatever the mode tells apart.
//!
//! Rules of one version of IP with the same name share a table. As in the kernel the first of them says how the table
//! counts, and of the others only `--hashlimit-above` or `--hashlimit-upto` is heeded. An entry's time is looked at by the
//! cleaner alone, every `gc_interval`, so an idle entry lives on for up to that much longer. A packet that would need an
//! entry in a full table is dropped, and so is one whose ports are asked for and not there.
//!
//! The kernel counts in jiffies: packets of one jiffy find the same credit. The cleaner's first round comes one interval
//! after the table's first packet, in the kernel one interval after its first rule.

mod meter;

use std::collections::BTreeMap;

use self::meter::Meter;
use super::outcome::Outcome;
use crate::hook::PacketBuf;
use crate::packet::{Address, Family, Fragment, PacketInfo};
use crate::ruleset::{Hashlimit, HashlimitMode};
use crate::time::{Duration, Instant};

/// Buckets of a kernel with more than a gigabyte of memory, where nobody tells a number.
const DEFAULT_BUCKETS: u32 = 8_192;

/// The most buckets or entries that anybody may ask for (`HASHLIMIT_MAX_SIZE`).
const MOST: u32 = 1 << 20;

/// The tables of all `hashlimit` matches.
#[derive(Debug, Default)]
pub(crate) struct HashlimitTables {
    tables: Vec<Table>,
    names: BTreeMap<(Box<str>, Family), usize>,
}

/// What entries are told apart by; what the mode does not name is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: Address,
    destination: Address,
    source_port: u16,
    destination_port: u16,
}

#[derive(Debug)]
struct Table {
    family: Family,
    mode: HashlimitMode,
    source_mask: u8,
    destination_mask: u8,
    /// What a new entry begins with.
    fresh: Meter,
    max: usize,
    expire: Duration,
    gc_interval: Duration,
    /// When the cleaner comes next; nobody has seen a packet yet without.
    gc: Option<Instant>,
    entries: BTreeMap<Key, Entry>,
}

#[derive(Debug)]
struct Entry {
    meter: Meter,
    expires: Instant,
}

/// Why a packet has no key.
enum NoKey {
    /// The packet has no such header.
    Missing,
    /// The capture has not kept it.
    Cut,
}

impl HashlimitTables {
    /// No tables.
    pub(crate) fn new() -> Self {
        HashlimitTables::default()
    }

    /// The handle of the rule's table, which is made if it is the first of its name.
    pub(crate) fn register(&mut self, rule: &Hashlimit, family: Family) -> usize {
        *self.names.entry((rule.name.clone(), family)).or_insert_with(|| {
            self.tables.push(Table::new(rule, family));
            self.tables.len() - 1
        })
    }

    /// Goes on with the tables that were there before under the same names, as they are: rules that come anew to a table
    /// do not change how it counts.
    pub(crate) fn take_over(&mut self, mut old: HashlimitTables) {
        for (name, at) in &self.names {
            let before = old.names.get(name).and_then(|at| old.tables.get_mut(*at));
            if let (Some(own), Some(before)) = (self.tables.get_mut(*at), before) {
                std::mem::swap(own, before);
            }
        }
    }

    /// Counts a packet in its entry and says what it is to the rule. A handle that was not given matches nothing.
    pub(crate) fn matches(&mut self, handle: usize, rule: &Hashlimit, packet: &PacketBuf<'_>, now: Instant) -> Outcome {
        let Some(table) = self.tables.get_mut(handle) else { return Outcome::Differs };
        table.clean(now);
        let key = match table.key(packet) {
            Ok(key) => key,
            Err(NoKey::Missing) => return Outcome::HotDrop,
            Err(NoKey::Cut) => return Outcome::Differs,
        };
        match table.within(key, packet.info().ip_len, now) {
            Some(within) => (within != rule.above).into(),
            None => Outcome::HotDrop,
        }
    }
}

impl Table {
    fn new(rule: &Hashlimit, family: Family) -> Self {
        let buckets = if rule.size == 0 { DEFAULT_BUCKETS } else { rule.size.min(MOST) };
        let max = if rule.max == 0 { buckets.saturating_mul(8) } else { rule.max.min(MOST).max(buckets) };
        Table {
            family,
            mode: rule.mode,
            source_mask: rule.source_mask,
            destination_mask: rule.destination_mask,
            fresh: Meter::new(rule),
            max: max as usize,
            expire: Duration::from_millis(rule.expire.into()),
            gc_interval: Duration::from_millis(rule.gc_interval.max(1).into()),
            gc: None,
            entries: BTreeMap::new(),
        }
    }

    /// Whether a packet with that key is within its limit; `None` where there is no place for a new entry.
    fn within(&mut self, key: Key, len: u32, now: Instant) -> Option<bool> {
        if !self.entries.contains_key(&key) {
            if self.entries.len() >= self.max {
                return None;
            }
            let entry = Entry { meter: self.fresh.begun(now), expires: now };
            self.entries.insert(key, entry);
        }
        let entry = self.entries.get_mut(&key)?;
        entry.expires = now + self.expire;
        Some(entry.meter.admits(len, now))
    }

    /// Removes what the cleaner's last round before now has found to be over.
    fn clean(&mut self, now: Instant) {
        let due = *self.gc.get_or_insert(now + self.gc_interval);
        if now < due {
            return;
        }
        let interval = self.gc_interval.as_nanos();
        let rounds = (now - due).as_nanos() / interval;
        let last = due + Duration::from_nanos(rounds * interval);
        self.entries.retain(|_, entry| entry.expires > last);
        self.gc = Some(last + self.gc_interval);
    }

    fn key(&self, packet: &PacketBuf<'_>) -> Result<Key, NoKey> {
        let HashlimitMode { source, source_port, destination, destination_port } = self.mode;
        let info = packet.info();
        let mut key = Key::default();
        if source {
            key.source = masked(info.tuple.source, self.family, self.source_mask);
        }
        if destination {
            key.destination = masked(info.tuple.destination, self.family, self.destination_mask);
        }
        if source_port || destination_port {
            let (from, to) = ports(packet)?;
            key.source_port = if source_port { from } else { 0 };
            key.destination_port = if destination_port { to } else { 0 };
        }
        Ok(key)
    }
}

/// The address with nothing but its first bits.
pub(super) fn masked(address: Address, family: Family, bits: u8) -> Address {
    let width = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let cleared = 128u32.min(width - width.min(bits.into()));
    Address::from_v6_bits(address.bits() & u128::MAX.checked_shl(cleared).unwrap_or(0))
}

/// The words in which the kernel sees ports: those of the protocols that have ports, the index of ESP and AH, and zeros for
/// all others. In IPv4 it does not ask whether a packet is a later fragment.
fn ports(packet: &PacketBuf<'_>) -> Result<(u16, u16), NoKey> {
    /// What follows is no header of a protocol, but IPv6's extension headers, of which the last one is cut or says that
    /// nothing follows.
    const NO_TRANSPORT: [u8; 6] = [0, 43, 44, 51, 59, 60];
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    let info = packet.info();
    let missing = || if is_cut(info, packet.data()) { NoKey::Cut } else { NoKey::Missing };
    let view = packet.packet();
    let bytes = view.as_packet().transport_bytes();
    let at = match (info.tuple.family, info.tuple.protocol) {
        // A fragment header that is not there makes a later fragment of the packet for conntrack alone.
        (Family::V6, FRAGMENT) if bytes.len() < 4 => return Err(missing()),
        (Family::V6, _) if info.fragment == Fragment::Later => return Ok((0, 0)),
        (Family::V6, protocol) if NO_TRANSPORT.contains(&protocol) => return Err(missing()),
        // TCP, UDP, DCCP, ESP, SCTP, UDP-Lite.
        (_, 6 | 17 | 33 | 50 | 132 | 136) => 0,
        (_, AUTHENTICATION) => 4,
        _ => return Ok((0, 0)),
    };
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => Ok((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
        _ => Err(missing()),
    }
}

/// Whether the capture has not kept the whole packet.
fn is_cut(info: &PacketInfo, data: &[u8]) -> bool {
    data.len() < usize::from(info.network_offset) + info.ip_len as usize
}

#[cfg(test)]
mod tests;

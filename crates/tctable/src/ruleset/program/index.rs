//! Which rules of a long chain are worth a look: a tuple space search (Srinivasan, Suri, Varghese, 1999).
//!
//! Most rules fix some of a packet's addresses, protocol and ports. Which ones, and how many bits of an address, is the
//! rule's shape; there are few shapes in a chain, whatever the number of its rules. Each shape is a hash table from what
//! its rules fix to their numbers. A packet looks once into each, and only the rules found there, in their order, are asked
//! in full, so nothing but time depends on this. No rule is passed over that would count, remember or drop the packet.
//!
//! What is fixed comes from the rules, not from packets: no sender can make lists long.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::{header, matches};
use crate::packet::{Address, Family, PacketInfo, Transport, Tuple, protocol};
use crate::ruleset::{Masked, Match, Not, PortRange, PortsMatch, Rule};

/// A chain with fewer rules is walked rule by rule.
const MIN_RULES: usize = 17;

/// With more shapes than this prefixes are taken for shorter ones, of fewer lengths.
const MAX_SHAPES: usize = 32;

/// Prefix lengths are taken for multiples of one of these.
const STEPS: [u8; 6] = [1, 4, 8, 16, 32, 128];

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Index {
    shapes: Vec<Table>,
    /// The numbers of the rules: those of one place in one table beside each other, in order.
    numbers: Vec<u32>,
}

/// The rules of one shape.
#[derive(Debug)]
struct Table {
    mask: Fields,
    /// Where in `numbers` the rules lie that fix the same. Fields whose hashes are equal share a place: the rules are asked in
    /// full anyway.
    places: HashMap<u64, Cursor, BuildHasherDefault<Ready>>,
}

/// Rules that are still to be looked at: a part of `numbers`, and at the same time where in it to go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    at: u32,
    end: u32,
}

/// Which fields a rule fixes: of addresses so many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    source: u8,
    destination: u8,
    protocol: bool,
    source_port: bool,
    destination_port: bool,
}

/// The fields, of a packet, a rule, or masks for them.
#[derive(Clone, Copy, Debug)]
struct Fields {
    source: Address,
    destination: Address,
    /// Both ports and the protocol.
    small: u64,
}

impl Index {
    /// The index of a chain, if that is long enough.
    pub(super) fn new(rules: &[Rule], family: Family) -> Option<Index> {
        if rules.len() < MIN_RULES {
            return None;
        }
        let fixed: Vec<(Shape, Fields)> = rules.iter().map(|rule| fixed(rule, family)).collect();
        let shapes = |step| fixed.iter().map(|(shape, _)| shape.coarse(step)).collect::<BTreeSet<Shape>>().len();
        let step = STEPS.into_iter().find(|step| shapes(*step) <= MAX_SHAPES).unwrap_or(STEPS[STEPS.len() - 1]);
        let mut grouped: BTreeMap<Shape, BTreeMap<u64, Vec<u32>>> = BTreeMap::new();
        for (number, (shape, fields)) in fixed.iter().enumerate() {
            let shape = shape.coarse(step);
            let key = fields.under(&shape.mask(family)).hash();
            grouped.entry(shape).or_default().entry(key).or_default().push(number as u32);
        }
        let mut numbers = Vec::with_capacity(rules.len());
        let shapes = grouped.into_iter().map(|(shape, lists)| {
            let place = |(key, list): (u64, Vec<u32>)| {
                let at = numbers.len() as u32;
                numbers.extend(list);
                (key, Cursor { at, end: numbers.len() as u32 })
            };
            Table { mask: shape.mask(family), places: lists.into_iter().map(place).collect() }
        });
        Some(Index { shapes: shapes.collect(), numbers })
    }

    /// Adds cursors for the rules that a packet may meet. `None` for a packet that has to be shown to every rule: one that is
    /// dropped by the first rule that would read what it has not.
    pub(super) fn candidates(&self, info: &PacketInfo, cursors: &mut Vec<Cursor>) -> Option<()> {
        let readable = match info.tuple.protocol {
            protocol::TCP => matches!(info.transport, Transport::Tcp(_)),
            protocol::UDP => info.transport == Transport::Udp,
            _ => header::has_protocol(info),
        };
        if !readable {
            return None;
        }
        let fields = Fields::of(&info.tuple);
        cursors.extend(self.shapes.iter().filter_map(|table| table.places.get(&fields.under(&table.mask).hash())));
        Some(())
    }

    /// The lowest number that is left.
    pub(super) fn next(&self, cursors: &mut [Cursor]) -> Option<usize> {
        let left = cursors.iter_mut().filter(|cursor| cursor.at < cursor.end);
        let number = |cursor: &Cursor| self.numbers.get(cursor.at as usize).copied();
        let (number, cursor) =
            left.filter_map(|cursor| Some((number(cursor)?, cursor))).min_by_key(|(number, _)| *number)?;
        cursor.at += 1;
        Some(number as usize)
    }
}

impl Shape {
    fn coarse(self, step: u8) -> Shape {
        Shape { source: self.source / step * step, destination: self.destination / step * step, ..self }
    }

    fn mask(self, family: Family) -> Fields {
        let port = |fixed| if fixed { u16::MAX } else { 0 };
        let protocol = if self.protocol { u8::MAX } else { 0 };
        Fields {
            source: prefix_mask(self.source, family),
            destination: prefix_mask(self.destination, family),
            small: small(port(self.source_port), port(self.destination_port), protocol),
        }
    }
}

impl Fields {
    fn of(tuple: &Tuple) -> Fields {
        let small = small(tuple.source_port, tuple.destination_port, tuple.protocol);
        Fields { source: tuple.source, destination: tuple.destination, small }
    }

    #[inline]
    fn under(&self, mask: &Fields) -> Fields {
        let under =
            |address: Address, mask: Address| Address { high: address.high & mask.high, low: address.low & mask.low };
        Fields {
            source: under(self.source, mask.source),
            destination: under(self.destination, mask.destination),
            small: self.small & mask.small,
        }
    }

    #[inline]
    fn hash(&self) -> u64 {
        let Fields { source, destination, small } = self;
        let low = fold(source.low ^ 0x9e37_79b9_7f4a_7c15, destination.low ^ 0xbf58_476d_1ce4_e5b9);
        let high = fold(source.high ^ 0x94d0_49bb_1331_11eb, destination.high ^ 0xd6e8_feb8_6659_fd93);
        fold(low ^ small ^ 0xa076_1d64_78bd_642f, high ^ 0xe703_7ed1_a0b4_28db)
    }
}

/// Both halves of a product.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

const fn small(source_port: u16, destination_port: u16, protocol: u8) -> u64 {
    source_port as u64 | (destination_port as u64) << 16 | (protocol as u64) << 32
}

fn prefix_mask(bits: u8, family: Family) -> Address {
    let bits = u32::from(bits);
    match family {
        Family::V4 => Address::from_v4_bits(u32::MAX.checked_shl(32u32.saturating_sub(bits)).unwrap_or_default()),
        Family::V6 => Address::from_v6_bits(u128::MAX.checked_shl(128u32.saturating_sub(bits)).unwrap_or_default()),
    }
}

/// What a rule fixes.
fn fixed(rule: &Rule, family: Family) -> (Shape, Fields) {
    let (source, source_bits) = prefix(&rule.header.source, family);
    let (destination, destination_bits) = prefix(&rule.header.destination, family);
    let protocol = rule.header.protocol.filter(|asked| !asked.negated).map(|asked| asked.value);
    let ports = protocol.and_then(|protocol| ports(rule, protocol)).unwrap_or_default();
    let (source_port, destination_port) = (port(ports.source), port(ports.destination));
    let shape = Shape {
        source: source_bits,
        destination: destination_bits,
        protocol: protocol.is_some(),
        source_port: source_port.is_some(),
        destination_port: destination_port.is_some(),
    };
    let small =
        small(source_port.unwrap_or_default(), destination_port.unwrap_or_default(), protocol.unwrap_or_default());
    (shape, Fields { source, destination, small })
}

/// An address and how many of its first bits a rule fixes.
fn prefix(asked: &Option<Not<Masked>>, family: Family) -> (Address, u8) {
    let Some(Not { negated: false, value: Masked { address, mask } }) = asked else { return Default::default() };
    let bits = match family {
        Family::V4 => (mask.low as u32).leading_ones(),
        Family::V6 => mask.bits().leading_ones(),
    } as u8;
    // A mask with gaps fixes no prefix, as far as this goes.
    if prefix_mask(bits, family) == *mask { (*address, bits) } else { Default::default() }
}

/// The ports that a rule asks for before it asks anything that remembers the packets that it saw.
fn ports(rule: &Rule, protocol: u8) -> Option<PortsMatch> {
    rule.matches.iter().take_while(|asked| !matches::is_stateful(asked)).find_map(|asked| match asked {
        Match::Tcp(tcp) if protocol == protocol::TCP => Some(tcp.ports),
        Match::Udp(ports) if protocol == protocol::UDP => Some(*ports),
        _ => None,
    })
}

fn port(asked: Option<Not<PortRange>>) -> Option<u16> {
    let Not { negated, value: PortRange { first, last } } = asked?;
    (!negated && first == last).then_some(first)
}

/// A number for a rule: that of equal rules is equal, and that of others mostly not.
pub(super) fn fingerprint(rule: &Rule, family: Family) -> u64 {
    let (shape, fields) = fixed(rule, family);
    fold(
        fields.hash() ^ u64::from(shape.source) << 8 ^ u64::from(shape.destination),
        rule.matches.len() as u64 | 1 << 32,
    )
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

use std::collections::BTreeMap;
use std::ops::Bound;

use super::node::Node;
use super::options::U32Options;
use crate::sched::filter::classifier::Place;
use crate::sched::filter::request::{FilterError, FilterStatistics};

/// Numbers that are given to tables without one begin here.
const FIRST_GIVEN: u16 = 0x800;
/// So many of them there are, the first included.
const GIVEN: u16 = 0x7ff;
/// Numbers that are given to nodes without one begin here, as long as one is left.
const FIRST_NODE: u16 = 0x800;
const LAST_NODE: u16 = 0xfff;

/// A handle's parts: the table's number, the bucket, the node's number.
pub(super) fn parts(handle: u32) -> (u16, u8, u16) {
    ((handle >> 20) as u16, (handle >> 12) as u8, (handle & 0xfff) as u16)
}

/// The handle of these parts.
pub(super) fn handle(table: u16, bucket: u8, node: u16) -> u32 {
    u32::from(table) << 20 | u32::from(bucket) << 12 | u32::from(node)
}

/// The hash tables of an attachment point: its `u32` filters share them, whatever their priority.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// By their place, which links know.
    tables: Vec<Option<Table>>,
    /// The places by the tables' numbers.
    places: BTreeMap<u16, u16>,
    /// The last number that was given.
    given: u16,
    /// Priorities that have a root table.
    pub(super) priorities: usize,
    /// Nodes in all tables.
    pub(super) nodes: usize,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) id: u16,
    /// The priority in whose name it was made.
    place: Place,
    pub(super) is_root: bool,
    /// Buckets but one: their number is a power of two.
    pub(super) mask: u8,
    buckets: Box<[Bucket]>,
    /// Nodes that link to it.
    pub(super) links: usize,
}

/// In the order of the nodes' numbers.
pub(super) type Bucket = Vec<Node>;

impl Table {
    #[inline]
    pub(super) fn bucket_mut(&mut self, bucket: u8) -> Option<&mut Bucket> {
        self.buckets.get_mut(usize::from(bucket))
    }

    fn node(&self, bucket: u8, id: u16) -> Option<&Node> {
        let bucket = self.buckets.get(usize::from(bucket))?;
        bucket.binary_search_by_key(&id, |node| node.id).ok().map(|at| &bucket[at])
    }

    /// A number for another node: the first one free from 0x800 on, or from 1 on.
    pub(super) fn free_node(&self, bucket: u8) -> Option<u16> {
        let bucket = self.buckets.get(usize::from(bucket))?;
        let first_free = |first: u16, last: u16| {
            let from = bucket.partition_point(|node| node.id < first);
            let bucket = bucket.get(from..).unwrap_or_default();
            // Up to the first gap, numbers follow one another.
            let mut low = 0;
            let mut high = bucket.len();
            while low < high {
                let middle = low + (high - low) / 2;
                if usize::from(bucket[middle].id - first) == middle { low = middle + 1 } else { high = middle }
            }
            u16::try_from(low + usize::from(first)).ok().filter(|id| *id <= last)
        };
        first_free(FIRST_NODE, LAST_NODE).or_else(|| first_free(1, FIRST_NODE - 1))
    }

    /// All nodes, to be taken out.
    pub(super) fn take_nodes(&mut self) -> impl Iterator<Item = Node> {
        self.buckets.iter_mut().flat_map(std::mem::take)
    }
}

impl Tables {
    #[inline]
    pub(super) fn get_mut(&mut self, place: u16) -> Option<&mut Table> {
        self.tables.get_mut(usize::from(place))?.as_mut()
    }

    fn get(&self, place: u16) -> Option<&Table> {
        self.tables.get(usize::from(place))?.as_ref()
    }

    /// Where the table of that number is.
    pub(super) fn place(&self, id: u16) -> Option<u16> {
        self.places.get(&id).copied()
    }

    fn table(&self, id: u16) -> Option<&Table> {
        self.get(self.place(id)?)
    }

    /// The handle of the table at a place.
    pub(super) fn handle(&self, place: u16) -> Option<u32> {
        self.get(place).map(|table| handle(table.id, 0, 0))
    }

    /// Whether there is a table or a node with that handle.
    pub(super) fn has(&self, handle: u32) -> bool {
        let (table, bucket, node) = parts(handle);
        let Some(table) = self.table(table) else { return false };
        (bucket, node) == (0, 0) || table.node(bucket, node).is_some()
    }

    /// The root table of another priority. The first one is 800.
    pub(super) fn add_root(&mut self, place: Place) -> Result<u16, FilterError> {
        let id = if self.priorities == 0 { FIRST_GIVEN } else { self.free_id()? };
        let place = self.add(id, place, 1, true);
        self.priorities += 1;
        Ok(place)
    }

    /// A number for another table: the next one behind the last one that was given.
    pub(super) fn free_id(&mut self) -> Result<u16, FilterError> {
        let numbers = (self.given + 1..GIVEN).chain(1..=self.given.min(GIVEN - 1));
        let mut free = numbers.filter(|number| !self.places.contains_key(&(FIRST_GIVEN | number)));
        self.given = free.next().ok_or(FilterError::NoHandleLeft)?;
        Ok(FIRST_GIVEN | self.given)
    }

    /// Adds a table with a number that is free and a power of two of buckets.
    pub(super) fn add(&mut self, id: u16, place: Place, buckets: u16, is_root: bool) -> u16 {
        let table = Table {
            id,
            place,
            is_root,
            mask: buckets.saturating_sub(1) as u8,
            buckets: (0..buckets).map(|_| Bucket::new()).collect(),
            links: 0,
        };
        // There are fewer numbers than places.
        let free = self.tables.iter().position(Option::is_none).unwrap_or(self.tables.len());
        if free == self.tables.len() {
            self.tables.push(None);
        }
        self.tables[free] = Some(table);
        self.places.insert(id, free as u16);
        free as u16
    }

    /// Takes a table out.
    pub(super) fn remove(&mut self, place: u16) -> Option<Table> {
        let table = self.tables.get_mut(usize::from(place))?.take()?;
        self.places.remove(&table.id);
        Some(table)
    }

    /// Takes all tables out and forgets the numbers that were given.
    pub(super) fn take(&mut self) -> Tables {
        std::mem::take(self)
    }

    pub(super) fn into_tables(self) -> impl Iterator<Item = Table> {
        self.tables.into_iter().flatten()
    }

    /// The least handle of a table or a node that is greater, among the tables of one priority.
    pub(super) fn handle_after(&self, place: Place, after: u32) -> Option<u32> {
        let (id, bucket, node) = parts(after);
        let tables = self.places.range((Bound::Included(id), Bound::Unbounded));
        let tables = tables.filter_map(|(_, place)| self.get(*place)).filter(|table| table.place == place);
        for table in tables {
            let (bucket, node) = match handle(table.id, 0, 0) {
                own if after < own => return Some(own),
                _ if table.id == id => (bucket, node),
                _ => (0, 0),
            };
            let buckets = table.buckets.iter().enumerate().skip(bucket.into());
            for (at, nodes) in buckets {
                let behind = if at == usize::from(bucket) { node } else { 0 };
                let next = nodes.partition_point(|node| node.id <= behind);
                if let Some(next) = nodes.get(next) {
                    return Some(handle(table.id, at as u8, next.id));
                }
            }
        }
        None
    }

    pub(super) fn view(&self, of: u32) -> Option<(U32Options, FilterStatistics)> {
        let (id, bucket, node) = parts(of);
        let table = self.table(id)?;
        if (bucket, node) == (0, 0) {
            let options = U32Options::Table { divisor: table.buckets.len() as u32 };
            return Some((options, FilterStatistics::default()));
        }
        let node = table.node(bucket, node)?;
        let link = node.link.and_then(|place| self.handle(place));
        Some((U32Options::Node(node.options(handle(id, bucket, 0), link)), node.statistics()))
    }
}

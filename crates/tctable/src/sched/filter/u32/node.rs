use super::options::{U32Key, U32Mark, U32Node, U32Offset, U32Selector};
use crate::packet::DeviceId;
use crate::sched::action::Actions;
use crate::sched::filter::request::FilterStatistics;
use crate::sched::handle::Handle;

/// A node in its bucket.
#[derive(Debug)]
pub(super) struct Node {
    /// Its number there.
    pub(super) id: u16,
    pub(super) is_terminal: bool,
    pub(super) eat: bool,
    /// By how much the bits that choose a bucket are shifted down.
    pub(super) hash_shift: u8,
    pub(super) hash_at: i16,
    pub(super) hash_mask: u32,
    /// The table that it links to.
    pub(super) link: Option<u16>,
    pub(super) mark: U32Mark,
    /// Whether it asks for a mark, which is told to whoever lists it.
    has_mark: bool,
    pub(super) input: Option<DeviceId>,
    pub(super) class: Option<Handle>,
    pub(super) keys: Box<[Key]>,
    pub(super) offset: Option<U32Offset>,
    pub(super) actions: Actions,
    pub(super) seen: u64,
    pub(super) marked: u64,
    pub(super) matched: u64,
}

/// A key, and how many packets matched it and all before it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) key: U32Key,
    pub(super) matched: u64,
}

impl Node {
    pub(super) fn new(id: u16, selector: &U32Selector, options: &U32Node, link: Option<u16>, actions: Actions) -> Node {
        let U32Selector { terminal, ref keys, hash_at, hash_mask, offset, eat } = *selector;
        Node {
            id,
            is_terminal: terminal,
            eat,
            // No bit chooses nothing, however it is shifted.
            hash_shift: (hash_mask.trailing_zeros() & 31) as u8,
            hash_at,
            hash_mask,
            link,
            mark: options.mark.unwrap_or(U32Mark { value: 0, mask: 0 }),
            has_mark: options.mark.is_some(),
            input: options.input,
            class: options.class,
            keys: keys.iter().map(|key| Key { key: *key, matched: 0 }).collect(),
            offset,
            actions,
            seen: 0,
            marked: 0,
            matched: 0,
        }
    }

    /// What it was told; `table` and `link` are the handles of its bucket and of the table that it links to.
    pub(super) fn options(&self, table: u32, link: Option<u32>) -> U32Node {
        U32Node {
            table: Some(table),
            selector: Some(U32Selector {
                terminal: self.is_terminal,
                keys: self.keys.iter().map(|key| key.key).collect(),
                hash_at: self.hash_at,
                hash_mask: self.hash_mask,
                offset: self.offset,
                eat: self.eat,
            }),
            link,
            class: self.class,
            input: self.input,
            mark: self.has_mark.then_some(self.mark),
            actions: self.actions.options(),
        }
    }

    pub(super) fn statistics(&self) -> FilterStatistics {
        FilterStatistics {
            seen: self.seen,
            matched: self.matched,
            marked: self.marked,
            keys: self.keys.iter().map(|key| key.matched).collect(),
            actions: self.actions.statistics(),
        }
    }
}

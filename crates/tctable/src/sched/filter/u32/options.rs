use crate::packet::DeviceId;
use crate::sched::action::ActionOptions;
use crate::sched::handle::Handle;

/// A `u32` filter.
///
/// Its handle is `table:bucket:node`: 12 bits, 8 bits and 12 bits. A table is one of the attachment point, whatever the
/// priority of the filters in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum U32Options {
    /// Nothing but the priority's root table, `tc filter add ... u32` without a word behind it.
    Root,
    /// A hash table that others link to; the request's handle is its number, or none.
    Table {
        /// Its buckets: a power of two, up to 256.
        divisor: u32,
    },
    /// A node: keys and what is done where they match.
    Node(U32Node),
}

/// A node of a `u32` table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct U32Node {
    /// The table and the bucket that it is in (`ht`); `None` is the root table's.
    pub table: Option<u32>,
    /// What is matched. A change of a node that is there cannot change it: it is left out, or ignored, as in the kernel.
    pub selector: Option<U32Selector>,
    /// Where a packet that matches goes on: a table's handle; 0 takes the link away.
    pub link: Option<u32>,
    /// The class that it belongs to.
    pub class: Option<Handle>,
    /// The device that it must have come in by.
    pub input: Option<DeviceId>,
    /// The mark that it must have.
    pub mark: Option<U32Mark>,
    /// What is done to it.
    pub actions: Vec<ActionOptions>,
}

/// A mark with a mask: `mark & mask == value` is what matches, so a value with bits beyond the mask never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct U32Mark {
    /// What it must be under the mask.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
}

/// What a node matches, and how a packet goes on from there (`struct tc_u32_sel`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct U32Selector {
    /// Whether a packet that matches belongs to the node's class (`TC_U32_TERMINAL`). Otherwise the next node has it, after
    /// the linked table had it.
    pub terminal: bool,
    /// All of them must match.
    pub keys: Vec<U32Key>,
    /// Which word of the packet chooses the linked table's bucket: bytes from the header that keys count from.
    pub hash_at: i16,
    /// The bits of that word that choose, shifted down to the lowest of them.
    pub hash_mask: u32,
    /// Where the next header begins, for the keys of the linked table that count from there (`nexthdr+`).
    pub offset: Option<U32Offset>,
    /// Whether the linked table's keys all count from there (`TC_U32_EAT`).
    pub eat: bool,
}

/// Where the next header begins, rounded up to four bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct U32Offset {
    /// So many bytes on (`TC_U32_OFFSET`).
    pub fixed: u16,
    /// And as many as the packet says (`TC_U32_VAROFFSET`).
    pub variable: Option<U32VariableOffset>,
}

/// A header's length as the packet says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct U32VariableOffset {
    /// Where its 16 bits stand.
    pub at: i16,
    /// Those that count.
    pub mask: u16,
    /// By how much they are shifted down.
    pub shift: u8,
}

/// 32 bits of a packet (`struct tc_u32_key`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct U32Key {
    /// What they must be under the mask, as a big-endian number.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
    /// Where they stand, in bytes from the network header on; negative in the link header.
    pub at: i32,
    /// Whether they count from the next header instead (`at nexthdr+N`): -1 if so, 0 if not.
    pub offset_mask: i32,
}

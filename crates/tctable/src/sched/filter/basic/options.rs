use crate::sched::action::ActionOptions;
use crate::sched::filter::u32::U32Key;
use crate::sched::handle::Handle;

/// A `basic` filter: an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasicOptions {
    /// What a packet must fulfil; `None`: every packet does.
    pub matches: Option<Ematch>,
    /// The class that it belongs to.
    pub class: Option<Handle>,
    /// What is done to it.
    pub actions: Vec<ActionOptions>,
}

/// An expression of extended matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ematch {
    /// All of them; without any it is fulfilled.
    And(Vec<Ematch>),
    /// One of them at least; without any it is not fulfilled.
    Or(Vec<Ematch>),
    /// Not that.
    Not(Box<Ematch>),
    /// `cmp`: a number of the packet's bytes is compared.
    Cmp(Cmp),
    /// `u32`: bits of the packet.
    U32(EmatchU32),
    /// `nbyte`: bytes of the packet.
    Nbyte(Nbyte),
    /// `meta`: what goes along with the packet.
    Meta(Meta),
}

/// Where an ematch counts bytes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CmpLayer {
    /// The link header (`link`, 0).
    Link,
    /// The network header (`network`, 1).
    #[default]
    Network,
    /// The transport header (`transport`, 2).
    Transport,
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmpOperator {
    /// Both are the same.
    Equal,
    /// The packet's is less.
    Less,
    /// The packet's is greater.
    Greater,
}

/// `cmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cmp {
    /// The number's bytes: 1, 2 or 4. Others match nothing.
    pub align: u8,
    /// Where they stand.
    pub at: u16,
    /// From where on.
    pub layer: CmpLayer,
    /// The bits that count; 0 is all of them.
    pub mask: u32,
    /// How they are compared.
    pub operator: CmpOperator,
    /// With what.
    pub value: u32,
    /// Whether the bytes are in the host's order (`trans`, which swaps them before they are compared): least significant
    /// first, as on nearly all hosts.
    pub is_little_endian: bool,
}

/// `u32`. Its place counts from the network header; without a link there is no next header to count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmatchU32 {
    /// The bits.
    pub key: U32Key,
}

/// `nbyte`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nbyte {
    /// What must stand there.
    pub needle: Box<[u8]>,
    /// Where.
    pub at: u16,
    /// From where on.
    pub layer: CmpLayer,
}

/// `meta`: two numbers are compared, as unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The left one.
    pub left: MetaValue,
    /// How.
    pub operator: CmpOperator,
    /// The right one.
    pub right: MetaValue,
}

/// A number of `meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaValue {
    /// A constant.
    Number(u32),
    /// What goes along with the packet.
    Key {
        /// What.
        key: MetaKey,
        /// By how much it is shifted down.
        shift: u8,
        /// The bits that count after that; 0 is all of them.
        mask: u32,
    },
}

/// What goes along with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaKey {
    /// A random number (`random`).
    Random,
    /// The mark (`nf_mark`).
    Mark,
    /// The priority (`priority`).
    Priority,
    /// The length in bytes, link header included (`pkt_len`).
    Length,
    /// The length of the link header without a VLAN's tag (`mac_len`).
    LinkLength,
    /// The outermost VLAN tag: its priority and number. Without one nothing matches (`vlan`).
    Vlan,
}

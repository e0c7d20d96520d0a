//! Traffic control: qdiscs, classes and filters, driven by time that is passed in.
//!
//! A device has a root and an ingress attachment point. At the root hangs a qdisc; a classful one has classes, each of
//! which has another qdisc or classes below it; filters at a qdisc or a class say which class a packet belongs to. What is
//! queued here is a packet's [`Skb::token`] with what qdiscs need of it, 40 bytes: its bytes stay with the caller.
//!
//! What goes on between a packet's offer and its departure:
//! [`skb`](Skb) what is offered, `queued` what waits, `fifo` the lists it waits in, `node` a qdisc with its counters,
//! `qdisc` a file for each kind, `filter` and `action` likewise, `control` what changes the tree.

mod backlog;
mod context;
mod fifo;
mod filter;
mod handle;
mod node;
mod options;
mod qdisc;
mod queued;
mod rate;
mod skb;
pub mod text;

pub use backlog::{Backlog, Count};
pub use context::DropCause;
pub use handle::{ClassId, Handle, HandleError};
pub use options::{
    CbqClassOptions, CbqOptions, ClassOptions, CodelOptions, FqCodelOptions, HtbClassOptions, HtbOptions, PrioOptions,
    QdiscOptions, RedOptions, SfqOptions, TbfOptions,
};
pub use qdisc::{ClassRefusal, ClassXstats, OptionsError};
pub use queued::Ecn;
pub use rate::{LinkLayer, Rate, RateSpec};
pub use skb::{CtInfo, HostKey, Skb};

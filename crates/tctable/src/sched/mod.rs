//! Traffic control: qdiscs, classes and filters, driven by time that is passed in.
//!
//! A device has a root and an ingress attachment point. At the root hangs a qdisc; a classful one has classes, each of
//! which has another qdisc or classes below it; filters at a qdisc or a class say which class a packet belongs to. What is
//! queued here is a packet's [`Skb::token`] with what qdiscs need of it, 40 bytes: its bytes stay with the caller.
//!
//! What goes on between a packet's offer and its departure: [`skb`](Skb) what is offered, `passage` its way in, `offered`
//! what is read of it once, `queued` what waits, `fifo` the lists it waits in, `flows` and `codel` what fq_codel has of them,
//! `node` a qdisc with its counters, `qdisc` a file for each kind, `filter` and `action` likewise, `hooks` what has filters
//! and no queue, `outcome` what became of it.
//!
//! `scheduler` and `device` hold the trees, `named` which classes filters name, `control` what changes and lists them.

mod action;
mod backlog;
mod codel;
mod context;
mod control;
mod device;
mod fifo;
mod filter;
mod flows;
mod handle;
mod hooks;
mod named;
mod node;
mod offered;
mod options;
mod outcome;
mod passage;
mod qdisc;
mod queued;
mod rate;
mod scheduler;
mod skb;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_tcp;
pub mod text;

pub use action::{
    ActionOptions, ActionStatistics, ActionVerdict, Actions, Estimator, GactChoice, GactOptions, GactRandom, MarkEdit,
    MirredOptions, PoliceOptions, SkbeditOptions,
};
pub use backlog::{Backlog, Count};
pub use context::DropCause;
pub use control::{
    Change, ClassDump, ClassEntry, ClassRequest, DeleteClassError, DeleteQdiscError, Errno, FilterDump, FilterEntry,
    FilterPlaceError, FilterRequestError, Flags, GetClassError, GetQdiscError, Notification, Object, QdiscDump,
    QdiscRequest, QdiscSpec, QdiscView, SetClassError, SetQdiscError,
};
pub use device::DeviceConfig;
pub use filter::{
    BasicOptions, ChangeContext, Classifier, Cmp, CmpLayer, CmpOperator, Ematch, EmatchU32, EtherType, FilterChange,
    FilterContext, FilterError, FilterKey, FilterKinds, FilterOptions, FilterQuery, FilterRequest, FilterStatistics,
    FilterView, FlowerOptions, FwOptions, IpPrefix, Masked, Match, MatchallOptions, Meta, MetaKey, MetaValue, Nbyte,
    PortRange, RsvpOptions, RsvpPort, U32Key, U32Mark, U32Node, U32Offset, U32Options, U32Selector, U32VariableOffset,
    ViewContext,
};
pub use handle::{ClassId, Handle, HandleError};
pub use options::{
    CbqClassOptions, CbqOptions, ClassOptions, CodelOptions, FqCodelOptions, HtbClassOptions, HtbOptions, PrioOptions,
    QdiscOptions, RedOptions, SfqOptions, TbfOptions,
};
pub use outcome::{Departure, Dropped, Ingress, Offer, Poll, Redirected};
pub use qdisc::{
    ClassRefusal, ClassView, ClassXstats, ExpiredHostClass, HostClassOptions, HostClassStats, OptionsError, QdiscXstats,
};
pub use queued::Ecn;
pub use rate::{LinkLayer, Rate, RateSpec};
pub use scheduler::{Config, DeviceError, Scheduler};
pub use skb::{CtInfo, HostKey, Skb};

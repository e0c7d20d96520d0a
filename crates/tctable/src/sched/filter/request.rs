use thiserror::Error;

use super::ether_type::EtherType;
use super::options::FilterOptions;
use crate::packet::DeviceId;
use crate::sched::action::ActionStatistics;
use crate::sched::control::Errno;
use crate::sched::handle::Handle;
use crate::sched::qdisc::OptionsError;

/// A filter that is to be made or changed (`RTM_NEWTFILTER`). Of flags, `replace` says nothing here, as in the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterRequest {
    /// Its device.
    pub device: DeviceId,
    /// Where it hangs: a qdisc, a class, ingress or egress; [`Handle::UNSPEC`] is the device's root qdisc.
    pub parent: Handle,
    /// The packets that it is for, as all filters of its priority.
    pub protocol: EtherType,
    /// Its place among the filters of its chain: the lowest is asked first. 0 allocates one: 49152 at first, then one lower
    /// than the lowest from 32768 on.
    pub priority: u16,
    /// The chain that it is in: 0 is where packets begin, others are gone to by actions.
    pub chain: u32,
    /// Its name among the filters of its priority; 0 allocates one. What it says depends on the kind.
    pub handle: u32,
    /// Its kind, and what it is told.
    pub options: FilterOptions,
}

/// What is to be deleted (`RTM_DELTFILTER`) or looked at (`RTM_GETTFILTER`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterQuery {
    /// Its device.
    pub device: DeviceId,
    /// Where it hangs, as in [`FilterRequest::parent`].
    pub parent: Handle,
    /// The protocol of its priority; [`EtherType::UNSPEC`] is any.
    pub protocol: EtherType,
    /// Its priority; 0 deletes the chain's filters, all of them.
    pub priority: u16,
    /// Its chain.
    pub chain: u32,
    /// Its handle; 0 deletes the whole priority.
    pub handle: u32,
    /// The kind that its priority must hold; `None` is any.
    pub kind: Option<Box<str>>,
}

/// Where a filter is. The order is that of dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FilterKey {
    /// Its chain.
    pub chain: u32,
    /// Its priority.
    pub priority: u16,
    /// Its priority's protocol.
    pub protocol: EtherType,
    /// Its handle; 0 is the priority itself, which is listed before its filters.
    pub handle: u32,
}

/// What a request did.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterChange {
    /// The filter that was made, changed or deleted; with handle 0 its whole priority, with priority 0 too its chain.
    pub key: FilterKey,
    /// Whether it was there before.
    pub was_there: bool,
    /// Classes that are named now: once for each filter that names one.
    pub named: Vec<Handle>,
    /// Classes that are not any more.
    pub released: Vec<Handle>,
    /// What was deleted, in the order of a dump.
    pub deleted: Vec<FilterView>,
}

/// A filter as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterView {
    /// Where it is.
    pub key: FilterKey,
    /// Its kind's name.
    pub kind: Box<str>,
    /// What it was told; `None` for a priority itself.
    pub options: Option<FilterOptions>,
    /// What it counted.
    pub statistics: FilterStatistics,
}

/// What a filter counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterStatistics {
    /// Packets that it looked at.
    pub seen: u64,
    /// Packets that it matched.
    pub matched: u64,
    /// `u32`: packets with the node's mark.
    pub marked: u64,
    /// `u32`: packets that matched a key and all before it, for each key.
    pub keys: Vec<u64>,
    /// What its actions counted, in their order.
    pub actions: Vec<ActionStatistics>,
}

/// Why a request for a filter failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// A priority of 0 in a request that makes nothing.
    #[error("a priority must be named")]
    NoPriority,
    /// Chain, protocol, handle or kind are named where all is to be deleted.
    #[error("all filters of a chain are deleted without naming a protocol, a handle or a kind")]
    NotAll,
    /// A filter is to be made for no protocol.
    #[error("a protocol must be named")]
    NoProtocol,
    /// A chain's number has more than 28 bits.
    #[error("chains have numbers up to 268435455")]
    ChainNumber,
    /// There is no such chain to delete from.
    #[error("no such chain")]
    NoChain,
    /// There is no such chain to look into.
    #[error("no such chain")]
    NoChainToGet,
    /// There is no such priority.
    #[error("no filters with that priority and protocol")]
    NoSuchPriority,
    /// The priority is there, for another protocol.
    #[error("the priority holds filters of another protocol")]
    OtherProtocol,
    /// The priority is there, with another kind.
    #[error("the priority holds filters of another kind")]
    OtherKind,
    /// All priorities that can be allocated are in use.
    #[error("the lowest priority that can be allocated is in use")]
    NoPriorityLeft,
    /// No kind has that name.
    #[error("no such kind of filter")]
    UnknownKind,
    /// There is no such filter.
    #[error("no such filter")]
    NotFound,
    /// The filter is there already.
    #[error("the filter is there already")]
    Exists,
    /// Its kind cannot delete one filter.
    #[error("that kind's filters are deleted with their priority")]
    NotSupported,
    /// Something links to it.
    #[error("in use")]
    Busy,
    /// No handle is free.
    #[error("no handle is left")]
    NoHandleLeft,
    /// The handle is taken already.
    #[error("the handle is in use")]
    HandleInUse,
    /// The options are wrong.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

impl FilterError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            FilterError::NoPriority
            | FilterError::NotAll
            | FilterError::NoChain
            | FilterError::NoSuchPriority
            | FilterError::UnknownKind
            | FilterError::NotFound => Errno::ENOENT,
            FilterError::NoProtocol
            | FilterError::ChainNumber
            | FilterError::NoChainToGet
            | FilterError::OtherProtocol
            | FilterError::OtherKind => Errno::EINVAL,
            FilterError::Options(error) => error.errno(),
            FilterError::Exists => Errno::EEXIST,
            FilterError::NotSupported => Errno::EOPNOTSUPP,
            FilterError::Busy => Errno::EBUSY,
            FilterError::NoPriorityLeft | FilterError::HandleInUse => Errno::ENOSPC,
            FilterError::NoHandleLeft => Errno::ENOMEM,
        }
    }
}

use thiserror::Error;

use super::super::filter::FilterError;
use super::super::qdisc::{ClassRefusal, OptionsError};
use super::errno::Errno;

impl OptionsError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        Errno::EINVAL
    }
}

impl ClassRefusal {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            ClassRefusal::NotSupported => Errno::EOPNOTSUPP,
            ClassRefusal::Options(error) => error.errno(),
            ClassRefusal::NoParent | ClassRefusal::TooMany => Errno::EINVAL,
            ClassRefusal::NotFound => Errno::ENOENT,
            ClassRefusal::Busy => Errno::EBUSY,
        }
    }
}

/// Why a qdisc cannot be made, changed, replaced or linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SetQdiscError {
    /// `ENODEV`
    #[error("no such device")]
    NoDevice,
    /// `ENOENT`: the parent's major number is no qdisc's.
    #[error("no such parent qdisc")]
    NoParent,
    /// `EOPNOTSUPP`: the parent is `ingress` or `clsact`.
    #[error("ingress and clsact have no children")]
    ParentIsIngress,
    /// `EOPNOTSUPP`: the parent has no classes.
    #[error("the parent qdisc has no classes")]
    ParentIsClassless,
    /// `ENOENT`: the parent is no class.
    #[error("no such parent class")]
    NoClass,
    /// `EINVAL`: the parent is a class that takes no qdisc.
    #[error("the parent class takes no qdisc")]
    ParentIsNoLeaf,
    /// `EINVAL`: neither parent nor handle is given.
    #[error("neither parent nor handle")]
    NoHandle,
    /// `ENOENT`: there is none, and none is to be made.
    #[error("no such qdisc")]
    NotFound,
    /// `EEXIST`: there is one, and it is not to be touched or replaced.
    #[error("there is a qdisc already")]
    Exists,
    /// `EINVAL`: the handle of a new qdisc has a minor number.
    #[error("a qdisc's handle has no minor number")]
    MinorNumber,
    /// `EINVAL`: the qdisc with this handle hangs elsewhere, and cannot be moved.
    #[error("the qdisc of that handle hangs elsewhere")]
    OtherParent,
    /// `EINVAL`: the qdisc is of another kind.
    #[error("the qdisc is of another kind")]
    OtherKind,
    /// `ENOENT`: no kind is given for a new qdisc, or an unknown one.
    #[error("no such kind of qdisc")]
    NoKind,
    /// `EINVAL`: the kind cannot be made without options.
    #[error("this kind needs options")]
    NoOptions,
    /// `EINVAL`: at the parent for incoming packets hang `ingress` or `clsact` only.
    #[error("only ingress and clsact hang there")]
    OnlyIngress,
    /// `EOPNOTSUPP`: `ingress` and `clsact` hang nowhere else.
    #[error("ingress and clsact hang nowhere but at their own parent")]
    NotIngress,
    /// `EINVAL`: `noqueue` cannot hang below a class.
    #[error("noqueue cannot hang below a class")]
    Noqueue,
    /// `ENOSPC`: all numbers that are allocated are taken.
    #[error("no handle is left")]
    NoHandleLeft,
    /// `ELOOP`: too many qdiscs hang below one another.
    #[error("qdiscs are nested too deeply")]
    TooDeep,
    /// `EINVAL`: the options are wrong.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The parent refuses it.
    #[error(transparent)]
    Refused(#[from] ClassRefusal),
}

impl SetQdiscError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            SetQdiscError::NoDevice => Errno::ENODEV,
            SetQdiscError::NoParent | SetQdiscError::NoClass | SetQdiscError::NotFound | SetQdiscError::NoKind => {
                Errno::ENOENT
            }
            SetQdiscError::ParentIsIngress | SetQdiscError::ParentIsClassless | SetQdiscError::NotIngress => {
                Errno::EOPNOTSUPP
            }
            SetQdiscError::Exists => Errno::EEXIST,
            SetQdiscError::ParentIsNoLeaf
            | SetQdiscError::NoHandle
            | SetQdiscError::MinorNumber
            | SetQdiscError::OtherParent
            | SetQdiscError::OtherKind
            | SetQdiscError::NoOptions
            | SetQdiscError::OnlyIngress
            | SetQdiscError::Noqueue => Errno::EINVAL,
            SetQdiscError::NoHandleLeft => Errno::ENOSPC,
            SetQdiscError::TooDeep => Errno::ELOOP,
            SetQdiscError::Options(error) => error.errno(),
            SetQdiscError::Refused(refusal) => refusal.errno(),
        }
    }
}

/// Why a qdisc is not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GetQdiscError {
    /// `ENODEV`
    #[error("no such device")]
    NoDevice,
    /// `ENOENT`: the parent's major number is no qdisc's.
    #[error("no such parent qdisc")]
    NoParent,
    /// `EOPNOTSUPP`: the parent has no classes.
    #[error("the parent qdisc has no classes")]
    ParentIsClassless,
    /// `ENOENT`: the parent is no class.
    #[error("no such parent class")]
    NoClass,
    /// `ENOENT`: none hangs there, or has that handle.
    #[error("no such qdisc")]
    NotFound,
    /// `EINVAL`: the one that hangs there has another handle.
    #[error("the qdisc there has another handle")]
    OtherHandle,
    /// `EINVAL`: it is of another kind.
    #[error("the qdisc is of another kind")]
    OtherKind,
    /// `EINVAL`: it hangs below a class by default, and is not listed. It is there, so this is no answer to a request to
    /// delete it: [`DeleteQdiscError::IsDefault`] is.
    #[error("it is there by default")]
    NotListed,
}

impl GetQdiscError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            GetQdiscError::NoDevice => Errno::ENODEV,
            GetQdiscError::NoParent | GetQdiscError::NoClass | GetQdiscError::NotFound => Errno::ENOENT,
            GetQdiscError::ParentIsClassless => Errno::EOPNOTSUPP,
            GetQdiscError::OtherHandle | GetQdiscError::OtherKind | GetQdiscError::NotListed => Errno::EINVAL,
        }
    }
}

/// Why a qdisc cannot be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeleteQdiscError {
    /// It is not found.
    #[error(transparent)]
    Get(#[from] GetQdiscError),
    /// `EINVAL`: no parent is given; the handle is not enough.
    #[error("no parent is given")]
    NoParentGiven,
    /// `ENOENT`: it is there by default, and has no handle.
    #[error("it is there by default")]
    IsDefault,
    /// The parent refuses it.
    #[error(transparent)]
    Refused(#[from] ClassRefusal),
}

impl DeleteQdiscError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            DeleteQdiscError::Get(error) => error.errno(),
            DeleteQdiscError::NoParentGiven => Errno::EINVAL,
            DeleteQdiscError::IsDefault => Errno::ENOENT,
            DeleteQdiscError::Refused(refusal) => refusal.errno(),
        }
    }
}

/// Why a class is not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GetClassError {
    /// `ENODEV`
    #[error("no such device")]
    NoDevice,
    /// `EINVAL`: the major numbers of class and parent differ.
    #[error("class and parent are of different qdiscs")]
    MajorsDiffer,
    /// `ENOENT`
    #[error("no such qdisc")]
    NoQdisc,
    /// `EINVAL`: the qdisc has no classes.
    #[error("the qdisc has no classes")]
    Classless,
    /// `ENOENT`
    #[error("no such class")]
    NotFound,
}

impl GetClassError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            GetClassError::NoDevice => Errno::ENODEV,
            GetClassError::MajorsDiffer | GetClassError::Classless => Errno::EINVAL,
            GetClassError::NoQdisc | GetClassError::NotFound => Errno::ENOENT,
        }
    }
}

/// Why a class cannot be made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SetClassError {
    /// It is not found, and not to be made.
    #[error(transparent)]
    Get(#[from] GetClassError),
    /// `EEXIST`
    #[error("there is such a class already")]
    Exists,
    /// `EINVAL`: no id is given, and the kind allocates none.
    #[error("no class id is given")]
    NoId,
    /// `EINVAL`: the kind needs options.
    #[error("no options are given")]
    NoOptions,
    /// The qdisc refuses it.
    #[error(transparent)]
    Refused(#[from] ClassRefusal),
}

impl SetClassError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            SetClassError::Get(error) => error.errno(),
            SetClassError::Exists => Errno::EEXIST,
            SetClassError::NoId | SetClassError::NoOptions => Errno::EINVAL,
            SetClassError::Refused(refusal) => refusal.errno(),
        }
    }
}

/// Why a class cannot be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeleteClassError {
    /// It is not found.
    #[error(transparent)]
    Get(#[from] GetClassError),
    /// The qdisc refuses it: `EBUSY` where it has children or filters.
    #[error(transparent)]
    Refused(#[from] ClassRefusal),
}

impl DeleteClassError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            DeleteClassError::Get(error) => error.errno(),
            DeleteClassError::Refused(refusal) => refusal.errno(),
        }
    }
}

/// Why no filters can hang somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FilterPlaceError {
    /// `ENODEV`
    #[error("no such device")]
    NoDevice,
    /// `EINVAL`: the parent's major number is no qdisc's.
    #[error("no such qdisc")]
    NoQdisc,
    /// `EINVAL`: the qdisc asks no filters and has no classes.
    #[error("the qdisc has no classes")]
    Classless,
    /// `EOPNOTSUPP`: the qdisc has classes, but asks no filters.
    #[error("the qdisc asks no filters")]
    NotSupported,
    /// `ENOENT`
    #[error("no such class")]
    NoClass,
    /// `EINVAL`: this class of the qdisc asks no filters, or, at `clsact`, the qdisc itself.
    #[error("no filters hang there")]
    NoFilters,
}

impl FilterPlaceError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            FilterPlaceError::NoDevice => Errno::ENODEV,
            FilterPlaceError::NoQdisc | FilterPlaceError::Classless | FilterPlaceError::NoFilters => Errno::EINVAL,
            FilterPlaceError::NotSupported => Errno::EOPNOTSUPP,
            FilterPlaceError::NoClass => Errno::ENOENT,
        }
    }
}

/// Why a filter cannot be made, changed, deleted or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FilterRequestError {
    /// None can hang there.
    #[error(transparent)]
    Place(#[from] FilterPlaceError),
    /// The filters there refuse it.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

impl FilterRequestError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            FilterRequestError::Place(error) => error.errno(),
            FilterRequestError::Filter(error) => error.errno(),
        }
    }
}

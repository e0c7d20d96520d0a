use super::super::handle::Handle;
use super::super::options::{ClassOptions, QdiscOptions};
use crate::packet::DeviceId;

/// Whether an operation makes what is not there, and leaves alone what is: `NLM_F_CREATE`, `NLM_F_EXCL` and
/// `NLM_F_REPLACE` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// What is not there is made.
    pub create: bool,
    /// What is there is an error.
    pub exclusive: bool,
    /// What is there may be replaced.
    pub replace: bool,
}

impl Flags {
    /// As `tc ... add`.
    pub const ADD: Flags = Flags { create: true, exclusive: true, replace: false };
    /// As `tc ... change`.
    pub const CHANGE: Flags = Flags { create: false, exclusive: false, replace: false };
    /// As `tc ... replace`.
    pub const REPLACE: Flags = Flags { create: true, exclusive: false, replace: true };
    /// As `tc qdisc link`.
    pub const LINK: Flags = Flags { create: false, exclusive: false, replace: true };
}

/// What a request says of a qdisc's kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum QdiscSpec {
    /// Nothing.
    #[default]
    Any,
    /// Its name (`TCA_KIND`) without options: made, it has the kind's defaults; changed, it keeps its options.
    Kind(String),
    /// The kind with all options (`TCA_OPTIONS`).
    Options(QdiscOptions),
}

impl QdiscSpec {
    /// The kind's name, if it is given.
    pub fn kind(&self) -> Option<&str> {
        match self {
            QdiscSpec::Any => None,
            QdiscSpec::Kind(name) => Some(name),
            QdiscSpec::Options(options) => Some(options.kind()),
        }
    }
}

impl From<QdiscOptions> for QdiscSpec {
    fn from(options: QdiscOptions) -> QdiscSpec {
        QdiscSpec::Options(options)
    }
}

/// What `RTM_NEWQDISC`, `RTM_DELQDISC` and `RTM_GETQDISC` say.
#[derive(Clone, Debug, PartialEq)]
pub struct QdiscRequest {
    /// The device.
    pub device: DeviceId,
    /// Where it hangs: [`Handle::ROOT`], [`Handle::INGRESS`], a class, or [`Handle::UNSPEC`] where only its handle is
    /// given.
    pub parent: Handle,
    /// Its handle; [`Handle::UNSPEC`]: on creation one is allocated, else any.
    pub handle: Handle,
    /// Its kind and options.
    pub spec: QdiscSpec,
}

/// What `RTM_NEWTCLASS`, `RTM_DELTCLASS` and `RTM_GETTCLASS` say.
///
/// The qdisc is the major number of `class` or `parent`, whichever has one, else the device's root.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassRequest {
    /// The device.
    pub device: DeviceId,
    /// Its parent: unspecified or [`Handle::ROOT`], `X:0` (the top), `X:Y`, `0:Y`.
    pub parent: Handle,
    /// Its id: `X:Y`, `0:Y`, `X:0`, `0:0`.
    pub class: Handle,
    /// Its options, for what makes or changes it.
    pub options: Option<ClassOptions>,
}

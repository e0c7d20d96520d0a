//! What actions can be told.

use crate::packet::DeviceId;
use crate::time::Duration;

use crate::sched::handle::Handle;
use crate::sched::rate::{Rate, RateSpec};

/// What becomes of a packet after an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionVerdict {
    /// Its classification ends: it goes to the class that the filter names (`TC_ACT_OK`).
    Ok,
    /// It is dropped (`TC_ACT_SHOT`).
    Drop,
    /// The next action has it; behind the last one it goes to the class that the filter names (`TC_ACT_PIPE`).
    Pipe,
    /// Its classification begins anew, at the first filter of all; after 16 times it is dropped (`TC_ACT_RECLASSIFY`).
    Reclassify,
    /// The next filter has it (`TC_ACT_UNSPEC`).
    Continue,
    /// The filters of that chain have it (`TC_ACT_GOTO_CHAIN`).
    GotoChain(u32),
    /// Somebody has taken it (`TC_ACT_STOLEN`).
    Stolen,
}

/// An action's kind with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionOptions {
    /// `gact`: a verdict.
    Gact(GactOptions),
    /// `police`: a rate that is not to be exceeded.
    Police(PoliceOptions),
    /// `mirred`: to another device.
    Mirred(MirredOptions),
    /// `skbedit`: writes what goes along with the packet.
    Skbedit(SkbeditOptions),
}

impl ActionOptions {
    /// The kind's name, as in `TCA_ACT_KIND`.
    pub fn kind(&self) -> &'static str {
        match self {
            ActionOptions::Gact(_) => "gact",
            ActionOptions::Police(_) => "police",
            ActionOptions::Mirred(_) => "mirred",
            ActionOptions::Skbedit(_) => "skbedit",
        }
    }
}

/// `gact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GactOptions {
    /// The verdict.
    pub verdict: ActionVerdict,
    /// Another one for some packets.
    pub random: Option<GactRandom>,
}

impl GactOptions {
    /// The same verdict for every packet.
    pub const fn new(verdict: ActionVerdict) -> GactOptions {
        GactOptions { verdict, random: None }
    }
}

/// Which packets get another verdict of `gact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GactRandom {
    /// How they are chosen.
    pub choice: GactChoice,
    /// One in so many; 0 counts as 1, which is every packet.
    pub one_in: u16,
    /// Their verdict; `goto chain` is none for them, as in the kernel.
    pub verdict: ActionVerdict,
}

/// How `gact` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GactChoice {
    /// At random (`netrand`).
    Random,
    /// Every so many packets (`determ`).
    Deterministic,
}

/// `police`.
///
/// At least one of `rate`, `average_rate` and `mtu` says when it is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoliceOptions {
    /// What is not to be exceeded.
    pub rate: Option<RateSpec>,
    /// Bytes that may come at once.
    pub burst: u32,
    /// The longest packet in bytes that does not exceed; `None` is 2040 with a rate, which is what `tc` says, and any
    /// length without.
    pub mtu: Option<u32>,
    /// What is not to be exceeded even for an instant; bursts of up to `mtu` bytes.
    pub peak_rate: Option<RateSpec>,
    /// What the estimated rate must stay below; needs an estimator.
    pub average_rate: Option<Rate>,
    /// How the rate is estimated.
    pub estimator: Option<Estimator>,
    /// What becomes of packets that exceed.
    pub exceed: ActionVerdict,
    /// And of those that do not.
    pub conform: ActionVerdict,
}

impl Default for PoliceOptions {
    /// As `tc` has it: what exceeds is classified anew, what conforms is passed.
    fn default() -> PoliceOptions {
        PoliceOptions {
            rate: None,
            burst: 0,
            mtu: None,
            peak_rate: None,
            average_rate: None,
            estimator: None,
            exceed: ActionVerdict::Reclassify,
            conform: ActionVerdict::Ok,
        }
    }
}

/// How a rate is estimated: an exponentially weighted moving average (`struct tc_estimator`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimator {
    /// How often it is looked at: 250 ms times a power of two, up to 8 s.
    pub interval: Duration,
    /// The weight of what is new is one in two to the power of this: 1 to 30.
    pub ewma_log: u8,
}

/// `mirred`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirredOptions {
    /// The other device.
    pub device: DeviceId,
    /// Whether it is received there, as from the wire (`ingress`), rather than sent (`egress`).
    pub ingress: bool,
    /// Whether it goes there itself, rather than a copy.
    pub redirect: bool,
    /// What becomes of it here: `tc` has [`ActionVerdict::Stolen`] for a redirection, [`ActionVerdict::Pipe`] for a copy.
    pub verdict: ActionVerdict,
}

/// `skbedit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkbeditOptions {
    /// Its mark, and which of its bits are written.
    pub mark: Option<MarkEdit>,
    /// Its priority: a class.
    pub priority: Option<Handle>,
    /// What becomes of it: `tc` has [`ActionVerdict::Pipe`].
    pub verdict: ActionVerdict,
}

impl Default for SkbeditOptions {
    fn default() -> SkbeditOptions {
        SkbeditOptions { mark: None, priority: None, verdict: ActionVerdict::Pipe }
    }
}

/// Bits of a mark that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkEdit {
    /// What is written.
    pub value: u32,
    /// Where.
    pub mask: u32,
}

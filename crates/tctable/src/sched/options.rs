//! What qdiscs and classes can be told. `None` stands for the kernel's default, which depends on the device or on other
//! options; what has a constant default has it in `Default`.

use super::rate::{Rate, RateSpec};
use crate::time::Duration;

/// A qdisc's kind with its options.
#[derive(Clone, Debug, PartialEq)]
pub enum QdiscOptions {
    /// Hierarchical token bucket.
    Htb(HtbOptions),
    /// First in, first out, limited in packets; `None` is the device's `txqueuelen`.
    Pfifo {
        /// Packets that may wait.
        limit: Option<u32>,
    },
    /// First in, first out, limited in bytes; `None` is `txqueuelen` times the MTU.
    Bfifo {
        /// Bytes that may wait.
        limit: Option<u32>,
    },
    /// As `Pfifo`, but the oldest packet goes where there is no room.
    PfifoHeadDrop {
        /// Packets that may wait.
        limit: Option<u32>,
    },
    /// Three bands by priority, each limited by `txqueuelen`.
    PfifoFast,
    /// Bands by priority or filters, each with a qdisc.
    Prio(PrioOptions),
    /// Token bucket filter.
    Tbf(TbfOptions),
    /// Stochastic fairness queueing.
    Sfq(SfqOptions),
    /// Flow queueing with CoDel (RFC 8290).
    FqCodel(FqCodelOptions),
    /// Controlled delay (RFC 8289).
    Codel(CodelOptions),
    /// Random early detection.
    Red(RedOptions),
    /// Class based queueing.
    Cbq(CbqOptions),
    /// Where incoming packets meet filters.
    Ingress,
    /// Where incoming and outgoing packets meet filters.
    Clsact,
    /// No queue at all: what is offered leaves at once.
    Noqueue,
}

impl QdiscOptions {
    /// The kind's name, as in `TCA_KIND`.
    pub fn kind(&self) -> &'static str {
        match self {
            QdiscOptions::Htb(_) => "htb",
            QdiscOptions::Pfifo { .. } => "pfifo",
            QdiscOptions::Bfifo { .. } => "bfifo",
            QdiscOptions::PfifoHeadDrop { .. } => "pfifo_head_drop",
            QdiscOptions::PfifoFast => "pfifo_fast",
            QdiscOptions::Prio(_) => "prio",
            QdiscOptions::Tbf(_) => "tbf",
            QdiscOptions::Sfq(_) => "sfq",
            QdiscOptions::FqCodel(_) => "fq_codel",
            QdiscOptions::Codel(_) => "codel",
            QdiscOptions::Red(_) => "red",
            QdiscOptions::Cbq(_) => "cbq",
            QdiscOptions::Ingress => "ingress",
            QdiscOptions::Clsact => "clsact",
            QdiscOptions::Noqueue => "noqueue",
        }
    }
}

/// `htb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HtbOptions {
    /// The minor number of the class for packets that nobody classifies; 0: they leave at once, unclassified.
    pub default: u32,
    /// A class's quantum is its rate in bytes a second divided by this.
    pub r2q: u32,
    /// Packets without a class that may wait; `None` is the device's `txqueuelen`.
    pub direct_qlen: Option<u32>,
}

impl Default for HtbOptions {
    fn default() -> HtbOptions {
        HtbOptions { default: 0, r2q: 10, direct_qlen: None }
    }
}

/// A class's kind with its options.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassOptions {
    /// Of `htb`.
    Htb(HtbClassOptions),
    /// Of `cbq`.
    Cbq(CbqClassOptions),
}

impl ClassOptions {
    /// The name of the qdisc that has such classes.
    pub fn kind(&self) -> &'static str {
        match self {
            ClassOptions::Htb(_) => "htb",
            ClassOptions::Cbq(_) => "cbq",
        }
    }
}

/// A class of `htb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HtbClassOptions {
    /// What it gets at least.
    pub rate: RateSpec,
    /// What it gets at most; `None` is `rate`.
    pub ceil: Option<RateSpec>,
    /// Bytes that it may send at once at its rate; `None` is what `tc` would choose.
    pub burst: Option<u32>,
    /// The same at its ceil.
    pub cburst: Option<u32>,
    /// Whose turn it is when there is something to borrow: 0 first, 7 last.
    pub prio: u8,
    /// Bytes that it sends before it is another's turn; `None` is `rate / r2q`, from 1,000 to 200,000.
    pub quantum: Option<u32>,
    /// The longest packet that it expects, in bytes: longer ones are counted as giants.
    pub mtu: u32,
}

impl Default for HtbClassOptions {
    fn default() -> HtbClassOptions {
        HtbClassOptions {
            rate: RateSpec::default(),
            ceil: None,
            burst: None,
            cburst: None,
            prio: 0,
            quantum: None,
            mtu: 1600,
        }
    }
}

/// `prio`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrioOptions {
    /// Bands: 2 to 16.
    pub bands: u8,
    /// The band of each priority.
    pub map: [u8; 16],
}

impl Default for PrioOptions {
    fn default() -> PrioOptions {
        PrioOptions { bands: 3, map: [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1] }
    }
}

/// `tbf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TbfOptions {
    /// What it gets.
    pub rate: RateSpec,
    /// Bytes that it may send at once.
    pub burst: u32,
    /// Bytes that may wait.
    pub limit: u32,
    /// What it gets at most, even where it saved up more.
    pub peak_rate: Option<RateSpec>,
    /// Bytes that it may send at once at its peak rate; 0 where there is none.
    pub mtu: u32,
}

/// `sfq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SfqOptions {
    /// Bytes that a flow sends before it is another's turn; `None` is the device's longest frame.
    pub quantum: Option<u32>,
    /// How often the hash changes; zero: never.
    pub perturb: Duration,
    /// Packets that may wait.
    pub limit: u32,
    /// Buckets of the hash, a power of two.
    pub divisor: u32,
    /// Flows that may have packets waiting.
    pub flows: u32,
    /// Packets of one flow that may wait.
    pub depth: u32,
    /// Whether a flow's oldest packet goes where there is no room, not its newest.
    pub head_drop: bool,
}

impl Default for SfqOptions {
    fn default() -> SfqOptions {
        SfqOptions {
            quantum: None,
            perturb: Duration::ZERO,
            limit: 127,
            divisor: 1024,
            flows: 128,
            depth: 127,
            head_drop: false,
        }
    }
}

/// `fq_codel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FqCodelOptions {
    /// Packets that may wait.
    pub limit: u32,
    /// Buckets of the hash.
    pub flows: u32,
    /// Bytes that a flow sends before it is another's turn; `None` is the device's longest frame.
    pub quantum: Option<u32>,
    /// The delay that may last.
    pub target: Duration,
    /// For how long it may be exceeded: about a round-trip time.
    pub interval: Duration,
    /// Whether packets are marked in place of being dropped, where they allow it.
    pub ecn: bool,
    /// Packets that waited longer are marked at once; `None`: never.
    pub ce_threshold: Option<Duration>,
    /// Bytes that may wait.
    pub memory_limit: u32,
    /// Packets that are dropped at once where there is no room.
    pub drop_batch: u32,
}

impl Default for FqCodelOptions {
    fn default() -> FqCodelOptions {
        FqCodelOptions {
            limit: 10_240,
            flows: 1024,
            quantum: None,
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
            ecn: true,
            ce_threshold: None,
            memory_limit: 32 << 20,
            drop_batch: 64,
        }
    }
}

/// `codel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodelOptions {
    /// Packets that may wait.
    pub limit: u32,
    /// The delay that may last.
    pub target: Duration,
    /// For how long it may be exceeded: about a round-trip time.
    pub interval: Duration,
    /// Whether packets are marked in place of being dropped, where they allow it.
    pub ecn: bool,
    /// Packets that waited longer are marked at once; `None`: never.
    pub ce_threshold: Option<Duration>,
}

impl Default for CodelOptions {
    fn default() -> CodelOptions {
        CodelOptions {
            limit: 1000,
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
            ecn: false,
            ce_threshold: None,
        }
    }
}

/// `red`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RedOptions {
    /// Bytes that may wait.
    pub limit: u32,
    /// The average queue in bytes from which on packets may be dropped.
    pub min: u32,
    /// And the one from which on all are.
    pub max: u32,
    /// The average packet in bytes.
    pub avpkt: u32,
    /// Packets of a burst that may pass, by which the average is weighted; `None` is (2 min + max) / (3 avpkt).
    pub burst: Option<u32>,
    /// The share that is dropped where the average is `max`: 0 to 1.
    pub probability: f64,
    /// The link's rate, to know how the average falls while nothing comes.
    pub bandwidth: Rate,
    /// Whether packets are marked in place of being dropped, where they allow it.
    pub ecn: bool,
    /// Whether they are dropped all the same above `max`.
    pub hard_drop: bool,
    /// Whether the share is adapted to the traffic (Floyd, Gummadi and Shenker, 2001).
    pub adaptive: bool,
}

/// `cbq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CbqOptions {
    /// The link's rate.
    pub bandwidth: RateSpec,
    /// The average packet in bytes.
    pub avpkt: u32,
}

/// A class of `cbq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CbqClassOptions {
    /// The link's rate.
    pub bandwidth: RateSpec,
    /// What it gets.
    pub rate: RateSpec,
    /// Bytes that it sends before it is another's turn, to be weighted.
    pub allot: u32,
    /// By which `allot` is weighted; `None` is its rate.
    pub weight: Option<Rate>,
    /// Whose turn it is first: 1, to 8.
    pub prio: u8,
    /// The average packet in bytes.
    pub avpkt: u32,
    /// Packets that it may send at once after it was idle.
    pub max_burst: u32,
    /// Packets that it may send at once in the long run.
    pub min_burst: u32,
    /// It never borrows.
    pub bounded: bool,
    /// It never lends.
    pub isolated: bool,
}

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use tctable::conntrack::{self, Direction};
use tctable::gateway::Seen;
use tctable::time::Instant;

use crate::kernel::{self, CtState, Fate, ProtocolState, Statistics, Tuple};

/// What one side says of a packet and of its connection right after it, in a form that both sides can fill.
///
/// `None` is what a side has nothing to say of: what the kernel tells and the engine does not is not compared, and that is
/// counted. What the engine tells and the kernel does not is a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What became of the packet; `None` at the end of a run, where there is no packet.
    pub verdict: Option<Verdict>,
    /// What it is to its connection, as nft's `ct state`.
    pub state: Option<CtState>,
    /// Its direction in its connection.
    pub direction: Option<Direction>,
    /// Whether there is a connection with its tuple. Not told by a side that refused the packet.
    pub tracked: Option<bool>,
    /// The connection's tuples.
    pub original: Option<Tuple>,
    /// The tuple of the answer.
    pub reply: Option<Tuple>,
    /// The protocol's state, by the kernel's number.
    pub protocol_state: Option<u8>,
    /// The status bits.
    pub status: Option<u32>,
    /// Whole seconds that the connection has left; those of the two sides may differ by one.
    pub timeout: Option<u64>,
    /// Packets of the original and of the reply direction.
    pub packets: Option<[u64; 2]>,
    /// Bytes of the original and of the reply direction.
    pub bytes: Option<[u64; 2]>,
    /// TCP: window scales of the original and of the reply direction.
    pub window_scales: Option<[u8; 2]>,
    /// TCP: `IP_CT_TCP_FLAG_*` of the original and of the reply direction.
    pub tcp_flags: Option<[u8; 2]>,
    /// SCTP: verification tags of the original and of the reply direction.
    pub verification_tags: Option<[u32; 2]>,
    /// The connection mark.
    pub mark: Option<u32>,
    /// The zone.
    pub zone: Option<u16>,
    /// A digest of all expected connections, where they were looked at: those of all connections, not only of this one.
    pub expectations: Option<u64>,
    /// What was counted in the whole run; only at its end.
    pub statistics: Option<Statistics>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Forwarded,
    /// It was dropped, or it is a fragment that waits for others: seen from outside these are the same.
    Stopped,
}

/// A value of a [`Record`] in a form that can be printed and compared with any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A verdict.
    Verdict(Verdict),
    /// A ctstate.
    State(CtState),
    /// A direction.
    Direction(Direction),
    /// Yes or no.
    Flag(bool),
    /// A tuple.
    Tuple(Tuple),
    /// A number.
    Number(u64),
    /// A number for either direction.
    Pair([u64; 2]),
    /// Bits, by a number.
    Bits(u32),
}

/// Names the values of a [`Record`], in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// [`Record::verdict`]
    Verdict,
    /// [`Record::state`]
    State,
    /// [`Record::direction`]
    Direction,
    /// [`Record::tracked`]
    Tracked,
    /// [`Record::original`]
    Original,
    /// [`Record::reply`]
    Reply,
    /// [`Record::protocol_state`]
    ProtocolState,
    /// [`Record::status`]
    Status,
    /// [`Record::timeout`]
    Timeout,
    /// [`Record::packets`]
    Packets,
    /// [`Record::bytes`]
    Bytes,
    /// [`Record::window_scales`]
    WindowScales,
    /// [`Record::tcp_flags`]
    TcpFlags,
    /// [`Record::verification_tags`]
    VerificationTags,
    /// [`Record::mark`]
    Mark,
    /// [`Record::zone`]
    Zone,
    /// [`Record::expectations`]
    Expectations,
    /// Packets without a connection, from [`Record::statistics`].
    Invalid,
    /// Connections that were not confirmed.
    InsertFailed,
    /// Packets dropped.
    Drop,
    /// Connections that ended to make room.
    EarlyDrop,
    /// ICMP messages without a connection.
    Error,
}

impl Field {
    /// Every field, in the order of [`Record`].
    pub const ALL: [Field; 22] = [
        Field::Verdict,
        Field::State,
        Field::Direction,
        Field::Tracked,
        Field::Original,
        Field::Reply,
        Field::ProtocolState,
        Field::Status,
        Field::Timeout,
        Field::Packets,
        Field::Bytes,
        Field::WindowScales,
        Field::TcpFlags,
        Field::VerificationTags,
        Field::Mark,
        Field::Zone,
        Field::Expectations,
        Field::Invalid,
        Field::InsertFailed,
        Field::Drop,
        Field::EarlyDrop,
        Field::Error,
    ];

    fn name(self) -> &'static str {
        match self {
            Field::Verdict => "verdict",
            Field::State => "state",
            Field::Direction => "direction",
            Field::Tracked => "tracked",
            Field::Original => "original",
            Field::Reply => "reply",
            Field::ProtocolState => "protocol state",
            Field::Status => "status",
            Field::Timeout => "timeout",
            Field::Packets => "packets",
            Field::Bytes => "bytes",
            Field::WindowScales => "window scales",
            Field::TcpFlags => "tcp flags",
            Field::VerificationTags => "verification tags",
            Field::Mark => "mark",
            Field::Zone => "zone",
            Field::Expectations => "expectations",
            Field::Invalid => "invalid",
            Field::InsertFailed => "insert failed",
            Field::Drop => "drop",
            Field::EarlyDrop => "early drop",
            Field::Error => "error",
        }
    }

    /// Whether the two sides' values say the same.
    pub(super) fn agree(self, kernel: Value, engine: Value) -> bool {
        match (self, kernel, engine) {
            // The kernel rounds jiffies, and its clock may tick between the packet and the question.
            (Field::Timeout, Value::Number(kernel), Value::Number(engine)) => kernel.abs_diff(engine) <= 1,
            _ => kernel == engine,
        }
    }
}

impl Record {
    /// Nothing is said.
    pub(super) const EMPTY: Record = Record {
        verdict: None,
        state: None,
        direction: None,
        tracked: None,
        original: None,
        reply: None,
        protocol_state: None,
        status: None,
        timeout: None,
        packets: None,
        bytes: None,
        window_scales: None,
        tcp_flags: None,
        verification_tags: None,
        mark: None,
        zone: None,
        expectations: None,
        statistics: None,
    };

    /// The values, in the order of [`Field::ALL`].
    pub fn values(&self) -> [Option<Value>; Field::ALL.len()] {
        let pair = |[original, reply]: [u64; 2]| Value::Pair([original, reply]);
        let counted =
            |count: fn(&Statistics) -> u32| self.statistics.as_ref().map(count).map(|n| Value::Number(n.into()));
        let small = |[original, reply]: [u8; 2]| Value::Pair([original.into(), reply.into()]);
        [
            self.verdict.map(Value::Verdict),
            self.state.map(Value::State),
            self.direction.map(Value::Direction),
            self.tracked.map(Value::Flag),
            self.original.map(Value::Tuple),
            self.reply.map(Value::Tuple),
            self.protocol_state.map(|state| Value::Number(state.into())),
            self.status.map(Value::Bits),
            self.timeout.map(Value::Number),
            self.packets.map(pair),
            self.bytes.map(pair),
            self.window_scales.map(small),
            self.tcp_flags.map(small),
            self.verification_tags.map(|[original, reply]| Value::Pair([original.into(), reply.into()])),
            self.mark.map(|mark| Value::Number(mark.into())),
            self.zone.map(|zone| Value::Number(zone.into())),
            self.expectations.map(Value::Number),
            counted(|statistics| statistics.invalid),
            counted(|statistics| statistics.insert_failed),
            counted(|statistics| statistics.drop),
            counted(|statistics| statistics.early_drop),
            counted(|statistics| statistics.error),
        ]
    }

    /// What the kernel did with a packet.
    pub(super) fn of_kernel(fate: Fate) -> Record {
        match fate {
            Fate::Stopped => Record { verdict: Some(Verdict::Stopped), ..Record::EMPTY },
            Fate::Forwarded { state, reply } => Record {
                verdict: Some(Verdict::Forwarded),
                state: Some(state),
                direction: reply.map(|reply| if reply { Direction::Reply } else { Direction::Original }),
                ..Record::EMPTY
            },
        }
    }

    /// The same with what ctnetlink tells of its connection.
    pub(super) fn with_kernel_connection(self, connection: Option<&kernel::Connection>) -> Record {
        let Some(connection) = connection else { return Record { tracked: Some(false), ..self } };
        let [original, reply] = connection.counters;
        let mut record = Record {
            tracked: Some(true),
            original: Some(connection.original),
            reply: Some(connection.reply),
            status: Some(connection.status),
            timeout: Some(connection.timeout.into()),
            packets: Some([original.0, reply.0]),
            bytes: Some([original.1, reply.1]),
            mark: Some(connection.mark),
            zone: Some(connection.zone),
            ..self
        };
        match connection.protocol {
            Some(ProtocolState::Tcp { state, scales, flags }) => {
                record.protocol_state = Some(state);
                record.window_scales = Some(scales);
                record.tcp_flags = Some(flags);
            }
            Some(ProtocolState::Sctp { state, tags }) => {
                record.protocol_state = Some(state);
                record.verification_tags = Some(tags);
            }
            None => {}
        }
        record
    }

    /// What the engine did with a packet.
    pub(super) fn of_engine(seen: &Seen<'_>) -> Record {
        let verdict = Some(if seen.ct_state.is_some() { Verdict::Forwarded } else { Verdict::Stopped });
        let state = seen.ct_state.map(|state| match state {
            conntrack::CtState::New => CtState::New,
            conntrack::CtState::Established => CtState::Established,
            conntrack::CtState::Related => CtState::Related,
            conntrack::CtState::Invalid => CtState::Invalid,
            conntrack::CtState::Untracked => CtState::Untracked,
        });
        Record { verdict, state, direction: seen.direction, ..Record::EMPTY }
    }

    /// The same with what the engine knows of its connection.
    pub(super) fn with_engine_connection(self, now: Instant, connection: Option<&conntrack::Connection>) -> Record {
        let Some(connection) = connection else { return Record { tracked: Some(false), ..self } };
        let counters = [Direction::Original, Direction::Reply].map(|direction| connection.counter(direction));
        Record {
            tracked: Some(true),
            original: Some(connection.original().into()),
            reply: Some((&connection.reply()).into()),
            protocol_state: connection
                .tcp_state()
                .map(|state| state as u8)
                .or(connection.sctp_state().map(|state| state as u8)),
            window_scales: connection.tcp().map(|tcp| tcp.window_scale),
            tcp_flags: connection.tcp().map(|tcp| tcp.flags),
            verification_tags: connection
                .sctp_tag(Direction::Original)
                .zip(connection.sctp_tag(Direction::Reply))
                .map(<[u32; 2]>::from),
            mark: Some(connection.mark()),
            zone: Some(connection.zone()),
            status: Some(connection.status().bits().into()),
            timeout: Some(connection.deadline().since(now).as_secs()),
            packets: Some(counters.map(|counter| counter.packets)),
            bytes: Some(counters.map(|counter| counter.bytes)),
            ..self
        }
    }
}

/// A digest of lines, for [`Record::expectations`].
pub(super) fn digest(lines: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Value::Verdict(verdict) => format!("{verdict:?}").to_lowercase(),
            Value::State(state) => format!("{state:?}").to_uppercase(),
            Value::Direction(direction) => format!("{direction:?}").to_lowercase(),
            Value::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Value::Tuple(tuple) => tuple.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Pair([original, reply]) => format!("{original} / {reply}"),
            Value::Bits(bits) => bit_names(*bits),
        };
        f.pad(&text)
    }
}

/// The names of the status bits of `enum ip_conntrack_status`.
fn bit_names(bits: u32) -> String {
    const NAMES: [&str; 16] = [
        "EXPECTED",
        "SEEN_REPLY",
        "ASSURED",
        "CONFIRMED",
        "SRC_NAT",
        "DST_NAT",
        "SEQ_ADJUST",
        "SRC_NAT_DONE",
        "DST_NAT_DONE",
        "DYING",
        "FIXED_TIMEOUT",
        "TEMPLATE",
        "NAT_CLASH",
        "HELPER",
        "OFFLOAD",
        "HW_OFFLOAD",
    ];
    let named: Vec<&str> =
        NAMES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0).map(|(_, name)| *name).collect();
    if named.is_empty() { "-".to_owned() } else { named.join(" ") }
}

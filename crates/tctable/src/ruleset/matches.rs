//! What a rule can ask of a packet: one type for each match of iptables, with what its options say.

use super::rule::{Masked, Not};
use crate::conntrack::Direction;
use crate::packet::Address;

/// A match (`-m`).
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// `tcp`
    Tcp(TcpMatch),
    /// `udp`
    Udp(PortsMatch),
    /// `icmp` for IPv4, `icmp6` for IPv6.
    Icmp(Not<IcmpMatch>),
    /// `multiport`
    Multiport(Not<Multiport>),
    /// `conntrack`
    Conntrack(Box<ConntrackMatch>),
    /// `state`: bits of [`state_bits`], without those of address translation.
    State(Not<u16>),
    /// `connbytes`
    Connbytes(Connbytes),
    /// `connlimit`
    Connlimit(Connlimit),
    /// `connmark`: the connection's mark under a mask.
    Connmark(Not<MarkMatch>),
    /// `mark`: the packet's mark under a mask.
    Mark(Not<MarkMatch>),
    /// `length`: the IP packet's length in bytes, ends included (for IPv6 the header's 40 bytes too).
    Length(Not<(u16, u16)>),
    /// `limit`
    Limit(Limit),
    /// `hashlimit`
    Hashlimit(Box<Hashlimit>),
    /// `iprange`
    Iprange(Box<Iprange>),
    /// `mac`: the Ethernet source.
    Mac(Not<[u8; 6]>),
    /// `set`
    Set(Not<SetMatch>),
    /// `statistic`
    Statistic(Not<Statistic>),
    /// `time`
    Time(Box<Time>),
    /// `ttl` for IPv4, `hl` for IPv6.
    Ttl(TtlMatch),
    /// `dscp`: the six bits of the differentiated services code point.
    Dscp(Not<u8>),
    /// `comment`: at most 255 bytes; it asks nothing.
    Comment(Box<str>),
}

/// A range of ports, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

/// `tcp`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpMatch {
    /// `--sport`, `--dport`
    pub ports: PortsMatch,
    /// `--tcp-flags MASK COMP`: of the flags in the first those in the second are set. `--syn` is FIN, SYN, RST, ACK and SYN.
    pub flags: Option<Not<(u8, u8)>>,
    /// `--tcp-option`: an option of that kind is there.
    pub option: Option<Not<u8>>,
}

/// `udp`, and the ports of `tcp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortsMatch {
    /// `--sport`
    pub source: Option<Not<PortRange>>,
    /// `--dport`
    pub destination: Option<Not<PortRange>>,
}

/// A type of ICMP or ICMPv6, and codes of it, ends included. IPv4's `any` is type 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpMatch {
    /// The type.
    pub kind: u8,
    /// The lowest and the highest code; 0 and 255 for any.
    pub codes: (u8, u8),
}

/// Which ports `multiport` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultiportSide {
    /// `--sports`
    Source,
    /// `--dports`
    Destination,
    /// `--ports`: either.
    Either,
}

/// `multiport`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiport {
    /// The side.
    pub side: MultiportSide,
    /// At most 15 ports, a range counting for two.
    pub ports: Vec<PortRange>,
}

/// What `--ctstate` and `--state` name, with the kernel's values (`XT_CONNTRACK_STATE_*`).
pub mod state_bits {
    /// INVALID
    pub const INVALID: u16 = 1 << 0;
    /// ESTABLISHED
    pub const ESTABLISHED: u16 = 1 << 1;
    /// RELATED
    pub const RELATED: u16 = 1 << 2;
    /// NEW
    pub const NEW: u16 = 1 << 3;
    /// SNAT: its source is translated.
    pub const SNAT: u16 = 1 << 6;
    /// DNAT: its destination is translated.
    pub const DNAT: u16 = 1 << 7;
    /// UNTRACKED
    pub const UNTRACKED: u16 = 1 << 8;
}

/// What `--ctstatus` names, with the kernel's values.
pub mod status_bits {
    /// NONE: no bit at all.
    pub const NONE: u16 = 0;
    /// EXPECTED
    pub const EXPECTED: u16 = 1 << 0;
    /// SEEN_REPLY
    pub const SEEN_REPLY: u16 = 1 << 1;
    /// ASSURED
    pub const ASSURED: u16 = 1 << 2;
    /// CONFIRMED
    pub const CONFIRMED: u16 = 1 << 3;
}

/// `conntrack`. What is not asked is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConntrackMatch {
    /// `--ctstate`: any of these [`state_bits`].
    pub state: Option<Not<u16>>,
    /// `--ctproto`
    pub protocol: Option<Not<u8>>,
    /// `--ctorigsrc`
    pub original_source: Option<Not<Masked>>,
    /// `--ctorigdst`
    pub original_destination: Option<Not<Masked>>,
    /// `--ctreplsrc`
    pub reply_source: Option<Not<Masked>>,
    /// `--ctrepldst`
    pub reply_destination: Option<Not<Masked>>,
    /// `--ctorigsrcport`
    pub original_source_port: Option<Not<PortRange>>,
    /// `--ctorigdstport`
    pub original_destination_port: Option<Not<PortRange>>,
    /// `--ctreplsrcport`
    pub reply_source_port: Option<Not<PortRange>>,
    /// `--ctrepldstport`
    pub reply_destination_port: Option<Not<PortRange>>,
    /// `--ctstatus`: any of these [`status_bits`].
    pub status: Option<Not<u16>>,
    /// `--ctexpire`: the seconds that are left, ends included.
    pub expires: Option<Not<(u32, u32)>>,
    /// `--ctdir`
    pub direction: Option<Direction>,
}

/// Which directions `connbytes` adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnbytesDirection {
    /// `original`
    Original,
    /// `reply`
    Reply,
    /// `both`
    Both,
}

/// What `connbytes` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnbytesMode {
    /// `packets`
    Packets,
    /// `bytes`
    Bytes,
    /// `avgpkt`: bytes a packet.
    AveragePacket,
}

/// `connbytes`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connbytes {
    /// Lowest and highest, ends included; `u64::MAX` for no upper end.
    pub range: Not<(u64, u64)>,
    /// `--connbytes-dir`
    pub direction: ConnbytesDirection,
    /// `--connbytes-mode`
    pub mode: ConnbytesMode,
}

/// `connlimit`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connlimit {
    /// Connections.
    pub limit: u32,
    /// `--connlimit-above`, else `--connlimit-upto`.
    pub above: bool,
    /// `--connlimit-mask`: the bits of the address that tell one from the other.
    pub mask: u8,
    /// `--connlimit-daddr`, else `--connlimit-saddr`.
    pub by_destination: bool,
}

/// A mark under a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkMatch {
    /// What the bits under the mask are.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
}

/// A unit of time in a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Per {
    /// `/sec`
    Second,
    /// `/min`
    Minute,
    /// `/hour`
    Hour,
    /// `/day`
    Day,
}

/// `limit`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Packets in a unit of time. The kernel counts in ten thousandths of a second between packets
    /// (`XT_LIMIT_SCALE`): 10000 a second is the most.
    pub rate: u32,
    /// The unit.
    pub per: Per,
    /// `--limit-burst`: packets; 5 unless told.
    pub burst: u32,
}

/// What `hashlimit` tells apart (`--hashlimit-mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashlimitMode {
    /// `srcip`
    pub source: bool,
    /// `srcport`
    pub source_port: bool,
    /// `dstip`
    pub destination: bool,
    /// `dstport`
    pub destination_port: bool,
}

/// A rate of `hashlimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashlimitRate {
    /// Packets in a unit of time.
    Packets(u64, Per),
    /// Bytes a second.
    Bytes(u64),
}

/// `hashlimit`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashlimit {
    /// `--hashlimit-above`, else `--hashlimit-upto`.
    pub above: bool,
    /// The rate.
    pub rate: HashlimitRate,
    /// `--hashlimit-burst`: packets, or bytes where the rate is in bytes.
    pub burst: u64,
    /// `--hashlimit-mode`; nothing: all packets together.
    pub mode: HashlimitMode,
    /// `--hashlimit-srcmask`: bits.
    pub source_mask: u8,
    /// `--hashlimit-dstmask`: bits.
    pub destination_mask: u8,
    /// `--hashlimit-name`: rules with the same name share a table.
    pub name: Box<str>,
    /// `--hashlimit-htable-size`: buckets; 0 for what the kernel chooses.
    pub size: u32,
    /// `--hashlimit-htable-max`: entries; 0 for what the kernel chooses.
    pub max: u32,
    /// `--hashlimit-htable-expire`: milliseconds after which an idle entry goes.
    pub expire: u32,
    /// `--hashlimit-htable-gcinterval`: milliseconds between two looks at all entries.
    pub gc_interval: u32,
    /// `--hashlimit-rate-match`
    pub rate_match: bool,
    /// `--hashlimit-rate-interval`: seconds.
    pub rate_interval: u32,
}

/// `iprange`: addresses, ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iprange {
    /// `--src-range`
    pub source: Option<Not<(Address, Address)>>,
    /// `--dst-range`
    pub destination: Option<Not<(Address, Address)>>,
}

/// `set`: an address of the packet is in a set, which [`super::Sets`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMatch {
    /// `--match-set NAME`
    pub name: Box<str>,
    /// The destination, else the source. Sets of one dimension are all there are.
    pub destination: bool,
}

/// `statistic`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// `--mode random --probability P`: P times 2^31, as the kernel has it.
    Random(u32),
    /// `--mode nth --every N --packet P`: of N packets the one with that number, the first one being 0.
    Nth {
        /// N, at least 1.
        every: u32,
        /// P, less than N.
        packet: u32,
    },
}

/// `time`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// `--datestart`: seconds since the epoch; 0 unless told.
    pub date_start: u32,
    /// `--datestop`: seconds since the epoch; `i32::MAX` unless told.
    pub date_stop: u32,
    /// `--timestart`: seconds of the day; 0 unless told.
    pub day_start: u32,
    /// `--timestop`: seconds of the day; 86399 unless told.
    pub day_stop: u32,
    /// `--monthdays`: one bit for each, bit 1 for the first; `u32::MAX - 1` for all.
    pub month_days: Not<u32>,
    /// `--weekdays`: one bit for each, bit 1 for Monday; 254 for all.
    pub week_days: Not<u8>,
    /// `--contiguous`: a span over midnight is one.
    pub contiguous: bool,
    /// `--kerneltz`: local time, which [`crate::Config`] tells, instead of UTC.
    pub kernel_zone: bool,
}

/// How `ttl` and `hl` compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtlMatch {
    /// `--ttl-eq`, `--hl-eq`
    Equal(u8),
    /// `! --ttl-eq`, `! --hl-eq`
    NotEqual(u8),
    /// `--ttl-lt`, `--hl-lt`
    Less(u8),
    /// `--ttl-gt`, `--hl-gt`
    Greater(u8),
}

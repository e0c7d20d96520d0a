//! What a rule can do with a packet: one type for each target of iptables, with what its options say.

/// A target (`-j`, `-g`).
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// None: the packet is counted and goes on.
    None,
    /// It passes this table's chain.
    Accept,
    /// It is dropped.
    Drop,
    /// It goes on after the rule that sent it to this chain.
    Return,
    /// `-j CHAIN`: the number of the chain in its table.
    Jump(u16),
    /// `-g CHAIN`: as a jump, but a return goes to where this chain was jumped from.
    Goto(u16),
    /// It is dropped, and its sender told.
    Reject(RejectWith),
    /// `QUEUE`: queue 0.
    Queue,
    /// `NFQUEUE`
    Nfqueue(Nfqueue),
    /// `MARK`: the packet's mark becomes itself without the bits of `mask`, exclusive or `value`.
    Mark(MarkChange),
    /// `CONNMARK`
    Connmark(ConnmarkTarget),
    /// `CT`
    Ct(Box<CtTarget>),
    /// `NOTRACK`
    Notrack,
    /// `CLASSIFY --set-class MAJOR:MINOR`: `major << 16 | minor`.
    Classify(u32),
    /// `DSCP --set-dscp`: six bits.
    Dscp(u8),
    /// `TTL` for IPv4, `HL` for IPv6.
    Ttl(TtlChange),
    /// `TCPMSS`: the value, or with `None` what the path's MTU lets pass.
    Tcpmss(Option<u16>),
    /// `LOG`
    Log(Box<Log>),
    /// `TRACE`
    Trace,
}

/// What a rejected packet's sender is told. The names are those of `--reject-with`; each belongs to one version of IP but
/// for the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// `icmp-net-unreachable`
    NetUnreachable,
    /// `icmp-host-unreachable`
    HostUnreachable,
    /// `icmp-port-unreachable`, IPv4's default.
    PortUnreachable,
    /// `icmp-proto-unreachable`
    ProtoUnreachable,
    /// `icmp-net-prohibited`
    NetProhibited,
    /// `icmp-host-prohibited`
    HostProhibited,
    /// `icmp-admin-prohibited`
    AdminProhibited,
    /// `icmp6-no-route`
    NoRoute6,
    /// `icmp6-adm-prohibited`
    AdminProhibited6,
    /// `icmp6-addr-unreachable`
    AddressUnreachable6,
    /// `icmp6-port-unreachable`, IPv6's default.
    PortUnreachable6,
    /// `icmp6-policy-fail`
    PolicyFail6,
    /// `icmp6-reject-route`
    RejectRoute6,
    /// `tcp-reset`
    TcpReset,
}

/// `NFQUEUE`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nfqueue {
    /// `--queue-num`, or the first of `--queue-balance`.
    pub first: u16,
    /// How many queues share the packets, by their connection: 1 with `--queue-num`.
    pub count: u16,
    /// `--queue-bypass`
    pub bypass: bool,
    /// `--queue-cpu-fanout`: there are no processors here, so it does as without.
    pub fanout: bool,
}

/// A change of a mark: `mark & !mask ^ value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkChange {
    /// The bits that are set or turned.
    pub value: u32,
    /// The bits that are cleared first.
    pub mask: u32,
}

/// `CONNMARK`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnmarkTarget {
    /// `--set-xmark`, and what else is written that way: the connection's mark is changed.
    Set(MarkChange),
    /// `--save-mark`: the packet's mark is the connection's from now on, as far as the masks say:
    /// `ctmark & !ctmask ^ nfmark & nfmask`.
    Save {
        /// `--ctmask`
        ct_mask: u32,
        /// `--nfmask`
        nf_mask: u32,
    },
    /// `--restore-mark`: the other way round: `nfmark & !nfmask ^ ctmark & ctmask`.
    Restore {
        /// `--ctmask`
        ct_mask: u32,
        /// `--nfmask`
        nf_mask: u32,
    },
}

/// `CT`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtTarget {
    /// `--notrack`
    pub notrack: bool,
    /// `--zone`, `--zone-orig` and `--zone-reply` as far as one number says it.
    pub zone: Option<u16>,
    /// `--helper`
    pub helper: Option<Box<str>>,
    /// `--ctevents`: bits of the kernel's `IPCT_*`, as [`crate::conntrack::Changes`] has them.
    pub events: Option<u16>,
}

/// `TTL` and `HL`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtlChange {
    /// `--ttl-set`
    Set(u8),
    /// `--ttl-inc`
    Increase(u8),
    /// `--ttl-dec`
    Decrease(u8),
}

/// `LOG`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `--log-level`: 0 (emergency) to 7 (debug); 4 (warning) unless told.
    pub level: u8,
    /// `--log-prefix`, at most 29 bytes.
    pub prefix: Box<str>,
    /// `--log-tcp-sequence`, `--log-tcp-options`, `--log-ip-options`, `--log-uid`, `--log-macdecode`: 1, 2, 4, 8, 32.
    pub flags: u8,
}

use crate::time::{Duration, Instant};

/// What only one kind of qdisc counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QdiscXstats {
    /// Nothing.
    None,
    /// Of `struct tc_htb_glob`.
    Htb {
        /// Packets that went by all classes.
        direct_packets: u64,
    },
    /// `struct tc_codel_xstats`.
    Codel {
        /// The longest packet whose turn came.
        max_packet: u32,
        /// Drops since dropping began.
        count: u32,
        /// What `count` was at first then.
        last_count: u32,
        /// Packets dropped because there was no room.
        drop_overlimit: u32,
        /// How long the last packet waited.
        delay: Duration,
        /// When the next packet goes; `None` while none does.
        drop_next: Option<Instant>,
        /// Packets marked in place of being dropped.
        ecn_mark: u32,
        /// Packets marked for having waited longer than `ce_threshold`.
        ce_mark: u32,
    },
    /// `struct tc_red_xstats`.
    Red {
        /// Packets dropped because of the average queue.
        early: u32,
        /// Packets that found no room.
        pdrop: u32,
        /// Packets marked in place of being dropped.
        marked: u32,
        /// The average queue in bytes when the last packet came.
        average: u64,
    },
    /// `struct tc_fq_codel_qd_stats`.
    FqCodel {
        /// The longest packet whose turn came.
        max_packet: u32,
        /// Packets dropped because there was no room.
        drop_overlimit: u32,
        /// Packets marked in place of being dropped.
        ecn_mark: u32,
        /// How often a flow began to have packets.
        new_flow_count: u32,
        /// Flows that have their turn first.
        new_flows_len: u32,
        /// Flows that have their turn after those.
        old_flows_len: u32,
        /// Packets marked for having waited longer than `ce_threshold`.
        ce_mark: u32,
        /// Bytes that wait.
        memory_usage: u32,
        /// Packets of `drop_overlimit` that were dropped for bytes.
        drop_overmemory: u32,
    },
}

/// What only one kind's classes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassXstats {
    /// Nothing.
    None,
    /// `struct tc_htb_xstats`.
    Htb {
        /// Packets sent at its own rate.
        lends: u32,
        /// Packets sent at a rate borrowed from above.
        borrows: u32,
        /// Packets that were longer than its `mtu`.
        giants: u32,
        /// What it may send at once at its rate, in nanoseconds of that rate; negative where it is in debt.
        tokens: i64,
        /// The same at its ceil.
        ctokens: i64,
    },
    /// `struct tc_sfq_xstats`.
    Sfq {
        /// Bytes that the flow may still send before it is another's turn.
        allot: i64,
    },
    /// `struct tc_cbq_xstats`.
    Cbq {
        /// Packets sent at a borrowed rate.
        borrows: u32,
        /// How often it was found over its limit.
        overactions: u32,
        /// The average idle time, in nanoseconds.
        avgidle: i64,
        /// By how much it is ahead of its rate, in nanoseconds.
        undertime: i64,
    },
}

//! How an entry of `hashlimit` counts.

use super::super::limit::{LimitState, seconds};
use crate::ruleset::{Hashlimit, HashlimitRate};
use crate::time::{Duration, Instant};

/// A rate of packets is kept as the microseconds between two (`XT_HASHLIMIT_SCALE_v2`).
const SCALE: u64 = 1_000_000;

/// Bytes are counted in chunks of 16, each packet having one chunk more than fits in it (`XT_HASHLIMIT_BYTE_SHIFT`).
const BYTE_SHIFT: u32 = 4;

/// Credits for bytes that the kernel gives in a second, with HZ = 250 and HZ = 1000: 2^22 in a millisecond. That is also the
/// most that an entry can have.
const BYTE_CREDITS: u64 = 4_194_304_000;

/// Parts of a credit, so that a nanosecond gives [`PARTS_PER_NANO`] of them exactly.
const PARTS: u64 = 15_625;
const PARTS_PER_NANO: u64 = BYTE_CREDITS * PARTS / 1_000_000_000;

/// What an entry has counted, and its limit.
#[derive(Clone, Debug)]
pub(super) enum Meter {
    /// Packets.
    Packets(LimitState),
    /// Bytes.
    Bytes(ByteMeter),
    /// `--hashlimit-rate-match`
    Window(WindowMeter),
}

/// Credit for bytes.
#[derive(Clone, Debug)]
pub(super) struct ByteMeter {
    /// What is left, in parts.
    credit: u64,
    /// What a chunk takes, in parts.
    cost: u64,
    /// How often the credit is filled up when it does not suffice, ever.
    bursts: u64,
    last: Instant,
}

/// Spans of time, in each of which so much passes, if not too much came in the one before.
#[derive(Clone, Debug)]
pub(super) struct WindowMeter {
    bytes: bool,
    /// What the span before must not have brought.
    rate: u64,
    /// What passes in a span.
    most: u64,
    interval: u64,
    began: Instant,
    current: u64,
    was_over: bool,
}

impl Meter {
    /// A new entry's.
    pub(super) fn new(rule: &Hashlimit) -> Self {
        let bursts = |cost: u64| rule.burst.div_ceil(bytes_of(cost).max(1));
        match rule.rate {
            HashlimitRate::Packets(rate, per) if rule.rate_match => {
                let rate = SCALE.checked_div(period(rate, seconds(per))).unwrap_or(0);
                Meter::Window(WindowMeter::new(rule, false, rate, rate.saturating_add(rule.burst)))
            }
            HashlimitRate::Bytes(rate) if rule.rate_match => {
                let cost = chunk_cost(rate);
                let rate = bytes_of(cost);
                Meter::Window(WindowMeter::new(rule, true, rate, rate.saturating_mul(bursts(cost).max(1))))
            }
            HashlimitRate::Packets(rate, per) => {
                let cost = period(rate, seconds(per)).saturating_mul(1_000);
                Meter::Packets(LimitState::full(cost, cost.saturating_mul(rule.burst)))
            }
            HashlimitRate::Bytes(rate) => {
                let cost = chunk_cost(rate);
                Meter::Bytes(ByteMeter {
                    credit: BYTE_CREDITS * PARTS,
                    cost: ((cost * BYTE_CREDITS) >> 32) * PARTS,
                    bursts: bursts(cost),
                    last: Instant::ZERO,
                })
            }
        }
    }

    /// The same, begun now.
    pub(super) fn begun(&self, now: Instant) -> Self {
        let mut meter = self.clone();
        match &mut meter {
            // Full already: time adds nothing.
            Meter::Packets(_) => {}
            Meter::Bytes(bytes) => bytes.last = now,
            Meter::Window(window) => window.began = now,
        }
        meter
    }

    /// Whether an IP packet of that length is within the limit.
    pub(super) fn admits(&mut self, len: u32, now: Instant) -> bool {
        match self {
            Meter::Packets(packets) => packets.matches(now),
            Meter::Bytes(bytes) => bytes.admits(len, now),
            Meter::Window(window) => window.admits(len, now),
        }
    }
}

impl ByteMeter {
    fn admits(&mut self, len: u32, now: Instant) -> bool {
        const FULL: u64 = BYTE_CREDITS * PARTS;
        let gained = (now - self.last).as_nanos().saturating_mul(PARTS_PER_NANO);
        self.credit = self.credit.saturating_add(gained).min(FULL);
        self.last = self.last.max(now);
        let chunks = u64::from(len >> BYTE_SHIFT) + 1;
        let cost = chunks.saturating_mul(self.cost).min(FULL);
        if self.credit < cost && self.bursts > 0 {
            self.bursts -= 1;
            self.credit = FULL;
        }
        let paid = self.credit.checked_sub(cost);
        self.credit = paid.unwrap_or(self.credit);
        paid.is_some()
    }
}

impl WindowMeter {
    fn new(rule: &Hashlimit, bytes: bool, rate: u64, most: u64) -> Self {
        let interval = Duration::from_secs(rule.rate_interval.max(1).into()).as_nanos();
        WindowMeter { bytes, rate, most, interval, began: Instant::ZERO, current: 0, was_over: false }
    }

    fn admits(&mut self, len: u32, now: Instant) -> bool {
        let passed = (now - self.began).as_nanos();
        if passed >= self.interval {
            // More in that time than the rate lets pass in it.
            let came = u128::from(self.current) * u128::from(self.interval);
            self.was_over = came > u128::from(passed) * u128::from(self.rate);
            self.current = 0;
            self.began = now;
        }
        self.current = self.current.saturating_add(if self.bytes { len.into() } else { 1 });
        !self.was_over && self.current <= self.most
    }
}

/// Microseconds between two packets.
fn period(rate: u64, seconds: u64) -> u64 {
    SCALE * seconds / rate.max(1)
}

/// What iptables keeps of a rate in bytes: a part of 2^32 for each chunk.
fn chunk_cost(rate: u64) -> u64 {
    u64::from(u32::MAX) / ((rate >> BYTE_SHIFT).min(u64::from(u32::MAX)) + 1)
}

/// The bytes that such a rate means.
fn bytes_of(cost: u64) -> u64 {
    (u64::from(u32::MAX).checked_div(cost).unwrap_or(u64::from(u32::MAX)).max(1) - 1) << BYTE_SHIFT
}

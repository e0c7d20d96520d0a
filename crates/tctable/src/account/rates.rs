//! How fast a host's traffic is, folded from its counters when a second is over.

use super::host::Host;
use crate::conntrack::Counter;
use crate::time::Instant;

/// What a host did in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What it sent.
    pub tx: Counter,
    /// What it received.
    pub rx: Counter,
    /// Connections that began in its name.
    pub connections: u64,
}

impl Traffic {
    fn each(self, other: Traffic, with: impl Fn(u64, u64) -> u64) -> Traffic {
        let counter = |one: Counter, other: Counter| Counter {
            packets: with(one.packets, other.packets),
            bytes: with(one.bytes, other.bytes),
        };
        Traffic {
            tx: counter(self.tx, other.tx),
            rx: counter(self.rx, other.rx),
            connections: with(self.connections, other.connections),
        }
    }
}

/// A host's traffic over the last complete seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of the last complete second.
    pub second: Traffic,
    /// Of the last ten complete seconds, all together.
    pub ten_seconds: Traffic,
    /// Of the last six complete tens of seconds, all together; tens begin where the time in seconds ends with 0.
    pub minute: Traffic,
    /// The most of each number in any one complete second, since the host came or rates were switched on.
    pub peak: Traffic,
}

/// The last `N` complete spans of so many seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ring<const N: usize, const SECONDS: u64> {
    /// The number of the span that is under way.
    pub(super) number: u64,
    /// All traffic before it.
    pub(super) base: Traffic,
    /// By number, modulo `N`: the one under way has the place of the oldest.
    pub(super) parts: [Traffic; N],
}

impl<const N: usize, const SECONDS: u64> Ring<N, SECONDS> {
    fn new(now: Instant, base: Traffic) -> Self {
        Ring { number: now.as_nanos() / 1_000_000_000 / SECONDS, base, parts: [Traffic::default(); N] }
    }

    fn part(&mut self, number: u64) -> Option<&mut Traffic> {
        self.parts.get_mut((number % N as u64) as usize)
    }

    /// Moves on to the span of `now`; `total` is all traffic up to it. Gives what the span had that was under way, if it is
    /// over.
    fn roll(&mut self, now: Instant, total: Traffic) -> Option<Traffic> {
        let number = now.as_nanos() / 1_000_000_000 / SECONDS;
        let spans = number.checked_sub(self.number).filter(|spans| *spans != 0)?;
        let over = total.each(self.base, u64::wrapping_sub);
        let first = self.number;
        if let Some(part) = self.part(first) {
            *part = over;
        }
        for skipped in 1..spans.min(N as u64 + 1) {
            if let Some(part) = self.part(first + skipped) {
                *part = Traffic::default();
            }
        }
        (self.number, self.base) = (number, total);
        Some(over)
    }

    fn sum(&self) -> Traffic {
        self.parts.iter().fold(Traffic::default(), |sum, part| sum.each(*part, u64::saturating_add))
    }
}

/// What is kept of a host's past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) seconds: Ring<10, 1>,
    pub(super) tens: Ring<6, 10>,
    pub(super) peak: Traffic,
}

impl Past {
    pub(super) fn new(now: Instant, total: Traffic) -> Self {
        Past { seconds: Ring::new(now, total), tens: Ring::new(now, total), peak: Traffic::default() }
    }

    /// Moves on to the second of `now`; `total` is all traffic up to it.
    pub(super) fn roll(&mut self, now: Instant, total: Traffic) {
        if let Some(over) = self.seconds.roll(now, total) {
            self.peak = self.peak.each(over, u64::max);
        }
        self.tens.roll(now, total);
    }

    /// The counters begin anew, as so much less.
    pub(super) fn rebase(&mut self, total: Traffic) {
        self.seconds.base = self.seconds.base.each(total, u64::wrapping_sub);
        self.tens.base = self.tens.base.each(total, u64::wrapping_sub);
    }

    fn rates(mut self, now: Instant, total: Traffic) -> Rates {
        self.roll(now, total);
        let last = self.seconds.number.wrapping_sub(1);
        Rates {
            second: self.seconds.part(last).copied().unwrap_or_default(),
            ten_seconds: self.seconds.sum(),
            minute: self.tens.sum(),
            peak: self.peak,
        }
    }
}

impl Host {
    /// All that it did so far. The connections are those since it came, the counters those since they were zeroed.
    pub fn traffic(&self) -> Traffic {
        let mut traffic = Traffic { connections: self.connections_opened(), ..Traffic::default() };
        for class in &self.classes {
            let [tx, rx] = class.counters;
            traffic.tx += tx;
            traffic.rx += rx;
        }
        traffic
    }

    /// How fast its traffic is at a time that is not before its last packet. `None` unless rates are switched on
    /// ([`super::Config::rates`]) and the host had a packet since.
    pub fn rates(&self, now: Instant) -> Option<Rates> {
        self.past.as_ref().map(|past| (**past).clone().rates(now, self.traffic()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(bytes: u64) -> Traffic {
        Traffic { tx: Counter { packets: 1, bytes }, ..Traffic::default() }
    }

    proptest! {
        #[test]
        fn agrees_with_adding_up_what_lies_in_each_window(
            steps in proptest::collection::vec((prop_oneof![0u64..500, 0u64..5_000, 0u64..100_000], 1u64..1_000), 1..80),
            wait in 0u64..100_000,
        ) {
            let second = |milli: u64| milli / 1_000;
            let at = |milli: u64| Instant::from_nanos(milli * 1_000_000);
            let mut now = 1_000_000;
            let (mut past, mut total) = (Past::new(at(now), Traffic::default()), Traffic::default());
            let mut packets = Vec::new();
            for (wait, size) in steps {
                now += wait;
                past.roll(at(now), total);
                total = total.each(bytes(size), |one, other| one + other);
                packets.push((now, size));
            }
            now += wait;
            let rates = past.rates(at(now), total);
            let within = |from: u64, to: u64| packets.iter().filter(|(at, _)| from <= second(*at) && second(*at) < to).map(|(_, size)| *size).sum::<u64>();
            let this = second(now);
            prop_assert_eq!(rates.second.tx.bytes, within(this - 1, this));
            prop_assert_eq!(rates.ten_seconds.tx.bytes, within(this - 10, this));
            prop_assert_eq!(rates.minute.tx.bytes, within(this / 10 * 10 - 60, this / 10 * 10));
            let peak = (1_000..this).map(|second| within(second, second + 1)).max().unwrap_or(0);
            prop_assert_eq!(rates.peak.tx.bytes, peak);
        }
    }
}

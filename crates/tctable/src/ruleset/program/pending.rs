//! Stand-ins for the files of these names, until they are merged.

pub(super) mod limit {
    use crate::ruleset::Limit;
    use crate::time::Instant;

    #[derive(Debug)]
    pub(crate) struct LimitState(u32);

    impl LimitState {
        pub(crate) fn new(limit: &Limit) -> Self {
            LimitState(limit.burst)
        }

        pub(crate) fn matches(&mut self, _: Instant) -> bool {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or_default();
            left.is_some()
        }
    }
}

pub(super) mod hashlimit {
    use super::super::outcome::Outcome;
    use crate::hook::PacketBuf;
    use crate::packet::Family;
    use crate::ruleset::Hashlimit;
    use crate::time::Instant;

    #[derive(Debug)]
    pub(crate) struct HashlimitTables(Vec<(Family, Box<str>, u64)>);

    impl HashlimitTables {
        pub(crate) fn new() -> Self {
            HashlimitTables(Vec::new())
        }

        pub(crate) fn register(&mut self, rule: &Hashlimit, family: Family) -> usize {
            let known = self.0.iter().position(|(of, name, _)| (*of, name) == (family, &rule.name));
            known.unwrap_or_else(|| {
                self.0.push((family, rule.name.clone(), rule.burst));
                self.0.len() - 1
            })
        }

        pub(crate) fn take_over(&mut self, old: HashlimitTables) {
            for before in old.0 {
                if let Some(own) = self.0.iter_mut().find(|own| (own.0, &own.1) == (before.0, &before.1)) {
                    *own = before;
                }
            }
        }

        pub(crate) fn matches(&mut self, handle: usize, rule: &Hashlimit, _: &PacketBuf<'_>, _: Instant) -> Outcome {
            let Some((_, _, left)) = self.0.get_mut(handle) else { return Outcome::HotDrop };
            let within = *left > 0;
            *left = left.saturating_sub(1);
            Outcome::from(within != rule.above)
        }
    }
}

pub(super) mod connlimit {
    use crate::conntrack::Conntrack;
    use crate::hook::PacketBuf;
    use crate::packet::Family;
    use crate::ruleset::Connlimit;
    use crate::time::Instant;

    #[derive(Debug)]
    pub(crate) struct ConnlimitState(u32);

    impl ConnlimitState {
        pub(crate) fn new(_: &Connlimit, _: Family) -> Self {
            ConnlimitState(0)
        }

        pub(crate) fn matches(&mut self, rule: &Connlimit, _: &PacketBuf<'_>, _: &Conntrack, _: Instant) -> bool {
            self.0 += 1;
            (self.0 > rule.limit) == rule.above
        }
    }
}

pub(super) mod statistic {
    use crate::ruleset::Statistic;

    #[derive(Debug)]
    pub(crate) struct StatisticState(u32);

    impl StatisticState {
        pub(crate) fn new(statistic: &Statistic) -> Self {
            StatisticState(match statistic {
                Statistic::Random(_) => 0,
                Statistic::Nth { every, packet } => every - packet - 1,
            })
        }

        pub(crate) fn matches(&mut self, statistic: &Statistic, next: impl FnOnce() -> u32) -> bool {
            match statistic {
                Statistic::Random(probability) => next() & 0x7fff_ffff < *probability,
                Statistic::Nth { every, .. } => {
                    self.0 += 1;
                    let all = self.0 >= *every;
                    self.0 = if all { 0 } else { self.0 };
                    all
                }
            }
        }
    }
}

pub(super) mod time {
    use crate::ruleset::Time;
    use crate::time::Instant;

    pub(crate) fn matches(time: &Time, now: Instant, _: i32) -> bool {
        let seconds = now.since(Instant::ZERO).as_secs();
        (u64::from(time.date_start)..=u64::from(time.date_stop)).contains(&seconds)
    }
}

pub(super) mod set {
    use crate::packet::{Address, Family};

    #[derive(Debug, Default)]
    pub(crate) struct CompiledSets(pub(crate) Vec<(Box<str>, Family, Vec<Address>)>);

    impl CompiledSets {
        pub(crate) fn find(&self, name: &str) -> Option<usize> {
            self.0.iter().position(|(own, ..)| **own == *name)
        }

        pub(crate) fn contains(&self, set: usize, family: Family, address: Address) -> bool {
            self.0.get(set).is_some_and(|(_, of, members)| *of == family && members.contains(&address))
        }
    }
}

pub(super) mod reject {
    use crate::hook::{Hook, PacketBuf};
    use crate::ruleset::RejectWith;

    pub(crate) fn answer(with: RejectWith, packet: &PacketBuf<'_>, hook: Hook) -> Option<Vec<u8>> {
        Some(vec![with as u8, hook as u8, packet.info().tuple.protocol])
    }
}

pub(super) mod mangle {
    use crate::hook::PacketBuf;
    use crate::packet::Family;
    use crate::ruleset::TtlChange;

    pub(crate) fn set_dscp(packet: &mut PacketBuf<'_>, dscp: u8) {
        let at = usize::from(packet.info().network_offset);
        if packet.info().tuple.family == Family::V4 {
            let _ = packet.edit(|data| data[at + 1] = data[at + 1] & 3 | dscp << 2);
        }
    }

    pub(crate) fn change_ttl(packet: &mut PacketBuf<'_>, change: TtlChange) {
        let at = usize::from(packet.info().network_offset);
        let at = at + if packet.info().tuple.family == Family::V4 { 8 } else { 7 };
        let _ = packet.edit(|data| {
            data[at] = match change {
                TtlChange::Set(ttl) => ttl,
                TtlChange::Increase(by) => data[at].saturating_add(by),
                TtlChange::Decrease(by) => data[at].saturating_sub(by),
            };
        });
    }

    pub(crate) fn set_mss(_: &mut PacketBuf<'_>, _: Option<u16>) {}
}

pub(super) mod log {
    use crate::hook::{Devices, Hook, PacketBuf};
    use crate::ruleset::Log;

    #[derive(Clone, Debug, PartialEq)]
    pub struct LogRecord {
        pub prefix: Box<str>,
    }

    pub(crate) fn record(log: &Log, _: Hook, _: &PacketBuf<'_>, _: &Devices) -> LogRecord {
        LogRecord { prefix: log.prefix.clone() }
    }
}

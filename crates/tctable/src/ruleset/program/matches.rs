//! All that a rule asks of a packet.

use super::connlimit::ConnlimitState;
use super::header::{self, DeviceNames};
use super::limit::LimitState;
use super::outcome::Outcome;
use super::statistic::StatisticState;
use super::{Env, Shared, connbytes, connmark, conntrack, icmp, ip_header, iprange, mac, multiport, tcp, time, udp};
use crate::hook::PacketBuf;
use crate::packet::Family;
use crate::ruleset::{Match, Rule};

/// What a match remembers between packets.
#[derive(Debug)]
pub(super) enum State {
    /// Nothing.
    None,
    Limit(LimitState),
    /// Its table.
    Hashlimit(usize),
    Connlimit(Box<ConnlimitState>),
    Statistic(StatisticState),
    /// The set that it looks into.
    Set(Option<usize>),
}

impl State {
    /// What the matches of a rule begin with.
    pub(super) fn of(rule: &Rule, family: Family, shared: &mut Shared) -> Box<[State]> {
        let state = |asked: &Match| match asked {
            Match::Limit(limit) => State::Limit(LimitState::new(limit)),
            Match::Hashlimit(limit) => State::Hashlimit(shared.hashlimits.register(limit, family)),
            Match::Connlimit(limit) => State::Connlimit(Box::new(ConnlimitState::new(limit, family))),
            Match::Statistic(statistic) => State::Statistic(StatisticState::new(&statistic.value)),
            Match::Set(set) => State::Set(shared.sets.find(&set.value.name)),
            _ => State::None,
        };
        rule.matches.iter().map(state).collect()
    }
}

/// Whether a match changes what it remembers by looking at a packet: then it must be shown each packet that comes to it.
pub(super) fn is_stateful(asked: &Match) -> bool {
    matches!(asked, Match::Limit(_) | Match::Hashlimit(_) | Match::Connlimit(_) | Match::Statistic(_))
}

/// Whether a packet has all that a rule asks for: the header first, then the matches in order, as far as they hold.
#[inline]
pub(super) fn all(
    rule: &Rule,
    states: &mut [State],
    packet: &PacketBuf<'_>,
    devices: DeviceNames<'_>,
    env: &mut Env<'_>,
    shared: &mut Shared,
) -> Outcome {
    let outcome = header::matches(&rule.header, packet, devices);
    if outcome != Outcome::Matches {
        return outcome;
    }
    for (asked, state) in rule.matches.iter().zip(states) {
        let outcome = one(asked, state, packet, env, shared);
        if outcome != Outcome::Matches {
            return outcome;
        }
    }
    Outcome::Matches
}

fn one(asked: &Match, state: &mut State, packet: &PacketBuf<'_>, env: &mut Env<'_>, shared: &mut Shared) -> Outcome {
    let (info, now) = (packet.info(), env.now);
    Outcome::from(match (asked, state) {
        (Match::Tcp(asked), _) => return tcp::matches(asked, packet),
        (Match::Udp(asked), _) => return udp::matches(asked, packet),
        (Match::Icmp(asked), _) => return icmp::matches(asked, packet),
        (Match::Multiport(asked), _) => return multiport::matches(asked, packet),
        (Match::Conntrack(asked), _) => conntrack::matches(asked, packet, env.conntrack, now),
        (Match::State(asked), _) => conntrack::state(*asked, packet),
        (Match::Connbytes(asked), _) => connbytes::matches(asked, conntrack::connection(packet, env.conntrack)),
        (Match::Connmark(asked), _) => connmark::matches(asked, packet, env.conntrack),
        (Match::Mark(asked), _) => asked.wants(packet.mark & asked.value.mask == asked.value.value),
        (Match::Length(asked), _) => {
            let (lowest, highest) = asked.value;
            asked.wants((u32::from(lowest)..=u32::from(highest)).contains(&info.ip_len))
        }
        (Match::Iprange(asked), _) => iprange::matches(asked, &info.tuple),
        (Match::Mac(asked), _) => mac::matches(asked, packet),
        (Match::Time(asked), _) => time::matches(asked, now, env.utc_offset),
        (Match::Ttl(asked), _) => ip_header::ttl(*asked, packet),
        (Match::Dscp(asked), _) => ip_header::dscp(*asked, packet),
        (Match::Comment(_), _) => true,
        (Match::Limit(_), State::Limit(state)) => state.matches(now),
        (Match::Hashlimit(asked), State::Hashlimit(table)) => {
            return shared.hashlimits.matches(*table, asked, packet, now);
        }
        (Match::Connlimit(asked), State::Connlimit(state)) => return state.matches(asked, packet, env.conntrack, now),
        (Match::Statistic(asked), State::Statistic(state)) => {
            asked.wants(state.matches(&asked.value, || env.random.bits()))
        }
        (Match::Set(asked), State::Set(set)) => {
            let address = if asked.value.destination { info.tuple.destination } else { info.tuple.source };
            asked.wants(set.is_some_and(|set| shared.sets.contains(set, info.tuple.family, address)))
        }
        // Each match has the state that was made for it.
        (Match::Limit(_) | Match::Hashlimit(_) | Match::Connlimit(_) | Match::Statistic(_) | Match::Set(_), _) => false,
    })
}

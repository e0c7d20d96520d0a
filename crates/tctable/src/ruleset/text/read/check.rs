//! What a rule must have beside it, and where it may stand: the conditions of the kernel's matches and targets.

use super::super::names::SYN;
use crate::hook::Hook;
use crate::packet::Family;
use crate::ruleset::matches::Match;
use crate::ruleset::rule::{Header, TableName};
use crate::ruleset::target::{RejectWith, Target};
use crate::words::ParseError;
use crate::words::Word;

/// A condition on where a chain hangs, which is known when all jumps are.
#[derive(Clone, Debug)]
pub(super) struct Hooks {
    /// The hooks that are allowed.
    pub(super) allowed: &'static [Hook],
    pub(super) why: &'static str,
    /// What is refused elsewhere.
    pub(super) word: Word<'static>,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const WITH_PORTS: [u8; 5] = [TCP, UDP, 33, 132, 136];

/// What a match needs of its rule, and where it may stand.
pub(super) fn of_match(
    word: &Word<'_>,
    of: &Match,
    header: &Header,
    family: Family,
) -> Result<Option<Hooks>, ParseError> {
    let (needed, what): (&[u8], _) = match (of, family) {
        (Match::Tcp(_), _) => (&[TCP], "-p tcp"),
        (Match::Udp(_), _) => (&[UDP], "-p udp"),
        (Match::Icmp(_), Family::V4) => (&[1], "-p icmp"),
        (Match::Icmp(_), Family::V6) => (&[58], "-p ipv6-icmp"),
        (Match::Multiport(_), _) => (&WITH_PORTS, "-p tcp, udp, udplite, sctp or dccp"),
        (Match::Mac(_), _) => {
            return Ok(Some(Hooks {
                allowed: &[Hook::PreRouting, Hook::LocalIn, Hook::Forward],
                why: "sees packets that came in, in PREROUTING, INPUT and FORWARD alone",
                word: word.clone().into_owned(),
            }));
        }
        _ => return Ok(None),
    };
    if has_protocol(header, needed) { Ok(None) } else { Err(word.missing(what)) }
}

fn has_protocol(header: &Header, needed: &[u8]) -> bool {
    header.protocol.is_some_and(|protocol| !protocol.negated && needed.contains(&protocol.value))
}

/// What a target needs of its table and its rule, and where it may stand.
pub(super) fn of_target(
    word: &Word<'_>,
    target: &Target,
    table: TableName,
    header: &Header,
    matches: &[Match],
) -> Result<Option<Hooks>, ParseError> {
    let at = |allowed, why| Ok(Some(Hooks { allowed, why, word: word.clone().into_owned() }));
    let only = |name, why| if table == name { Ok(None) } else { Err(word.misplaced(why)) };
    match target {
        Target::Reject(with) => {
            only(TableName::Filter, "belongs to table filter")?;
            if *with == RejectWith::TcpReset && !has_protocol(header, &[TCP]) {
                return Err(word.missing("-p tcp, to answer with a TCP reset"));
            }
            Ok(None)
        }
        Target::Ct(target) => {
            only(TableName::Raw, "belongs to table raw")?;
            let asks = target.helper.is_some();
            if asks && header.protocol.is_none_or(|protocol| protocol.negated) {
                return Err(word.missing("-p, for a helper is that of a protocol"));
            }
            Ok(None)
        }
        Target::Notrack => only(TableName::Raw, "belongs to table raw"),
        Target::Dscp(_) | Target::Ttl(_) => only(TableName::Mangle, "belongs to table mangle"),
        Target::Classify(_) => at(
            &[Hook::Forward, Hook::LocalOut, Hook::PostRouting],
            "chooses how a packet leaves, in FORWARD, OUTPUT and POSTROUTING alone",
        ),
        Target::Tcpmss(size) => {
            let syn = |of: &Match| matches!(of, Match::Tcp(tcp) if tcp.flags.is_some_and(|flags| !flags.negated && flags.value.1 & SYN != 0));
            if !has_protocol(header, &[TCP]) || !matches.iter().any(syn) {
                return Err(word.missing("-p tcp and --syn, or --tcp-flags with SYN: others have no segment size"));
            }
            match size {
                Some(_) => Ok(None),
                None => at(
                    &[Hook::Forward, Hook::LocalOut, Hook::PostRouting],
                    "knows the path in FORWARD, OUTPUT and POSTROUTING alone",
                ),
            }
        }
        _ => Ok(None),
    }
}

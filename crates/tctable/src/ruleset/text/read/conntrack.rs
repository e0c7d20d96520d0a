//! `conntrack` and `state`.

use super::super::names::{STATES, STATUSES};
use super::addresses::masked;
use super::matches::Scope;
use super::numbers::{any_ports, bits, names, protocol, range};
use super::options::{Opt, Options, value};
use crate::conntrack::Direction;
use crate::ruleset::matches::{ConntrackMatch, Match};
use crate::ruleset::rule::{Masked, Not};
use crate::words::ParseError;

/// The states that `state` names: translated ones are `conntrack`'s alone.
const PLAIN_STATES: usize = 5;

pub(super) const CONNTRACK: &[Opt] = &[
    value("ctstate").or_not(),
    value("ctproto").or_not(),
    value("ctorigsrc").or_not(),
    value("ctorigdst").or_not(),
    value("ctreplsrc").or_not(),
    value("ctrepldst").or_not(),
    value("ctorigsrcport").or_not(),
    value("ctorigdstport").or_not(),
    value("ctreplsrcport").or_not(),
    value("ctrepldstport").or_not(),
    value("ctstatus").or_not(),
    value("ctexpire").or_not(),
    value("ctdir"),
];

pub(super) fn conntrack(options: &Options<'_>, scope: Scope<'_>) -> Result<Match, ParseError> {
    if options.is_empty() {
        return Err(options.owner.missing("at least one option"));
    }
    let address = |key| -> Result<Option<Not<Masked>>, ParseError> {
        options.get(key).map(|given| given.not(|word| masked(word, scope.family))).transpose()
    };
    let ports = |key| options.get(key).map(|given| given.not(any_ports)).transpose();
    let direction = options.get("ctdir").map(|given| {
        let word = given.value();
        [("ORIGINAL", Direction::Original), ("REPLY", Direction::Reply)]
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&word.text))
            .map(|(_, direction)| direction)
            .ok_or_else(|| word.unknown("direction", ["ORIGINAL", "REPLY"]))
    });
    let of = |key, what, known: &'static [(&'static str, u16)]| {
        options.get(key).map(|given| given.not(|word| names(word, what, known))).transpose()
    };
    let expires = options.get("ctexpire").map(|given| given.not(|word| range(word, (0, u32::MAX), bits)));
    Ok(Match::Conntrack(Box::new(ConntrackMatch {
        state: of("ctstate", "state", &STATES)?,
        protocol: options.get("ctproto").map(|given| given.not(protocol)).transpose()?,
        original_source: address("ctorigsrc")?,
        original_destination: address("ctorigdst")?,
        reply_source: address("ctreplsrc")?,
        reply_destination: address("ctrepldst")?,
        original_source_port: ports("ctorigsrcport")?,
        original_destination_port: ports("ctorigdstport")?,
        reply_source_port: ports("ctreplsrcport")?,
        reply_destination_port: ports("ctrepldstport")?,
        status: of("ctstatus", "status", &STATUSES)?,
        expires: expires.transpose()?,
        direction: direction.transpose()?,
    })))
}

pub(super) const STATE: &[Opt] = &[value("state").or_not()];

pub(super) fn state(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.require("state", "--state")?;
    let known = STATES.get(..PLAIN_STATES).unwrap_or_default();
    given.not(|word| names(word, "state", known)).map(Match::State)
}

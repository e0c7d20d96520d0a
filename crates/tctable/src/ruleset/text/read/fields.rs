//! Matches that look at one thing: marks, length, addresses, sets, time to live, code points; and `comment`.

use super::super::names::DSCP_CLASSES;
use super::addresses::{addresses, mac as read_mac};
use super::matches::Scope;
use super::numbers::{between, masked_bits, range, typed};
use super::options::{Opt, Options, flag, value};
use crate::ruleset::matches::{Iprange, MarkMatch, Match, SetMatch, TtlMatch};
use crate::ruleset::rule::Not;
use crate::words::ParseError;
use crate::words::Word;

/// The longest comment (`XT_MAX_COMMENT_LEN` without its end).
const LONGEST_COMMENT: usize = 255;

pub(super) const MARK: &[Opt] = &[value("mark").or_not()];

pub(super) fn mark(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    marked(options).map(Match::Mark)
}

pub(super) fn connmark(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    marked(options).map(Match::Connmark)
}

fn marked(options: &Options<'_>) -> Result<Not<MarkMatch>, ParseError> {
    let given = options.require("mark", "--mark")?;
    given.not(|word| masked_bits(word).map(|(value, mask)| MarkMatch { value, mask }))
}

pub(super) const LENGTH: &[Opt] = &[value("length").or_not()];

pub(super) fn length(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let length = |word: &Word<'_>| typed(word, "a length, 0 to 65535");
    options.require("length", "--length")?.not(|word| range(word, (0, u16::MAX), length)).map(Match::Length)
}

pub(super) const IPRANGE: &[Opt] = &[value("src-range").or_not(), value("dst-range").or_not()];

pub(super) fn iprange(options: &Options<'_>, scope: Scope<'_>) -> Result<Match, ParseError> {
    if options.is_empty() {
        return Err(options.owner.missing("--src-range or --dst-range"));
    }
    let range = |key| options.get(key).map(|given| given.not(|word| addresses(word, scope.family))).transpose();
    Ok(Match::Iprange(Box::new(Iprange { source: range("src-range")?, destination: range("dst-range")? })))
}

pub(super) const MAC: &[Opt] = &[value("mac-source").or_not()];

pub(super) fn mac(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    options.require("mac-source", "--mac-source")?.not(read_mac).map(Match::Mac)
}

pub(super) const SET: &[Opt] = &[
    value("match-set").two_values().or_not(),
    value("set").two_values().or_not().is("match-set"),
    flag("return-nomatch"),
    flag("update-counters").or_not(),
    flag("update-subcounters").or_not(),
    value("packets-eq").or_not(),
    value("packets-lt"),
    value("packets-gt"),
    value("bytes-eq").or_not(),
    value("bytes-lt"),
    value("bytes-gt"),
];

pub(super) fn set(options: &Options<'_>, scope: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.require("match-set", "--match-set")?;
    if let Some(other) = options.first_but("match-set") {
        return Err(other.word.not_handled("sets have neither counters nor a choice about nomatch"));
    }
    let (name, flags) = (given.value(), given.second());
    let Some(set) = scope.sets.sets.get(&*name.text) else {
        return Err(name.unknown("set", scope.sets.sets.keys().map(|name| &**name)));
    };
    if set.family != scope.family {
        return Err(name.misplaced("is a set of addresses of the other version of IP"));
    }
    let destination = match &*flags.text {
        "src" => false,
        "dst" => true,
        _ => return Err(flags.invalid("src or dst: sets have one dimension")),
    };
    Ok(Match::Set(Not { negated: given.negated, value: SetMatch { name: (*name.text).into(), destination } }))
}

pub(super) const TTL: &[Opt] = &[
    value("ttl-eq").is("eq").or_not(),
    value("ttl").is("eq").or_not(),
    value("ttl-lt").is("lt"),
    value("ttl-gt").is("gt"),
];

pub(super) const HL: &[Opt] = &[
    value("hl-eq").is("eq").or_not(),
    value("hl").is("eq").or_not(),
    value("hl-lt").is("lt"),
    value("hl-gt").is("gt"),
];

pub(super) fn ttl(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.just_one_of(&["eq", "lt", "gt"], "a value: equal (-eq), less (-lt) or greater (-gt)")?;
    let value = typed(given.value(), "a number, 0 to 255")?;
    Ok(Match::Ttl(match given.key {
        "eq" if given.negated => TtlMatch::NotEqual(value),
        "eq" => TtlMatch::Equal(value),
        "lt" => TtlMatch::Less(value),
        _ => TtlMatch::Greater(value),
    }))
}

pub(super) const DSCP: &[Opt] = &[value("dscp").or_not(), value("dscp-class").or_not()];

pub(super) fn dscp(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let given = options.just_one_of(&["dscp", "dscp-class"], "--dscp or --dscp-class")?;
    given.not(if given.key == "dscp" { code_point } else { class }).map(Match::Dscp)
}

/// Six bits.
pub(super) fn code_point(word: &Word<'_>) -> Result<u8, ParseError> {
    between(word, (0, 63), "a code point, 0 to 63")
}

/// The code point of a class, in any case.
pub(super) fn class(word: &Word<'_>) -> Result<u8, ParseError> {
    let known = DSCP_CLASSES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word.text));
    known.map(|(_, value)| *value).ok_or_else(|| word.unknown("class", DSCP_CLASSES.iter().map(|(name, _)| *name)))
}

pub(super) const COMMENT: &[Opt] = &[value("comment")];

pub(super) fn comment(options: &Options<'_>, _: Scope<'_>) -> Result<Match, ParseError> {
    let word = options.require("comment", "--comment")?.value();
    if word.text.len() > LONGEST_COMMENT {
        return Err(word.invalid("a comment: 255 bytes are the most"));
    }
    Ok(Match::Comment((*word.text).into()))
}

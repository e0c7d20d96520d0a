//! Actions.

use super::Kind;
use crate::sched::text::args::Args;
use crate::sched::text::filter::masked;
use crate::sched::text::kinds::{Link, burst};
use crate::sched::text::units;
use crate::sched::{
    ActionOptions, ActionVerdict, GactChoice, GactOptions, GactRandom, MarkEdit, MirredOptions, PoliceOptions,
    SkbeditOptions,
};
use crate::words::{ParseError, Word};

/// Verdicts, besides `goto chain`.
const VERDICTS: [(&str, ActionVerdict); 9] = [
    ("ok", ActionVerdict::Ok),
    ("pass", ActionVerdict::Ok),
    ("drop", ActionVerdict::Drop),
    ("shot", ActionVerdict::Drop),
    ("pipe", ActionVerdict::Pipe),
    ("reclassify", ActionVerdict::Reclassify),
    ("continue", ActionVerdict::Continue),
    ("goto", ActionVerdict::GotoChain(0)),
    ("steal", ActionVerdict::Stolen),
];

const KINDS: [&str; 4] = ["gact", "police", "mirred", "skbedit"];

/// Reads actions, one behind the other, each behind the word `action`.
pub(super) fn actions(kind: &mut Kind<'_, '_, '_>) -> Result<Vec<ActionOptions>, ParseError> {
    let mut actions = Vec::new();
    loop {
        actions.push(action(kind)?);
        if kind.args.take("action").is_none() {
            return Ok(actions);
        }
    }
}

fn action(kind: &mut Kind<'_, '_, '_>) -> Result<ActionOptions, ParseError> {
    let word = kind.args.value("an action behind it")?;
    Ok(match &*word.text {
        "police" => return police(kind),
        "mirred" => ActionOptions::Mirred(mirred(kind)?),
        "skbedit" => ActionOptions::Skbedit(skbedit(kind.args)?),
        "gact" => {
            let word = kind.args.value("a verdict behind it")?;
            ActionOptions::Gact(gact(word, kind.args)?)
        }
        _ if known_verdict(word).is_some() => ActionOptions::Gact(gact(word, kind.args)?),
        "jump" | "trap" => return Err(word.not_handled("this verdict is not known here")),
        "nat" | "pedit" | "csum" | "vlan" | "ct" | "connmark" | "bpf" | "sample" | "tunnel_key" => {
            return Err(word.not_handled("this action is not known here"));
        }
        _ => return Err(word.unknown("action", KINDS.into_iter().chain(VERDICTS.map(|(name, _)| name)))),
    })
}

fn known_verdict(word: &Word<'_>) -> Option<ActionVerdict> {
    VERDICTS.iter().find(|(name, _)| *name == word.text).map(|(_, verdict)| *verdict)
}

/// A verdict, of which the word has been taken.
fn verdict(word: &Word<'_>, args: &mut Args<'_, '_>) -> Result<ActionVerdict, ParseError> {
    match known_verdict(word) {
        Some(ActionVerdict::GotoChain(_)) => {
            let chain = args.value("chain and its number")?;
            if chain.text != "chain" {
                return Err(chain.unknown("word behind goto", ["chain"]));
            }
            Ok(ActionVerdict::GotoChain(args.number("a chain's number")?))
        }
        Some(verdict) => Ok(verdict),
        None => Err(word.unknown("verdict", VERDICTS.map(|(name, _)| name))),
    }
}

/// A verdict, if the next word is one.
fn next_verdict(args: &mut Args<'_, '_>) -> Result<Option<ActionVerdict>, ParseError> {
    match args.peek() {
        Some(word) if known_verdict(word).is_some() => {
            args.next();
            verdict(word, args).map(Some)
        }
        _ => Ok(None),
    }
}

/// The number of an action that many filters would share.
fn no_index(args: &mut Args<'_, '_>) -> Result<(), ParseError> {
    match args.peek() {
        Some(word) if word.text == "index" => Err(word.not_handled("filters share no actions")),
        _ => Ok(()),
    }
}

fn gact(word: &Word<'_>, args: &mut Args<'_, '_>) -> Result<GactOptions, ParseError> {
    let mut options = GactOptions::new(verdict(word, args)?);
    if args.take("random").is_some() {
        let word = args.value("netrand or determ behind it")?;
        let choice = match &*word.text {
            "netrand" => GactChoice::Random,
            "determ" => GactChoice::Deterministic,
            _ => return Err(word.unknown("choice", ["netrand", "determ"])),
        };
        let word = args.value("a verdict behind it")?;
        let verdict = verdict(word, args)?;
        let one_in = args.number("a number up to 10000")?;
        if one_in > 10_000 {
            return Err(args.last().invalid("a number up to 10000"));
        }
        options.random = Some(GactRandom { choice, one_in, verdict });
    }
    no_index(args)?;
    Ok(options)
}

/// Reads what a police can be told, up to the first word that is none of it.
pub(super) fn police(kind: &mut Kind<'_, '_, '_>) -> Result<ActionOptions, ParseError> {
    let first = kind.args.last();
    let args = &mut *kind.args;
    let mut options = PoliceOptions { estimator: kind.head.estimator, ..PoliceOptions::default() };
    let mut link = Link::default();
    let (mut rate, mut peak_rate, mut has_burst) = (None, None, false);
    while let Some(word) = args.peek() {
        match word.keyword(&["burst", "mtu", "mpu", "rate", "avrate", "peakrate", "overhead", "linklayer"]) {
            "conform-exceed" => {
                args.next();
                let word = args.value("a verdict behind it")?;
                let (exceed, conform) = word.split_once('/');
                options.exceed = verdict(&exceed, args)?;
                if let Some(conform) = conform {
                    options.conform = verdict(&conform, args)?;
                }
                continue;
            }
            "pkts_rate" | "pkts_burst" => return Err(word.not_handled("packets are not limited by their number")),
            _ => {}
        }
        if let Some(verdict) = next_verdict(args)? {
            options.exceed = verdict;
            continue;
        }
        no_index(args)?;
        match word.keyword(&["burst", "mtu", "mpu", "rate", "avrate", "peakrate", "overhead", "linklayer"]) {
            "rate" => {
                args.next();
                rate = Some(args.rate()?);
            }
            "burst" | "buffer" | "maxburst" => {
                args.next();
                options.burst = burst(args)?;
                has_burst = true;
            }
            "mtu" | "minburst" => {
                args.next();
                options.mtu = Some(burst(args)?);
            }
            "avrate" => {
                args.next();
                options.average_rate = Some(args.rate()?);
            }
            "peakrate" => {
                args.next();
                peak_rate = Some(args.rate()?);
            }
            "mpu" => {
                args.next();
                link.read_mpu(args)?;
            }
            "overhead" => {
                args.next();
                link.read_overhead(args)?;
            }
            "linklayer" => {
                args.next();
                link.read_layer(args)?;
            }
            _ => break,
        }
    }
    if rate.is_some() != has_burst {
        return Err(first.missing("both a rate and a burst, or neither"));
    }
    if rate.is_none() && options.average_rate.is_none() && options.mtu.is_none() {
        return Err(first.missing("a rate, an avrate or an mtu"));
    }
    if peak_rate.is_some() && (rate.is_none() || options.mtu.is_none()) {
        return Err(first.missing("a rate and an mtu where there is a peakrate"));
    }
    if options.average_rate.is_some() && options.estimator.is_none() {
        return Err(first.missing("an estimator before the filter's kind where there is an avrate"));
    }
    options.rate = rate.map(|rate| link.spec(rate));
    options.peak_rate = peak_rate.map(|rate| link.spec(rate));
    Ok(ActionOptions::Police(options))
}

fn mirred(kind: &mut Kind<'_, '_, '_>) -> Result<MirredOptions, ParseError> {
    let first = kind.args.last();
    let (mut ingress, mut redirect, mut device) = (None, None, None);
    while let Some(word) = kind.args.peek() {
        match &*word.text {
            "ingress" | "egress" => ingress = Some(word.text == "ingress"),
            "redirect" | "mirror" => redirect = Some(word.text == "redirect"),
            "dev" => {
                kind.args.next();
                device = Some(kind.devices.find(kind.args)?);
                continue;
            }
            "blockid" => return Err(word.not_handled("devices share no filters")),
            _ => break,
        }
        kind.args.next();
    }
    no_index(kind.args)?;
    let redirect = redirect.ok_or_else(|| first.missing("redirect or mirror"))?;
    let usual = if redirect { ActionVerdict::Stolen } else { ActionVerdict::Pipe };
    Ok(MirredOptions {
        device: device.ok_or_else(|| first.missing("a device: dev NAME"))?,
        ingress: ingress.ok_or_else(|| first.missing("egress or ingress"))?,
        redirect,
        verdict: next_verdict(kind.args)?.unwrap_or(usual),
    })
}

fn skbedit(args: &mut Args<'_, '_>) -> Result<SkbeditOptions, ParseError> {
    let first = args.last();
    let mut options = SkbeditOptions::default();
    while let Some(word) = args.peek() {
        match &*word.text {
            "mark" => {
                args.next();
                let word = args.value("a mark behind it")?;
                let (value, mask) = masked(word, u32::MAX, "a mark")?;
                options.mark = Some(MarkEdit { value, mask });
            }
            "priority" => {
                args.next();
                options.priority = Some(units::class(args.value("a class behind it")?)?);
            }
            "queue_mapping" | "ptype" | "inheritdsfield" => {
                return Err(word.not_handled("only mark and priority are written"));
            }
            _ => break,
        }
    }
    if options.mark.is_none() && options.priority.is_none() {
        return Err(first.missing("a mark or a priority"));
    }
    if let Some(verdict) = next_verdict(args)? {
        options.verdict = verdict;
    }
    no_index(args)?;
    Ok(options)
}

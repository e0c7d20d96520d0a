//! Lines of filters: what each kind can be told. A file for each family of kinds.

mod action;
mod address;
mod basic;
mod flower;
mod rsvp;
mod simple;
#[cfg(test)]
mod tests;
mod u32;
mod write;

pub(super) use write::{write_query, write_request};

use super::args::Args;
use super::command::{Command, Devices, Verb, once};
use super::units;
use crate::sched::action::{ActionOptions, Estimator};
use crate::sched::filter::ETHER_TYPES;
use crate::sched::{EtherType, FilterOptions, FilterQuery, FilterRequest, Handle};
use crate::time::Duration;
use crate::words::{ParseError, Word};

/// The kinds of filters.
const KINDS: [&str; 7] = ["u32", "fw", "matchall", "flower", "basic", "rsvp", "rsvp6"];
/// Where outgoing packets meet filters outside of qdiscs (`TC_H_MIN_EGRESS` of clsact).
const EGRESS: Handle = Handle(0xffff_fff3);
/// Where incoming ones do (`TC_H_MIN_INGRESS`).
const INGRESS: Handle = Handle(0xffff_fff2);

/// What stands before a filter's kind.
#[derive(Clone, Debug, Default)]
struct Head<'w, 'a> {
    handle: Option<&'w Word<'a>>,
    protocol: Option<EtherType>,
    estimator: Option<Estimator>,
}

/// What a kind's words are read with.
struct Kind<'k, 'w, 'a> {
    args: &'k mut Args<'w, 'a>,
    devices: &'k Devices,
    head: &'k Head<'w, 'a>,
}

/// Reads what follows `filter`.
pub(super) fn filter(args: &mut Args<'_, '_>, devices: &Devices) -> Result<Command, ParseError> {
    let object = args.last();
    let verb = Verb::read(args, &["add", "change", "replace", "delete"])?;
    let mut head = Head::default();
    let (mut device, mut parent, mut priority, mut chain, mut options) = (None, None, None, None, None);
    let mut kind = None;
    while let Some(word) = args.next() {
        match word.keyword(&["preference", "priority"]) {
            "dev" => once(&mut device, devices.read(args)?, word)?,
            "root" => once(&mut parent, Handle::ROOT, word)?,
            "ingress" => once(&mut parent, INGRESS, word)?,
            "egress" => once(&mut parent, EGRESS, word)?,
            "parent" => once(&mut parent, args.class()?, word)?,
            "handle" => once(&mut head.handle, args.value("a handle behind it")?, word)?,
            "priority" | "preference" | "prio" | "pref" => {
                once(&mut priority, args.number("a priority, 0 to 65535")?, word)?;
            }
            "protocol" => once(&mut head.protocol, ether_type(args.value("a protocol behind it")?)?, word)?,
            "chain" => once(&mut chain, args.number("a chain's number")?, word)?,
            "estimator" | "est" => once(&mut head.estimator, estimator(args)?, word)?,
            "block" => return Err(word.not_handled("devices share no filters")),
            name => {
                let known = KINDS.contains(&name).then_some(name);
                kind = Some(known.ok_or_else(|| word.unknown("kind of filter", KINDS))?);
                let mut rest = Kind { args: &mut *args, devices, head: &head };
                options = Some(match (verb, head.handle) {
                    // What is deleted is named, not told anything.
                    (Verb::Delete, handle) => (handle.map_or(Ok(0), |word| handle_of(name, word))?, None),
                    (Verb::Set(_), _) => {
                        let (handle, options) = rest.read(word)?;
                        (handle, Some(options))
                    }
                });
                if let Some(word) = args.next() {
                    return Err(word.misplaced("stands behind all that the filter can be told"));
                }
            }
        }
    }
    let device = device.ok_or_else(|| object.missing("a device: dev NAME"))?;
    let (parent, chain) = (parent.unwrap_or(Handle::UNSPEC), chain.unwrap_or(0));
    let priority = priority.unwrap_or(0);
    match (verb, options) {
        (Verb::Set(flags), Some((handle, Some(options)))) => {
            let all = if flags.create { EtherType::ALL } else { EtherType::UNSPEC };
            let protocol = head.protocol.unwrap_or(all);
            let request = FilterRequest { device, parent, protocol, priority, chain, handle, options };
            Ok(Command::SetFilter(request, flags))
        }
        (Verb::Set(_), _) => Err(object.missing("a kind of filter")),
        (Verb::Delete, options) => {
            let handle = match (options, head.handle) {
                (Some((handle, _)), _) => handle,
                (None, None) => 0,
                (None, Some(word)) => return Err(word.misplaced("needs a kind of filter, which says what a handle is")),
            };
            let protocol = head.protocol.unwrap_or(EtherType::UNSPEC);
            let kind = kind.map(Into::into);
            Ok(Command::DeleteFilter(FilterQuery { device, parent, protocol, priority, chain, handle, kind }))
        }
    }
}

/// A handle as that kind writes it.
fn handle_of(kind: &str, word: &Word<'_>) -> Result<u32, ParseError> {
    match kind {
        "u32" => u32::handle(word),
        "fw" => units::number(&word.split_once('/').0, "a mark"),
        _ => units::number(word, "a handle, a number"),
    }
}

impl Kind<'_, '_, '_> {
    fn read(&mut self, kind: &Word<'_>) -> Result<(u32, FilterOptions), ParseError> {
        let handle = self.head.handle.map_or(Ok(0), |word| handle_of(&kind.text, word))?;
        Ok(match &*kind.text {
            "u32" => {
                let (handle, options) = u32::read(self, handle)?;
                (handle, FilterOptions::U32(options))
            }
            "fw" => (handle, FilterOptions::Fw(simple::fw(self)?)),
            "matchall" => (handle, FilterOptions::Matchall(simple::matchall(self)?)),
            "flower" => (handle, FilterOptions::Flower(Box::new(flower::read(self)?))),
            "basic" => (handle, FilterOptions::Basic(basic::read(self)?)),
            _ => (handle, FilterOptions::Rsvp(rsvp::read(self, kind)?)),
        })
    }

    /// Reads what all kinds have: a class and actions. Tells whether the word was one of those.
    fn common(
        &mut self,
        word: &Word<'_>,
        class: &mut Option<Handle>,
        actions: &mut Vec<ActionOptions>,
    ) -> Result<bool, ParseError> {
        match &*word.text {
            "classid" | "flowid" => once(class, self.args.class()?, word)?,
            "action" | "police" if !actions.is_empty() => {
                return Err(word.misplaced("stands behind all actions"));
            }
            "action" => *actions = action::actions(self)?,
            "police" => *actions = vec![action::police(self)?],
            "skip_hw" | "skip_sw" => return Err(word.not_handled("there is no hardware")),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A protocol: a name, or a hexadecimal number, as tc has it.
fn ether_type(word: &Word<'_>) -> Result<EtherType, ParseError> {
    let named = ETHER_TYPES.iter().find(|(name, _)| *name == word.text || *name == word.text.to_ascii_lowercase());
    if let Some((_, known)) = named {
        return Ok(*known);
    }
    match &*word.text {
        "ipv4" => return Ok(EtherType::IPV4),
        "ip6" => return Err(word.unknown("protocol", ETHER_TYPES.iter().map(|(name, _)| *name))),
        _ => {}
    }
    let digits = word.text.trim_start_matches("0x");
    let number = u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let unknown = || word.unknown("protocol", ETHER_TYPES.iter().map(|(name, _)| *name));
    number.filter(|number| *number != 0).map(EtherType).ok_or_else(unknown)
}

/// `INTERVAL TIME-CONSTANT`: how a rate is estimated, rounded as tc rounds it.
fn estimator(args: &mut Args<'_, '_>) -> Result<Estimator, ParseError> {
    let interval_word = args.value("an interval and a time constant behind it")?;
    let interval = units::time(interval_word)?;
    let constant_word = args.value("a time constant behind it")?;
    let constant = units::time(constant_word)?;
    let quarter = Duration::from_millis(250).as_nanos();
    let log = (0..=5).find(|log| interval.as_nanos() <= quarter << log);
    let log = log.ok_or_else(|| interval_word.invalid("an interval of at most 8 s"))?;
    let interval = Duration::from_nanos(quarter << log);
    let fits = |ewma_log: &u8| shortest_constant(Estimator { interval, ewma_log: *ewma_log }) <= constant;
    let ewma_log = (1..31).take_while(fits).last();
    let ewma_log = ewma_log.ok_or_else(|| constant_word.invalid("a time constant longer than the interval"))?;
    Ok(Estimator { interval, ewma_log })
}

/// The shortest time constant, in whole microseconds, for which what is new has the weight of an estimator: that of an
/// average which goes `1 - 2^-ewma_log` of the way in each interval.
fn shortest_constant(estimator: Estimator) -> Duration {
    let Estimator { interval, ewma_log } = estimator;
    let micros = interval.as_nanos() as f64 / 1_000.0 / -f64::ln(1.0 - 1.0 / f64::from(1u32 << ewma_log));
    Duration::from_nanos((micros.ceil() as u64).saturating_mul(1_000))
}

/// A number with a mask behind a slash, if there is one.
fn masked<N: TryFrom<u64> + Copy>(word: &Word<'_>, all: N, expected: &'static str) -> Result<(N, N), ParseError> {
    let (value, mask) = word.split_once('/');
    let mask = mask.map_or(Ok(all), |mask| units::number(&mask, "a mask"))?;
    Ok((units::number(&value, expected)?, mask))
}

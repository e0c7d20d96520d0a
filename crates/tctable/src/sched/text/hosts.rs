//! `hostclass`: what classes of hosts are like.

use std::fmt;

use super::args::Args;
use super::command::{Command, Devices, Verb, class_text, once};
use super::kinds;
use super::units;
use crate::sched::{ClassOptions, Handle, HostClassOptions};
use crate::time::Duration;
use crate::words::{ParseError, Word};

/// What a line that does not say it means.
const TIMEOUT: Duration = Duration::from_secs(60);
const MAX: u32 = 100_000;

/// Reads what follows `hostclass`.
pub(super) fn hosts(args: &mut Args<'_, '_>, devices: &Devices) -> Result<Command, ParseError> {
    let object = args.last();
    let verb = Verb::read(args, &["add", "change", "replace", "delete"])?;
    let (mut device, mut parent, mut class) = (None, None, None);
    let (mut prefix_v4, mut prefix_v6, mut timeout, mut max) = (None, None, None, None);
    while let Some(word) = args.next() {
        match &*word.text {
            "dev" => once(&mut device, devices.read(args)?, word)?,
            "parent" => once(&mut parent, args.class()?, word)?,
            "prefix4" => once(&mut prefix_v4, prefix(args, 32, "a prefix length, 0 to 32")?, word)?,
            "prefix6" => once(&mut prefix_v6, prefix(args, 128, "a prefix length, 0 to 128")?, word)?,
            "timeout" => once(&mut timeout, timeout_of(args)?, word)?,
            "max" => once(&mut max, args.number("a number of classes")?, word)?,
            "htb" => {
                let ClassOptions::Htb(options) = kinds::class(word, args)? else {
                    return Err(word.misplaced("has no classes of hosts"));
                };
                class = Some(options);
            }
            "cbq" => return Err(word.not_handled("htb has classes of hosts")),
            _ => {
                let known = ["dev", "parent", "prefix4", "prefix6", "timeout", "max", "htb"];
                return Err(word.unknown("word of hostclass", known));
            }
        }
    }
    let device = device.ok_or_else(|| object.missing("a device: dev NAME"))?;
    let parent = parent.filter(|parent: &Handle| parent.major() != 0 && *parent != Handle::ROOT);
    let parent = parent.ok_or_else(|| object.missing("a parent: the qdisc or a class of it"))?;
    if verb == Verb::Delete {
        return Ok(Command::DeleteHostClasses(device, Handle::new(parent.major(), 0)));
    }
    let class = class.ok_or_else(|| object.missing("what each class gets: htb rate RATE"))?;
    let options = HostClassOptions {
        parent: parent.into(),
        prefix_v4: prefix_v4.unwrap_or(32),
        prefix_v6: prefix_v6.unwrap_or(128),
        timeout: timeout.unwrap_or(TIMEOUT),
        max: max.unwrap_or(MAX),
        class,
    };
    Ok(Command::SetHostClasses(device, options))
}

fn prefix(args: &mut Args<'_, '_>, longest: u8, expected: &'static str) -> Result<u8, ParseError> {
    let length = args.number(expected)?;
    if length > longest { Err(args.last().invalid(expected)) } else { Ok(length) }
}

/// A number without a unit would be one of microseconds.
fn timeout_of(args: &mut Args<'_, '_>) -> Result<Duration, ParseError> {
    let word: &Word<'_> = args.value("a time behind it")?;
    match units::time(word)? {
        time if time < Duration::from_secs(1) => Err(word.invalid("a time of at least a second, such as 60s")),
        time => Ok(time),
    }
}

pub(super) fn write_set(options: &HostClassOptions, device: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let HostClassOptions { parent, prefix_v4, prefix_v6, timeout, max, class } = options;
    let parent = parent.handle().unwrap_or_default();
    write!(f, "hostclass add dev {device} parent {} prefix4 {prefix_v4} prefix6 {prefix_v6}", class_text(parent))?;
    write!(f, " timeout {} max {max} {}", units::write_time(*timeout), kinds::write_class(&ClassOptions::Htb(*class)))
}

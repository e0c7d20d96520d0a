//! `htb`: the qdisc and its classes.

use std::fmt;

use super::link::{self, Link};
use crate::sched::text::args::Args;
use crate::sched::text::command::once;
use crate::sched::text::units::write_rate;
use crate::sched::{HtbClassOptions, HtbOptions, Rate};
use crate::words::ParseError;

/// The lowest priority: larger numbers mean it too, as in the kernel.
const LAST: u32 = 7;

/// Reads the qdisc's options.
pub(super) fn qdisc(args: &mut Args<'_, '_>) -> Result<HtbOptions, ParseError> {
    let mut options = HtbOptions::default();
    while let Some(word) = args.next() {
        match word.keyword(&["default", "r2q", "direct_qlen"]) {
            "default" => {
                let word = args.value("a class's minor number behind it")?;
                let digits = word.text.strip_prefix("0x").unwrap_or(&word.text);
                // No sign, which `from_str_radix` would take.
                let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let minor = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                options.default = minor.ok_or_else(|| word.invalid("a class's minor number, hexadecimal"))?;
            }
            "r2q" => options.r2q = args.decimal::<u32>("a divisor")?.max(1),
            "direct_qlen" => options.direct_qlen = Some(args.decimal("a number of packets")?),
            "debug" | "offload" => return Err(word.not_handled("it is for drivers and developers")),
            _ => return Err(word.unknown("option of htb", ["default", "r2q", "direct_qlen"])),
        }
    }
    Ok(options)
}

pub(super) fn write_qdisc(options: &HtbOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " r2q {} default ", options.r2q)?;
    if options.default == 0 {
        f.write_str("0")?
    } else {
        write!(f, "{:#x}", options.default)?
    }
    options.direct_qlen.map_or(Ok(()), |packets| write!(f, " direct_qlen {packets}"))
}

/// What can be cut short.
const SHORT: [&str; 8] = ["prio", "mtu", "mpu", "overhead", "linklayer", "quantum", "burst", "cburst"];
/// What cannot.
const LONG: [&str; 6] = ["rate", "ceil", "buffer", "maxburst", "cbuffer", "cmaxburst"];

/// Reads a class's options.
pub(super) fn class(args: &mut Args<'_, '_>) -> Result<HtbClassOptions, ParseError> {
    let mut options = HtbClassOptions::default();
    let mut link = Link::default();
    let (mut rate, mut ceil) = (None, None);
    let kind = args.last();
    while let Some(word) = args.next() {
        match word.keyword(&SHORT) {
            "rate" => once(&mut rate, args.rate()?, word)?,
            "ceil" => once(&mut ceil, args.rate()?, word)?,
            "burst" | "buffer" | "maxburst" => options.burst = Some(link::burst(args)?),
            "cburst" | "cbuffer" | "cmaxburst" => options.cburst = Some(link::burst(args)?),
            "prio" => options.prio = args.decimal::<u32>("a priority, 0 to 7")?.min(LAST) as u8,
            "quantum" => options.quantum = Some(args.decimal("a number of bytes")?),
            "mtu" => options.mtu = args.decimal("a number of bytes")?,
            "mpu" => link.mpu = args.decimal("a number of bytes, 0 to 65535")?,
            "overhead" => link.overhead = args.decimal("a number of bytes, 0 to 65535")?,
            "linklayer" => link.read_layer(args)?,
            _ => return Err(word.unknown("option of htb classes", SHORT.into_iter().chain(LONG))),
        }
    }
    let is_some = |rate: &Rate| rate.0 > 0;
    options.rate = link.spec(rate.filter(is_some).ok_or_else(|| kind.missing("a rate"))?);
    options.ceil = ceil.filter(is_some).map(|ceil| link.spec(ceil));
    Ok(options)
}

pub(super) fn write_class(options: &HtbClassOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " prio {}", options.prio)?;
    if let Some(quantum) = options.quantum {
        write!(f, " quantum {quantum}")?;
    }
    write!(f, " rate {}", write_rate(options.rate.rate))?;
    if let Some(ceil) = options.ceil {
        write!(f, " ceil {}", write_rate(ceil.rate))?;
    }
    link::write_burst("burst", options.burst, f)?;
    link::write_burst("cburst", options.cburst, f)?;
    if options.mtu != HtbClassOptions::default().mtu {
        write!(f, " mtu {}", options.mtu)?;
    }
    link::write(&options.rate, f)
}

//! `sfq`.

use std::fmt;

use crate::sched::SfqOptions;
use crate::sched::text::args::Args;
use crate::sched::text::units::write_size;
use crate::time::Duration;
use crate::words::ParseError;

const KNOWN: [&str; 7] = ["limit", "perturb", "quantum", "divisor", "flows", "depth", "headdrop"];

/// Reads the options. A number of 0 stands for the default, as in tc's request.
pub(super) fn read(args: &mut Args<'_, '_>) -> Result<SfqOptions, ParseError> {
    let defaults = SfqOptions::default();
    let mut options = defaults;
    while let Some(word) = args.next() {
        match &*word.text {
            "limit" => {
                options.limit = args.number("a number of packets, from 2 on")?;
                if options.limit < 2 {
                    return Err(args.last().invalid("a number of packets, from 2 on"));
                }
            }
            "perturb" => {
                let seconds: u32 = args.number("a number of seconds, without a unit")?;
                options.perturb = Duration::from_secs(seconds.min(i32::MAX as u32).into());
            }
            "quantum" => options.quantum = Some(args.size()?).filter(|quantum| *quantum > 0),
            "divisor" => {
                options.divisor = or(args.number("a power of two up to 65536")?, defaults.divisor);
                if !options.divisor.is_power_of_two() || options.divisor > 1 << 16 {
                    return Err(args.last().invalid("a power of two up to 65536"));
                }
            }
            "flows" => options.flows = or(args.number("a number of flows")?, defaults.flows),
            "depth" => options.depth = or(args.number("a number of packets")?, defaults.depth),
            "headdrop" => options.head_drop = true,
            "redflowlimit" | "min" | "max" | "avpkt" | "burst" | "probability" | "ecn" | "harddrop" => {
                return Err(word.not_handled("sfq has no RED of its own here"));
            }
            _ => return Err(word.unknown("option of sfq", KNOWN)),
        }
    }
    Ok(options)
}

fn or(given: u32, default: u32) -> u32 {
    if given == 0 { default } else { given }
}

pub(super) fn write(options: &SfqOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " limit {}", options.limit)?;
    if let Some(quantum) = options.quantum {
        write!(f, " quantum {}", write_size(quantum))?;
    }
    write!(f, " depth {} flows {} divisor {}", options.depth, options.flows, options.divisor)?;
    if options.perturb != Duration::ZERO {
        write!(f, " perturb {}", options.perturb.as_secs())?;
    }
    if options.head_drop { f.write_str(" headdrop") } else { Ok(()) }
}

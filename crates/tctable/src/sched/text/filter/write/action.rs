use std::fmt;

use super::Names;
use crate::sched::text::command::class_text;
use crate::sched::text::kinds::write_link;
use crate::sched::text::units::{write_rate, write_size};
use crate::sched::{ActionOptions, ActionVerdict, GactChoice, PoliceOptions};

pub(super) fn write(action: &ActionOptions, name: Names<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " action {}", action.kind())?;
    match action {
        ActionOptions::Gact(gact) => {
            write_verdict(gact.verdict, f)?;
            let Some(random) = gact.random else { return Ok(()) };
            let choice = match random.choice {
                GactChoice::Random => "netrand",
                GactChoice::Deterministic => "determ",
            };
            write!(f, " random {choice}")?;
            write_verdict(random.verdict, f)?;
            write!(f, " {}", random.one_in)
        }
        ActionOptions::Police(police) => write_police(police, f),
        ActionOptions::Mirred(mirred) => {
            let direction = if mirred.ingress { "ingress" } else { "egress" };
            let what = if mirred.redirect { "redirect" } else { "mirror" };
            write!(f, " {direction} {what} dev {}", name(mirred.device))?;
            write_verdict(mirred.verdict, f)
        }
        ActionOptions::Skbedit(edit) => {
            if let Some(mark) = edit.mark {
                write!(f, " mark {:#x}/{:#x}", mark.value, mark.mask)?;
            }
            if let Some(class) = edit.priority {
                write!(f, " priority {}", class_text(class))?;
            }
            write_verdict(edit.verdict, f)
        }
    }
}

fn write_verdict(verdict: ActionVerdict, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match verdict {
        ActionVerdict::GotoChain(chain) => write!(f, " goto chain {chain}"),
        verdict => write!(f, " {}", word(verdict)),
    }
}

fn word(verdict: ActionVerdict) -> &'static str {
    match verdict {
        ActionVerdict::Ok => "pass",
        ActionVerdict::Drop => "drop",
        ActionVerdict::Pipe => "pipe",
        ActionVerdict::Reclassify => "reclassify",
        ActionVerdict::Continue => "continue",
        ActionVerdict::Stolen => "steal",
        ActionVerdict::GotoChain(_) => "goto",
    }
}

fn write_police(police: &PoliceOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(spec) = police.rate {
        write!(f, " rate {} burst {}", write_rate(spec.rate), write_size(police.burst))?;
    }
    if let Some(mtu) = police.mtu {
        write!(f, " mtu {}", write_size(mtu))?;
    }
    if let Some(spec) = police.peak_rate {
        write!(f, " peakrate {}", write_rate(spec.rate))?;
    }
    if let Some(rate) = police.average_rate {
        write!(f, " avrate {}", write_rate(rate))?;
    }
    if let Some(spec) = &police.rate {
        write_link(spec, f)?;
    }
    match police.exceed {
        // It has three words, of which this takes one.
        ActionVerdict::GotoChain(_) => {
            write!(f, " conform-exceed pass/{}", word(police.conform))?;
            write_verdict(police.exceed, f)
        }
        exceed => write!(f, " conform-exceed {}/{}", word(exceed), word(police.conform)),
    }
}

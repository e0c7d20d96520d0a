//! Targets, each behind its name.

use std::fmt;

use super::super::names::{EVENTS, rejects};
use super::quote::quoted;
use super::values::names;
use crate::packet::Family;
use crate::ruleset::rule::Table;
use crate::ruleset::target::{ConnmarkTarget, CtTarget, Log, MarkChange, Nfqueue, RejectWith, Target, TtlChange};

pub(super) fn write(f: &mut fmt::Formatter<'_>, target: &Target, family: Family, table: &Table) -> fmt::Result {
    let chain = |number: u16| table.chains.get(usize::from(number)).map_or("", |chain| &chain.name);
    match target {
        Target::None => Ok(()),
        Target::Accept => f.write_str(" -j ACCEPT"),
        Target::Drop => f.write_str(" -j DROP"),
        Target::Return => f.write_str(" -j RETURN"),
        Target::Jump(number) => write!(f, " -j {}", chain(*number)),
        Target::Goto(number) => write!(f, " -g {}", chain(*number)),
        Target::Reject(with) => write!(f, " -j REJECT --reject-with {}", reject_name(*with, family)),
        Target::Queue => f.write_str(" -j QUEUE"),
        Target::Nfqueue(target) => nfqueue(f, target),
        Target::Mark(change) => {
            f.write_str(" -j MARK")?;
            set_xmark(f, change)
        }
        Target::Connmark(target) => connmark(f, target),
        Target::Ct(target) => ct(f, target),
        Target::Notrack => f.write_str(" -j NOTRACK"),
        Target::Classify(class) => write!(f, " -j CLASSIFY --set-class {:04x}:{:04x}", class >> 16, class & 0xffff),
        Target::Dscp(value) => write!(f, " -j DSCP --set-dscp {value:#04x}"),
        Target::Ttl(change) => ttl(f, change, family),
        Target::Tcpmss(Some(size)) => write!(f, " -j TCPMSS --set-mss {size}"),
        Target::Tcpmss(None) => f.write_str(" -j TCPMSS --clamp-mss-to-pmtu"),
        Target::Log(target) => log(f, target),
        Target::Trace => f.write_str(" -j TRACE"),
    }
}

fn reject_name(with: RejectWith, family: Family) -> &'static str {
    rejects(family).iter().find(|(.., known)| *known == with).map_or("", |(name, ..)| name)
}

fn nfqueue(f: &mut fmt::Formatter<'_>, target: &Nfqueue) -> fmt::Result {
    match target.count {
        1 => write!(f, " -j NFQUEUE --queue-num {}", target.first)?,
        count => {
            let last = u32::from(target.first) + u32::from(count) - 1;
            write!(f, " -j NFQUEUE --queue-balance {}:{last}", target.first)?;
        }
    }
    f.write_str(if target.bypass { " --queue-bypass" } else { "" })?;
    f.write_str(if target.fanout { " --queue-cpu-fanout" } else { "" })
}

fn set_xmark(f: &mut fmt::Formatter<'_>, change: &MarkChange) -> fmt::Result {
    write!(f, " --set-xmark {:#x}/{:#x}", change.value, change.mask)
}

fn connmark(f: &mut fmt::Formatter<'_>, target: &ConnmarkTarget) -> fmt::Result {
    f.write_str(" -j CONNMARK")?;
    match target {
        ConnmarkTarget::Set(change) => set_xmark(f, change),
        ConnmarkTarget::Save { ct_mask, nf_mask } => {
            write!(f, " --save-mark --nfmask {nf_mask:#x} --ctmask {ct_mask:#x}")
        }
        ConnmarkTarget::Restore { ct_mask, nf_mask } => {
            write!(f, " --restore-mark --nfmask {nf_mask:#x} --ctmask {ct_mask:#x}")
        }
    }
}

fn ct(f: &mut fmt::Formatter<'_>, target: &CtTarget) -> fmt::Result {
    f.write_str(if target.notrack { " -j CT --notrack" } else { " -j CT" })?;
    if let Some(helper) = &target.helper {
        write!(f, " --helper {helper}")?;
    }
    if let Some(events) = target.events {
        f.write_str(" --ctevents ")?;
        names(f, events, &EVENTS)?;
    }
    target.zone.map_or(Ok(()), |zone| write!(f, " --zone {zone}"))
}

fn ttl(f: &mut fmt::Formatter<'_>, change: &TtlChange, family: Family) -> fmt::Result {
    let (target, option) = match family {
        Family::V4 => ("TTL", "ttl"),
        Family::V6 => ("HL", "hl"),
    };
    let (kind, value) = match change {
        TtlChange::Set(value) => ("set", value),
        TtlChange::Increase(value) => ("inc", value),
        TtlChange::Decrease(value) => ("dec", value),
    };
    write!(f, " -j {target} --{option}-{kind} {value}")
}

fn log(f: &mut fmt::Formatter<'_>, target: &Log) -> fmt::Result {
    f.write_str(" -j LOG")?;
    if !target.prefix.is_empty() {
        f.write_str(" --log-prefix ")?;
        quoted(f, &target.prefix)?;
    }
    if target.level != 4 {
        write!(f, " --log-level {}", target.level)?;
    }
    for (flag, name) in [(1, "tcp-sequence"), (2, "tcp-options"), (4, "ip-options"), (8, "uid"), (32, "macdecode")] {
        if target.flags & flag != 0 {
            write!(f, " --log-{name}")?;
        }
    }
    Ok(())
}

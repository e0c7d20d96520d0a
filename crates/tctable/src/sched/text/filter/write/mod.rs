//! Filters written.

mod action;
mod basic;
mod flower;
mod rsvp;
mod u32;

use std::fmt;

use crate::packet::DeviceId;
use crate::sched::text::command::class_text;
use crate::sched::text::units::write_time;
use crate::sched::{ActionOptions, EtherType, FilterOptions, FilterQuery, FilterRequest, Handle};

/// What devices are called.
type Names<'n, 'a> = &'n dyn Fn(DeviceId) -> &'a str;

pub(in crate::sched::text) fn write_request(
    request: &FilterRequest,
    verb: &str,
    name: Names<'_, '_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let FilterRequest { device, parent, protocol, priority, chain, handle, ref options } = *request;
    write!(f, "filter {verb} dev {}", name(device))?;
    // Without a word tc says that for what makes a filter.
    let protocol = if protocol == EtherType::ALL && verb != "change" { EtherType::UNSPEC } else { protocol };
    write_place(parent, protocol, priority, chain, f)?;
    write_estimator(options, f)?;
    match options {
        FilterOptions::Fw(Some(fw)) if fw.mask.is_some() => {
            write!(f, " handle {handle}/{:#x}", fw.mask.unwrap_or(u32::MAX))?;
        }
        _ => write_handle(options.kind(), handle, f)?,
    }
    write!(f, " {}", options.kind())?;
    match options {
        FilterOptions::U32(options) => u32::write(handle, options, name, f),
        FilterOptions::Fw(None) | FilterOptions::Other { .. } => Ok(()),
        FilterOptions::Fw(Some(options)) => {
            if let Some(input) = options.input {
                write!(f, " indev {}", name(input))?;
            }
            write_common(options.class, &options.actions, name, f)
        }
        FilterOptions::Matchall(options) => write_common(options.class, &options.actions, name, f),
        FilterOptions::Flower(options) => {
            flower::write(options, f)?;
            write_common(options.class, &options.actions, name, f)
        }
        FilterOptions::Basic(options) => {
            if let Some(matches) = &options.matches {
                write!(f, " match {}", basic::text(matches))?;
            }
            write_common(options.class, &options.actions, name, f)
        }
        FilterOptions::Rsvp(options) => {
            rsvp::write(options, f)?;
            write_common(options.class, &options.actions, name, f)
        }
    }
}

/// What all kinds have.
fn write_common(
    class: Option<Handle>,
    actions: &[ActionOptions],
    name: Names<'_, '_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if let Some(class) = class {
        write!(f, " classid {}", class_text(class))?;
    }
    actions.iter().try_for_each(|action| action::write(action, name, f))
}

/// One estimator is for all actions, and stands before the kind.
fn write_estimator(options: &FilterOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let actions: &[_] = match options {
        FilterOptions::U32(crate::sched::U32Options::Node(options)) => &options.actions,
        FilterOptions::Fw(Some(options)) => &options.actions,
        FilterOptions::Matchall(options) => &options.actions,
        FilterOptions::Flower(options) => &options.actions,
        FilterOptions::Basic(options) => &options.actions,
        FilterOptions::Rsvp(options) => &options.actions,
        _ => &[],
    };
    let estimator = actions.iter().find_map(|action| match action {
        ActionOptions::Police(police) => police.estimator,
        _ => None,
    });
    let Some(estimator) = estimator else { return Ok(()) };
    let constant = super::shortest_constant(estimator);
    write!(f, " estimator {} {}", write_time(estimator.interval), write_time(constant))
}

pub(in crate::sched::text) fn write_query(
    query: &FilterQuery,
    device: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let FilterQuery { parent, protocol, priority, chain, handle, ref kind, .. } = *query;
    write!(f, "filter delete dev {device}")?;
    write_place(parent, protocol, priority, chain, f)?;
    let Some(kind) = kind else { return Ok(()) };
    write_handle(kind, handle, f)?;
    write!(f, " {kind}")
}

fn write_place(
    parent: Handle,
    protocol: EtherType,
    priority: u16,
    chain: u32,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match parent {
        Handle::UNSPEC => {}
        Handle::ROOT => f.write_str(" root")?,
        super::INGRESS => f.write_str(" ingress")?,
        super::EGRESS => f.write_str(" egress")?,
        parent => write!(f, " parent {}", class_text(parent))?,
    }
    match protocol {
        EtherType::UNSPEC => {}
        protocol if super::ETHER_TYPES.iter().any(|(_, known)| *known == protocol) => {
            write!(f, " protocol {protocol}")?;
        }
        EtherType(number) => write!(f, " protocol {number:#x}")?,
    }
    if priority != 0 {
        write!(f, " prio {priority}")?;
    }
    if chain != 0 {
        write!(f, " chain {chain}")?;
    }
    Ok(())
}

fn write_handle(kind: &str, handle: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (kind, handle) {
        (_, 0) => Ok(()),
        ("u32", handle) => write!(f, " handle {:x}:{:x}:{:x}", handle >> 20, handle >> 12 & 0xff, handle & 0xfff),
        (_, handle) => write!(f, " handle {handle}"),
    }
}

//! Filters written.

use std::fmt;

use crate::sched::text::command::class_text;
use crate::sched::{EtherType, FilterQuery, FilterRequest, Handle};

pub(in crate::sched::text) fn write_request(
    request: &FilterRequest,
    verb: &str,
    device: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let FilterRequest { parent, protocol, priority, chain, handle, ref options, .. } = *request;
    write!(f, "filter {verb} dev {device}")?;
    write_place(parent, protocol, priority, chain, f)?;
    write_handle(options.kind(), handle, f)?;
    write!(f, " {}", options.kind())
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

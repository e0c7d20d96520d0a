use std::fmt;
use std::net::IpAddr;

use crate::sched::{RsvpOptions, RsvpPort};

pub(super) fn write(options: &RsvpOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " ipproto {}", options.protocol)?;
    write_end("session", options.destination, options.destination_port, f)?;
    match options.source {
        Some(source) => write_end("sender", source, options.source_port, f),
        None => Ok(()),
    }
}

fn write_end(what: &str, address: IpAddr, port: Option<RsvpPort>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " {what} {address}")?;
    match port {
        Some(RsvpPort { value, mask, at }) => write!(f, " u32 {value:#x} mask {mask:#x} at {at}"),
        None => Ok(()),
    }
}

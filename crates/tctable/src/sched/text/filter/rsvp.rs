//! `rsvp` and `rsvp6`.

use std::net::IpAddr;

use super::{Kind, address};
use crate::sched::text::args::Args;
use crate::sched::text::command::once;
use crate::sched::text::filter::flower::ip_proto;
use crate::sched::text::units;
use crate::sched::{IpPrefix, RsvpOptions, RsvpPort};
use crate::words::{ParseError, Word};

/// Reads what `rsvp` can be told.
pub(super) fn read(kind: &mut Kind<'_, '_, '_>, name: &Word<'_>) -> Result<RsvpOptions, ParseError> {
    let (mut protocol, mut session, mut sender, mut class) = (None, None, None, None);
    let mut actions = Vec::new();
    while let Some(word) = kind.args.next() {
        if kind.common(word, &mut class, &mut actions)? {
            continue;
        }
        match &*word.text {
            "ipproto" => once(&mut protocol, ip_proto(kind.args.value("a protocol behind it")?)?, word)?,
            "session" => once(&mut session, end(kind.args, name, false)?, word)?,
            "sender" => once(&mut sender, end(kind.args, name, true)?, word)?,
            "tunnelid" | "tunnel" => return Err(word.not_handled("there are no tunnels")),
            _ => {
                let known = ["ipproto", "session", "sender", "classid", "flowid", "action", "police"];
                return Err(word.unknown("option of rsvp", known));
            }
        }
    }
    let (destination, destination_port) = session.ok_or_else(|| name.missing("a session"))?;
    let (source, source_port) = sender.unzip();
    Ok(RsvpOptions {
        destination,
        protocol: protocol.ok_or_else(|| name.missing("a protocol: ipproto NAME"))?,
        destination_port,
        source,
        source_port: source_port.flatten(),
        class,
        actions,
    })
}

/// Reads one end of a session: `ADDRESS[/PORT]`, or an address and what stands for a port.
fn end(args: &mut Args<'_, '_>, kind: &Word<'_>, is_sender: bool) -> Result<(IpAddr, Option<RsvpPort>), ParseError> {
    let word = args.value("an address behind it")?;
    let (address, port) = word.split_once('/');
    let IpPrefix { address: ip, .. } = address::prefix(&address)?;
    if ip.is_ipv6() != (kind.text == "rsvp6") {
        return Err(word.misplaced("is of the other version of IP: rsvp has IPv4, rsvp6 has IPv6"));
    }
    if let Some(port) = port {
        let port: u16 = units::number(&port, "a port")?;
        // Both ports are one word of TCP and UDP, the sender's first.
        let shift = if is_sender { 16 } else { 0 };
        return Ok((ip, Some(RsvpPort { value: u32::from(port) << shift, mask: 0xffff << shift, at: 0 })));
    }
    Ok((ip, identifier(args)?))
}

/// Reads what stands for a port (RFC 2207), if there is anything.
fn identifier(args: &mut Args<'_, '_>) -> Result<Option<RsvpPort>, ParseError> {
    let Some(word) = args.peek() else { return Ok(None) };
    let (bytes, at) = match &*word.text {
        "spi/ah" => (4, Some(4)),
        "spi/esp" => (4, Some(0)),
        "flowlabel" => (4, Some(-40)),
        "u8" => (1, None),
        "u16" => (2, None),
        "u32" => (4, None),
        _ => return Ok(None),
    };
    args.next();
    let most = u32::MAX >> (32 - 8 * bytes);
    let value: u32 = args.number("a number")?;
    if value > most {
        return Err(args.last().invalid("a number that fits"));
    }
    if let Some(at) = at {
        let mask = if word.text == "flowlabel" { 0xf_ffff } else { u32::MAX };
        return Ok(Some(RsvpPort { value: value & mask, mask, at }));
    }
    let (mut mask, mut at) = (most, 0);
    loop {
        if args.take("mask").is_some() {
            mask = super::u32::hex(args.value("a mask behind it")?, most)?;
        } else if args.take("at").is_some() {
            at = super::u32::signed(args.value("a number of bytes behind it")?, "a number of bytes")?;
        } else {
            break;
        }
    }
    let place: i32 = at;
    let shift = 32 - 8 * bytes;
    Ok(Some(RsvpPort { value: (value & mask) << shift, mask: mask << shift, at: place }))
}

//! Words that stand for numbers: one table for reading and for writing.

mod icmp;
mod protocols;
mod services;

pub(super) use icmp::{ICMP, ICMPV6, IcmpName};
pub(super) use protocols::{protocol_name, protocol_number, protocols};
pub(super) use services::{service, services};

use super::super::target::RejectWith;
use super::super::{matches::state_bits, matches::status_bits};
use crate::packet::Family;

/// What `--ctstate` and `--state` name, in the order in which it is written.
pub(super) const STATES: [(&str, u16); 7] = [
    ("INVALID", state_bits::INVALID),
    ("NEW", state_bits::NEW),
    ("RELATED", state_bits::RELATED),
    ("ESTABLISHED", state_bits::ESTABLISHED),
    ("UNTRACKED", state_bits::UNTRACKED),
    ("SNAT", state_bits::SNAT),
    ("DNAT", state_bits::DNAT),
];

/// What `--ctstatus` names, in the order in which it is written.
pub(super) const STATUSES: [(&str, u16); 5] = [
    ("NONE", status_bits::NONE),
    ("EXPECTED", status_bits::EXPECTED),
    ("SEEN_REPLY", status_bits::SEEN_REPLY),
    ("ASSURED", status_bits::ASSURED),
    ("CONFIRMED", status_bits::CONFIRMED),
];

/// What `--ctevents` names, each a bit (`enum ip_conntrack_events`).
pub(super) const EVENTS: [(&str, u16); 10] = [
    ("new", 1 << 0),
    ("related", 1 << 1),
    ("destroy", 1 << 2),
    ("reply", 1 << 3),
    ("assured", 1 << 4),
    ("protoinfo", 1 << 5),
    ("helper", 1 << 6),
    ("mark", 1 << 7),
    ("natseqinfo", 1 << 8),
    ("secmark", 1 << 9),
];

/// TCP's flags, from the lowest bit on.
pub(super) const TCP_FLAGS: [(&str, u8); 6] =
    [("FIN", 1 << 0), ("SYN", 1 << 1), ("RST", 1 << 2), ("PSH", 1 << 3), ("ACK", 1 << 4), ("URG", 1 << 5)];

/// FIN, SYN, RST and ACK, of which `--syn` wants SYN alone.
pub(super) const SYN_MASK: u8 = 0x17;
/// SYN.
pub(super) const SYN: u8 = 0x02;

/// The days of the week from Monday on.
pub(super) const WEEK_DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Levels of a log. The first of a number is the one that is written.
pub(super) const LOG_LEVELS: [(&str, u8); 9] = [
    ("emerg", 0),
    ("panic", 0),
    ("alert", 1),
    ("crit", 2),
    ("error", 3),
    ("warning", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
];

/// Classes of differentiated services (RFC 2474, RFC 2597, RFC 3246).
pub(super) const DSCP_CLASSES: [(&str, u8); 22] = [
    ("CS0", 0x00),
    ("CS1", 0x08),
    ("CS2", 0x10),
    ("CS3", 0x18),
    ("CS4", 0x20),
    ("CS5", 0x28),
    ("CS6", 0x30),
    ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a),
    ("AF12", 0x0c),
    ("AF13", 0x0e),
    ("AF21", 0x12),
    ("AF22", 0x14),
    ("AF23", 0x16),
    ("AF31", 0x1a),
    ("AF32", 0x1c),
    ("AF33", 0x1e),
    ("AF41", 0x22),
    ("AF42", 0x24),
    ("AF43", 0x26),
    ("EF", 0x2e),
];

/// What `--reject-with` names, in the order in which a beginning is looked for, each with its short name.
pub(super) const fn rejects(family: Family) -> &'static [(&'static str, &'static str, RejectWith)] {
    use RejectWith as R;
    match family {
        Family::V4 => &[
            ("icmp-net-unreachable", "net-unreach", R::NetUnreachable),
            ("icmp-host-unreachable", "host-unreach", R::HostUnreachable),
            ("icmp-proto-unreachable", "proto-unreach", R::ProtoUnreachable),
            ("icmp-port-unreachable", "port-unreach", R::PortUnreachable),
            ("icmp-net-prohibited", "net-prohib", R::NetProhibited),
            ("icmp-host-prohibited", "host-prohib", R::HostProhibited),
            ("tcp-reset", "tcp-rst", R::TcpReset),
            ("icmp-admin-prohibited", "admin-prohib", R::AdminProhibited),
        ],
        Family::V6 => &[
            ("icmp6-no-route", "no-route", R::NoRoute6),
            ("icmp6-adm-prohibited", "adm-prohibited", R::AdminProhibited6),
            ("icmp6-addr-unreachable", "addr-unreach", R::AddressUnreachable6),
            ("icmp6-port-unreachable", "port-unreach", R::PortUnreachable6),
            ("tcp-reset", "tcp-reset", R::TcpReset),
            ("icmp6-policy-fail", "policy-fail", R::PolicyFail6),
            ("icmp6-reject-route", "reject-route", R::RejectRoute6),
        ],
    }
}

//! Which matches there are.

use super::options::{Opt, Options};
use super::{conntrack, counting, fields, hashlimit, time, transport};
use crate::packet::Family;
use crate::ruleset::matches::Match;
use crate::ruleset::sets::Sets;
use crate::words::ParseError;

/// What the words of a rule are read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    pub(super) family: Family,
    pub(super) sets: &'s Sets,
}

/// A match or a target, and how it is made of its options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extension<T> {
    pub(super) name: &'static str,
    /// The version of IP that it is for; `None` for both.
    pub(super) family: Option<Family>,
    pub(super) options: &'static [Opt],
    pub(super) build: fn(&Options<'_>, Scope<'_>) -> Result<T, ParseError>,
}

impl<T> Extension<T> {
    pub(super) const fn new(
        name: &'static str,
        options: &'static [Opt],
        build: fn(&Options<'_>, Scope<'_>) -> Result<T, ParseError>,
    ) -> Self {
        Extension { name, family: None, options, build }
    }

    pub(super) const fn of(self, family: Family) -> Self {
        Extension { family: Some(family), ..self }
    }

    pub(super) fn is_for(&self, family: Family) -> bool {
        self.family.is_none_or(|of| of == family)
    }
}

/// Every match.
pub(super) static MATCHES: [Extension<Match>; 25] = [
    Extension::new("tcp", transport::TCP, transport::tcp),
    Extension::new("udp", transport::UDP, transport::udp),
    Extension::new("icmp", transport::ICMP, transport::icmp).of(Family::V4),
    Extension::new("icmp6", transport::ICMPV6, transport::icmpv6).of(Family::V6),
    Extension::new("icmpv6", transport::ICMPV6, transport::icmpv6).of(Family::V6),
    Extension::new("ipv6-icmp", transport::ICMPV6, transport::icmpv6).of(Family::V6),
    Extension::new("multiport", transport::MULTIPORT, transport::multiport),
    Extension::new("conntrack", conntrack::CONNTRACK, conntrack::conntrack),
    Extension::new("state", conntrack::STATE, conntrack::state),
    Extension::new("connbytes", counting::CONNBYTES, counting::connbytes),
    Extension::new("connlimit", counting::CONNLIMIT, counting::connlimit),
    Extension::new("connmark", fields::MARK, fields::connmark),
    Extension::new("mark", fields::MARK, fields::mark),
    Extension::new("length", fields::LENGTH, fields::length),
    Extension::new("limit", counting::LIMIT, counting::limit),
    Extension::new("hashlimit", hashlimit::HASHLIMIT, hashlimit::hashlimit),
    Extension::new("iprange", fields::IPRANGE, fields::iprange),
    Extension::new("mac", fields::MAC, fields::mac),
    Extension::new("set", fields::SET, fields::set),
    Extension::new("statistic", counting::STATISTIC, counting::statistic),
    Extension::new("time", time::TIME, time::time),
    Extension::new("ttl", fields::TTL, fields::ttl).of(Family::V4),
    Extension::new("hl", fields::HL, fields::ttl).of(Family::V6),
    Extension::new("dscp", fields::DSCP, fields::dscp),
    Extension::new("comment", fields::COMMENT, fields::comment),
];

/// The match of a transport protocol, which `-p` brings along when one of its options is met.
pub(super) fn of_protocol(protocol: u8, family: Family) -> Option<&'static Extension<Match>> {
    let name = match (protocol, family) {
        (6, _) => "tcp",
        (17, _) => "udp",
        (1, Family::V4) => "icmp",
        (58, Family::V6) => "icmp6",
        _ => return None,
    };
    MATCHES.iter().find(|known| known.name == name)
}

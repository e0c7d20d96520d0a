use std::fmt;

use super::tuple::{family_number, in_full};
use crate::conntrack::expect::{Expectation, Flags};
use crate::time::Instant;

/// An expected connection as a line of `net/nf_conntrack_expect`, without the end of the line. Its first word is the whole
/// seconds left.
pub fn expectation(expectation: &Expectation, now: Instant) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let Expectation { tuple, flags, policy, helper, .. } = expectation;
        let (left, family) = (expectation.deadline - now, family_number(tuple.family));
        write!(f, "{} l3proto = {family} proto={} ", left.as_secs(), tuple.protocol)?;
        in_full(f, tuple)?;
        let space = if *flags == Flags::default() { "" } else { " " };
        write!(f, "{flags}{space}{helper}")?;
        if policy.name.is_empty() { Ok(()) } else { write!(f, "/{}", policy.name) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conntrack::Direction;
    use crate::conntrack::expect::{Mask, Policy};
    use crate::packet::{Family, Tuple, protocol};
    use crate::time::Duration;

    const NOW: Instant = Instant::from_secs(1_000);

    fn tuple(protocol: u8, source: &str, destination: &str, destination_port: u16) -> Tuple {
        let ip = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        let (source, destination) = (ip(source), ip(destination));
        Tuple { destination_port, ..Tuple::new(Family::from(source), protocol, source.into(), destination.into()) }
    }

    /// Lines that the kernel wrote.
    #[test]
    fn lines_are_as_in_proc() {
        let at = |expected: Expectation| expectation(&expected, NOW).to_string();
        let ftp = Expectation {
            tuple: tuple(protocol::TCP, "10.2.0.1", "10.1.0.1", 1025),
            mask: Mask::ANY,
            master: crate::conntrack::expect::testing::masters(1)[0],
            helper: "ftp",
            helper_protocol: protocol::TCP,
            class: 0,
            policy: Policy { name: "", max_expected: 1, timeout: Duration::from_secs(300) },
            flags: Flags::default(),
            attach: None,
            direction: Direction::Reply,
            either_way: false,
            zone: 0,
            deadline: NOW + Duration::from_secs(300),
        };
        assert_eq!(at(ftp), "300 l3proto = 2 proto=6 src=10.2.0.1 dst=10.1.0.1 sport=0 dport=1025 ftp");
        let v6 = Expectation { tuple: tuple(protocol::TCP, "fd02::1", "fd01::1", 1025), ..ftp };
        assert_eq!(
            at(v6),
            "300 l3proto = 10 proto=6 src=fd02:0000:0000:0000:0000:0000:0000:0001 \
             dst=fd01:0000:0000:0000:0000:0000:0000:0001 sport=0 dport=1025 ftp"
        );
        let sip = Expectation {
            tuple: tuple(protocol::UDP, "10.2.0.1", "10.1.0.1", 5062),
            helper: "sip",
            policy: Policy { name: "signalling", ..ftp.policy },
            flags: Flags::PERMANENT,
            deadline: NOW + Duration::from_millis(99_900),
            ..ftp
        };
        let line = "99 l3proto = 2 proto=17 src=10.2.0.1 dst=10.1.0.1 sport=0 dport=5062 PERMANENT sip/signalling";
        assert_eq!(at(sip), line);
        let both = Flags::PERMANENT.union(Flags::INACTIVE);
        assert_eq!(at(Expectation { flags: both, ..sip }), line.replace("PERMANENT", "PERMANENT,INACTIVE"));
    }
}

//! Matches, each behind its name.

use std::fmt;

use super::super::calendar;
use super::super::names::{STATES, TCP_FLAGS, WEEK_DAYS};
use super::quote::quoted;
use super::values::{Mark, Ports, address, names, not, range};
use super::{conntrack, hashlimit};
use crate::packet::Family;
use crate::ruleset::matches::{
    IcmpMatch, Iprange, Match, Multiport, MultiportSide, PortRange, PortsMatch, Statistic, TcpMatch, Time, TtlMatch,
};
use crate::ruleset::rule::Not;

pub(super) fn write(f: &mut fmt::Formatter<'_>, of: &Match, family: Family) -> fmt::Result {
    let name = |f: &mut fmt::Formatter<'_>, name| write!(f, " -m {name}");
    match of {
        Match::Tcp(of) => tcp(f, of),
        Match::Udp(of) => {
            name(f, "udp")?;
            both_ports(f, of)
        }
        Match::Icmp(of) => icmp(f, *of, family),
        Match::Multiport(of) => multiport(f, of),
        Match::Conntrack(of) => conntrack::conntrack(f, of, family),
        Match::State(of) => {
            name(f, "state")?;
            option(f, of.negated, "state")?;
            names(f, of.value, &STATES)
        }
        Match::Connbytes(of) => conntrack::connbytes(f, of),
        Match::Connlimit(of) => conntrack::connlimit(f, of),
        Match::Connmark(Not { negated, value }) => {
            name(f, "connmark")?;
            option(f, *negated, "mark")?;
            write!(f, "{}", Mark(*value))
        }
        Match::Mark(Not { negated, value }) => {
            name(f, "mark")?;
            option(f, *negated, "mark")?;
            write!(f, "{}", Mark(*value))
        }
        Match::Length(of) => {
            name(f, "length")?;
            option(f, of.negated, "length")?;
            range(f, of.value)
        }
        Match::Limit(of) => {
            write!(f, " -m limit --limit {}/{}", of.rate, of.per.as_str())?;
            if of.burst == 5 { Ok(()) } else { write!(f, " --limit-burst {}", of.burst) }
        }
        Match::Hashlimit(of) => hashlimit::write(f, of, family),
        Match::Iprange(of) => iprange(f, of, family),
        Match::Mac(Not { negated, value: [a, b, c, d, e, last] }) => {
            name(f, "mac")?;
            option(f, *negated, "mac-source")?;
            write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{last:02x}")
        }
        Match::Set(Not { negated, value }) => {
            name(f, "set")?;
            option(f, *negated, "match-set")?;
            write!(f, "{} {}", value.name, if value.destination { "dst" } else { "src" })
        }
        Match::Statistic(of) => statistic(f, *of),
        Match::Time(of) => time(f, of),
        Match::Ttl(of) => ttl(f, *of, family),
        Match::Dscp(of) => {
            name(f, "dscp")?;
            option(f, of.negated, "dscp")?;
            write!(f, "{:#04x}", of.value)
        }
        Match::Comment(text) => {
            f.write_str(" -m comment --comment ")?;
            quoted(f, text)
        }
    }
}

/// An option, with a `!` where the opposite is asked, and the blank before its value.
pub(super) fn option(f: &mut fmt::Formatter<'_>, negated: bool, name: &str) -> fmt::Result {
    not(f, negated)?;
    write!(f, " --{name} ")
}

fn tcp(f: &mut fmt::Formatter<'_>, of: &TcpMatch) -> fmt::Result {
    f.write_str(" -m tcp")?;
    both_ports(f, &of.ports)?;
    if let Some(kind) = of.option {
        option(f, kind.negated, "tcp-option")?;
        write!(f, "{}", kind.value)?;
    }
    if let Some(Not { negated, value: (mask, set) }) = of.flags {
        option(f, negated, "tcp-flags")?;
        tcp_flags(f, mask)?;
        f.write_str(" ")?;
        tcp_flags(f, set)?;
    }
    Ok(())
}

fn tcp_flags(f: &mut fmt::Formatter<'_>, flags: u8) -> fmt::Result {
    if flags == 0 { f.write_str("NONE") } else { names(f, flags, &TCP_FLAGS) }
}

fn both_ports(f: &mut fmt::Formatter<'_>, of: &PortsMatch) -> fmt::Result {
    ports(f, "sport", of.source)?;
    ports(f, "dport", of.destination)
}

pub(super) fn ports(f: &mut fmt::Formatter<'_>, name: &str, ports: Option<Not<PortRange>>) -> fmt::Result {
    let Some(Not { negated, value }) = ports else { return Ok(()) };
    option(f, negated, name)?;
    write!(f, "{}", Ports(value))
}

fn icmp(f: &mut fmt::Formatter<'_>, of: Not<IcmpMatch>, family: Family) -> fmt::Result {
    let (name, type_option) = match family {
        Family::V4 => ("icmp", "icmp-type"),
        Family::V6 => ("icmp6", "icmpv6-type"),
    };
    write!(f, " -m {name}")?;
    option(f, of.negated, type_option)?;
    let IcmpMatch { kind, codes: (first, last) } = of.value;
    match (family, kind) {
        (Family::V4, u8::MAX) => f.write_str("any"),
        _ if first == last => write!(f, "{kind}/{first}"),
        _ => write!(f, "{kind}"),
    }
}

fn multiport(f: &mut fmt::Formatter<'_>, of: &Not<Multiport>) -> fmt::Result {
    f.write_str(" -m multiport")?;
    option(
        f,
        of.negated,
        match of.value.side {
            MultiportSide::Source => "sports",
            MultiportSide::Destination => "dports",
            MultiportSide::Either => "ports",
        },
    )?;
    for (nth, ports) in of.value.ports.iter().enumerate() {
        write!(f, "{}{}", if nth == 0 { "" } else { "," }, Ports(*ports))?;
    }
    Ok(())
}

fn iprange(f: &mut fmt::Formatter<'_>, of: &Iprange, family: Family) -> fmt::Result {
    f.write_str(" -m iprange")?;
    for (name, range) in [("src-range", of.source), ("dst-range", of.destination)] {
        let Some(Not { negated, value: (first, last) }) = range else { continue };
        option(f, negated, name)?;
        write!(f, "{}-{}", address(first, family), address(last, family))?;
    }
    Ok(())
}

fn statistic(f: &mut fmt::Formatter<'_>, of: Not<Statistic>) -> fmt::Result {
    match of.value {
        Statistic::Random(probability) => {
            f.write_str(" -m statistic --mode random")?;
            option(f, of.negated, "probability")?;
            write!(f, "{:.11}", f64::from(probability) / f64::from(1u32 << 31))
        }
        Statistic::Nth { every, packet } => {
            f.write_str(" -m statistic --mode nth")?;
            option(f, of.negated, "every")?;
            write!(f, "{every} --packet {packet}")
        }
    }
}

fn time(f: &mut fmt::Formatter<'_>, of: &Time) -> fmt::Result {
    f.write_str(" -m time")?;
    if (of.day_start, of.day_stop) != (0, 86_399) {
        let clock = |seconds: u32| (seconds / 3600, seconds / 60 % 60, seconds % 60);
        for (name, (hour, minute, second)) in [("timestart", clock(of.day_start)), ("timestop", clock(of.day_stop))] {
            write!(f, " --{name} {hour:02}:{minute:02}:{second:02}")?;
        }
    }
    if of.month_days.value != u32::MAX - 1 || of.month_days.negated {
        option(f, of.month_days.negated, "monthdays")?;
        let days = (1..=31).filter(|day| of.month_days.value & 1 << day != 0);
        for (nth, day) in days.enumerate() {
            write!(f, "{}{day}", if nth == 0 { "" } else { "," })?;
        }
    }
    if of.week_days.value != 254 || of.week_days.negated {
        option(f, of.week_days.negated, "weekdays")?;
        let days = WEEK_DAYS.iter().zip(1..).filter(|(_, bit)| of.week_days.value & 1 << bit != 0);
        for (nth, (day, _)) in days.enumerate() {
            write!(f, "{}{day}", if nth == 0 { "" } else { "," })?;
        }
    }
    for (name, seconds, otherwise) in [("datestart", of.date_start, 0), ("datestop", of.date_stop, u32::MAX)] {
        if seconds != otherwise {
            let [year, month, day, hour, minute, second] = calendar::date(seconds);
            write!(f, " --{name} {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        }
    }
    f.write_str(if of.kernel_zone { " --kerneltz" } else { "" })?;
    f.write_str(if of.contiguous { " --contiguous" } else { "" })
}

fn ttl(f: &mut fmt::Formatter<'_>, of: TtlMatch, family: Family) -> fmt::Result {
    let name = match family {
        Family::V4 => "ttl",
        Family::V6 => "hl",
    };
    write!(f, " -m {name}")?;
    match of {
        TtlMatch::Equal(value) => write!(f, " --{name}-eq {value}"),
        TtlMatch::NotEqual(value) => write!(f, " ! --{name}-eq {value}"),
        TtlMatch::Less(value) => write!(f, " --{name}-lt {value}"),
        TtlMatch::Greater(value) => write!(f, " --{name}-gt {value}"),
    }
}

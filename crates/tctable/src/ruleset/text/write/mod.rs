//! From rules to text, as iptables 1.8.9 writes them: with counters, without comments.

mod conntrack;
mod hashlimit;
mod matches;
mod quote;
mod targets;
mod values;

use std::fmt;

use self::values::{address, not};
use super::names::protocol_name;
use crate::conntrack::Counter;
use crate::packet::Family;
use crate::ruleset::rule::{DevicePattern, Header, Masked, Not, Policy, Rule, Ruleset, Table};
use crate::ruleset::text::read::prefix_length;

impl fmt::Display for Ruleset {
    /// What `iptables-save --counters` writes, tables in the order of their names here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "*{}", table.name.as_str())?;
            for chain in &table.chains {
                match chain.base {
                    Some(base) => {
                        let policy = match base.policy {
                            Policy::Accept => "ACCEPT",
                            Policy::Drop => "DROP",
                        };
                        writeln!(f, ":{} {policy} {}", chain.name, Brackets(base.counter))?;
                    }
                    None => writeln!(f, ":{} - [0:0]", chain.name)?,
                }
            }
            for chain in &table.chains {
                for rule in &chain.rules {
                    let text = self.rule_text(table, &chain.name, rule);
                    writeln!(f, "{} {text}", Brackets(rule.counter))?;
                }
            }
            writeln!(f, "COMMIT")?;
        }
        Ok(())
    }
}

/// `[packets:bytes]`
struct Brackets(Counter);

impl fmt::Display for Brackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:{}]", self.0.packets, self.0.bytes)
    }
}

/// A rule as it stands in the text, without its counter.
#[derive(Clone, Copy, Debug)]
pub struct RuleText<'a> {
    family: Family,
    table: &'a Table,
    chain: &'a str,
    rule: &'a Rule,
}

impl<'a> RuleText<'a> {
    pub(super) fn new(family: Family, table: &'a Table, chain: &'a str, rule: &'a Rule) -> Self {
        RuleText { family, table, chain, rule }
    }
}

impl fmt::Display for RuleText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-A {}", self.chain)?;
        header(f, &self.rule.header, self.family)?;
        for of in &self.rule.matches {
            matches::write(f, of, self.family)?;
        }
        targets::write(f, &self.rule.target, self.family, self.table)
    }
}

fn header(f: &mut fmt::Formatter<'_>, header: &Header, family: Family) -> fmt::Result {
    masked(f, "-s", header.source, family)?;
    masked(f, "-d", header.destination, family)?;
    device(f, "-i", header.input.as_ref())?;
    device(f, "-o", header.output.as_ref())?;
    if let Some(protocol) = header.protocol {
        not(f, protocol.negated)?;
        match protocol_name(protocol.value) {
            Some(name) => write!(f, " -p {name}")?,
            None => write!(f, " -p {}", protocol.value)?,
        }
    }
    if let Some(fragment) = header.fragment {
        not(f, !fragment)?;
        f.write_str(" -f")?;
    }
    Ok(())
}

fn masked(f: &mut fmt::Formatter<'_>, option: &str, masked: Option<Not<Masked>>, family: Family) -> fmt::Result {
    let Some(Not { negated, value }) = masked else { return Ok(()) };
    not(f, negated)?;
    write!(f, " {option} {}/", address(value.address, family))?;
    match prefix_length(family, value.mask) {
        Some(length) => write!(f, "{length}"),
        None => write!(f, "{}", address(value.mask, family)),
    }
}

fn device(f: &mut fmt::Formatter<'_>, option: &str, pattern: Option<&Not<DevicePattern>>) -> fmt::Result {
    let Some(Not { negated, value }) = pattern else { return Ok(()) };
    not(f, *negated)?;
    write!(f, " {option} {}{}", value.name, if value.wildcard { "+" } else { "" })
}

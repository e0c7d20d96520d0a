use tctable::conntrack::Statistics;
use tctable::gateway::{Totals, Unaccounted};

use crate::{Json, sum};

/// What is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Prefixes and names of interfaces.
    pub what: Vec<String>,
    /// Whether that is because nobody said what is.
    pub is_default: bool,
}

/// All traffic, of one engine or several.
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    /// What was seen.
    pub totals: &'a Totals,
    /// What happened to connections.
    pub statistics: &'a Statistics,
    /// Hosts that are told of.
    pub hosts: u64,
    /// Connections that are open.
    pub open: u64,
    /// What is inside.
    pub inside: &'a Inside,
}

/// The members of `totals`.
pub fn totals(json: &mut Json<'_>, summary: &Summary<'_>) {
    let Summary { totals, statistics, hosts, open, inside } = summary;
    json.packets_bytes(totals.ip);
    json.counter("tx", totals.tx());
    json.counter("rx", totals.rx());
    json.counter("inside_to_inside", totals.inside_to_inside);
    json.counter("made", totals.made);
    json.number("hosts", *hosts);
    json.number("hosts_expired", totals.hosts_expired);
    json.number("connections_opened", statistics.insert);
    json.number("connections_open", *open);
    // Connections that came from a file were opened elsewhere.
    json.number("connections_ended", statistics.insert.saturating_sub(*open));
    json.array("inside", |json| inside.what.iter().for_each(|what| json.string_element(what)));
    json.raw("inside_is_default", inside.is_default);
    json.number("time_reversed", totals.time_reversed);
    // For information: these packets are counted for their hosts like all others.
    json.member("conntrack", |json| {
        for (name, count) in statistics.named() {
            json.number(name, count);
        }
    });
}

/// The members of `unaccounted`.
pub fn unaccounted(json: &mut Json<'_>, totals: &Totals) {
    let unaccounted: &Unaccounted = &totals.unaccounted;
    for (cause, counter) in unaccounted.by_cause() {
        json.counter(cause, counter);
    }
    json.member("not_ip", |json| {
        json.packets_bytes(sum(unaccounted.not_ip.values().copied()));
        json.member("by_ethertype", |json| {
            for (ethertype, counter) in &unaccounted.not_ip {
                json.counter(&format!("{ethertype:#06x}"), *counter);
            }
        });
    });
    json.member("malformed", |json| {
        json.packets_bytes(sum(unaccounted.malformed.iter().copied()));
        json.member("by_cause", |json| {
            for (cause, counter) in unaccounted.malformed().filter(|(_, counter)| counter.packets > 0) {
                json.counter(cause.name(), counter);
            }
        });
    });
    json.number("hosts_refused", totals.hosts_refused);
}

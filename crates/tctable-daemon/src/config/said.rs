//! What one file says, or the command line: any part of the settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;

use super::groups::{GroupSaid, QuotaSaid};

/// A part of the settings: what a file of TOML says, or what options say.
///
/// What is said later goes before what was said earlier, key by key; tunables one by one, groups by their names.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Said {
    /// The inside interface of a bridge.
    pub lan: Option<String>,
    /// The outside interface of a bridge.
    pub wan: Option<String>,
    /// The TUN device that the kernel routes to.
    pub tun: Option<String>,
    /// Interfaces that are listened to only.
    pub watch: Option<Vec<String>>,
    /// The prefixes that are inside.
    pub inside: Option<Vec<IpNet>>,
    /// Files of rules, one for each version of IP.
    pub rules: Option<Vec<PathBuf>>,
    /// The file of sets that rules ask for.
    pub sets: Option<PathBuf>,
    /// The file of tc's lines.
    pub tc: Option<PathBuf>,
    /// Tunables by their kernel names.
    #[serde(default)]
    pub sysctl: BTreeMap<String, Tunable>,
    /// How many shards there are.
    pub shards: Option<u16>,
    /// The processors that shards are pinned to, in their order.
    pub pin: Option<Vec<usize>>,
    /// The control socket.
    pub control: Option<PathBuf>,
    /// The group of the control socket.
    pub control_group: Option<String>,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Hosts that metrics tell of.
    pub metrics_hosts: Option<usize>,
    /// Where hosts and periods are kept over restarts; none where it is empty.
    pub state: Option<PathBuf>,
    /// Connections are kept from an end to the next start.
    pub save_connections: Option<bool>,
    /// AF_XDP in the place of packet sockets.
    pub xdp: Option<bool>,
    /// The kernel bridges while the gateway does not forward.
    pub fail_open: Option<bool>,
    /// The user that it becomes.
    pub user: Option<String>,
    /// Seconds by which local time is ahead of UTC.
    pub utc_offset: Option<i32>,
    /// What each host may send and receive in a period.
    pub host_quota: Option<QuotaSaid>,
    /// Hosts that count as one.
    #[serde(default)]
    pub group: Vec<GroupSaid>,
}

/// A tunable's value: a number, or its text as the kernel takes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Tunable {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

impl Tunable {
    /// Its text.
    pub fn text(&self) -> String {
        match self {
            Tunable::Number(number) => number.to_string(),
            Tunable::Text(text) => text.clone(),
        }
    }
}

impl Said {
    /// This, and what it does not say as it was said before.
    pub fn after(self, before: Said) -> Said {
        let mut sysctl = before.sysctl;
        sysctl.extend(self.sysctl);
        let mut group = before.group;
        group.retain(|old| self.group.iter().all(|new| new.name != old.name));
        group.extend(self.group);
        // Of the three forms only one can hold: who names one says that it is not another one.
        let says_form = self.lan.is_some() || self.wan.is_some() || self.tun.is_some() || self.watch.is_some();
        let (lan, wan, tun, watch) = match says_form {
            true if self.tun.is_none() && self.watch.is_none() => {
                (self.lan.or(before.lan), self.wan.or(before.wan), None, None)
            }
            true => (self.lan, self.wan, self.tun, self.watch),
            false => (before.lan, before.wan, before.tun, before.watch),
        };
        Said {
            lan,
            wan,
            tun,
            watch,
            inside: self.inside.or(before.inside),
            rules: self.rules.or(before.rules),
            sets: self.sets.or(before.sets),
            tc: self.tc.or(before.tc),
            sysctl,
            shards: self.shards.or(before.shards),
            pin: self.pin.or(before.pin),
            control: self.control.or(before.control),
            control_group: self.control_group.or(before.control_group),
            metrics: self.metrics.or(before.metrics),
            metrics_hosts: self.metrics_hosts.or(before.metrics_hosts),
            state: self.state.or(before.state),
            save_connections: self.save_connections.or(before.save_connections),
            xdp: self.xdp.or(before.xdp),
            fail_open: self.fail_open.or(before.fail_open),
            user: self.user.or(before.user),
            utc_offset: self.utc_offset.or(before.utc_offset),
            host_quota: self.host_quota.or(before.host_quota),
            group,
        }
    }
}

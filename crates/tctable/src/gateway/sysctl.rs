//! The engine's tunables under their kernel names, as `sysctl` has them.

use thiserror::Error;

use super::config::Config;
use super::road::Gateway;
use crate::time::Duration;

/// Why a tunable was not set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SysctlError {
    /// There is none of that name (`ENOENT`).
    #[error("no tunable is called {0}")]
    Unknown(String),
    /// It tells something and cannot be set (`EACCES`).
    #[error("{0} can only be read")]
    ReadOnly(&'static str),
    /// The value is no number, or out of range (`EINVAL`).
    #[error("{value:?} is no value for {name}: a number from 0 to {max} is")]
    Invalid {
        /// The tunable.
        name: &'static str,
        /// What it was to be.
        value: String,
        /// The highest value.
        max: u64,
    },
}

/// A tunable.
struct Entry {
    name: &'static str,
    max: u64,
    get: fn(&Config) -> u64,
    set: fn(&mut Config, u64),
}

/// Seconds in a [`Duration`].
macro_rules! seconds {
    ($name:literal, $($field:ident).+) => {
        Entry {
            name: $name,
            // Timeouts are kept in milliseconds, in 32 bits.
            max: u32::MAX as u64 / 1000,
            get: |config| config.$($field).+.as_secs(),
            set: |config, value| config.$($field).+ = Duration::from_secs(value),
        }
    };
}

macro_rules! number {
    ($name:literal, $type:ty, $($field:ident).+) => {
        Entry {
            name: $name,
            max: <$type>::MAX as u64,
            get: |config| config.$($field).+ as u64,
            // In range: it was compared with `max`.
            set: |config, value| config.$($field).+ = value as $type,
        }
    };
}

macro_rules! switch {
    ($name:literal, $($field:ident).+) => {
        Entry {
            name: $name,
            max: 1,
            get: |config| u64::from(config.$($field).+),
            set: |config, value| config.$($field).+ = value != 0,
        }
    };
}

static ENTRIES: &[Entry] = &[
    seconds!("net.ipv4.ipfrag_time", defrag.ipfrag_time),
    number!("net.ipv4.ipfrag_high_thresh", u32, defrag.ipfrag_high_thresh),
    number!("net.ipv4.ipfrag_max_dist", u32, defrag.ipfrag_max_dist),
    seconds!("net.netfilter.nf_conntrack_frag6_timeout", defrag.nf_conntrack_frag6_timeout),
    number!("net.netfilter.nf_conntrack_frag6_high_thresh", u32, defrag.nf_conntrack_frag6_high_thresh),
    switch!("net.netfilter.nf_conntrack_checksum", conntrack.checksum),
    number!("net.netfilter.nf_conntrack_expect_max", u32, conntrack.expect_max),
    seconds!("net.netfilter.nf_conntrack_generic_timeout", conntrack.timeouts.generic),
    seconds!("net.netfilter.nf_conntrack_gre_timeout", conntrack.timeouts.gre),
    seconds!("net.netfilter.nf_conntrack_gre_timeout_stream", conntrack.timeouts.gre_stream),
    switch!("net.netfilter.nf_conntrack_helper", helpers.automatic),
    seconds!("net.netfilter.nf_conntrack_icmp_timeout", conntrack.timeouts.icmp),
    seconds!("net.netfilter.nf_conntrack_icmpv6_timeout", conntrack.timeouts.icmpv6),
    number!("net.netfilter.nf_conntrack_max", u32, conntrack.max),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_closed", conntrack.timeouts.sctp_closed),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed", conntrack.timeouts.sctp_cookie_echoed),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_cookie_wait", conntrack.timeouts.sctp_cookie_wait),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_established", conntrack.timeouts.sctp_established),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent", conntrack.timeouts.sctp_heartbeat_sent),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent", conntrack.timeouts.sctp_shutdown_ack_sent),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd", conntrack.timeouts.sctp_shutdown_recd),
    seconds!("net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent", conntrack.timeouts.sctp_shutdown_sent),
    switch!("net.netfilter.nf_conntrack_tcp_be_liberal", conntrack.tcp.be_liberal),
    switch!("net.netfilter.nf_conntrack_tcp_ignore_invalid_rst", conntrack.tcp.ignore_invalid_rst),
    switch!("net.netfilter.nf_conntrack_tcp_loose", conntrack.tcp.loose),
    number!("net.netfilter.nf_conntrack_tcp_max_retrans", u8, conntrack.tcp.max_retrans),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_close", conntrack.timeouts.tcp_close),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_close_wait", conntrack.timeouts.tcp_close_wait),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_established", conntrack.timeouts.tcp_established),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_fin_wait", conntrack.timeouts.tcp_fin_wait),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_last_ack", conntrack.timeouts.tcp_last_ack),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_max_retrans", conntrack.timeouts.tcp_max_retrans),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_syn_recv", conntrack.timeouts.tcp_syn_recv),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_syn_sent", conntrack.timeouts.tcp_syn_sent),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_time_wait", conntrack.timeouts.tcp_time_wait),
    seconds!("net.netfilter.nf_conntrack_tcp_timeout_unacknowledged", conntrack.timeouts.tcp_unacknowledged),
    seconds!("net.netfilter.nf_conntrack_udp_timeout", conntrack.timeouts.udp),
    seconds!("net.netfilter.nf_conntrack_udp_timeout_stream", conntrack.timeouts.udp_stream),
    number!("net.tctable.host_connections_max", u32, hosts.max_connections),
    switch!("net.tctable.host_links", hosts.links),
    number!("net.tctable.host_max", u32, hosts.max),
    number!("net.tctable.host_new_connections_max", u32, hosts.max_new_connections),
    switch!("net.tctable.host_rates", hosts.rates),
    seconds!("net.tctable.tc_counter_timeout", hosts.timeout),
];

type Tell = fn(&Gateway) -> u64;

/// Tunables that only tell something.
static READ_ONLY: [(&str, Tell); 3] = [
    // Accounting and timestamps are what the engine is for: always on.
    ("net.netfilter.nf_conntrack_acct", |_| 1),
    ("net.netfilter.nf_conntrack_count", |gateway| gateway.conntrack().count() as u64),
    ("net.netfilter.nf_conntrack_timestamp", |_| 1),
];

/// The name with dots, as `sysctl` takes it: slashes are dots, and `net.netfilter.` may be left out.
fn is_called(entry: &str, name: &str) -> bool {
    let name = name.replace('/', ".");
    entry == name || entry.strip_prefix("net.netfilter.") == Some(&name)
}

fn parse(name: &'static str, value: &str, max: u64) -> Result<u64, SysctlError> {
    let invalid = || SysctlError::Invalid { name, value: value.to_owned(), max };
    value.trim().parse().ok().filter(|value| *value <= max).ok_or_else(invalid)
}

impl Config {
    /// Sets a tunable by its kernel name, such as `net.netfilter.nf_conntrack_max`; `net.netfilter.` may be left out.
    ///
    /// # Errors
    /// [`SysctlError`]; nothing is changed then.
    pub fn set_sysctl(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        if let Some((name, _)) = READ_ONLY.iter().find(|(entry, _)| is_called(entry, name)) {
            return Err(SysctlError::ReadOnly(name));
        }
        let Some(entry) = ENTRIES.iter().find(|entry| is_called(entry.name, name)) else {
            return Err(SysctlError::Unknown(name.to_owned()));
        };
        (entry.set)(self, parse(entry.name, value, entry.max)?);
        Ok(())
    }
}

impl Gateway {
    /// The value of a tunable by its kernel name; `net.netfilter.` may be left out.
    ///
    /// # Errors
    /// [`SysctlError::Unknown`]
    pub fn sysctl(&self, name: &str) -> Result<u64, SysctlError> {
        let found = self.sysctls().find(|(entry, _)| is_called(entry, name));
        found.map(|(_, value)| value).ok_or_else(|| SysctlError::Unknown(name.to_owned()))
    }

    /// Sets a tunable by its kernel name while running. What is in the tables stays; limits and timeouts hold from the next
    /// packet on.
    ///
    /// # Errors
    /// [`SysctlError`]; nothing is changed then.
    pub fn set_sysctl(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        self.config.set_sysctl(name, value)?;
        self.conntrack.set_config(self.config.conntrack.clone());
        self.conntrack.set_helpers(self.config.helpers.clone());
        self.apply_hosts_config();
        if let Some(defrag) = &mut self.defrag {
            defrag.set_config(&self.config.defrag);
        }
        Ok(())
    }

    /// Every tunable with its value, in the order of their names.
    pub fn sysctls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let tunables = ENTRIES.iter().map(|entry| (entry.name, (entry.get)(&self.config)));
        let told = READ_ONLY.iter().map(|(name, get)| (*name, get(self)));
        let mut all: Vec<(&'static str, u64)> = tunables.chain(told).collect();
        all.sort_unstable();
        all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tunable_is_one_of_its_own() {
        let mut gateway = Gateway::new(Config::default());
        for (nth, entry) in ENTRIES.iter().enumerate() {
            let value = if entry.max == 1 { 1 - (entry.get)(&gateway.config) } else { 7 + nth as u64 };
            gateway.set_sysctl(entry.name, &value.to_string()).unwrap();
            assert_eq!(gateway.sysctl(entry.name), Ok(value), "{}", entry.name);
        }
        for (nth, entry) in ENTRIES.iter().enumerate().filter(|(_, entry)| entry.max != 1) {
            assert_eq!(gateway.sysctl(entry.name), Ok(7 + nth as u64), "{} shares its value", entry.name);
        }
    }

    #[test]
    fn names_may_be_written_as_sysctl_takes_them() {
        let mut config = Config::default();
        for (value, name) in
            ["nf_conntrack_max", "net.netfilter.nf_conntrack_max", "net/netfilter/nf_conntrack_max"].iter().enumerate()
        {
            config.set_sysctl(name, &value.to_string()).unwrap();
            assert_eq!(config.conntrack.max, value as u32);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut config = Config::default();
        let mut set = |name, value| config.set_sysctl(name, value).unwrap_err().to_string();
        assert_eq!(set("nf_conntrack_mix", "1"), "no tunable is called nf_conntrack_mix");
        assert_eq!(set("nf_conntrack_count", "1"), "net.netfilter.nf_conntrack_count can only be read");
        for value in ["", "-1", "x", "2", "1.0"] {
            assert_eq!(
                set("nf_conntrack_checksum", value),
                format!("{value:?} is no value for net.netfilter.nf_conntrack_checksum: a number from 0 to 1 is")
            );
        }
        assert!(config.set_sysctl("nf_conntrack_max", "4294967296").is_err());
        assert_eq!(config.conntrack, crate::conntrack::Config::default());
    }
}

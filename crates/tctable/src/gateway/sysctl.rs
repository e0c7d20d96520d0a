//! The engine's tunables under their kernel names, as `sysctl` has them.

mod file;
mod glob;

use thiserror::Error;

pub use self::file::{SysctlFileError, SysctlLineError, Unknown};

use super::config::Config;
use super::engine::Gateway;
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
    #[error("{value:?} is no value for {name}: {}", range(*.min, *.max))]
    Invalid {
        /// The tunable.
        name: &'static str,
        /// What it was to be.
        value: String,
        /// The lowest value.
        min: u64,
        /// The highest value.
        max: u64,
    },
}

fn range(min: u64, max: u64) -> String {
    if min == max { format!("it is always {min}") } else { format!("a number from {min} to {max} is") }
}

/// A tunable.
struct Entry {
    name: &'static str,
    min: u64,
    max: u64,
    get: fn(&Config) -> u64,
    set: fn(&mut Config, u64),
}

/// Seconds in a [`Duration`].
macro_rules! seconds {
    ($name:literal, $($field:ident).+) => {
        Entry {
            name: $name,
            min: 0,
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
            min: 0,
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
            min: 0,
            max: 1,
            get: |config| u64::from(config.$($field).+),
            set: |config, value| config.$($field).+ = value != 0,
        }
    };
}

/// What the engine is for: a file that switches it on may be read, one that switches it off may not.
macro_rules! always_on {
    ($name:literal) => {
        Entry { name: $name, min: 1, max: 1, get: |_| 1, set: |_, _| () }
    };
}

static ENTRIES: &[Entry] = &[
    seconds!("net.ipv4.ipfrag_time", defrag.ipfrag_time),
    number!("net.ipv4.ipfrag_high_thresh", u32, defrag.ipfrag_high_thresh),
    number!("net.ipv4.ipfrag_max_dist", u32, defrag.ipfrag_max_dist),
    seconds!("net.netfilter.nf_conntrack_frag6_timeout", defrag.nf_conntrack_frag6_timeout),
    number!("net.netfilter.nf_conntrack_frag6_high_thresh", u32, defrag.nf_conntrack_frag6_high_thresh),
    always_on!("net.netfilter.nf_conntrack_acct"),
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
    always_on!("net.netfilter.nf_conntrack_timestamp"),
    seconds!("net.netfilter.nf_conntrack_udp_timeout", conntrack.timeouts.udp),
    seconds!("net.netfilter.nf_conntrack_udp_timeout_stream", conntrack.timeouts.udp_stream),
    number!("net.tctable.host_connections_max", u32, hosts.max_connections),
    switch!("net.tctable.host_links", hosts.links),
    number!("net.tctable.host_max", u32, hosts.max),
    number!("net.tctable.host_new_connections_max", u32, hosts.max_new_connections),
    switch!("net.tctable.host_rates", hosts.rates),
    seconds!("net.tctable.host_timeout", hosts.timeout),
];

type Tell = fn(&Gateway) -> u64;

/// Tunables that only tell something.
static READ_ONLY: [(&str, Tell); 2] = [
    ("net.netfilter.nf_conntrack_buckets", |gateway| gateway.conntrack().buckets() as u64),
    ("net.netfilter.nf_conntrack_count", |gateway| gateway.conntrack().count() as u64),
];

/// A name with dots between its parts. As for `sysctl`, whichever of dot and slash comes first is what is between them, and
/// the other one is then part of a part, in the place of a dot: `net.ipv4.conf.eth0/1.rp_filter`.
fn with_dots(name: &str) -> String {
    let swapped = |letter| match letter {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    match name.find(['.', '/']) {
        Some(first) if name[first..].starts_with('/') => name.chars().map(swapped).collect(),
        _ => name.to_owned(),
    }
}

/// A name in full, with dots: `net.netfilter.` may be left out.
fn in_full(name: &str) -> String {
    let name = with_dots(name);
    if name.contains('.') { name } else { format!("net.netfilter.{name}") }
}

/// A number as the kernel reads it: `0x` begins a hexadecimal one, another `0` an octal one.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, radix) = match (text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // It would take a sign.
    let digits = Some(digits).filter(|digits| digits.starts_with(|first: char| first.is_ascii_hexdigit()))?;
    u64::from_str_radix(digits, radix).ok()
}

impl Entry {
    fn parse(&self, value: &str) -> Result<u64, SysctlError> {
        let Entry { name, min, max, .. } = *self;
        let number = number(value).filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| SysctlError::Invalid { name, value: value.to_owned(), min, max })
    }
}

impl Config {
    /// Sets a tunable by its kernel name, such as `net.netfilter.nf_conntrack_max`; `net.netfilter.` may be left out, and
    /// slashes may stand for the dots.
    ///
    /// The value is a decimal number, or as the kernel takes it a hexadecimal one (`0x10`) or an octal one (`010`).
    ///
    /// # Errors
    /// [`SysctlError`]; nothing is changed then.
    pub fn set_sysctl(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        self.set_named(&in_full(name), value).unwrap_or_else(|| Err(SysctlError::Unknown(name.to_owned())))
    }

    /// The same for a name in full; `None` where there is none of that name.
    fn set_named(&mut self, name: &str, value: &str) -> Option<Result<(), SysctlError>> {
        if let Some((name, _)) = READ_ONLY.iter().find(|(entry, _)| *entry == name) {
            return Some(Err(SysctlError::ReadOnly(name)));
        }
        let entry = ENTRIES.iter().find(|entry| entry.name == name)?;
        Some(entry.parse(value).map(|value| (entry.set)(self, value)))
    }
}

impl Gateway {
    /// The value of a tunable by its kernel name; `net.netfilter.` may be left out.
    ///
    /// # Errors
    /// [`SysctlError::Unknown`]
    pub fn sysctl(&self, name: &str) -> Result<u64, SysctlError> {
        let full = in_full(name);
        let found = self.sysctls().find(|(entry, _)| *entry == full);
        found.map(|(_, value)| value).ok_or_else(|| SysctlError::Unknown(name.to_owned()))
    }

    /// Sets a tunable by its kernel name while running. What is in the tables stays; limits and timeouts hold from the next
    /// packet on.
    ///
    /// # Errors
    /// [`SysctlError`]; nothing is changed then.
    pub fn set_sysctl(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        self.config.set_sysctl(name, value)?;
        self.take_config();
        Ok(())
    }

    /// Sets tunables as a file in the form of sysctl.conf(5) says, while running: see [`Config::load_sysctls`].
    ///
    /// # Errors
    /// [`SysctlFileError`]; nothing is changed then.
    pub fn load_sysctls(&mut self, text: &[u8], unknown: Unknown) -> Result<(), SysctlFileError> {
        self.config.load_sysctls(text, unknown)?;
        self.take_config();
        Ok(())
    }

    /// The rooms go by the configuration as it is now.
    pub(super) fn take_config(&mut self) {
        self.conntrack.set_config(self.config.conntrack.clone());
        self.conntrack.set_helpers(self.config.helpers.clone());
        self.apply_hosts_config();
        if let Some(defrag) = &mut self.defrag {
            defrag.set_config(&self.config.defrag);
        }
    }

    /// The name in full of a tunable, however it was written: see [`Gateway::sysctl`].
    ///
    /// # Errors
    /// [`SysctlError::Unknown`]
    pub fn sysctl_name(&self, name: &str) -> Result<&'static str, SysctlError> {
        let full = in_full(name);
        let found = self.sysctls().find(|(entry, _)| *entry == full);
        found.map(|(entry, _)| entry).ok_or_else(|| SysctlError::Unknown(name.to_owned()))
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
            let value = match (entry.min, entry.max) {
                (0, 1) => 1 - (entry.get)(&gateway.config),
                (1, 1) => 1,
                _ => 7 + nth as u64,
            };
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
        for name in ["net.netfilter/nf_conntrack_max", "net/netfilter.nf_conntrack_max", ".nf_conntrack_max", ""] {
            assert_eq!(config.set_sysctl(name, "1"), Err(SysctlError::Unknown(name.to_owned())));
        }
    }

    /// The kernel takes the same numbers.
    #[test]
    fn numbers_are_decimal_hexadecimal_or_octal() {
        let known = [("0", 0), ("10", 10), (" 5\n", 5), ("0x10", 16), ("0Xff", 255), ("010", 8), ("00", 0)];
        for (text, value) in known {
            assert_eq!(number(text), Some(value), "{text:?}");
        }
        for text in ["", " ", "+1", "-1", "0x", "0x-1", "0+1", "08", "1x", "1 2", "0x1g", "18446744073709551616"] {
            assert_eq!(number(text), None, "{text:?}");
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
        assert_eq!(
            config.set_sysctl("nf_conntrack_acct", "0").unwrap_err().to_string(),
            "\"0\" is no value for net.netfilter.nf_conntrack_acct: it is always 1"
        );
        assert_eq!(config.conntrack, crate::conntrack::Config::default());
    }
}

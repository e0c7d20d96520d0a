use super::group::Groups;
use super::limit::Limits;
use super::period::UtcOffset;
use super::quota::Quota;
use crate::time::Duration;

/// How hosts are kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts that the table may hold: `net.tctable.host_max`.
    pub max: u32,
    /// Connections that a host may have opened at a time: `net.tctable.host_connections_max`; 0 is no limit. What others
    /// open to it does not count, so that nobody can use up what is another's.
    pub max_connections: u32,
    /// New connections that a host may open a second: `net.tctable.host_new_connections_max`, as
    /// [`Limits::new_connections`]; 0 is no limit.
    pub max_new_connections: u32,
    /// How long a host is kept without traffic and without connections: `net.tctable.host_timeout`.
    pub timeout: Duration,
    /// What each host may send and receive in a period. What a host used is remembered to the period's end, also when the
    /// host goes before that, for as many of those as there may be hosts.
    pub quota: Option<Quota>,
    /// Hosts that count as one.
    pub groups: Groups,
    /// Where local midnight lies, at which periods begin.
    pub utc_offset: UtcOffset,
    /// Whether rates are kept ([`super::Host::rates`]), at 800 bytes for each host: `net.tctable.host_rates`.
    pub rates: bool,
    /// Whether each host knows its connections ([`crate::Gateway::host_connections`]), at eight bytes for each connection:
    /// `net.tctable.host_links`.
    pub links: bool,
}

impl Default for Config {
    /// 1,048,576 hosts with any number of connections, 15 minutes, nothing else.
    fn default() -> Self {
        Config {
            max: 1 << 20,
            max_connections: 0,
            max_new_connections: 0,
            timeout: Duration::from_secs(900),
            quota: None,
            groups: Groups::default(),
            utc_offset: UtcOffset::default(),
            rates: false,
            links: false,
        }
    }
}

impl Config {
    /// What each host may open.
    pub(super) fn limits(&self) -> Limits {
        Limits { connections: self.max_connections, new_connections: self.max_new_connections }
    }
}

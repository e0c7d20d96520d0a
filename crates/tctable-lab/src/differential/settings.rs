use tctable::Config;
use tctable::time::Duration;
use thiserror::Error;

use super::runner::Differential;
use crate::kernel;

/// Why a setting was not made.
#[derive(Debug, Error)]
pub enum SettingError {
    /// The engine has no such setting.
    #[error("the engine does not know {0}")]
    Unknown(String),
    /// The value is no number, or the kernel does not take it.
    #[error("{name} cannot be {value}")]
    Value {
        /// The setting's name.
        name: String,
        /// The value.
        value: String,
    },
    /// The kernel did not take it.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
}

impl Differential {
    /// Makes a setting on both sides, by the name of its sysctl under `net.netfilter`.
    ///
    /// # Errors
    /// [`SettingError`]; neither side is changed, unless it is the kernel that refused.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let number =
            value.parse().map_err(|_| SettingError::Value { name: name.to_owned(), value: value.to_owned() })?;
        apply(self.config_mut(), name, number).ok_or_else(|| SettingError::Unknown(name.to_owned()))?;
        Ok(self.kernel_mut().set_sysctl(&format!("net.netfilter.{name}"), number)?)
    }
}

/// Makes a setting of the engine; `None` where it has none of that name.
fn apply(config: &mut Config, name: &str, value: u32) -> Option<()> {
    let conntrack = &mut config.conntrack;
    let timeouts = &mut conntrack.timeouts;
    let timeout = match name {
        "nf_conntrack_tcp_loose" => {
            conntrack.tcp_loose = value != 0;
            return Some(());
        }
        "nf_conntrack_tcp_timeout_syn_sent" => &mut timeouts.tcp_syn_sent,
        "nf_conntrack_tcp_timeout_syn_recv" => &mut timeouts.tcp_syn_recv,
        "nf_conntrack_tcp_timeout_established" => &mut timeouts.tcp_established,
        "nf_conntrack_tcp_timeout_fin_wait" => &mut timeouts.tcp_fin_wait,
        "nf_conntrack_tcp_timeout_close_wait" => &mut timeouts.tcp_close_wait,
        "nf_conntrack_tcp_timeout_last_ack" => &mut timeouts.tcp_last_ack,
        "nf_conntrack_tcp_timeout_time_wait" => &mut timeouts.tcp_time_wait,
        "nf_conntrack_tcp_timeout_close" => &mut timeouts.tcp_close,
        "nf_conntrack_tcp_timeout_unacknowledged" => &mut timeouts.tcp_unacknowledged,
        "nf_conntrack_udp_timeout" => &mut timeouts.udp,
        "nf_conntrack_udp_timeout_stream" => &mut timeouts.udp_stream,
        "nf_conntrack_icmp_timeout" => &mut timeouts.icmp,
        "nf_conntrack_icmpv6_timeout" => &mut timeouts.icmpv6,
        "nf_conntrack_generic_timeout" => &mut timeouts.generic,
        _ => return None,
    };
    *timeout = Duration::from_secs(value.into());
    Some(())
}

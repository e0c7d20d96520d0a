use tctable::conntrack::helper::UnknownHelper;
use tctable::gateway::SysctlError;
use tctable::packet::protocol;
use thiserror::Error;

use super::runner::Differential;
use crate::kernel::{self, Helper};

/// Why a setting was not made.
#[derive(Debug, Error)]
pub enum SettingError {
    /// The engine did not take it.
    #[error(transparent)]
    Engine(#[from] SysctlError),
    /// The value is no number.
    #[error("{name} cannot be {value}")]
    Value {
        /// The setting's name.
        name: String,
        /// The value.
        value: String,
    },
    /// The engine has no such helper.
    #[error(transparent)]
    Helper(#[from] UnknownHelper),
    /// The kernel did not take it.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
}

/// The helpers that talks announce connections to, with their ports.
const HELPERS: [Helper; 6] = [
    Helper { name: "ftp", protocol: "tcp", port: 21 },
    Helper { name: "tftp", protocol: "udp", port: 69 },
    Helper { name: "irc", protocol: "tcp", port: 6667 },
    Helper { name: "sip", protocol: "tcp", port: 5060 },
    Helper { name: "sip", protocol: "udp", port: 5060 },
    Helper { name: "pptp", protocol: "tcp", port: 1723 },
];

impl Differential {
    /// Gives both sides a rule for each helper.
    ///
    /// # Errors
    /// [`SettingError`]
    pub fn assign_helpers(&mut self) -> Result<(), SettingError> {
        for helper in HELPERS {
            let number = if helper.protocol == "tcp" { protocol::TCP } else { protocol::UDP };
            self.config_mut().helpers.assign(helper.name, number, helper.port)?;
            self.kernel_mut().assign_helper(helper)?;
        }
        Ok(())
    }

    /// Makes a setting on both sides, by the name of its sysctl under `net.netfilter`.
    ///
    /// # Errors
    /// [`SettingError`]; neither side is changed, unless it is the kernel that refused.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let number: u32 =
            value.parse().map_err(|_| SettingError::Value { name: name.to_owned(), value: value.to_owned() })?;
        self.config_mut().set_sysctl(name, value)?;
        Ok(self.kernel_mut().set_sysctl(&format!("net.netfilter.{name}"), number)?)
    }
}

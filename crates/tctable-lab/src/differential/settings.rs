use tctable::gateway::SysctlError;
use thiserror::Error;

use super::runner::Differential;
use crate::kernel;

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
        let number: u32 =
            value.parse().map_err(|_| SettingError::Value { name: name.to_owned(), value: value.to_owned() })?;
        self.config_mut().set_sysctl(name, value)?;
        Ok(self.kernel_mut().set_sysctl(&format!("net.netfilter.{name}"), number)?)
    }
}

use std::io;

use thiserror::Error;

/// Why a port does not work.
#[derive(Debug, Error)]
pub enum PortError {
    /// There is no such device.
    #[error("{name}: there is no such device")]
    NoDevice {
        /// Its name.
        name: String,
    },
    /// The device is down, or was removed: it may come back.
    #[error("{name}: the device is down or gone")]
    Down {
        /// Its name.
        name: String,
    },
    /// What was asked of the kernel failed.
    #[error("{name}: {what}: {error}")]
    Io {
        /// The device's name.
        name: String,
        /// What was asked.
        what: &'static str,
        /// Why it failed.
        error: io::Error,
    },
}

//! Frames in and out of the engine: capture files and live interfaces.

pub mod capture;
#[cfg(target_os = "linux")]
pub mod peer;
#[cfg(target_os = "linux")]
pub mod port;

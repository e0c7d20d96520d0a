//! Frames in and out of the engine: capture files.

pub mod capture;
#[cfg(target_os = "linux")]
pub mod peer;
#[cfg(target_os = "linux")]
pub mod port;

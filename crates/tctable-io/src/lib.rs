//! Frames in and out of the engine: capture files.

pub mod capture;

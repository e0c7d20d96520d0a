//! From bytes to what the rest of the engine reads.

mod frame;

pub use frame::{DeviceId, Frame, FrameDirection, LinkType};

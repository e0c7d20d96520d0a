//! Devices that frames come from and go to, in bursts.

mod best;
mod device;
mod error;
mod offload;
mod pace;
mod packet;
mod socket;
mod tun;
#[cfg(feature = "xdp")]
mod xdp;

use std::os::fd::BorrowedFd;

use tctable::packet::{Frame, LinkType};
use tctable::time::Instant;

pub use best::{Best, open_best};
pub use device::mtu;
pub use error::PortError;
pub use offload::{Completer, Impossible, Offload, Segments};
pub use pace::{Next, Pace};
pub use packet::{PacketConfig, PacketSocket, Role, shard_of};
pub use tun::{Layer, Tun, TunConfig};
#[cfg(feature = "xdp")]
pub use xdp::{XdpConfig, XdpSocket};

/// A frame that has come.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The frame: its bytes lie where the driver left them, tags that it took out put back.
    pub frame: Frame<'a>,
    /// What is left undone of it.
    pub offload: Offload,
}

/// A frame that is to go.
#[derive(Clone, Copy, Debug)]
pub struct Departure<'a> {
    /// The bytes, of the port's link type.
    pub data: &'a [u8],
    /// What is left undone of it.
    pub offload: Offload,
}

/// What a port has counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStatistics {
    /// Frames that came.
    pub received: u64,
    /// Frames that the kernel had to drop because the receive ring was full.
    pub receive_dropped: u64,
    /// Frames that the kernel took.
    pub sent: u64,
    /// Frames that the kernel did not take because it had no room: they are offered again.
    pub send_full: u64,
    /// Frames that the kernel refused for good (longer than the MTU, device down).
    pub send_refused: u64,
}

/// A device that frames come from and go to.
///
/// A burst that was received lies in the driver's memory until `take` returns, so it can be given to another port as it lies.
pub trait Port {
    /// What its frames begin with.
    fn link(&self) -> LinkType;

    /// Shows up to `max` frames that have come to `take`, at once, and gives their memory back after that. `now` is
    /// the time of frames that have no timestamp of their own. Never waits; tells how many there were.
    ///
    /// # Errors
    /// [`PortError`]: what has come until then was shown.
    fn receive(&mut self, now: Instant, max: usize, take: &mut dyn FnMut(&[Arrival<'_>])) -> Result<usize, PortError>;

    /// Sends frames in their order, as many as there is room for; tells how many of them were taken, or refused for good and
    /// counted: the others are to be offered again. Never waits.
    ///
    /// # Errors
    /// [`PortError`]: none of those that were not taken.
    fn send(&mut self, frames: &[Departure<'_>]) -> Result<usize, PortError>;

    /// Readable when frames have come.
    fn readable(&self) -> BorrowedFd<'_>;

    /// After [`PortError::Down`], or where something of the device has changed: looks how it is now, and goes on with it if it is
    /// up and has a carrier. A device that is called otherwise by now is the same one; where it is gone, the one of that
    /// name takes its place. What was counted stays.
    ///
    /// # Errors
    /// [`PortError::NoDevice`] and [`PortError::Down`] for as long as it is not.
    fn reopen(&mut self) -> Result<(), PortError>;

    /// What was counted so far.
    fn statistics(&mut self) -> PortStatistics;
}

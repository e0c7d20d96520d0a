//! Ports over vectors.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::event::{EventfdFlags, eventfd};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;
use tctable_io::port::{Arrival, Departure, Offload, Port, PortError, PortStatistics};

/// What goes on at one, for the test.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Frames that are to come.
    pub(crate) coming: VecDeque<Vec<u8>>,
    /// Frames that were sent.
    pub(crate) sent: Vec<Vec<u8>>,
    /// Frames that there is room for.
    pub(crate) room: usize,
    /// The device is gone.
    pub(crate) is_down: bool,
}

impl Wire {
    pub(crate) fn new() -> Arc<Mutex<Wire>> {
        Arc::new(Mutex::new(Wire { coming: VecDeque::new(), sent: Vec::new(), room: usize::MAX, is_down: false }))
    }
}

pub(crate) struct Fake {
    wire: Arc<Mutex<Wire>>,
    device: DeviceId,
    link: LinkType,
    bell: OwnedFd,
}

impl Fake {
    pub(crate) fn new(wire: &Arc<Mutex<Wire>>, device: DeviceId, link: LinkType) -> Box<Fake> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor");
        Box::new(Fake { wire: wire.clone(), device, link, bell })
    }

    fn wire(&self) -> std::sync::MutexGuard<'_, Wire> {
        self.wire.lock().expect("no panic")
    }
}

impl Port for Fake {
    fn link(&self) -> LinkType {
        self.link
    }

    fn receive(&mut self, now: Instant, max: usize, take: &mut dyn FnMut(&[Arrival<'_>])) -> Result<usize, PortError> {
        let frames: Vec<Vec<u8>> = {
            let mut wire = self.wire();
            if wire.is_down {
                return Err(PortError::Down { name: "fake".to_owned() });
            }
            let count = wire.coming.len().min(max);
            wire.coming.drain(..count).collect()
        };
        let (device, direction, link) = (self.device, FrameDirection::Inbound, self.link);
        let frame = |data| Frame { time: now, device, direction, link, wire_len: u32::MAX, data };
        let arrivals: Vec<Arrival<'_>> = frames
            .iter()
            .map(|data| Frame { wire_len: data.len() as u32, ..frame(data.as_slice()) })
            .map(|frame| Arrival { frame, offload: Offload::default() })
            .collect();
        take(&arrivals);
        Ok(frames.len())
    }

    fn send(&mut self, frames: &[Departure<'_>]) -> Result<usize, PortError> {
        let mut wire = self.wire();
        if wire.is_down {
            return Err(PortError::Down { name: "fake".to_owned() });
        }
        let count = frames.len().min(wire.room);
        if wire.room != usize::MAX {
            wire.room -= count;
        }
        wire.sent.extend(frames[..count].iter().map(|frame| frame.data.to_vec()));
        Ok(count)
    }

    fn readable(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        if self.wire().is_down { Err(PortError::Down { name: "fake".to_owned() }) } else { Ok(()) }
    }

    fn statistics(&mut self) -> PortStatistics {
        PortStatistics::default()
    }
}

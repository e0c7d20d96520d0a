//! TUN and TAP: a device whose other end is this program.

mod device;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;

use self::device::Drops;
use super::device::failed;
use super::{Arrival, Departure, Offload, Port, PortError, PortStatistics};

/// What the frames of the device begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// IP packets: a TUN device.
    Ip,
    /// Ethernet frames: a TAP device.
    Ethernet,
}

/// How a TUN or TAP device is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunConfig {
    /// The device's name; it is made if there is none.
    pub device: String,
    /// What frames say that they were seen on.
    pub id: DeviceId,
    /// What frames begin with.
    pub layer: Layer,
    /// Whether the kernel may leave checksums and the cutting of segments to whoever gets its frames. If not, it does both before.
    pub offload: bool,
}

/// Frames of one burst are read into this much memory, one behind the other.
const ARENA: usize = 512 << 10;
/// The longest frame that the kernel hands over: 64 KiB of IP, with a link header and tags.
const LONGEST: usize = (64 << 10) + 64;

/// One queue of a TUN or TAP device.
#[derive(Debug)]
pub struct Tun {
    config: TunConfig,
    queue: File,
    /// How many queues the device has.
    queues: usize,
    arena: Vec<u8>,
    /// Where in it the frames of a burst are, each behind its `virtio_net_hdr`.
    places: Vec<(usize, usize)>,
    /// Empty between calls: only its room is kept.
    arrivals: Vec<Arrival<'static>>,
    drops: Option<Drops>,
    counted: PortStatistics,
}

impl Tun {
    /// Opens a device with one queue, makes it if need be, and brings it up.
    ///
    /// # Errors
    /// [`PortError`]; the right that is needed is CAP_NET_ADMIN.
    pub fn open(config: TunConfig) -> Result<Self, PortError> {
        Tun::open_queue(&config, 0, 1)
    }

    /// Opens a device with a queue for each shard. What two ends send one another by one pair of ports comes to the same queue in both
    /// directions.
    ///
    /// # Errors
    /// As [`Tun::open`].
    pub fn open_shards(config: &TunConfig, shards: usize) -> Result<Vec<Self>, PortError> {
        (0..shards).map(|number| Tun::open_queue(config, number, shards)).collect()
    }

    fn open_queue(config: &TunConfig, number: usize, queues: usize) -> Result<Self, PortError> {
        let queue = device::attach(config, queues > 1)?;
        // Drops are the device's, not a queue's.
        let drops = if number == 0 { Some(Drops::open(&config.device)?) } else { None };
        Ok(Tun {
            config: config.clone(),
            queue,
            queues,
            arena: vec![0; ARENA],
            places: Vec::new(),
            arrivals: Vec::new(),
            drops,
            counted: PortStatistics::default(),
        })
    }

    fn error(&self, what: &'static str, error: io::Error) -> PortError {
        match error.raw_os_error() {
            // Down; removed.
            Some(libc::EIO | libc::EBADFD | libc::ENODEV | libc::ENETDOWN) => self.down(),
            _ => failed(&self.config.device, what, error),
        }
    }

    fn down(&self) -> PortError {
        PortError::Down { name: self.config.device.clone() }
    }

    /// Reads frames into the arena until there are none, or enough.
    fn fill(&mut self, max: usize) -> Result<(), PortError> {
        let mut end = 0;
        self.places.clear();
        while self.places.len() < max && end + LONGEST <= self.arena.len() {
            let room = &mut self.arena[end..end + LONGEST];
            // SAFETY: the kernel writes no more than there is room for.
            let got = unsafe { libc::read(self.queue.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
            if got < 0 {
                let error = io::Error::last_os_error();
                return match error.kind() {
                    io::ErrorKind::WouldBlock => Ok(()),
                    io::ErrorKind::Interrupted => continue,
                    // What came before is shown; the error comes again.
                    _ if !self.places.is_empty() => Ok(()),
                    _ => Err(self.error("reading", error)),
                };
            }
            let got = got as usize;
            if got > Offload::BYTES {
                self.places.push((end, end + got));
            }
            end += got.next_multiple_of(64);
        }
        Ok(())
    }
}

impl Port for Tun {
    fn link(&self) -> LinkType {
        match self.config.layer {
            Layer::Ip => LinkType::Raw,
            Layer::Ethernet => LinkType::Ethernet,
        }
    }

    fn receive(&mut self, now: Instant, max: usize, take: &mut dyn FnMut(&[Arrival<'_>])) -> Result<usize, PortError> {
        self.fill(max)?;
        if self.places.is_empty() {
            return Ok(0);
        }
        let link = self.link();
        // In place: the room of the empty vector is used again.
        let mut arrivals: Vec<Arrival<'_>> = std::mem::take(&mut self.arrivals);
        for &(start, end) in &self.places {
            let Some((header, data)) = self.arena[start..end].split_first_chunk::<{ Offload::BYTES }>() else {
                continue;
            };
            arrivals.push(Arrival {
                frame: Frame {
                    time: now,
                    device: self.config.id,
                    direction: FrameDirection::Inbound,
                    link,
                    wire_len: data.len() as u32,
                    data,
                },
                offload: Offload(*header),
            });
        }
        let shown = arrivals.len();
        take(&arrivals);
        arrivals.clear();
        self.arrivals = arrivals.into_iter().map(|_| unreachable!("it is empty")).collect();
        self.counted.received += shown as u64;
        Ok(shown)
    }

    fn send(&mut self, frames: &[Departure<'_>]) -> Result<usize, PortError> {
        let mut done = 0;
        while let Some(frame) = frames.get(done) {
            // The kernel only reads what these point to.
            let parts = [&frame.offload.0[..], frame.data].map(io::IoSlice::new);
            match io::Write::write_vectored(&mut &self.queue, &parts) {
                Ok(_) => {
                    self.counted.sent += 1;
                    done += 1;
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                        self.counted.send_full += (frames.len() - done) as u64;
                        break;
                    }
                    Some(libc::EINVAL | libc::EMSGSIZE | libc::E2BIG) => {
                        self.counted.send_refused += 1;
                        done += 1;
                    }
                    _ if done > 0 => break,
                    _ => return Err(self.error("writing", error)),
                },
            }
        }
        Ok(done)
    }

    fn readable(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        if let Some(name) = device::name(&self.queue) {
            return if device::is_up(&name)? { Ok(()) } else { Err(self.down()) };
        }
        // Drops of the device that is gone are not to be lost.
        self.statistics();
        // By the descriptor that there is: /dev/net/tun may be out of reach by now.
        device::attach_queue(&self.queue, &self.config, self.queues > 1)
    }

    fn statistics(&mut self) -> PortStatistics {
        if let Some(drops) = &mut self.drops {
            let name = device::name(&self.queue);
            self.counted.receive_dropped += drops.since(name.as_deref().unwrap_or(&self.config.device));
        }
        self.counted
    }
}

//! AF_XDP: frames straight from a card's driver, before the kernel makes anything of them.
//!
//! They are as they were on the wire. A veth's never were on one: a checksum that its sender left undone is still undone, and
//! nothing says so, so that the sender has to compute it (`ethtool -K DEVICE tx off`).

mod program;
mod ring;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

use libc::xdp_desc;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;

use self::program::Program;
use self::ring::{Kind, Mapping, Ring};
use super::device::{self, Device, failed};
use super::socket::{Socket, is_down};
use super::{Arrival, Completer, Departure, Offload, Port, PortError, PortStatistics};

/// How a device is opened by AF_XDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdpConfig {
    /// The device's name.
    pub device: String,
    /// What frames say that they were seen on.
    pub id: DeviceId,
    /// How many frames the kernel can put down before they are received, and as many again that wait to be sent: a power of two.
    pub slots: u32,
    /// Whether the device takes frames for other stations too.
    pub promiscuous: bool,
}

/// Memory for one frame. The kernel keeps 256 bytes of it for itself.
const SLOT: u64 = 4096;
/// The longest frame that fits a received one's slot.
const LONGEST: u32 = SLOT as u32 - 256;
/// The link header and a tag: what a frame may be longer than the MTU.
const LINK_BYTES: u32 = 18;
/// So many times in a row nothing comes before it is asked why: that is a call of the kernel.
const IDLE: u32 = 16;
/// Frames that one call has the kernel send, where it copies them.
const SENT_BY_CALL: u32 = 32;

/// One receive queue of a device, by AF_XDP.
#[derive(Debug)]
pub struct XdpSocket {
    config: XdpConfig,
    /// The device's program, which all its queues share, of the device that was there last.
    program: Arc<Mutex<Option<Program>>>,
    queue: u32,
    queues: usize,
    line: Line,
    completer: Completer,
    arrivals: Vec<Arrival<'static>>,
    idle: u32,
    counted: PortStatistics,
}

/// The socket of a queue, its rings and its memory.
#[derive(Debug)]
struct Line {
    device: Device,
    received: Ring<xdp_desc>,
    empty: Ring<u64>,
    sending: Ring<xdp_desc>,
    sent: Ring<u64>,
    /// Slots that nothing waits in to be sent.
    free: Vec<u64>,
    copies: bool,
    /// For as long as this is there the device is promiscuous, if it is to be.
    _packet: Socket,
    // The kernel uses the memory for as long as the socket is there.
    socket: Socket,
    memory: Mapping,
}

impl XdpSocket {
    /// Opens a device that has one receive queue.
    ///
    /// # Errors
    /// [`PortError`], also where the driver takes no part. The rights that are needed are CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF.
    pub fn open(config: XdpConfig) -> Result<Self, PortError> {
        let mut ports = XdpSocket::open_shards(&config, 1)?;
        Ok(ports.remove(0))
    }

    /// Opens a device that has a receive queue for each shard. Which queue a frame comes to is the card's affair: it should be told
    /// to hash by addresses alone, alike in both directions and on both devices.
    ///
    /// # Errors
    /// As [`XdpSocket::open`].
    pub fn open_shards(config: &XdpConfig, shards: usize) -> Result<Vec<Self>, PortError> {
        let program = Arc::new(Mutex::new(None));
        (0..shards).map(|queue| XdpSocket::open_queue(config, &program, queue as u32, shards)).collect()
    }

    fn open_queue(
        config: &XdpConfig,
        program: &Arc<Mutex<Option<Program>>>,
        queue: u32,
        queues: usize,
    ) -> Result<Self, PortError> {
        let error = |(what, error)| config.error(what, error);
        let socket = Socket::new(libc::AF_XDP).map_err(|error| config.error("an AF_XDP socket", error))?;
        let asking = Socket::packet().map_err(|error| config.error("a packet socket", error))?;
        let device = device::look_up(asking.as_fd(), &config.device)?;
        let has = device::receive_queues(asking.as_fd(), &config.device)?;
        if has != queues {
            let why = format!("it has {has} receive queues, and there are {queues} shards");
            return Err(config.error("AF_XDP", io::Error::other(why)));
        }
        device::keep_tags(asking.as_fd(), &config.device)?;
        let line = Line::open(socket, asking, device, queue, config).map_err(error)?;
        let mut shared = program.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.as_ref().is_none_or(|program| program.device != device.index) {
            // Taken off before the next is put on.
            *shared = None;
            *shared = Some(Program::attach(device.index, queues).map_err(error)?);
        }
        if let Some(attached) = &*shared {
            attached
                .hand_over(queue, line.socket.raw())
                .map_err(|error| config.error("handing its queue over", error))?;
        }
        drop(shared);
        Ok(XdpSocket {
            config: config.clone(),
            program: program.clone(),
            queue,
            queues,
            line,
            completer: Completer::default(),
            arrivals: Vec::new(),
            idle: 0,
            counted: PortStatistics::default(),
        })
    }

    /// Whether the kernel copies frames, because the driver cannot put them into this program's memory.
    pub fn copies(&self) -> bool {
        self.line.copies
    }

    fn down(&self) -> PortError {
        PortError::Down { name: self.config.device.clone() }
    }
}

impl XdpConfig {
    fn error(&self, what: &'static str, error: io::Error) -> PortError {
        if is_down(&error) { PortError::Down { name: self.device.clone() } } else { failed(&self.device, what, error) }
    }
}

impl Line {
    fn open(
        socket: Socket,
        packet: Socket,
        device: Device,
        queue: u32,
        config: &XdpConfig,
    ) -> Result<Self, (&'static str, io::Error)> {
        let slots = config.slots.next_power_of_two();
        let named = |what| move |error| (what, error);
        let bytes = 2 * u64::from(slots) * SLOT;
        let memory = Mapping::anonymous(bytes as usize).map_err(named("memory for frames"))?;
        let registration = libc::xdp_umem_reg {
            addr: memory.address(),
            len: bytes,
            chunk_size: SLOT as u32,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        socket.set(libc::SOL_XDP, libc::XDP_UMEM_REG, registration).map_err(named("XDP_UMEM_REG"))?;
        // SAFETY: any bytes are these offsets.
        let places: libc::xdp_mmap_offsets =
            unsafe { socket.get(libc::SOL_XDP, libc::XDP_MMAP_OFFSETS) }.map_err(named("XDP_MMAP_OFFSETS"))?;
        let ring = |option, page, places| Kind { option, page, places };
        let empty = ring(libc::XDP_UMEM_FILL_RING, libc::XDP_UMEM_PGOFF_FILL_RING as i64, places.fr);
        let sent = ring(libc::XDP_UMEM_COMPLETION_RING, libc::XDP_UMEM_PGOFF_COMPLETION_RING as i64, places.cr);
        let received = ring(libc::XDP_RX_RING, libc::XDP_PGOFF_RX_RING, places.rx);
        let sending = ring(libc::XDP_TX_RING, libc::XDP_PGOFF_TX_RING, places.tx);
        let mut empty = Ring::<u64>::new(&socket, &empty, slots).map_err(named("a fill ring"))?;
        let sent = Ring::new(&socket, &sent, slots).map_err(named("a completion ring"))?;
        let received = Ring::new(&socket, &received, slots).map_err(named("a receive ring"))?;
        let sending = Ring::new(&socket, &sending, slots).map_err(named("a transmit ring"))?;
        // The first half is for what comes, the second for what goes.
        empty.produce((0..u64::from(slots)).map(|slot| slot * SLOT));
        let free = (u64::from(slots)..2 * u64::from(slots)).map(|slot| slot * SLOT).collect();
        let bind = |how| {
            let address = libc::sockaddr_xdp {
                sxdp_family: libc::AF_XDP as u16,
                sxdp_flags: how | libc::XDP_USE_NEED_WAKEUP,
                sxdp_ifindex: device.index as u32,
                sxdp_queue_id: queue,
                sxdp_shared_umem_fd: 0,
            };
            // SAFETY: AF_XDP sockets have this address.
            unsafe { socket.bind(&address) }
        };
        let copies = bind(libc::XDP_ZEROCOPY).is_err();
        if copies {
            bind(libc::XDP_COPY).map_err(named("binding to its queue"))?;
        }
        if config.promiscuous {
            packet.be_promiscuous(device.index).map_err(named("promiscuous mode"))?;
        }
        Ok(Line { device, received, empty, sending, sent, free, copies, _packet: packet, socket, memory })
    }

    /// Takes back the slots of what was sent.
    fn reclaim(&mut self) {
        let count = self.sent.filled();
        self.free.extend((0..count).map(|number| self.sent.peek(number)));
        self.sent.consume(count);
    }

    /// Has the kernel send what waits, as far as there is room.
    fn push(&mut self) -> io::Result<()> {
        let size = self.free.capacity() as u32;
        let mut calls = if self.copies { size / SENT_BY_CALL + 1 } else { 1 };
        while calls > 0 && self.sending.wants_call() {
            calls -= 1;
            let waiting = self.sending.room();
            // SAFETY: no memory is involved.
            let result = unsafe {
                libc::sendto(self.socket.raw(), std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0)
            };
            if result >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                // Some were sent and more are there: again. No room: they go by a later call.
                Some(libc::EAGAIN) if self.sending.room() > waiting => self.reclaim(),
                Some(libc::EAGAIN | libc::EBUSY | libc::ENOBUFS | libc::EINTR) => return Ok(()),
                _ => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts one frame down to be sent; whether there was room.
    fn put(&mut self, frame: &[u8]) -> bool {
        if self.sending.room() == 0 {
            return false;
        }
        let Some(slot) = self.free.pop() else { return false };
        let Some(place) = self.memory.place(slot, frame.len()) else { return false };
        // SAFETY: the slot is ours until it is in the ring, and the frame is no longer than it.
        unsafe { std::ptr::copy_nonoverlapping(frame.as_ptr(), place.as_ptr(), frame.len()) };
        self.sending.produce(std::iter::once(xdp_desc { addr: slot, len: frame.len() as u32, options: 0 }));
        true
    }
}

impl Port for XdpSocket {
    fn link(&self) -> LinkType {
        self.line.device.link
    }

    fn receive(&mut self, now: Instant, max: usize, take: &mut dyn FnMut(&[Arrival<'_>])) -> Result<usize, PortError> {
        // What there was no room for in the card, or in one call.
        self.line.reclaim();
        self.line.push().map_err(|error| self.config.error("sending", error))?;
        let count = self.line.received.filled().min(max as u32);
        if count == 0 {
            self.idle += 1;
            if self.idle == IDLE {
                self.idle = 0;
                self.line.socket.pending().map_err(|error| self.config.error("receiving", error))?;
            }
            return Ok(0);
        }
        self.idle = 0;
        // In place: the room of the empty vector is used again.
        let mut arrivals: Vec<Arrival<'_>> = std::mem::take(&mut self.arrivals);
        for number in 0..count {
            let entry = self.line.received.peek(number);
            let Some(place) = self.line.memory.place(entry.addr, entry.len as usize) else { continue };
            // SAFETY: the frame lies there until its slot is given back, which is when the arrivals are gone.
            let data = unsafe { std::slice::from_raw_parts(place.as_ptr(), entry.len as usize) };
            arrivals.push(Arrival {
                frame: Frame {
                    time: now,
                    device: self.config.id,
                    direction: FrameDirection::Inbound,
                    link: self.line.device.link,
                    wire_len: entry.len,
                    data,
                },
                offload: Offload::default(),
            });
        }
        let shown = arrivals.len();
        take(&arrivals);
        arrivals.clear();
        self.arrivals = arrivals.into_iter().map(|_| unreachable!("it is empty")).collect();
        let received = &self.line.received;
        // There is room for all slots that there are.
        self.line.empty.produce((0..count).map(|number| received.peek(number).addr & !(SLOT - 1)));
        self.line.received.consume(count);
        if self.line.empty.wants_call() {
            // Readiness is asked for, and the answer does not matter.
            // SAFETY: no memory is involved.
            unsafe {
                libc::recvfrom(
                    self.line.socket.raw(),
                    std::ptr::null_mut(),
                    0,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            };
        }
        self.counted.received += shown as u64;
        Ok(shown)
    }

    fn send(&mut self, frames: &[Departure<'_>]) -> Result<usize, PortError> {
        self.line.reclaim();
        let longest = (self.line.device.mtu + LINK_BYTES).min(LONGEST) as usize;
        let mut done = 0;
        for frame in frames {
            let XdpSocket { line, completer, counted, .. } = self;
            let link = line.device.link;
            let (mut sent, mut refused, mut full) = (0, 0, false);
            // All segments of a frame or none.
            let pieces = if frame.offload.is_segmented() {
                frame.data.len() / usize::from(frame.offload.segment_bytes()).max(1) + 1
            } else {
                1
            };
            if pieces > line.free.len().min(line.sending.room() as usize) {
                // More than there ever is room for.
                full = pieces <= line.free.capacity();
                refused = u64::from(!full);
            } else {
                let put = &mut |piece: &[u8]| match piece.len() <= longest && line.put(piece) {
                    true => sent = 1,
                    false => refused = 1,
                };
                if completer.complete(link, frame.data, frame.offload, put).is_err() {
                    refused = 1;
                }
            }
            if full {
                counted.send_full += (frames.len() - done) as u64;
                break;
            }
            counted.send_refused += refused;
            counted.sent += if refused == 0 { sent } else { 0 };
            done += 1;
        }
        self.line.push().map_err(|error| self.config.error("sending", error))?;
        Ok(done)
    }

    fn readable(&self) -> BorrowedFd<'_> {
        self.line.socket.as_fd()
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        let asking = Socket::packet().map_err(|error| self.config.error("a packet socket", error))?;
        let device = device::look_again(asking.as_fd(), self.line.device.index, &self.config.device)?;
        if !device.running {
            return Err(self.down());
        }
        if device.index != self.line.device.index {
            // Drops of the device that is gone are not to be lost.
            self.counted = self.statistics();
            let counted = self.counted;
            *self =
                XdpSocket { counted, ..XdpSocket::open_queue(&self.config, &self.program, self.queue, self.queues)? };
        }
        self.line.device = device;
        Ok(())
    }

    fn statistics(&mut self) -> PortStatistics {
        // SAFETY: any bytes are these statistics.
        let since: io::Result<libc::xdp_statistics> =
            unsafe { self.line.socket.get(libc::SOL_XDP, libc::XDP_STATISTICS) };
        let dropped = since.map_or(0, |since| since.rx_dropped + since.rx_ring_full);
        PortStatistics { receive_dropped: self.counted.receive_dropped + dropped, ..self.counted }
    }
}

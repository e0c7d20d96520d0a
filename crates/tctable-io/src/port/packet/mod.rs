//! Packet sockets (AF_PACKET): every device of Linux, without its cooperation.

mod fanout;
mod ring;
mod send;
mod transmit;

use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::{io, mem};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;

use self::fanout::Group;
pub use self::fanout::shard_of;
use self::ring::{Filled, Ring};
use self::send::{Sender, Stopped};
use super::device::{self, Device, failed};
use super::socket::{Socket, is_down};
use super::{Arrival, Departure, Offload, Port, PortError, PortStatistics};

/// What a port's frames are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// They are sent on elsewhere: those that the device sends are not seen, and those that are too long for a slot of the ring
    /// come whole nevertheless.
    InLine,
    /// They are looked at: those that the device sends are seen too, and of those that are too long for a slot the beginning.
    Watch,
}

/// How a packet socket is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketConfig {
    /// The device's name.
    pub device: String,
    /// What frames say that they were seen on.
    pub id: DeviceId,
    /// What they are wanted for.
    pub role: Role,
    /// How many frames the kernel can put down before they are received. A slot takes 2 KiB where the MTU is 1500 bytes,
    /// and no less than the MTU anywhere.
    pub slots: u32,
    /// Whether the device takes frames for other stations too.
    pub promiscuous: bool,
}

impl PacketConfig {
    /// A device, all of whose frames are taken, with 4,096 slots.
    pub fn new(device: impl Into<String>, id: DeviceId, role: Role) -> Self {
        PacketConfig { device: device.into(), id, role, slots: 4096, promiscuous: true }
    }

    fn error(&self, what: &'static str, error: io::Error) -> PortError {
        if is_down(&error) { PortError::Down { name: self.device.clone() } } else { failed(&self.device, what, error) }
    }
}

/// Room for the kernel's copies of frames that do not fit a slot, in bytes.
const QUEUE_BYTES: i32 = 32 << 20;
/// Frames that do not fit a slot, in one burst.
const QUEUED_IN_BURST: usize = 16;
/// So many times in a row nothing comes before it is asked why: that is a call of the kernel.
const IDLE: u32 = 16;
/// The link header and two tags.
const LINK_BYTES: u32 = 22;

/// A device's frames by a packet socket.
#[derive(Debug)]
pub struct PacketSocket {
    config: PacketConfig,
    line: Line,
    group: Arc<Group>,
    /// Which one of the group it is.
    number: usize,
    /// Whether frames come: they do when all of the group are there.
    open: bool,
    /// Those of the last burst that did not fit a slot.
    queued: Vec<Vec<u8>>,
    /// Empty between calls: only its room is kept.
    arrivals: Vec<Arrival<'static>>,
    /// How many times in a row nothing came.
    idle: u32,
    /// An error that is to be told when nothing comes any more.
    waiting: Option<io::Error>,
    counted: PortStatistics,
}

/// A socket that is bound to a device, its ring, and what frames are sent by.
#[derive(Debug)]
struct Line {
    device: Device,
    // Before the socket: it is unmapped while that is there.
    ring: Ring,
    socket: Socket,
    sender: Sender,
}

impl PacketSocket {
    /// Opens a device.
    ///
    /// # Errors
    /// [`PortError`]; the rights that are needed are CAP_NET_RAW and CAP_NET_ADMIN.
    pub fn open(config: PacketConfig) -> Result<Self, PortError> {
        let group = Arc::new(Group::new(1));
        PacketSocket::join(config, &group, 0)
    }

    /// Opens a device for several shards. What two ends have to do with one another comes to the port of one number, in both
    /// directions, and to the same one on any device that is opened for as many shards: their connections, fragments and the ICMP
    /// errors about them. What is neither IPv4 nor IPv6 comes to the first.
    ///
    /// # Errors
    /// As [`PacketSocket::open`].
    pub fn open_shards(config: &PacketConfig, shards: usize) -> Result<Vec<Self>, PortError> {
        let group = Arc::new(Group::new(shards));
        let ports = (0..shards).map(|number| PacketSocket::join(config.clone(), &group, number));
        let mut ports = ports.collect::<Result<Vec<_>, _>>()?;
        ports.iter_mut().try_for_each(PacketSocket::let_in)?;
        Ok(ports)
    }

    /// Opens one port of a group after those before it. Frames come when the group is whole.
    fn join(config: PacketConfig, group: &Arc<Group>, number: usize) -> Result<Self, PortError> {
        let down = || PortError::Down { name: config.device.clone() };
        let line = Line::join(&config, group, number)?.ok_or_else(down)?;
        let mut port = PacketSocket {
            config,
            line,
            group: group.clone(),
            number,
            open: false,
            queued: Vec::new(),
            arrivals: Vec::new(),
            idle: 0,
            waiting: None,
            counted: PortStatistics::default(),
        };
        if group.is_whole() {
            port.let_in()?;
        }
        Ok(port)
    }

    /// Lets frames come.
    fn let_in(&mut self) -> Result<(), PortError> {
        if !mem::replace(&mut self.open, true) {
            fanout::shut(&self.line.socket, false).map_err(|error| self.error("SO_DETACH_FILTER", error))?;
        }
        Ok(())
    }

    fn error(&self, what: &'static str, error: io::Error) -> PortError {
        self.config.error(what, error)
    }

    fn down(&self) -> PortError {
        PortError::Down { name: self.config.device.clone() }
    }

    fn look_again(&self) -> Result<Device, PortError> {
        device::look_again(self.line.socket.as_fd(), self.line.device.index, &self.config.device)
    }

    /// The device's largest packet without its link header, in bytes, as it was when the device was opened.
    pub fn mtu(&self) -> u32 {
        self.line.device.mtu
    }

    /// Fetches the frame that does not fit its slot from the socket's queue, behind its `virtio_net_hdr`. Leaves nothing where
    /// that fails.
    fn fetch(&mut self, number: usize, filled: Filled) {
        if self.queued.len() <= number {
            self.queued.push(Vec::new());
        }
        let buffer = &mut self.queued[number];
        buffer.resize(Offload::BYTES + filled.wire_len() as usize, 0);
        let mut fetch = || {
            let socket = self.line.socket.raw();
            // SAFETY: the kernel writes no more than the length that it is told.
            let got = unsafe { libc::recv(socket, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
            usize::try_from(got).map_err(|_| io::Error::last_os_error())
        };
        // An error that waits, such as that the device went down, comes before what is there.
        let got = fetch().or_else(|error| {
            self.waiting = Some(error);
            fetch()
        });
        buffer.truncate(got.unwrap_or(0));
    }

    /// After nothing came several times: whether that is because the device is down.
    fn look_after(&mut self) -> Result<(), PortError> {
        self.idle += 1;
        if self.idle < IDLE {
            return Ok(());
        }
        self.idle = 0;
        let waiting = self.waiting.take().map_or_else(|| self.line.socket.pending(), Err);
        waiting.map_err(|error| self.error("receiving", error))
    }
}

impl Line {
    /// Opens the line of that number, if those before it are open; nothing comes by it yet.
    fn join(config: &PacketConfig, group: &Group, number: usize) -> Result<Option<Line>, PortError> {
        let device = device::find(&config.device)?;
        let open = || Line::open(config, device).map_err(|(what, error)| config.error(what, error));
        let outgoing = config.role == Role::Watch;
        let failed = |error| config.error("PACKET_FANOUT", error);
        group.join(number, device, outgoing, open, |line| &line.socket, failed)
    }

    fn open(config: &PacketConfig, device: Device) -> Result<Line, (&'static str, io::Error)> {
        let socket = Socket::packet().map_err(|error| ("a packet socket", error))?;
        let set = |option, value: i32, what| socket.set(libc::SOL_PACKET, option, value).map_err(|error| (what, error));
        set(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V2 as i32, "PACKET_VERSION")?;
        set(libc::PACKET_VNET_HDR, 1, "PACKET_VNET_HDR")?;
        if config.role == Role::InLine {
            set(libc::PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING")?;
            set(libc::PACKET_COPY_THRESH, i32::MAX, "PACKET_COPY_THRESH")?;
            let forced = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, QUEUE_BYTES);
            forced.map_err(|error| ("SO_RCVBUFFORCE", error))?;
        }
        let ring = Ring::new(&socket, config.slots, device.mtu.saturating_add(LINK_BYTES));
        let ring = ring.map_err(|error| ("a receive ring", error))?;
        fanout::shut(&socket, true).map_err(|error| ("SO_ATTACH_FILTER", error))?;
        socket.bind_packet(device.index, libc::ETH_P_ALL).map_err(|error| ("binding to it", error))?;
        if config.promiscuous {
            socket.be_promiscuous(device.index).map_err(|error| ("promiscuous mode", error))?;
        }
        let sender = Sender::new(device).map_err(|error| ("a packet socket to send by", error))?;
        Ok(Line { device, ring, socket, sender })
    }
}

impl Port for PacketSocket {
    fn link(&self) -> LinkType {
        self.line.device.link
    }

    fn receive(&mut self, now: Instant, max: usize, take: &mut dyn FnMut(&[Arrival<'_>])) -> Result<usize, PortError> {
        let (mut seen, mut queued) = (0, 0);
        while seen < max {
            let Some(filled) = self.line.ring.filled(seen) else { break };
            if filled.queued() {
                if queued == QUEUED_IN_BURST {
                    break;
                }
                self.fetch(queued, filled);
                queued += 1;
            } else {
                self.line.ring.prefetch(&filled);
            }
            seen += 1;
        }
        if seen == 0 {
            return self.look_after().map(|()| 0);
        }
        self.idle = 0;
        // In place: the room of the empty vector is used again.
        let mut arrivals: Vec<Arrival<'_>> = mem::take(&mut self.arrivals);
        let mut queue = self.queued.iter_mut();
        for number in 0..seen {
            let Some(filled) = self.line.ring.filled(number) else { break };
            let (data, offload) = if filled.queued() {
                let Some(buffer) = queue.next() else { break };
                let Some(length) = buffer.len().checked_sub(Offload::BYTES) else {
                    self.counted.receive_dropped += 1;
                    continue;
                };
                let start = NonNull::from(buffer.as_mut_slice()).cast::<u8>();
                // SAFETY: the buffer begins with the header, and is not touched before the next burst.
                unsafe { ring::frame(start.add(Offload::BYTES), length, filled.tag()) }
            } else if filled.kept() < filled.wire_len() && self.config.role == Role::InLine {
                // There was no room for all of it: it cannot be sent on.
                self.counted.receive_dropped += 1;
                continue;
            } else {
                // SAFETY: slots are given back when the arrivals are gone.
                unsafe { filled.frame() }
            };
            let time = filled.nanos();
            let tag = if filled.tag().is_some() { 4 } else { 0 };
            arrivals.push(Arrival {
                frame: Frame {
                    time: if time == 0 { now } else { Instant::from_nanos(time) },
                    device: self.config.id,
                    direction: if filled.outgoing() { FrameDirection::Outbound } else { FrameDirection::Inbound },
                    link: self.line.device.link,
                    wire_len: (filled.wire_len() + tag).max(data.len() as u32),
                    data,
                },
                offload,
            });
        }
        let shown = arrivals.len();
        if shown > 0 {
            take(&arrivals);
        }
        arrivals.clear();
        self.arrivals = arrivals.into_iter().map(|_| unreachable!("it is empty")).collect();
        self.line.ring.release(seen);
        self.counted.received += shown as u64;
        Ok(shown)
    }

    fn send(&mut self, frames: &[Departure<'_>]) -> Result<usize, PortError> {
        let mut done = 0;
        while done < frames.len() {
            let (taken, stopped) = self.line.sender.send(&frames[done..]);
            done += taken;
            self.counted.sent += taken as u64;
            match stopped {
                None => {}
                Some(Stopped::Refused) => {
                    self.counted.send_refused += 1;
                    done += 1;
                }
                Some(Stopped::Full) => {
                    // Past its queue a device without a carrier says no more than that.
                    if done == 0 && !self.look_again()?.running {
                        return Err(self.down());
                    }
                    self.counted.send_full += (frames.len() - done) as u64;
                    break;
                }
                Some(Stopped::Failed(_)) if done > 0 => break,
                Some(Stopped::Failed(error)) => return Err(self.error("sending", error)),
            }
        }
        Ok(done)
    }

    fn readable(&self) -> BorrowedFd<'_> {
        self.line.socket.as_fd()
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        let device = self.look_again()?;
        if !device.running {
            return Err(self.down());
        }
        if self.line.socket.bound_to().map_err(|error| self.error("getsockname", error))? != device.index {
            // Drops of the old ring are not to be lost.
            self.statistics();
            let Some(line) = Line::join(&self.config, &self.group, self.number)? else { return Err(self.down()) };
            self.line = line;
            self.open = false;
        }
        if !self.group.is_whole() {
            return Err(self.down());
        }
        self.let_in()?;
        self.line.device = device;
        self.line.sender.renew(device);
        // What waited from when it was down.
        let _ = self.line.socket.pending();
        self.waiting = None;
        self.idle = 0;
        Ok(())
    }

    fn statistics(&mut self) -> PortStatistics {
        // SAFETY: any bytes are a `tpacket_stats`.
        let since: io::Result<libc::tpacket_stats> =
            unsafe { self.line.socket.get(libc::SOL_PACKET, libc::PACKET_STATISTICS) };
        // The kernel begins anew whenever it is asked.
        self.counted.receive_dropped += since.map_or(0, |since| u64::from(since.tp_drops));
        self.counted
    }
}

//! Packet sockets (AF_PACKET): every device of Linux, without its cooperation.

mod fanout;
mod ring;
mod send;
mod socket;

use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::{io, mem};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;

use self::fanout::Group;
use self::ring::{Filled, Ring};
use self::send::Stopped;
use self::socket::{Socket, is_down};
use super::device::{self, Device, failed};
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
    /// Whether nothing came the last time.
    idle: bool,
    counted: PortStatistics,
}

/// A socket that is bound to a device, and its ring.
#[derive(Debug)]
struct Line {
    device: Device,
    // Before the socket: it is unmapped while that is there.
    ring: Ring,
    socket: Socket,
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
            idle: false,
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

    /// The device's largest packet without its link header, in bytes, as it was when the device was opened.
    pub fn mtu(&self) -> u32 {
        self.line.device.mtu
    }

    /// Fetches the frame that does not fit its slot from the socket's queue, behind its `virtio_net_hdr`.
    fn fetch(&mut self, number: usize, filled: Filled) -> Result<(), PortError> {
        if self.queued.len() <= number {
            self.queued.push(Vec::new());
        }
        let buffer = &mut self.queued[number];
        // Room for a tag, and one byte more, so that a frame of another length is seen.
        let length = Offload::BYTES + filled.wire_len() as usize;
        buffer.resize(length + 1, 0);
        // SAFETY: the kernel writes no more than the length that it is told.
        let got =
            unsafe { libc::recv(self.line.socket.raw(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
        if got < 0 {
            return Err(self.error("a frame that is too long for a slot", io::Error::last_os_error()));
        }
        buffer.truncate(got as usize);
        Ok(())
    }

    /// After nothing came twice: whether that is because the device is down.
    fn look_after(&mut self) -> Result<(), PortError> {
        if !mem::replace(&mut self.idle, true) {
            return Ok(());
        }
        self.line.socket.pending().map_err(|error| self.error("receiving", error))
    }
}

impl Line {
    /// Opens the line of that number, if those before it are open; nothing comes by it yet.
    fn join(config: &PacketConfig, group: &Group, number: usize) -> Result<Option<Line>, PortError> {
        let socket = Socket::new().map_err(|error| config.error("a packet socket", error))?;
        let device = device::look_up(socket.as_fd(), &config.device)?;
        drop(socket);
        let open = || Line::open(config, device).map_err(|(what, error)| config.error(what, error));
        let outgoing = config.role == Role::Watch;
        let failed = |error| config.error("PACKET_FANOUT", error);
        group.join(number, device.index, outgoing, open, |line| &line.socket, failed)
    }

    fn open(config: &PacketConfig, device: Device) -> Result<Line, (&'static str, io::Error)> {
        let socket = Socket::new().map_err(|error| ("a packet socket", error))?;
        let set = |option, value: i32, what| socket.set(libc::SOL_PACKET, option, value).map_err(|error| (what, error));
        set(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V2 as i32, "PACKET_VERSION")?;
        set(libc::PACKET_VNET_HDR, 1, "PACKET_VNET_HDR")?;
        if config.role == Role::InLine {
            set(libc::PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING")?;
            set(libc::PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS")?;
            set(libc::PACKET_COPY_THRESH, i32::MAX, "PACKET_COPY_THRESH")?;
            let forced = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, QUEUE_BYTES);
            forced.map_err(|error| ("SO_RCVBUFFORCE", error))?;
        }
        let ring = Ring::new(&socket, config.slots, device.mtu.saturating_add(LINK_BYTES));
        let ring = ring.map_err(|error| ("a receive ring", error))?;
        fanout::shut(&socket, true).map_err(|error| ("SO_ATTACH_FILTER", error))?;
        socket.bind(device.index).map_err(|error| ("binding to it", error))?;
        if config.promiscuous {
            let request = libc::packet_mreq {
                mr_ifindex: device.index,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            let set = socket.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, request);
            set.map_err(|error| ("promiscuous mode", error))?;
        }
        Ok(Line { device, ring, socket })
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
                self.fetch(queued, filled)?;
                queued += 1;
            }
            seen += 1;
        }
        if seen == 0 {
            return self.look_after().map(|()| 0);
        }
        self.idle = false;
        // In place: the room of the empty vector is used again.
        let mut arrivals: Vec<Arrival<'_>> = mem::take(&mut self.arrivals);
        let mut queue = self.queued.iter_mut();
        for number in 0..seen {
            let Some(filled) = self.line.ring.filled(number) else { break };
            let (data, offload) = if filled.queued() {
                let Some(buffer) = queue.next() else { break };
                let length = buffer.len().saturating_sub(Offload::BYTES);
                let Some(start) = buffer.get_mut(Offload::BYTES..) else { continue };
                // SAFETY: a slice is never at null; the buffer begins with the header, and is not touched before the next burst.
                unsafe { ring::frame(NonNull::new_unchecked(start.as_mut_ptr()), length, filled.tag()) }
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
            let (taken, stopped) = send::send(&self.line.socket, &frames[done..]);
            done += taken;
            self.counted.sent += taken as u64;
            match stopped {
                None => {}
                Some(Stopped::Refused) => {
                    self.counted.send_refused += 1;
                    done += 1;
                }
                Some(Stopped::Full) => {
                    // With the qdisc bypassed a device without a carrier says no more than that.
                    if done == 0 && !device::look_up(self.line.socket.as_fd(), &self.config.device)?.running {
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
        let device = device::look_up(self.line.socket.as_fd(), &self.config.device)?;
        if !device.up {
            return Err(self.down());
        }
        if device.index != self.line.device.index {
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
        // What waited from when it was down.
        let _ = self.line.socket.pending();
        self.idle = false;
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

//! The transmit ring: frames that are put there are sent by one call without a message for each (TPACKET_V2).
//!
//! By default the kernel sends only a frame's first bytes as a copy, and the rest out of the ring: then whoever receives has to put it
//! together, and a slot may be used again before another namespace has read it. Where the `virtio_net_hdr` says that all of the frame
//! is headers, the kernel copies all of it at once. That takes a fifth less than `sendmmsg`, though the frame is copied into
//! the ring before.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use libc::tpacket2_hdr;
use tctable::packet::LinkType;

use super::super::device::Device;
use super::super::socket::Socket;
use super::super::{Departure, Offload};

/// Frames that the device may not have sent yet.
const SLOTS: usize = 512;
/// Longer slots are not made: longer frames are sent in another way.
const LONGEST_SLOT: usize = 16 << 10;
/// What lies before the `virtio_net_hdr`: the kernel takes no address where frames are sent.
const BEFORE_FRAME: usize = size_of::<tpacket2_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
/// Slots in one piece of the kernel's memory.
const SLOTS_IN_BLOCK: usize = 64;

/// A ring of slots on a socket of its own. From `head` on frames are put in, in that order; the kernel gives slots back when
/// the device has sent their frames.
#[derive(Debug)]
pub(super) struct TransmitRing {
    // Before the socket: it is unmapped while that is there.
    memory: Memory,
    socket: Socket,
    slot_bytes: usize,
    head: usize,
    /// The longest frame that is taken, in bytes: behind a `virtio_net_hdr` the kernel does not look whether the MTU allows it.
    longest: usize,
}

/// Why not all was sent.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Slots wait for the device.
    NoSlot,
    /// What the kernel says of the frame that is next.
    Error(io::Error),
    /// The kernel and this ring disagree which slot is next. It cannot be used any more.
    Lost,
}

/// The longest frame of a device without tags, in bytes.
fn longest(device: Device) -> usize {
    device.mtu as usize + if device.link == LinkType::Ethernet { 14 } else { 0 }
}

#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory belongs to the ring alone, and nothing in it belongs to a thread.
unsafe impl Send for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: what `new` mapped; nothing borrows it any more. A failure leaves it mapped.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

impl TransmitRing {
    /// Has the kernel make a ring for a device's frames, on a socket that is not bound yet and takes `virtio_net_hdr`s.
    pub(super) fn new(socket: Socket, device: Device) -> io::Result<Self> {
        let slot_bytes = (longest(device) + BEFORE_FRAME + Offload::BYTES).next_power_of_two();
        // A block begins with a page, which is longer than a small slot.
        let slot_bytes = slot_bytes.clamp(2048, LONGEST_SLOT);
        let request = libc::tpacket_req {
            tp_block_size: (slot_bytes * SLOTS_IN_BLOCK) as u32,
            tp_block_nr: (SLOTS / SLOTS_IN_BLOCK) as u32,
            tp_frame_size: slot_bytes as u32,
            tp_frame_nr: SLOTS as u32,
        };
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V2 as i32)?;
        socket.set(libc::SOL_PACKET, libc::PACKET_TX_RING, request)?;
        let (bytes, protection) = (slot_bytes * SLOTS, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: new memory wherever the kernel puts it.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, libc::MAP_SHARED, socket.raw(), 0) };
        let memory = match NonNull::new(start) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED => Memory { start: start.cast(), bytes },
            _ => return Err(io::Error::last_os_error()),
        };
        socket.bind_packet(device.index, 0)?;
        let mut ring = TransmitRing { memory, socket, slot_bytes, head: 0, longest: 0 };
        ring.renew(device);
        Ok(ring)
    }

    /// The device's MTU may be another one now.
    pub(super) fn renew(&mut self, device: Device) {
        self.longest = longest(device).min(self.slot_bytes - BEFORE_FRAME - Offload::BYTES);
    }

    /// Whether the ring takes the frame at all.
    pub(super) fn fits(&self, frame: &Departure<'_>) -> bool {
        frame.data.len() <= self.longest && !frame.offload.is_segmented()
    }

    fn slot(&self, ahead: usize) -> NonNull<u8> {
        // SAFETY: the number is below `SLOTS`, so the place lies in the memory.
        unsafe { self.memory.start.add((self.head + ahead) % SLOTS * self.slot_bytes) }
    }

    fn status(&self, ahead: usize) -> &AtomicU32 {
        // SAFETY: every slot begins with an aligned status, which both sides access atomically.
        unsafe { self.slot(ahead).cast::<AtomicU32>().as_ref() }
    }

    /// Sends frames that fit, in their order; how many were taken, and why not all.
    pub(super) fn send(&mut self, frames: &[Departure<'_>]) -> (usize, Option<Stopped>) {
        let put = frames.iter().take(SLOTS).enumerate().take_while(|(ahead, frame)| self.put(*ahead, frame)).count();
        if put == 0 {
            return (0, Some(Stopped::NoSlot));
        }
        // SAFETY: no memory is involved.
        let result = unsafe { libc::send(self.socket.raw(), ptr::null(), 0, libc::MSG_DONTWAIT) };
        let error = (result < 0).then(io::Error::last_os_error);
        // The kernel has taken them in their order, and left what it did not take as it was.
        let waits = |ahead: &usize| {
            let status = self.status(*ahead).load(Ordering::Acquire);
            status & (libc::TP_STATUS_SEND_REQUEST | libc::TP_STATUS_WRONG_FORMAT) != 0
        };
        let first = (0..put).find(waits);
        let taken = match &error {
            // It had no room for a copy of the first one, which it then leaves as if it had been sent.
            Some(error) if error.raw_os_error() == Some(libc::EAGAIN) => 0,
            _ => first.unwrap_or(put),
        };
        // What was not taken is put in again, by whoever wants it sent.
        (taken..put).for_each(|ahead| self.status(ahead).store(libc::TP_STATUS_AVAILABLE, Ordering::Release));
        self.head = (self.head + taken) % SLOTS;
        let stopped = match error {
            Some(error) => Some(Stopped::Error(error)),
            None if taken == 0 => Some(Stopped::Lost),
            None => None,
        };
        (taken, stopped)
    }

    /// Puts a frame in, if its slot is free.
    fn put(&self, ahead: usize, frame: &Departure<'_>) -> bool {
        let status = self.status(ahead);
        if status.load(Ordering::Acquire) != libc::TP_STATUS_AVAILABLE {
            return false;
        }
        let length = frame.data.len();
        let offload = frame.offload.copied_whole(length as u16);
        let slot = self.slot(ahead);
        // SAFETY: the slot is ours until its status says otherwise. It has room: callers ask `fits`. The frame does not lie in it.
        unsafe {
            let place = slot.add(BEFORE_FRAME).as_ptr();
            ptr::copy_nonoverlapping(offload.0.as_ptr(), place, Offload::BYTES);
            ptr::copy_nonoverlapping(frame.data.as_ptr(), place.add(Offload::BYTES), length);
            let header = slot.cast::<tpacket2_hdr>().as_ptr();
            (&raw mut (*header).tp_len).write((length + Offload::BYTES) as u32);
        }
        status.store(libc::TP_STATUS_SEND_REQUEST, Ordering::Release);
        true
    }
}

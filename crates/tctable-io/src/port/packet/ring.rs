//! The receive ring: memory that the kernel puts frames into, one to a slot (TPACKET_V2).
//!
//! Version 3 packs frames into blocks and hands over a block when it is full or after a millisecond at the soonest, which is
//! too late for a gateway; version 2 hands over each frame at once. What it costs more is paid where the kernel receives: it looks
//! at the status of a slot far ahead, and of the next one, which another processor has written. Frames that do not fit a slot
//! (from GRO and TSO) come by `recv`, marked in their slot.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use libc::tpacket2_hdr;

use super::super::offload::{Offload, finish_sctp};
use super::super::socket::Socket;

/// What lies before the frame in a slot: the header, its address, and what [`RESERVE`] is for.
const BEFORE_FRAME: u32 = 96;
/// The network header of an Ethernet frame is at a multiple of 16 so.
const RESERVE: u32 = 6;
/// Slots in one piece of the kernel's memory: with slots of a power of two less 64 it takes a power of two of bytes, less a
/// page; so little is lost, and slots do not all lie at the same places of the processor's caches.
const SLOTS_IN_BLOCK: u32 = 64;

/// A ring of slots. Those that were filled are looked at from `head` on, and given back in that order.
#[derive(Debug)]
pub(super) struct Ring {
    memory: NonNull<u8>,
    slot_bytes: usize,
    slots: usize,
    head: usize,
}

// SAFETY: the memory belongs to the ring alone, and nothing in it belongs to a thread.
unsafe impl Send for Ring {}

/// A slot that the kernel has filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    slot: NonNull<u8>,
    header: tpacket2_hdr,
}

impl Ring {
    /// Has the kernel make a ring of about so many slots for frames of up to `frame_bytes`.
    pub(super) fn new(socket: &Socket, slots: u32, frame_bytes: u32) -> io::Result<Ring> {
        let slot_bytes = (frame_bytes.saturating_add(BEFORE_FRAME + 64)).next_power_of_two() - 64;
        let blocks = slots.div_ceil(SLOTS_IN_BLOCK).max(1);
        socket.set(libc::SOL_PACKET, libc::PACKET_RESERVE, RESERVE)?;
        let request = libc::tpacket_req {
            tp_block_size: slot_bytes * SLOTS_IN_BLOCK,
            tp_block_nr: blocks,
            tp_frame_size: slot_bytes,
            tp_frame_nr: blocks * SLOTS_IN_BLOCK,
        };
        socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, request)?;
        let (slot_bytes, slots) = (slot_bytes as usize, request.tp_frame_nr as usize);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new memory wherever the kernel puts it.
        let memory =
            unsafe { libc::mmap(ptr::null_mut(), slot_bytes * slots, protection, libc::MAP_SHARED, socket.raw(), 0) };
        match NonNull::new(memory) {
            Some(memory) if memory.as_ptr() != libc::MAP_FAILED => {
                Ok(Ring { memory: memory.cast(), slot_bytes, slots, head: 0 })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn slot(&self, number: usize) -> NonNull<u8> {
        // SAFETY: `number` is below `slots`, so the place lies in the memory.
        unsafe { self.memory.add(number * self.slot_bytes) }
    }

    fn status(slot: NonNull<u8>) -> *const AtomicU32 {
        // The status is the first field.
        slot.as_ptr().cast_const().cast()
    }

    /// The frame `ahead` places behind the first one that was not given back, if it has come.
    pub(super) fn filled(&self, ahead: usize) -> Option<Filled> {
        if ahead >= self.slots {
            return None;
        }
        let place = self.head + ahead;
        let slot = self.slot(if place < self.slots { place } else { place - self.slots });
        // SAFETY: every slot begins with an aligned status, which both sides access atomically.
        let status = unsafe { &*Self::status(slot) }.load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the slot is ours until its status is written, and begins with its header.
        Some(Filled { slot, header: unsafe { slot.cast::<tpacket2_hdr>().read() } })
    }

    /// Has the processor fetch the beginning of a frame, which another one has written.
    pub(super) fn prefetch(&self, filled: &Filled) {
        #[cfg(target_arch = "x86_64")]
        for line in [1, 2] {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: nothing is read; the place lies in the slot.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(filled.slot.as_ptr().add(line * 64).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = filled;
    }

    /// Gives the first `count` frames back.
    pub(super) fn release(&mut self, count: usize) {
        for _ in 0..count {
            // SAFETY: as in `filled`.
            unsafe { &*Self::status(self.slot(self.head)) }.store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.head = if self.head + 1 < self.slots { self.head + 1 } else { 0 };
        }
    }
}

impl Filled {
    /// How long the frame was, without a tag that the kernel took out.
    pub(super) fn wire_len(&self) -> u32 {
        self.header.tp_len
    }

    /// How much of it lies in the slot.
    pub(super) fn kept(&self) -> u32 {
        self.header.tp_snaplen
    }

    /// Whether it waits whole in the socket's queue, since it is longer than a slot.
    pub(super) fn queued(&self) -> bool {
        self.header.tp_status & libc::TP_STATUS_COPY != 0
    }

    /// When it came, in nanoseconds of the wall clock; 0 where nobody looked.
    pub(super) fn nanos(&self) -> u64 {
        u64::from(self.header.tp_sec) * 1_000_000_000 + u64::from(self.header.tp_nsec)
    }

    /// Whether the device sent it.
    pub(super) fn outgoing(&self) -> bool {
        let address = size_of::<tpacket2_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
        let kind = address + std::mem::offset_of!(libc::sockaddr_ll, sll_pkttype);
        // SAFETY: the address follows the header in the slot.
        unsafe { self.slot.add(kind).read() == libc::PACKET_OUTGOING }
    }

    /// The tag that the kernel took out: protocol and control information.
    pub(super) fn tag(&self) -> Option<[u8; 4]> {
        let status = self.header.tp_status;
        if status & libc::TP_STATUS_VLAN_VALID == 0 {
            return None;
        }
        let told = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        let protocol = if told { self.header.tp_vlan_tpid } else { libc::ETH_P_8021Q as u16 };
        Some(tag(protocol, self.header.tp_vlan_tci))
    }

    /// The frame with its tag back in place, and what is left undone of it. To be called once for a frame.
    ///
    /// # Safety
    /// The slot must not be given back while the frame is used.
    pub(super) unsafe fn frame<'a>(&self) -> (&'a [u8], Offload) {
        let from = usize::from(self.header.tp_mac);
        // SAFETY: the kernel put `tp_snaplen` bytes at `tp_mac`, and before them a virtio_net_hdr and the address.
        unsafe { frame(self.slot.add(from), self.header.tp_snaplen as usize, self.tag()) }
    }
}

fn tag(protocol: u16, control: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (protocol.to_be_bytes(), control.to_be_bytes());
    [a, b, c, d]
}

/// A frame behind its `virtio_net_hdr`, whose place the tag takes.
///
/// # Safety
/// `length` bytes at `data` and [`Offload::BYTES`] bytes before them must be valid for `'a`, and nobody else's.
pub(super) unsafe fn frame<'a>(data: NonNull<u8>, length: usize, tag: Option<[u8; 4]>) -> (&'a [u8], Offload) {
    // SAFETY: the header lies before the frame.
    let offload = Offload(unsafe { data.sub(Offload::BYTES).cast::<[u8; Offload::BYTES]>().read() });
    // SAFETY: the caller says that these are ours.
    let offload = finish_sctp(unsafe { std::slice::from_raw_parts_mut(data.as_ptr(), length) }, offload);
    let Some(tag) = tag.filter(|_| length >= 12) else {
        // SAFETY: the caller says so.
        return (unsafe { std::slice::from_raw_parts(data.as_ptr(), length) }, offload);
    };
    // SAFETY: the four bytes before the frame are the header's, which was read; the addresses are the frame's first
    // twelve bytes.
    let tagged = unsafe {
        let start = data.sub(tag.len());
        ptr::copy(data.as_ptr(), start.as_ptr(), 12);
        start.add(12).cast::<[u8; 4]>().write(tag);
        std::slice::from_raw_parts(start.as_ptr(), length + tag.len())
    };
    (tagged, offload.moved(tag.len() as u16))
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: what `new` mapped; nothing borrows it any more. A failure leaves it mapped.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.slot_bytes * self.slots) };
    }
}

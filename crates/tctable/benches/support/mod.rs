//! What benchmarks of the whole engine share: an allocator that counts, and the first datagram of any connection.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;
use tctable_lab::packets::udp_packet;

/// Connections of one inside host.
const PER_HOST: u32 = 1_000;

/// The system's allocator, with the bytes that are in use and the most that ever were.
pub struct Counting {
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl Counting {
    const fn new() -> Self {
        Counting { live: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// Bytes in use.
    pub fn live(&self) -> usize {
        self.live.load(Relaxed)
    }

    /// The most bytes that were in use since the last [`Counting::forget_peak`].
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    pub fn forget_peak(&self) {
        self.peak.store(self.live(), Relaxed);
    }

    fn add(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Relaxed) + bytes;
        self.peak.fetch_max(live, Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may exist for a moment.
        self.add(size);
        self.remove(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.remove(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
pub static ALLOCATOR: Counting = Counting::new();

/// The first datagram of a connection, to be changed into that of any other.
pub struct Opening {
    packet: Vec<u8>,
    /// Where the low bytes of the source address lie, and the source port.
    host: usize,
    port: usize,
}

impl Opening {
    pub fn new(v6: bool) -> Opening {
        let (client, server) = if v6 { ("[fd00::]:0", "[2001:db8::1]:53") } else { ("10.0.0.0:0", "198.51.100.1:53") };
        let (client, server) = (client.parse().expect("an address"), server.parse().expect("an address"));
        let (host, port) = if v6 { (8 + 13, 40) } else { (12 + 1, 20) };
        Opening { packet: udp_packet(client, server, b""), host, port }
    }

    /// The same for the connection of that number.
    pub fn set(&mut self, number: u32) {
        let (host, port) = (number / PER_HOST, (number % PER_HOST) as u16 + 1024);
        self.packet[self.host..self.host + 3].copy_from_slice(&host.to_be_bytes()[1..]);
        self.packet[self.port..self.port + 2].copy_from_slice(&port.to_be_bytes());
    }

    /// The datagram as a frame that comes at `time`.
    pub fn frame(&self, time: Instant) -> Frame<'_> {
        Frame {
            time,
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: self.packet.len() as u32,
            data: &self.packet,
        }
    }
}

//! The rings between the kernel and an AF_XDP socket: one side puts entries in, the other takes them out.

use std::io;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::socket::Socket;

/// Memory that is shared with the kernel.
#[derive(Debug)]
pub(super) struct Mapping {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to the mapping alone, and nothing in it belongs to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Memory for frames.
    pub(super) fn anonymous(length: usize) -> io::Result<Self> {
        Mapping::new(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    fn new(length: usize, flags: i32, file: i32, offset: i64) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = flags | libc::MAP_POPULATE;
        // SAFETY: new memory wherever the kernel puts it.
        let at = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, file, offset) };
        match NonNull::new(at) {
            Some(at) if at.as_ptr() != libc::MAP_FAILED => Ok(Mapping { at: at.cast(), length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub(super) fn address(&self) -> u64 {
        self.at.as_ptr() as u64
    }

    /// A place in it, if so many bytes from there on are.
    pub(super) fn place(&self, offset: u64, bytes: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(offset).ok()?;
        if offset.checked_add(bytes)? > self.length {
            return None;
        }
        // SAFETY: it lies in the memory.
        Some(unsafe { self.at.add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: what was mapped; nothing borrows it any more. A failure leaves it mapped.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.length) };
    }
}

/// Which of the four rings, and its parts' places.
pub(super) struct Kind {
    pub(super) option: i32,
    pub(super) page: i64,
    pub(super) places: libc::xdp_ring_offset,
}

/// A ring of `T`: this side's place in it, and the memory.
#[derive(Debug)]
pub(super) struct Ring<T> {
    // The other parts point into it.
    _mapping: Mapping,
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    size: u32,
    kind: PhantomData<T>,
}

// SAFETY: as of its mapping.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    /// Has the kernel make a ring of that size, a power of two.
    pub(super) fn new(socket: &Socket, kind: &Kind, size: u32) -> io::Result<Self> {
        socket.set(libc::SOL_XDP, kind.option, size)?;
        let entries = kind.places.desc as usize;
        let length = entries + size as usize * size_of::<T>();
        let shared = libc::MAP_SHARED;
        let mapping = Mapping::new(length, shared, socket.raw(), kind.page)?;
        let part = |at: u64, bytes| mapping.place(at, bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData));
        Ok(Ring {
            producer: part(kind.places.producer, 4)?.cast(),
            consumer: part(kind.places.consumer, 4)?.cast(),
            flags: part(kind.places.flags, 4)?.cast(),
            entries: part(kind.places.desc, size as usize * size_of::<T>())?.cast(),
            _mapping: mapping,
            size,
            kind: PhantomData,
        })
    }

    fn indices(&self) -> [&AtomicU32; 3] {
        // SAFETY: they lie in the mapping, aligned by the kernel, and are accessed atomically by both sides.
        unsafe { [self.producer.as_ref(), self.consumer.as_ref(), self.flags.as_ref()] }
    }

    /// Whether the kernel has to be called to look at the ring.
    pub(super) fn wants_call(&self) -> bool {
        self.indices()[2].load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }

    /// How many entries the other side has put in that were not taken out.
    pub(super) fn filled(&self) -> u32 {
        let [producer, consumer, _] = self.indices();
        producer.load(Ordering::Acquire).wrapping_sub(consumer.load(Ordering::Relaxed)).min(self.size)
    }

    /// The entry `ahead` places behind the next one, which must be filled.
    pub(super) fn peek(&self, ahead: u32) -> T {
        let at = self.indices()[1].load(Ordering::Relaxed).wrapping_add(ahead) & (self.size - 1);
        // SAFETY: the index is below the size; the kernel wrote the entry before it moved the producer.
        unsafe { self.entries.add(at as usize).read() }
    }

    /// Takes so many entries out.
    pub(super) fn consume(&mut self, count: u32) {
        let consumer = self.indices()[1];
        consumer.store(consumer.load(Ordering::Relaxed).wrapping_add(count), Ordering::Release);
    }

    /// How many entries there is room for.
    pub(super) fn room(&self) -> u32 {
        let [producer, consumer, _] = self.indices();
        self.size - producer.load(Ordering::Relaxed).wrapping_sub(consumer.load(Ordering::Acquire)).min(self.size)
    }

    /// Puts entries in, for which there must be room.
    pub(super) fn produce(&mut self, entries: impl Iterator<Item = T>) {
        let producer = self.indices()[0];
        let mut at = producer.load(Ordering::Relaxed);
        for entry in entries {
            let place = at & (self.size - 1);
            // SAFETY: the index is below the size; the other side reads the entry when the producer has moved.
            unsafe { self.entries.add(place as usize).write(entry) };
            at = at.wrapping_add(1);
        }
        producer.store(at, Ordering::Release);
    }
}

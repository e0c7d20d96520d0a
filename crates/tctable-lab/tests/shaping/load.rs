//! What is sent: for each class a stream of datagrams of one size.

use std::time::Duration;

/// Datagrams for one class.
#[derive(Clone, Copy)]
pub struct Stream {
    /// The minor number of the class; 0 where filters choose.
    pub class: u16,
    /// Bits a second, while it sends.
    pub rate: u64,
    /// A frame's length in bytes, with its Ethernet header.
    pub size: usize,
    /// For how long it sends at a time, and how often that begins.
    pub on: Duration,
    pub every: Duration,
}

impl Stream {
    pub const fn steady(class: u16, rate: u64, size: usize) -> Stream {
        Stream { class, rate, size, on: Duration::from_secs(1), every: Duration::from_secs(1) }
    }

    pub const fn bursts(class: u16, rate: u64, size: usize, on: Duration, every: Duration) -> Stream {
        Stream { class, rate, size, on, every }
    }

    /// Bytes that are due after that time.
    pub fn due(&self, elapsed: Duration) -> u64 {
        let (elapsed, every, on) = (elapsed.as_nanos(), self.every.as_nanos(), self.on.as_nanos());
        let sending = elapsed / every * on + (elapsed % every).min(on);
        (sending * u128::from(self.rate) / 8_000_000_000) as u64
    }
}

/// A frame that was seen on its way into the tree or out of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Nanoseconds.
    pub time: u64,
    /// The stream that it belongs to, by its class.
    pub class: u16,
    pub len: u32,
    /// Ethernet, IPv4 and UDP header.
    pub headers: Vec<u8>,
}

//! The running kernel's forward path as an oracle: packets go in on one side of a gateway, and what nf_conntrack made of
//! them can be asked.
//!
//! The gateway is a network namespace with two TUN devices that belongs to one thread: it is gone when that thread ends
//! or the process is killed. Writing a packet to a TUN device takes it through the whole forward path before the write
//! returns, so nothing is ever waited for. Rules at the end of the forward hook write the packet's ctstate and direction
//! into its TTL; a copy without such a TTL did not pass the hook. Connections are asked for over ctnetlink.

mod attributes;
mod connection;
mod ctnetlink;
mod error;
mod namespace;
mod tuple;

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::rc::Rc;

use tun_rs::SyncDevice;

pub use self::connection::{Connection, ProtocolState};
use self::ctnetlink::Ctnetlink;
pub use self::error::Error;
pub use self::tuple::Tuple;
use crate::step::Side;

/// What became of a packet that was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was forwarded, with this as its ctstate.
    Forwarded {
        /// The word for `ct state`.
        state: CtState,
        /// Whether it went in its connection's reply direction; `None` for a packet without a connection.
        reply: Option<bool>,
    },
    /// Nothing came out: it was dropped, or it is a fragment that waits for others.
    Stopped,
}

/// A packet's `ct state`, as nft names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtState {
    /// `invalid`
    Invalid,
    /// `new`
    New,
    /// `established`
    Established,
    /// `related`
    Related,
    /// `untracked`
    Untracked,
}

/// A gateway in a network namespace of its own.
///
/// It cannot leave the thread that it was made in: that thread is in the namespace.
pub struct Kernel {
    left: SyncDevice,
    right: SyncDevice,
    ctnetlink: Ctnetlink,
    copy: Vec<u8>,
    in_namespace: PhantomData<Rc<()>>,
}

impl Kernel {
    /// Makes a gateway in a new thread and runs `work` there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where this process may not make namespaces, or without TUN; other errors where a step of
    /// making the gateway failed.
    ///
    /// # Panics
    /// If `work` panics.
    pub fn run<T: Send>(work: impl FnOnce(Kernel) -> T + Send) -> Result<T, Error> {
        if !Path::new(namespace::TUN).exists() {
            return Err(Error::Unavailable(io::Error::new(io::ErrorKind::NotFound, namespace::TUN)));
        }
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let (left, right) = namespace::enter()?;
                let ctnetlink = Ctnetlink::open()?;
                Ok(work(Kernel { left, right, ctnetlink, copy: vec![0; 1 << 16], in_namespace: PhantomData }))
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Writes a sysctl of the namespace, such as `net.netfilter.nf_conntrack_tcp_loose`.
    ///
    /// # Errors
    /// [`Error::Sysctl`]: there is none of that name, it takes no such value, or it belongs to the whole machine, as
    /// `nf_conntrack_max` does.
    pub fn set_sysctl(&self, name: &str, value: impl ToString) -> Result<(), Error> {
        namespace::set_sysctl(name, &value.to_string())
    }

    /// Sends an IP packet in from one side and tells what came out on the other.
    ///
    /// # Errors
    /// [`Error::Copy`] where something else came out than went in.
    pub fn send(&mut self, side: Side, packet: &[u8]) -> Result<Fate, Error> {
        let (from, to) = match side {
            Side::Left => (&self.left, &self.right),
            Side::Right => (&self.right, &self.left),
        };
        match from.send(packet) {
            Ok(_) => {}
            // Neither IPv4 nor IPv6, or not even an IP header: the device refuses it.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(Fate::Stopped),
            Err(error) => return Err(error.into()),
        }
        let mut fate = Fate::Stopped;
        loop {
            let copy = match to.recv(&mut self.copy) {
                Ok(length) => &self.copy[..length],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(fate),
                Err(error) => return Err(error.into()),
            };
            let Some(forwarded) = namespace::read_mark(copy) else {
                return Err(Error::Copy { sent: packet.to_vec(), came: copy.to_vec() });
            };
            fate = forwarded;
            if is_fragment(packet) {
                // A datagram that was put together leaves in as many pieces as it came in.
                continue;
            }
            if !is_copy(packet, copy) {
                return Err(Error::Copy { sent: packet.to_vec(), came: copy.to_vec() });
            }
            return Ok(fate);
        }
    }

    /// The connection that one of these tuples belongs to, as it stands now.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn connection(&mut self, tuple: &Tuple) -> Result<Option<Connection>, Error> {
        self.ctnetlink.get(tuple)
    }

    /// All connections. Slow.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn connections(&mut self) -> Result<Vec<Connection>, Error> {
        self.ctnetlink.dump()
    }

    /// Deletes all connections. Fragments that wait for others stay.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.ctnetlink.flush()
    }
}

/// Whether a packet is a piece of a datagram.
fn is_fragment(packet: &[u8]) -> bool {
    match packet.first().map(|first| first >> 4) {
        Some(4) => packet.get(6..8).is_some_and(|word| u16::from_be_bytes([word[0], word[1]]) & 0x3fff != 0),
        // Behind other extension headers too; one that only looks so costs a read.
        Some(6) => {
            packet.get(6) == Some(&44) || packet.get(40..).is_some_and(|rest| walks_to_fragment(packet[6], rest))
        }
        _ => false,
    }
}

/// Whether a fragment header follows in a chain of IPv6 extension headers.
fn walks_to_fragment(mut next: u8, mut rest: &[u8]) -> bool {
    loop {
        match (next, rest) {
            (44, _) => return true,
            (0 | 43 | 60, [follows, length, ..]) => {
                next = *follows;
                rest = rest.get((usize::from(*length) + 1) * 8..).unwrap_or_default();
            }
            _ => return false,
        }
    }
}

/// Whether a forwarded packet is the one that was sent. TTL, header checksum and IPv4 options may be others, and what lay
/// behind the packet's own length is gone.
fn is_copy(packet: &[u8], copy: &[u8]) -> bool {
    let Some(packet) = packet.get(..copy.len()) else { return false };
    match packet[0] >> 4 {
        4 => {
            let header = usize::from(packet[0] & 0x0f) * 4;
            packet[..8] == copy[..8] && packet[12..20] == copy[12..20] && packet[header..] == copy[header..]
        }
        _ => packet[..7] == copy[..7] && packet[8..] == copy[8..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Ipv4, Ipv6, protocol};

    #[test]
    fn fragments_are_told() {
        let whole = Ipv4::new([10, 11, 0, 1], [10, 22, 0, 1], protocol::UDP);
        let first = Ipv4 { more_fragments: true, ..whole.clone() };
        let last = Ipv4 { fragment_offset: 1, ..whole.clone() };
        let unsplit = Ipv4 { dont_fragment: true, ..whole.clone() };
        assert!([first, last].iter().all(|header| is_fragment(&header.build(b"12345678"))));
        assert!([whole, unsplit].iter().all(|header| !is_fragment(&header.build(b"12345678"))));

        let header = || Ipv6::new([0xfd00, 0x11, 0, 0, 0, 0, 0, 1], [0xfd00, 0x22, 0, 0, 0, 0, 0, 1], protocol::UDP);
        assert!(is_fragment(&header().fragment(7, 0, true).build(b"12345678")));
        assert!(is_fragment(&header().extension(protocol::DESTINATION, &[0; 6]).fragment(7, 0, true).build(b"")));
        assert!(!is_fragment(&header().extension(protocol::DESTINATION, &[0; 6]).build(b"12345678")));
        assert!(!is_fragment(&header().build(b"12345678")));
    }
}

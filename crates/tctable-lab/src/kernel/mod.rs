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
mod statistics;
mod tuple;

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::rc::Rc;

use tun_rs::SyncDevice;

pub use self::connection::{Connection, ProtocolState};
use self::ctnetlink::Ctnetlink;
pub use self::error::Error;
pub use self::namespace::OWN_ADDRESSES;
pub use self::statistics::Statistics;
pub use self::tuple::Tuple;
pub use crate::skip::not_tested;
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
    gateway: Gateway,
    /// What was set, to be set again in a new namespace.
    sysctls: BTreeMap<String, String>,
    helpers: Vec<Helper>,
    zone: Option<u16>,
    /// Fragments may wait in the namespace for others.
    fragments: bool,
    copy: Vec<u8>,
    look: Look,
    in_namespace: PhantomData<Rc<()>>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// What conntrack makes of packets, which is written into them.
    States,
    /// The packets as they come out.
    Bytes,
}

/// A packet that came out of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// On this side.
    pub side: Side,
    /// An IP packet.
    pub packet: Vec<u8>,
}

/// What belongs to one namespace.
struct Gateway {
    left: SyncDevice,
    right: SyncDevice,
    ctnetlink: Ctnetlink,
}

/// A connection tracking helper, and the connections that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Its name, such as `ftp`.
    pub name: &'static str,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The port that connections to it are opened to.
    pub port: u16,
}

impl Gateway {
    fn make(look: Look) -> Result<Self, Error> {
        let (left, right) = namespace::enter(look)?;
        Ok(Gateway { left, right, ctnetlink: Ctnetlink::open()? })
    }
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
                Ok(work(Kernel {
                    gateway: Gateway::make(Look::States)?,
                    sysctls: BTreeMap::new(),
                    helpers: Vec::new(),
                    zone: None,
                    fragments: false,
                    copy: vec![0; 1 << 16],
                    look: Look::States,
                    in_namespace: PhantomData,
                }))
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Writes a sysctl of the namespace, such as `net.netfilter.nf_conntrack_tcp_loose`.
    ///
    /// # Errors
    /// [`Error::Sysctl`]: there is none of that name, it takes no such value, or it belongs to the whole machine, as
    /// `nf_conntrack_max` does.
    pub fn set_sysctl(&mut self, name: &str, value: impl ToString) -> Result<(), Error> {
        let value = value.to_string();
        namespace::set_sysctl(name, &value)?;
        self.sysctls.insert(name.to_owned(), value);
        Ok(())
    }

    /// Reads a sysctl of the namespace.
    ///
    /// # Errors
    /// [`Error::Io`]: there is none of that name, or its value is no number.
    pub fn sysctl(&mut self, name: &str) -> Result<u64, Error> {
        let text = std::fs::read_to_string(namespace::sysctl_path(name))?;
        text.trim().parse().map_err(|error| io::Error::other(error).into())
    }

    /// Assigns a helper to the connections that it is for; without, no helper looks at anything.
    ///
    /// # Errors
    /// [`Error::Command`] where the kernel has no such helper.
    pub fn assign_helper(&mut self, helper: Helper) -> Result<(), Error> {
        namespace::assign_helper(&helper)?;
        self.helpers.push(helper);
        Ok(())
    }

    /// Puts the packets of both sides into a zone.
    ///
    /// # Errors
    /// [`Error::Command`]
    pub fn set_zone(&mut self, zone: u16) -> Result<(), Error> {
        namespace::set_zone(zone)?;
        self.zone = Some(zone);
        Ok(())
    }

    /// Sets the mark of a connection, as `conntrack -U --mark` does.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no such connection, or the kernel cannot be asked.
    pub fn set_mark(&mut self, connection: &Connection, mark: u32) -> Result<(), Error> {
        self.gateway.ctnetlink.set_mark(&connection.original, connection.zone, mark)
    }

    /// The text of a file of the namespace's `/proc/net`, such as `stat/nf_conntrack`.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read.
    pub fn proc_net(&mut self, name: &str) -> Result<String, Error> {
        Ok(std::fs::read_to_string(format!("/proc/thread-self/net/{name}"))?)
    }

    /// Sends an IP packet in from one side and tells what came out.
    ///
    /// # Errors
    /// [`Error::Copy`] where something else came out than went in.
    pub fn send(&mut self, side: Side, packet: &[u8]) -> Result<Fate, Error> {
        let Gateway { left, right, .. } = &self.gateway;
        let (from, to) = match side {
            Side::Left => (left, right),
            Side::Right => (right, left),
        };
        match from.send(packet) {
            Ok(_) => {}
            // Neither IPv4 nor IPv6, or not even an IP header: the device refuses it.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(Fate::Stopped),
            Err(error) => return Err(error.into()),
        }
        let fragment = is_fragment(packet);
        self.fragments |= fragment;
        let mut fate = Fate::Stopped;
        // What is for the side that it comes from goes back there.
        for device in [to, from] {
            loop {
                let copy = match device.recv(&mut self.copy) {
                    Ok(length) => &self.copy[..length],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                };
                match namespace::read_mark(copy) {
                    Some(mark) if fragment || is_copy(packet, copy) => fate = mark,
                    _ => return Err(Error::Copy { sent: packet.to_vec(), came: copy.to_vec() }),
                }
                // A datagram that was put together leaves in as many pieces as it came in.
                if !fragment {
                    return Ok(fate);
                }
            }
        }
        Ok(fate)
    }

    /// The connection that one of these tuples belongs to, as it stands now.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn connection(&mut self, tuple: &Tuple) -> Result<Option<Connection>, Error> {
        self.gateway.ctnetlink.get(tuple)
    }

    /// All connections. Slow.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn connections(&mut self) -> Result<Vec<Connection>, Error> {
        self.gateway.ctnetlink.dump()
    }

    /// All expected connections: the lines of `/proc/net/nf_conntrack_expect` without the seconds that are left, sorted.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn expectations(&mut self) -> Result<Vec<String>, Error> {
        let lines = self.proc_net("nf_conntrack_expect")?;
        let mut lines: Vec<String> =
            lines.lines().filter_map(|line| line.split_once(' ')).map(|(_, rest)| rest.to_owned()).collect();
        lines.sort_unstable();
        Ok(lines)
    }

    /// What conntrack counted since the namespace was made, which may be as late as the last [`Kernel::reset`].
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel cannot be asked.
    pub fn statistics(&mut self) -> Result<Statistics, Error> {
        self.gateway.ctnetlink.statistics()
    }

    /// Forgets all connections, and all fragments that wait for others; settings stay.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be asked, or a new namespace cannot be had.
    pub fn reset(&mut self) -> Result<(), Error> {
        if !self.fragments {
            return self.gateway.ctnetlink.flush();
        }
        // Nothing but time takes back a fragment: a new namespace has none.
        self.renew()
    }

    /// From here on packets go through as they are, for rules that the caller loads into the namespace of this thread; with
    /// [`Kernel::pass`] instead of [`Kernel::send`]. The gateway has addresses then, to answer from.
    ///
    /// # Errors
    /// [`Error`] where a new namespace cannot be had.
    pub fn look_at_bytes(&mut self) -> Result<(), Error> {
        self.look = Look::Bytes;
        self.renew()
    }

    /// Runs a tool in the namespace, with something to read.
    ///
    /// # Errors
    /// [`Error::Command`] where it fails, or is not there.
    pub fn feed(&mut self, command: &'static str, arguments: &[&str], input: &str) -> Result<(), Error> {
        namespace::feed(command, arguments, input)
    }

    /// Sends an IP packet in from one side and gives all that came out on either.
    ///
    /// # Errors
    /// [`Error::Io`] where a device cannot be used.
    pub fn pass(&mut self, side: Side, packet: &[u8]) -> Result<Vec<Came>, Error> {
        let Gateway { left, right, .. } = &self.gateway;
        let from = if side == Side::Left { left } else { right };
        match from.send(packet) {
            Ok(_) => {}
            // Neither IPv4 nor IPv6, or not even an IP header: the device refuses it.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        self.fragments |= is_fragment(packet);
        let mut came = Vec::new();
        for (side, device) in [(Side::Left, left), (Side::Right, right)] {
            loop {
                match device.recv(&mut self.copy) {
                    Ok(length) => came.push(Came { side, packet: self.copy[..length].to_vec() }),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(came)
    }

    /// A namespace that knows nothing yet, with the settings of the last one.
    fn renew(&mut self) -> Result<(), Error> {
        self.gateway = Gateway::make(self.look)?;
        self.fragments = false;
        for (name, value) in &self.sysctls {
            namespace::set_sysctl(name, value)?;
        }
        self.zone.map_or(Ok(()), namespace::set_zone)?;
        self.helpers.iter().try_for_each(namespace::assign_helper)
    }
}

/// Whether a packet is a piece of a datagram.
pub(crate) fn is_fragment(packet: &[u8]) -> bool {
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
            (0 | 43 | 51 | 60, [follows, length, ..]) => {
                // An authentication header counts in words, the others in 8 bytes.
                let length = usize::from(*length);
                let length = if next == 51 { (length + 2) * 4 } else { (length + 1) * 8 };
                next = *follows;
                rest = rest.get(length..).unwrap_or_default();
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
        assert!(is_fragment(&header().extension(protocol::AUTH, &[0; 18]).fragment(7, 0, true).build(b"")));
        assert!(!is_fragment(&header().extension(protocol::DESTINATION, &[0; 6]).build(b"12345678")));
        assert!(!is_fragment(&header().build(b"12345678")));
    }
}

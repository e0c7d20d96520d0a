//! Pings: ICMP and ICMPv6 echo over the kernel's datagram socket for them, which fills in identifier and checksum.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use super::error::Error;

/// RFC 792
const ECHO: u8 = 8;
/// RFC 4443
const ECHO_V6: u8 = 128;
const HEADER: usize = 8;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// What came of some pings.
#[derive(Clone, Debug, Default)]
pub struct Pinged {
    /// How many were sent.
    pub sent: u32,
    /// The times from sending to the answer, shortest first.
    pub times: Vec<Duration>,
}

impl Pinged {
    /// The time that so many of a thousand answers took at most; `None` without answers.
    pub fn quantile(&self, permille: usize) -> Option<Duration> {
        let last = self.times.len().checked_sub(1)?;
        self.times.get((self.times.len() * permille).div_ceil(1000).saturating_sub(1).min(last)).copied()
    }
}

/// Sends pings from this thread's namespace, whose `ping_group_range` has to allow it; the next one goes after the answer and a pause.
///
/// # Errors
/// [`Error::Io`]: the socket cannot be had.
pub fn ping(to: IpAddr, count: u32, pause: Duration, size: usize) -> Result<Pinged, Error> {
    let socket = connected(to).map_err(Error::io(format!("ping to {to}")))?;
    let mut pinged = Pinged::default();
    let mut echo = vec![0; HEADER + size];
    let mut answer = vec![0; HEADER + size + 64];
    for number in 0..count {
        echo[0] = if to.is_ipv4() { ECHO } else { ECHO_V6 };
        let sequence = (number as u16).to_be_bytes();
        echo[6..HEADER].copy_from_slice(&sequence);
        let sent = Instant::now();
        pinged.sent += 1;
        let mut answered = socket.send(&echo).is_ok();
        while answered {
            match socket.recv(&mut answer) {
                // An answer to one that was given up.
                Ok(size) if size >= HEADER && answer[6..HEADER] != sequence => {}
                Ok(_) => break,
                Err(_) => answered = false,
            }
        }
        if answered {
            pinged.times.push(sent.elapsed());
        }
        std::thread::sleep(pause);
    }
    pinged.times.sort_unstable();
    Ok(pinged)
}

fn connected(to: IpAddr) -> io::Result<UdpSocket> {
    let (family, protocol) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    // What the standard library does with a UDP socket holds for this kind too.
    let socket = UdpSocket::from(socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, protocol)?);
    socket.connect(SocketAddr::from((to, 0)))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

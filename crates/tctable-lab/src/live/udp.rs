//! UDP at a steady rate, numbered, and what of it arrived.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::Error;
use super::namespace::Namespace;

/// A number, big-endian, in front of the padding.
const NUMBER: usize = 8;
/// How often a receiver looks whether it is to end.
const TICK: Duration = Duration::from_millis(20);

/// A steady stream of datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    /// Datagrams in a second.
    pub rate: u32,
    /// Bytes of UDP payload, at least 8.
    pub size: usize,
    /// How long.
    pub length: Duration,
}

/// Sends a stream from this thread's namespace; tells how many datagrams went out.
///
/// # Errors
/// [`Error::Io`]: the socket cannot be had. A datagram that the kernel refuses is one that was sent and lost.
pub fn send(to: SocketAddr, steady: Steady) -> Result<u64, Error> {
    send_until(to, steady, &AtomicBool::new(false))
}

/// Like [`send`], but ends when `stop` is set.
///
/// # Errors
/// As [`send`].
pub fn send_until(to: SocketAddr, steady: Steady, stop: &AtomicBool) -> Result<u64, Error> {
    let socket = connected(to).map_err(Error::io(format!("UDP to {to}")))?;
    let mut datagram = vec![0; steady.size.max(NUMBER)];
    let begun = Instant::now();
    let mut sent = 0u64;
    while begun.elapsed() < steady.length && !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * f64::from(steady.rate)) as u64;
        while sent <= due {
            datagram[..NUMBER].copy_from_slice(&sent.to_be_bytes());
            // A full queue or an unreachable neighbour is loss like any other.
            let _ = socket.send(&datagram);
            sent += 1;
        }
        let next = Duration::from_secs_f64(sent as f64 / f64::from(steady.rate));
        std::thread::sleep(next.saturating_sub(begun.elapsed()).min(Duration::from_millis(1)));
    }
    Ok(sent)
}

fn connected(to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    })?;
    socket.connect(to)?;
    Ok(socket)
}

/// Counts the datagrams that arrive at an address, and the longest time without one.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Received>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    count: AtomicU64,
}

/// What arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Datagrams.
    pub count: u64,
    /// Their bytes of UDP payload.
    pub bytes: u64,
    /// Datagrams with a number that had come already, or that is smaller than the last one's.
    pub out_of_order: u64,
    /// The longest time between two datagrams that follow each other.
    pub gap: Duration,
}

impl Receiver {
    /// Starts it; it listens when this returns.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn start(namespace: &Namespace, address: IpAddr, port: u16) -> Result<Receiver, Error> {
        let socket = namespace.run(|| UdpSocket::bind((address, port)));
        let socket = socket.map_err(Error::io(format!("UDP port {port} of {address}")))?;
        socket.set_read_timeout(Some(TICK)).map_err(Error::io("a UDP socket"))?;
        // Best effort: the default holds some hundred datagrams.
        let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBufForce, &(8 << 20));
        let shared = Arc::new(Shared::default());
        let thread = namespace.spawn({
            let shared = shared.clone();
            move || receive(&socket, &shared)
        });
        Ok(Receiver { shared, thread: Some(thread) })
    }

    /// Datagrams so far.
    pub fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Ends it, once nothing has come for a moment.
    pub fn stop(mut self) -> Received {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(|thread| thread.join().expect("no panic")).unwrap_or_default()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn receive(socket: &UdpSocket, shared: &Shared) -> Received {
    let mut datagram = vec![0; 1 << 16];
    let mut received = Received::default();
    let mut last: Option<(Instant, u64)> = None;
    loop {
        let Ok(size) = socket.recv(&mut datagram) else {
            if shared.stop.load(Ordering::Relaxed) {
                return received;
            }
            continue;
        };
        let now = Instant::now();
        let number = datagram[..size].first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        if let Some((before, highest)) = last {
            received.gap = received.gap.max(now - before);
            if number <= highest {
                received.out_of_order += 1;
            }
        }
        last = Some((now, last.map_or(number, |(_, highest)| highest.max(number))));
        received.count += 1;
        received.bytes += size as u64;
        shared.count.store(received.count, Ordering::Relaxed);
    }
}

/// A steady stream on its way from one namespace to another, for a measurement of what is lost of it meanwhile.
#[derive(Debug)]
pub struct Stream {
    rate: u32,
    stop: Arc<AtomicBool>,
    sender: JoinHandle<Result<u64, Error>>,
    receiver: Receiver,
}

/// What was lost of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Datagrams that were sent.
    pub sent: u64,
    /// Those of them that never came.
    pub lost: u64,
    /// The time in which so many are sent.
    pub span: Duration,
    /// What came.
    pub received: Received,
}

impl Stream {
    /// Starts it, for as long as `steady` says at most.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn start(from: &Namespace, at: &Namespace, to: SocketAddr, steady: Steady) -> Result<Stream, Error> {
        let receiver = Receiver::start(at, to.ip(), to.port())?;
        let stop = Arc::new(AtomicBool::new(false));
        let sender = from.spawn({
            let stop = stop.clone();
            move || send_until(to, steady, &stop)
        });
        Ok(Stream { rate: steady.rate, stop, sender, receiver })
    }

    /// Datagrams that have come so far.
    pub fn count(&self) -> u64 {
        self.receiver.count()
    }

    /// Ends it, and tells what was lost.
    ///
    /// # Errors
    /// [`Error::Io`]: it could not be sent.
    pub fn stop(self) -> Result<Loss, Error> {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let received = self.receiver.stop();
        let lost = sent.saturating_sub(received.count - received.out_of_order);
        let span = Duration::from_secs_f64(lost as f64 / f64::from(self.rate));
        Ok(Loss { sent, lost, span, received })
    }
}

//! Bulk TCP: servers that throw away what comes (RFC 863) or send without end (RFC 864), and their clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::namespace::Namespace;

/// RFC 863
const DISCARD: u16 = 9;
/// RFC 864
const CHARGEN: u16 = 19;
/// How long nothing may happen on a connection before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(5);
const BLOCK: usize = 64 << 10;

/// Which way the bulk of the bytes goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client.
    Up,
    /// To the client.
    Down,
}

/// Servers for [`stream`] in a namespace, on all its addresses, until they are dropped.
#[derive(Debug)]
pub struct Servers {
    stop: Arc<AtomicBool>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Servers {
    /// Starts them; they listen when this returns.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn start(namespace: &Namespace) -> Result<Servers, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        for (port, serve) in [(DISCARD, discard as fn(TcpStream)), (CHARGEN, chargen)] {
            let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            let listener = namespace.run(|| TcpListener::bind(any)).map_err(Error::io(format!("TCP port {port}")))?;
            listener.set_nonblocking(true).map_err(Error::io("a listener"))?;
            let stop = stop.clone();
            namespace.spawn(move || accept(&listener, serve, &stop));
        }
        Ok(Servers { stop })
    }
}

fn accept(listener: &TcpListener, serve: fn(TcpStream), stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                let _ = stream.set_nonblocking(false);
                let _ = stream.set_read_timeout(Some(PATIENCE));
                let _ = stream.set_write_timeout(Some(PATIENCE));
                thread::spawn(move || serve(stream));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
            Err(_) => return,
        }
    }
}

/// Reads to the end, and answers with the number of bytes.
fn discard(mut stream: TcpStream) {
    let mut block = vec![0; BLOCK];
    let mut count = 0u64;
    loop {
        match stream.read(&mut block) {
            Ok(0) => break,
            Ok(read) => count += read as u64,
            Err(_) => return,
        }
    }
    let _ = stream.write_all(&count.to_be_bytes());
}

fn chargen(mut stream: TcpStream) {
    let block = vec![0x5a; BLOCK];
    while stream.write_all(&block).is_ok() {}
}

/// What came of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Streamed {
    /// Bytes that arrived.
    pub bytes: u64,
    /// From the first to the last.
    pub took: Duration,
}

impl Streamed {
    /// Bits in a second.
    pub fn rate(&self) -> f64 {
        self.bytes as f64 * 8.0 / self.took.as_secs_f64()
    }
}

/// One connection from this thread's namespace to the [`Servers`] at an address, as fast as it goes.
///
/// # Errors
/// [`Error::Io`] where it cannot be opened, or nothing moves any more.
pub fn stream(to: IpAddr, way: Way, length: Duration) -> Result<Streamed, Error> {
    let failed = || Error::io(format!("TCP to {to}"));
    let port = match way {
        Way::Up => DISCARD,
        Way::Down => CHARGEN,
    };
    let mut stream = TcpStream::connect_timeout(&(to, port).into(), PATIENCE).map_err(failed())?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed())?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed())?;
    let begun = Instant::now();
    let mut block = vec![0x5a; BLOCK];
    let mut bytes = 0u64;
    match way {
        Way::Up => {
            while begun.elapsed() < length {
                stream.write_all(&block).map_err(failed())?;
            }
            stream.shutdown(std::net::Shutdown::Write).map_err(failed())?;
            let mut count = [0; 8];
            stream.read_exact(&mut count).map_err(failed())?;
            bytes = u64::from_be_bytes(count);
        }
        Way::Down => {
            while begun.elapsed() < length {
                match stream.read(&mut block).map_err(failed())? {
                    0 => break,
                    read => bytes += read as u64,
                }
            }
        }
    }
    Ok(Streamed { bytes, took: begun.elapsed() })
}

//! As much of HTTP/1.1 as a download takes: `GET /N` answers with N bytes that anybody can make again.

use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::error::Error;
use super::namespace::Namespace;
use crate::rng::Rng;

/// RFC 9110
pub const PORT: u16 = 80;

/// A server in a namespace, on all its addresses, until it is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Arc<AtomicBool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Server {
    /// Starts it; it listens when this returns.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn start(namespace: &Namespace) -> Result<Server, Error> {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT));
        let listener = namespace.run(|| TcpListener::bind(any)).map_err(Error::io("TCP port 80"))?;
        listener.set_nonblocking(true).map_err(Error::io("a listener"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let server = Server { stop: stop.clone() };
        namespace.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => drop(thread::spawn(move || answer(&stream))),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
                    Err(_) => return,
                }
            }
        });
        Ok(server)
    }
}

/// The size of what a body is made of: random bytes, the same each time, behind a number.
const BLOCK: usize = 1 << 14;

/// What a download of so many bytes brings.
pub fn body(size: usize) -> Vec<u8> {
    let mut random = Rng::new(1);
    let mut block: Vec<u8> = (0..BLOCK / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    let mut body = Vec::with_capacity(size + BLOCK);
    for number in 0..size.div_ceil(BLOCK) {
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
        body.extend_from_slice(&block);
    }
    body.truncate(size);
    body
}

/// One request, one answer; whoever hangs up has what it wants.
fn answer(stream: &TcpStream) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let size = request.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let mut out = BufWriter::new(stream);
    match size {
        Some(size) => {
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n").ok()?;
            out.write_all(&body(size)).ok()?;
        }
        None => write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?,
    }
    out.flush().ok()
}

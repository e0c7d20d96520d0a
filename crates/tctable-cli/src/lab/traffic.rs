//! What clients and servers say to each other.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tctable_lab::live::tcp::{Servers, Streamed, Way};
use tctable_lab::live::udp::{Receiver, Steady};
use tctable_lab::live::{Error, Host, Network, ping, tcp, udp};

use super::LabError;

/// One round of streams: after it they begin anew, as connections do.
const ROUND: Duration = Duration::from_secs(2);
const PINGS: u32 = 200;
const UDP_PORT: u16 = 5001;
const DATAGRAM: usize = 512;
/// Datagrams in a second from each client.
const UDP_RATE: u32 = 2000;

/// What the streams of one client carried, and which way.
type Carried = Result<Vec<(Way, Streamed)>, Error>;

/// Traffic under way.
pub(super) struct Traffic {
    idle: ping::Pinged,
    begun: Instant,
    streams: Vec<JoinHandle<Carried>>,
    datagrams: Vec<JoinHandle<Result<u64, Error>>>,
    receivers: Vec<Receiver>,
    pings: JoinHandle<Result<ping::Pinged, Error>>,
    _servers: Vec<Servers>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// How long it took.
    pub(super) took: Duration,
    /// Bytes that TCP carried to the servers.
    pub(super) up: u64,
    /// And to the clients.
    pub(super) down: u64,
    /// TCP connections.
    pub(super) connections: usize,
    /// Datagrams sent.
    pub(super) datagrams: u64,
    /// Datagrams that did not arrive.
    pub(super) lost: u64,
    /// Pings before there was anything else.
    pub(super) idle: ping::Pinged,
    /// Pings amid everything.
    pub(super) loaded: ping::Pinged,
}

/// The server that a client talks to, at one of its addresses.
fn server(network: &Network, client: usize, v6: bool) -> (&Host, IpAddr) {
    let server = &network.servers[client % network.servers.len()];
    (server, server.addresses()[usize::from(v6)])
}

impl Traffic {
    /// Starts it: for some time, or until `stop` is set.
    pub(super) fn start(
        network: &Network,
        length: Option<Duration>,
        stop: Arc<AtomicBool>,
    ) -> Result<Traffic, LabError> {
        let mut servers = Vec::new();
        let mut receivers = Vec::new();
        for server in &network.servers {
            servers.push(Servers::start(&server.namespace)?);
            for address in server.addresses() {
                receivers.push(Receiver::start(&server.namespace, address, UDP_PORT)?);
            }
        }
        let (_, address) = server(network, 0, false);
        let idle = network.clients[0].namespace.run(|| ping::ping(address, PINGS, Duration::from_millis(1), 56))?;
        let begun = Instant::now();
        let until = length.map(|length| begun + length);
        let ended = move || stop.load(Ordering::Relaxed) || until.is_some_and(|until| Instant::now() >= until);
        let mut streams = Vec::new();
        let mut datagrams = Vec::new();
        for (number, client) in network.clients.iter().enumerate() {
            let way = if number % 2 == 0 { Way::Down } else { Way::Up };
            let v6 = number % 4 >= 2;
            let (_, to) = server(network, number, v6);
            let over = ended.clone();
            streams.push(client.namespace.spawn(move || {
                let mut done = Vec::new();
                while !over() {
                    let left = until.map_or(ROUND, |until| until.saturating_duration_since(Instant::now()).min(ROUND));
                    done.push((way, tcp::stream(to, way, left)?));
                }
                Ok(done)
            }));
            let (_, to) = server(network, number, !v6);
            let over = ended.clone();
            datagrams.push(client.namespace.spawn(move || {
                let mut sent = 0;
                while !over() {
                    let left = until.map_or(ROUND, |until| until.saturating_duration_since(Instant::now()).min(ROUND));
                    sent += udp::send((to, UDP_PORT).into(), Steady { rate: UDP_RATE, size: DATAGRAM, length: left })?;
                }
                Ok(sent)
            }));
        }
        let (_, to) = server(network, 0, true);
        let pings = network.clients[0].namespace.spawn(move || {
            let mut all = ping::Pinged::default();
            while !ended() {
                let more = ping::ping(to, 20, Duration::from_millis(5), 56)?;
                all.sent += more.sent;
                all.times.extend(more.times);
            }
            all.times.sort_unstable();
            Ok(all)
        });
        Ok(Traffic { idle, begun, streams, datagrams, receivers, pings, _servers: servers })
    }

    /// Waits for its end.
    pub(super) fn finish(self) -> Result<Outcome, LabError> {
        let mut outcome = Outcome {
            took: Duration::ZERO,
            up: 0,
            down: 0,
            connections: 0,
            datagrams: 0,
            lost: 0,
            idle: self.idle,
            loaded: ping::Pinged::default(),
        };
        for stream in self.streams {
            for (way, stream) in join(stream)? {
                outcome.connections += 1;
                match way {
                    Way::Up => outcome.up += stream.bytes,
                    Way::Down => outcome.down += stream.bytes,
                }
            }
        }
        outcome.took = self.begun.elapsed();
        for datagrams in self.datagrams {
            outcome.datagrams += join(datagrams)?;
        }
        outcome.loaded = join(self.pings)?;
        let came: u64 = self.receivers.into_iter().map(|receiver| receiver.stop().count).sum();
        outcome.lost = outcome.datagrams.saturating_sub(came);
        Ok(outcome)
    }
}

fn join<T>(thread: JoinHandle<Result<T, Error>>) -> Result<T, LabError> {
    Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
}

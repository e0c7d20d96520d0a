//! `kill -9` a hundred times under load: at most the last second of counts is missing, and nothing is counted twice.
//!
//! Each client talks with a server of its own, so that what the interfaces of the two count is a bound of what the gateway
//! counts for the client. What a server received had been counted; what a client did not send cannot have been.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tctable_lab::live::network::{INTERFACE, LAN, WAN};
use tctable_lab::live::{Counters, Network, udp};

use crate::gateway::{Gateway, Host};

const KILLS: u32 = 100;
const PAIRS: u8 = 3;
const PORT: u16 = 5000;
/// What may be missing.
const LAST: Duration = Duration::from_secs(1);
/// Hosts that are there beside those that talk, so that saving takes several pages.
const CROWD: u32 = 2500;

/// Packets and bytes that a host sent, and that it received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts([u64; 4]);

impl Counts {
    fn of(host: &Host) -> Counts {
        Counts([host.packets("tx"), host.bytes("tx"), host.packets("rx"), host.bytes("rx")])
    }

    /// What two interfaces saw pass: the first what the host sent, the second what it received.
    fn passed(sent: [u64; 2], received: [u64; 2]) -> Counts {
        Counts([sent[0], sent[1], received[0], received[1]])
    }

    fn plus(self, other: Counts) -> Counts {
        Counts(std::array::from_fn(|at| self.0[at] + other.0[at]))
    }

    fn minus(self, other: Counts) -> Counts {
        Counts(std::array::from_fn(|at| self.0[at] - other.0[at]))
    }

    fn most(self, other: Counts) -> Counts {
        Counts(std::array::from_fn(|at| self.0[at].max(other.0[at])))
    }

    fn is_within(self, least: Counts, most: Counts) -> bool {
        (0..4).all(|at| (least.0[at]..=most.0[at]).contains(&self.0[at]))
    }
}

fn sent(counters: &Counters) -> [u64; 2] {
    [counters.sent, counters.sent_payload()]
}

fn received(counters: &Counters) -> [u64; 2] {
    [counters.received, counters.received_payload()]
}

/// What the interfaces of each pair counted: `came` to the gateway, and `left` it.
#[derive(Clone, Debug)]
struct Sample {
    came: Vec<Counts>,
    left: Vec<Counts>,
    /// All frames that the gateway sent, those included that nobody took.
    gave: u64,
    /// By then it was so.
    at: Instant,
}

impl Sample {
    fn take(network: &Network) -> Sample {
        let read = |host: &tctable_lab::live::Host| host.namespace.counters(INTERFACE).expect("an interface");
        let (mut came, mut left) = (Vec::new(), Vec::new());
        // What left is read before what came: nothing leaves before it came.
        let own = [LAN, WAN].map(|name| network.gateway.counters(name).expect("an interface"));
        for (client, server) in network.clients.iter().zip(&network.servers) {
            let (near, far) = (read(client), read(server));
            left.push(Counts::passed(received(&far), received(&near)));
            came.push(Counts::passed(sent(&near), sent(&far)));
        }
        let gave = own.iter().map(|own| own.sent + own.send_dropped).sum();
        Sample { came, left, gave, at: Instant::now() }
    }
}

/// Datagrams in both directions between all pairs.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(network: &Network) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (number, (client, server)) in (1..).zip(network.clients.iter().zip(&network.servers)) {
            for (from, to) in [(client, server), (server, client)] {
                let (stop, to) = (stop.clone(), (to.v4, PORT).into());
                let steady =
                    udp::Steady { rate: 700 * number, size: 200 * number as usize, length: Duration::from_secs(60) };
                threads.push(from.namespace.spawn(move || {
                    udp::send_until(to, steady, &stop).expect("a socket");
                }));
            }
        }
        Load { stop, threads }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
}

/// Numbers that are the same in every run (Vigna's splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn millis(&mut self, end: u64) -> Duration {
        Duration::from_micros(self.below(end * 1000))
    }
}

/// When it is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after it was started, whether it forwards by then or not.
    Start(Duration),
    /// So long after it began to count.
    Work(Duration),
    /// When its files change next after that.
    Writing(Duration),
}

/// What the gateway said when it was asked, and by when it had.
type Told = Vec<(Instant, Vec<Counts>)>;

/// How its files are.
fn files(state: &Path) -> Vec<(PathBuf, u64)> {
    let mut files: Vec<_> = std::fs::read_dir(state)
        .expect("a directory")
        .filter_map(|entry| Some((entry.as_ref().ok()?.path(), entry.ok()?.metadata().ok()?.len())))
        .collect();
    files.sort();
    files
}

struct World {
    network: Network,
    _receivers: Vec<udp::Receiver>,
    directory: tempfile::TempDir,
    random: Random,
}

impl World {
    fn build() -> Option<World> {
        let network = crate::network_of(PAIRS)?;
        let hosts = network.clients.iter().chain(&network.servers);
        let receivers = hosts.map(|host| udp::Receiver::start(&host.namespace, host.v4.into(), PORT).expect("a port"));
        let directory = tempfile::tempdir().expect("a directory");
        Some(World { _receivers: receivers.collect(), network, directory, random: Random(1) })
    }

    fn arguments(&self) -> [&str; 2] {
        ["--state", self.directory.path().to_str().expect("text")]
    }

    fn read(&self, gateway: &Gateway) -> Vec<Counts> {
        self.network.clients.iter().map(|client| Counts::of(&gateway.host(client.v4.into()))).collect()
    }

    fn moment(&mut self, round: u32) -> Moment {
        match round % 5 {
            0 => Moment::Start(self.random.millis(120)),
            1 | 2 => Moment::Writing(self.random.millis(150)),
            3 => Moment::Work(self.random.millis(300)),
            // Long enough for something to be older than the last second.
            _ => Moment::Work(LAST + self.random.millis(400)),
        }
    }

    /// Each of them sends one packet, and is a host from then on.
    fn crowd(&self, gateway: &Gateway) {
        let (namespace, to) = (&self.network.clients[0].namespace, self.network.servers[0].v4);
        namespace.ip(&["route", "add", "local", "10.71.128.0/20", "dev", "lo"]).expect("possible");
        namespace.run(|| {
            for number in 0..CROWD {
                let from = std::net::Ipv4Addr::from_bits(0x0a47_8000 + number);
                let socket = UdpSocket::bind((from, 0)).expect("a socket");
                socket.send_to(&[0; 72], (to, PORT)).expect("sent");
            }
        });
        crate::until("the crowd is counted", || self.of_crowd(gateway) == (u64::from(CROWD), u64::from(CROWD) * 100));
    }

    /// The packets and bytes that it sent.
    fn of_crowd(&self, gateway: &Gateway) -> (u64, u64) {
        let clients: Vec<String> = self.network.clients.iter().map(|client| client.v4.to_string()).collect();
        let hosts = gateway.hosts();
        let crowd = hosts.iter().filter(|(address, _)| !clients.contains(address));
        crowd.fold((0, 0), |sum, (_, host)| (sum.0 + host.packets("tx"), sum.1 + host.bytes("tx")))
    }

    /// Lets one run under load, which has counted nothing but what it was given so far, and kills it; gives the least and the
    /// most that the next one may go on from, for each client, and the most packets of all of them.
    fn round(&self, mut gateway: Gateway, moment: Moment, restored: &[Counts]) -> (Vec<Counts>, Vec<Counts>, u64) {
        let began = Sample::take(&self.network);
        let (mut told, mut samples): (Told, Vec<Sample>) = Default::default();
        let load;
        match moment {
            Moment::Start(after) => {
                gateway.kill();
                load = Load::start(&self.network);
                gateway = Gateway::spawn(&self.network, &self.arguments());
                std::thread::sleep(after);
            }
            Moment::Work(after) | Moment::Writing(after) => {
                load = Load::start(&self.network);
                (told, samples) = self.watch(&gateway, after);
                if let Moment::Writing(_) = moment {
                    let (before, since) = (files(self.directory.path()), Instant::now());
                    while files(self.directory.path()) == before {
                        assert!(since.elapsed() < LAST + LAST, "nothing is saved");
                        std::thread::sleep(Duration::from_micros(100));
                    }
                }
            }
        }
        let killed = Instant::now();
        gateway.send_kill();
        gateway.kill();
        let after = Sample::take(&self.network);
        load.stop();

        let (mut least, mut most) = (restored.to_vec(), Vec::new());
        for (client, restored) in restored.iter().enumerate() {
            for (_, told) in told.iter().filter(|(at, _)| *at + LAST <= killed) {
                least[client] = least[client].most(told[client]);
            }
            for sample in samples.iter().filter(|sample| sample.at + LAST <= killed) {
                let left = sample.left[client].minus(began.left[client]);
                least[client] = least[client].most(restored.plus(left));
            }
            most.push(restored.plus(after.came[client].minus(began.came[client])));
        }
        let packets: u64 = restored.iter().map(|counts| counts.0[0] + counts.0[2]).sum();
        (least, most, packets + after.gave - began.gave)
    }

    /// Looks again and again at the interfaces and asks the gateway, which never tells of less than before.
    fn watch(&self, gateway: &Gateway, length: Duration) -> (Told, Vec<Sample>) {
        let since = Instant::now();
        let (mut told, mut samples): (Told, Vec<Sample>) = Default::default();
        while since.elapsed() < length {
            samples.push(Sample::take(&self.network));
            let now = self.read(gateway);
            if let Some((_, before)) = told.last() {
                assert!(now.iter().zip(before).all(|(now, before)| now.most(*before) == *now), "{before:?} {now:?}");
            }
            told.push((Instant::now(), now));
            std::thread::sleep((length.saturating_sub(since.elapsed())).min(Duration::from_millis(50)));
        }
        (told, samples)
    }
}

#[test]
fn what_was_counted_survives_being_killed() {
    let Some(mut world) = World::build() else { return };
    let mut gateway = Gateway::start(&world.network, &world.arguments());
    world.crowd(&gateway);
    let mut restored = world.read(&gateway);
    assert!(gateway.end().success());
    gateway = Gateway::start(&world.network, &world.arguments());
    let (mut at_once, mut survived) = (0, 0);
    for round in 0..KILLS {
        let moment = world.moment(round);
        let (least, most, all) = world.round(gateway, moment, &restored);
        // Nothing is under way, so this is exactly what it goes on from.
        gateway = Gateway::start(&world.network, &world.arguments());
        let now = world.read(&gateway);
        for client in 0..now.len() {
            let (now, least, most) = (now[client], least[client], most[client]);
            assert!(now.is_within(least, most), "round {round}, {moment:?}: {now:?} not in {least:?} to {most:?}");
        }
        let packets: u64 = now.iter().map(|counts| counts.0[0] + counts.0[2]).sum();
        assert!(packets <= all, "round {round}, {moment:?}: {packets} of {all} packets that were sent on");
        if round % 20 == 19 {
            assert_eq!(world.of_crowd(&gateway), (u64::from(CROWD), u64::from(CROWD) * 100));
        }
        at_once += u32::from(now == restored);
        survived += u32::from(now != restored);
        restored = now;
    }
    // Else nothing was tried.
    assert!(survived > KILLS / 2, "{survived} kills after something was saved, {at_once} before");
}

//! The whole gateway: its shards, and what is done with it from outside.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tctable::account::SnapshotError;
use tctable::packet::DeviceId;
use tctable::time::Instant;
use tctable::{Gateway, HashKey};
use tctable_io::port::{PortError, shard_of};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::api::{self, ControlSocket, SocketError};
use crate::clock::Clock;
use crate::config::{ConfigError, Form, Loaded, Settings, scheduler};
use crate::forward::Forwarder;
use crate::link::{Links, Watch, least_mtu};
use crate::metrics;
use crate::notify;
use crate::ports::{self, Opened};
use crate::privilege::{self, PrivilegeError, Privileges};
use crate::reload::{ReloadError, Reloaded};
use crate::shard::{PortView, Shard, Shards, Worker};
use crate::state::{Kept, State, StateError};
use crate::supervise::Supervisor;

/// How long frames that wait may hold up the end.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// A running gateway, for those who look at it and change it.
#[derive(Debug)]
pub struct Daemon {
    /// The shards.
    pub shards: Shards,
    /// When it began, on the gateway's clock: nanoseconds since the Unix epoch.
    pub started: Instant,
    /// tctable's version.
    pub version: &'static str,
    /// The interfaces.
    pub links: Links,
    pub(crate) holds: Mutex<Holds>,
    /// One reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
}

/// What holds now.
#[derive(Clone, Debug)]
pub(crate) struct Holds {
    pub(crate) settings: Arc<Settings>,
    pub(crate) loaded: Arc<Loaded>,
}

/// A gateway that forwards.
#[derive(Debug)]
pub struct Running {
    /// It.
    pub daemon: Arc<Daemon>,
}

/// Why a gateway does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An interface does not work.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Privileges were not given away.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// The state cannot be had.
    #[error(transparent)]
    State(#[from] StateError),
    /// What was saved cannot be gone on with.
    #[error("what was saved cannot be gone on with: {0}")]
    Restore(SnapshotError),
    /// The control socket cannot be had.
    #[error(transparent)]
    Control(#[from] SocketError),
    /// The operating system does not do what is needed.
    #[error("{what}: {reason}")]
    Io {
        /// What was asked for.
        what: String,
        /// What the operating system said.
        reason: io::Error,
    },
}

/// Set where a system call that a gateway is not to make is to be its end: for tests.
const KILL: &str = "TCTABLE_SECCOMP_KILL";

fn failed(what: &str) -> impl FnOnce(io::Error) -> RunError {
    let what = what.to_owned();
    move |reason| RunError::Io { what, reason }
}

impl Daemon {
    /// A gateway of these shards.
    pub fn new(shards: Shards, settings: Settings, loaded: Loaded, links: Links, started: Instant) -> Daemon {
        let holds = Holds { settings: Arc::new(settings), loaded: Arc::new(loaded) };
        let (holds, reloading) = (Mutex::new(holds), tokio::sync::Mutex::new(()));
        Daemon { shards, started, version: env!("CARGO_PKG_VERSION"), links, holds, reloading }
    }

    /// The settings that hold.
    pub fn settings(&self) -> Arc<Settings> {
        self.holds().settings
    }

    pub(crate) fn holds(&self) -> Holds {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Shards at work.
#[derive(Debug)]
struct Threads {
    end: Arc<AtomicBool>,
    handles: Vec<thread::JoinHandle<()>>,
}

/// Runs a gateway until it is told to end (SIGTERM, SIGINT): opens its ports, starts its shards, calls `ready` when it
/// forwards. SIGHUP has it read its settings anew.
///
/// # Errors
/// [`RunError`]
pub fn run(settings: Settings, ready: impl FnOnce(&Running)) -> Result<(), RunError> {
    let mut loaded = Loaded::read(&settings)?;
    (loaded.config.hash_key, loaded.config.seed) = secrets().map_err(failed("random numbers"))?;
    let supervisor = Supervisor::find().map_err(failed("the supervisor"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed("a runtime"))?;
    // Before they are opened, so that nothing of what happens to them later is missed.
    let names = settings.form.interfaces();
    let mut watch = runtime.block_on(async { Watch::open(&names) }).map_err(failed("rtnetlink"))?;
    let opened = ports::open(&settings)?;
    runtime.block_on(watch.begin()).map_err(failed("a list of interfaces"))?;
    loaded.config.mtu = least_mtu(&opened.mtus);
    let control = settings.control.as_deref().map(|path| ControlSocket::bind(path, settings.control_group.as_deref()));
    let control = control.transpose()?;
    let metrics = settings.metrics.map(|address| listen(address).map_err(failed(&format!("metrics on {address}"))));
    let metrics = metrics.transpose()?;
    let state = settings.state.as_deref().map(|directory| State::open(directory, settings.shards)).transpose()?;
    let (mut state, kept) = state.map_or_else(Default::default, |(state, kept)| (Some(state), kept));
    let clock = Clock::new(kept.taken_at());
    let Kept { books, connections } = kept;
    let mut connections =
        connections.split(settings.shards, |one, other| shard_of(one, other, settings.shards)).into_iter();
    for line in privilege::drop(&Privileges::of(&settings, std::env::var_os(KILL).is_some()))? {
        info!("{line}");
    }
    let (shards, inboxes) = Shards::new(settings.shards).map_err(failed("eventfd"))?;
    let end = Arc::new(AtomicBool::new(false));
    let Opened { ports, mtus } = opened;
    let mut workers = Vec::new();
    for (number, (inbox, ports)) in inboxes.into_iter().zip(ports).enumerate() {
        let mut shard = shard(number, &settings, &loaded, &mtus, clock.now())?;
        if let Some(book) = books.get(number).filter(|book| book.taken_at() != Instant::ZERO) {
            shard.gateway.restore_hosts(&book.snapshot()).map_err(RunError::Restore)?;
            info!(shard = number, "{} hosts go on", book.len());
        }
        if let Some(saved) = connections.next().filter(|saved| !saved.is_empty()) {
            let restored = shard.gateway.restore_connections(saved);
            info!(shard = number, "{} connections go on", restored.connections);
            if restored.left_out > 0 {
                warn!(shard = number, "{} connections do not go on: no room for them", restored.left_out);
            }
        }
        let mut forwarder = Forwarder::new(&ports::ways(&settings));
        for (device, port) in (0..).zip(ports) {
            forwarder.set_port(DeviceId(device), port);
        }
        let pulse = supervisor.pulse(number);
        workers.push(Worker { shard, forwarder, inbox, clock, pulse, end: end.clone() });
    }
    supervisor.open(workers.len()).map_err(failed("the supervisor"))?;
    // Until now the kernel passed frames on, if somebody had it do so.
    if supervisor.is_there() {
        workers.iter_mut().for_each(|worker| worker.forwarder.throw_away(clock.now()));
    }
    if let Some(state) = &mut state {
        state.begins();
    }
    let daemon = Arc::new(Daemon::new(shards, settings, loaded, watch.links().clone(), clock.now()));
    let threads = start(workers, &daemon.settings().pin, end)?;
    runtime.block_on(async {
        let running = Running { daemon: daemon.clone() };
        if let Some(control) = control {
            tokio::spawn(api::serve(control, daemon.clone()));
        }
        if let Some(listener) = metrics {
            tokio::spawn(metrics::serve(listener, daemon.clone()));
        }
        tokio::spawn(watch.follow(daemon.clone()));
        let names = daemon.settings().form.interfaces().join(" and ");
        match daemon.settings().form {
            Form::InLine { .. } => info!(version = daemon.version, "forwarding between {names}"),
            Form::Tun { .. } => info!(version = daemon.version, "forwarding what {names} gives"),
            Form::Watch { .. } => info!(version = daemon.version, "watching {names}"),
        }
        ready(&running);
        notify::ready();
        if let Some(every) = notify::interval() {
            tokio::spawn(tell_alive(daemon.clone(), every));
        }
        let told = match &mut state {
            Some(state) => tokio::select! {
                told = until_told(&daemon) => told,
                () = state.keep(&daemon.shards) => Ok(()),
            },
            None => until_told(&daemon).await,
        };
        info!("ends");
        notify::stopping();
        if let Err(error) = supervisor.close() {
            warn!("the supervisor: {error}");
        }
        drain(&daemon.shards).await;
        if let Some(state) = &mut state {
            state.save(&daemon.shards, true).await;
            if daemon.settings().save_connections {
                state.save_connections(&daemon.shards).await;
            }
        }
        told
    })?;
    threads.end.store(true, Ordering::Relaxed);
    // They may be asleep.
    runtime.block_on(async { drop(daemon.shards.ask_all(|_| ()).await) });
    for handle in threads.handles {
        if handle.join().is_err() {
            warn!("a shard has panicked");
        }
    }
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Sees to signals until one of them ends it.
async fn until_told(daemon: &Daemon) -> Result<(), RunError> {
    let catch = |kind| signal(kind).map_err(failed("signals"));
    let (mut term, mut int) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    let mut hangup = catch(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = term.recv() => return Ok(()),
            _ = int.recv() => return Ok(()),
            _ = hangup.recv() => match reload(daemon).await {
                Ok(reloaded) if reloaded.changed.is_empty() => info!("reload: nothing is other than before"),
                Ok(reloaded) => info!("reload: {}", reloaded.changed.join(", ")),
                Err(error) => warn!("reload: nothing is changed: {error}"),
            },
        }
    }
}

async fn reload(daemon: &Daemon) -> Result<Reloaded, ReloadError> {
    notify::reloading();
    let reloaded = daemon.reload().await;
    notify::ready();
    reloaded
}

/// Tells the service manager that all shards do their work, for as long as they do.
async fn tell_alive(daemon: Arc<Daemon>, every: std::time::Duration) {
    let mut due = tokio::time::interval(every);
    loop {
        due.tick().await;
        if daemon.shards.ask_all(|_| ()).await.is_err() {
            return;
        }
        notify::alive();
    }
}

/// Takes no more frames in, and lets what waits leave, for a while.
async fn drain(shards: &Shards) {
    let until = tokio::time::Instant::now() + DRAIN;
    while tokio::time::Instant::now() < until {
        let waits = shards.ask_all(|shard| {
            shard.stops = true;
            shard.counts.waiting.packets
        });
        if waits.await.is_ok_and(|waits| waits.iter().all(|waiting| *waiting == 0)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A shard as the settings want it.
fn shard(number: usize, settings: &Settings, loaded: &Loaded, mtus: &[u32], now: Instant) -> Result<Shard, RunError> {
    let mut gateway = Gateway::new(loaded.config.clone());
    let names = settings.form.interfaces();
    for (device, name) in (0..).zip(&names) {
        gateway.name_device(DeviceId(device), name);
    }
    gateway.set_rules(loaded.v4.clone(), loaded.v6.clone(), &loaded.sets).map_err(ConfigError::from)?;
    let mut scheduler = scheduler(settings, mtus);
    if let Some(tc) = &loaded.tc {
        tc.apply(now, &mut scheduler).map_err(ConfigError::from)?;
    }
    let mut shard = Shard::new(number, gateway, scheduler);
    shard.shaped = loaded.tc.is_some();
    let view = |name: &&str| PortView { name: Arc::from(*name), up: true, ..PortView::default() };
    shard.ports = names.iter().map(view).collect();
    Ok(shard)
}

fn start(workers: Vec<Worker>, pin: &[usize], end: Arc<AtomicBool>) -> Result<Threads, RunError> {
    let mut handles = Vec::new();
    for (number, worker) in workers.into_iter().enumerate() {
        let processor = pin.get(number).copied();
        let work = move || {
            if let Some(processor) = processor {
                let mut set = rustix::thread::CpuSet::new();
                set.set(processor);
                if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
                    warn!("shard {number} cannot be pinned to processor {processor}: {error}");
                }
            }
            worker.run();
        };
        let spawned = thread::Builder::new().name(format!("shard {number}")).spawn(work);
        handles.push(spawned.map_err(failed("a thread"))?);
    }
    Ok(Threads { end, handles })
}

/// Random numbers that nobody else knows: a hash key and a seed.
fn secrets() -> io::Result<(HashKey, u64)> {
    use std::io::Read;
    let mut bytes = [0; 24];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let word = |at: usize| bytes[at..at + 8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    Ok((HashKey([word(0), word(8)]), word(16)))
}

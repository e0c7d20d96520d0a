//! The supervisor.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use thiserror::Error;
use tracing::{info, warn};

use super::link::{ALIVE, CLOSE, End, GO, OPEN, SUPERVISED};
use super::netlink::Redirections;
use crate::notify;
use crate::privilege::{self, PrivilegeError, Start};

/// A shard that has said nothing for so long is taken to hang: several of its beats.
const SILENCE: Duration = Duration::from_millis(25);
/// So long a silent gateway may take to come to life again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the supervisor looks.
const TICK: Duration = Duration::from_millis(5);
/// How often it tries again what the kernel refused.
const AGAIN: Duration = Duration::from_millis(100);
/// Pauses before a gateway that ended is started again, from the first to the last.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];
/// Who lived so long may be started again at once.
const LONG: Duration = Duration::from_secs(10);

/// What is supervised.
#[derive(Clone, Debug)]
pub struct Supervised {
    /// The bridge's inside.
    pub lan: String,
    /// Its outside.
    pub wan: String,
    /// The gateway's program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What it takes at its start.
    pub start: Start,
}

/// Why nothing is supervised.
#[derive(Debug, Error)]
pub enum SuperviseError {
    /// The kernel cannot pass frames on.
    #[error("fail-open: {0}: the kernel does not redirect (clsact, u32 and mirred are needed)")]
    Redirect(#[source] io::Error),
    /// Privileges were not given away.
    #[error("fail-open: {0}")]
    Privilege(#[from] PrivilegeError),
    /// A signal, a socket or a process cannot be had.
    #[error("fail-open: {0}")]
    Io(#[from] io::Error),
}

/// Where the gateway is.
#[derive(Debug)]
enum State {
    /// Started, not forwarding.
    Starting,
    /// When each shard was last heard.
    Forwarding { heard: Vec<Instant> },
    /// Since when.
    Silent { heard: Vec<Instant>, since: Instant },
    /// It is about to end: it said so, or was killed.
    Closing,
}

/// What the supervisor was told. Nothing is blocked, because a process that is started inherits that.
struct Told {
    end: Arc<AtomicBool>,
    hangup: Arc<AtomicBool>,
}

impl Told {
    fn listen() -> io::Result<Told> {
        let told = Told { end: Arc::default(), hangup: Arc::default() };
        for (signal, flag) in [(SIGTERM, &told.end), (SIGINT, &told.end), (SIGHUP, &told.hangup)] {
            signal_hook::flag::register(signal, flag.clone())?;
        }
        Ok(told)
    }

    fn end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }
}

struct Parent {
    redirections: Redirections,
    /// What the kernel does, as far as is known.
    redirecting: bool,
    tried: Instant,
}

impl Parent {
    /// Has the kernel redirect or not; what it refuses is tried again by and by.
    fn redirect(&mut self, wanted: bool) {
        if self.redirecting == wanted {
            return;
        }
        self.tried = Instant::now();
        let done = match wanted {
            true => self.redirections.install().or_else(|_| {
                // An interface that is new has neither.
                self.redirections.prepare()?;
                self.redirections.install()
            }),
            false => self.redirections.remove(),
        };
        match done {
            Ok(()) => self.redirecting = wanted,
            Err(error) => warn!("fail-open: {error}: tried again"),
        }
    }
}

/// Takes the redirections away that a supervisor has left: who forwards then is nobody.
///
/// # Errors
/// [`SuperviseError`]
pub fn clear(lan: &str, wan: &str) -> Result<(), SuperviseError> {
    Redirections::new(lan, wan)?.clear().map_err(SuperviseError::Redirect)
}

/// Starts a gateway, and again whenever it ends, until SIGTERM or SIGINT comes; SIGHUP goes on to the gateway. The redirections stay when
/// this ends, so that traffic goes on. Tells the status of a gateway that ended before it ever forwarded: there is something wrong with
/// its settings.
///
/// # Errors
/// [`SuperviseError`]
pub fn supervise(what: &Supervised) -> Result<Option<ExitStatus>, SuperviseError> {
    let told = Told::listen()?;
    privilege::supervise(what.start)?;
    let mut redirections = Redirections::new(&what.lan, &what.wan)?;
    redirections.prepare().and_then(|()| redirections.install()).map_err(SuperviseError::Redirect)?;
    let mut parent = Parent { redirections, redirecting: true, tried: Instant::now() };
    let mut forwarded = false;
    let mut pause = PAUSES[0];
    loop {
        let begun = Instant::now();
        let (end, socket) = End::pair()?;
        let mut command = Command::new(&what.program);
        command.args(&what.arguments).env(SUPERVISED, "1").stdin(socket);
        let mut child = command.spawn()?;
        drop(command);
        let stopped = parent.watch(&end, &mut child, &told, &mut forwarded)?;
        parent.redirect(true);
        let status = child.wait()?;
        if stopped {
            return Ok(None);
        }
        if !forwarded {
            return Ok(Some(status));
        }
        warn!("the gateway ended ({status}): the kernel passes everything on until it is back");
        pause = if begun.elapsed() > LONG { PAUSES[0] } else { (pause * 2).min(PAUSES[1]) };
        if parent.wait(&told, pause) {
            return Ok(None);
        }
    }
}

impl Parent {
    /// Follows one gateway's life to its end; tells whether it was to end.
    fn watch(
        &mut self,
        end: &End,
        child: &mut Child,
        told: &Told,
        forwarded: &mut bool,
    ) -> Result<bool, SuperviseError> {
        let process = Pid::from_raw(child.id() as i32);
        let mut state = State::Starting;
        let mut ending = false;
        let mut alive = Instant::now();
        loop {
            let tick = Timespec::try_from(TICK).expect("short");
            match poll(&mut [PollFd::from_borrowed_fd(end.descriptor(), PollFlags::IN)], Some(&tick)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            // It may be gone already.
            if told.end() && !ending {
                ending = true;
                let _ = kill(process, Signal::SIGTERM);
            }
            if told.hangup.swap(false, Ordering::Relaxed) {
                let _ = kill(process, Signal::SIGHUP);
            }
            while let Some(word) = end.hear(Some(Duration::ZERO)) {
                match word[..] {
                    [] => return Ok(ending),
                    _ => self.heard(&word, end, &mut state, forwarded),
                }
            }
            self.look(&mut state, process);
            if notify::interval().is_some_and(|interval| alive.elapsed() >= interval) {
                alive = Instant::now();
                notify::alive();
            }
        }
    }

    /// The gateway has said something.
    fn heard(&mut self, word: &[u8], end: &End, state: &mut State, forwarded: &mut bool) {
        match (word, &mut *state) {
            ([OPEN, shards], _) => {
                self.redirect(false);
                *state = State::Forwarding { heard: vec![Instant::now(); usize::from(*shards)] };
                *forwarded = true;
                info!("fail-open: the gateway forwards");
                end.say(&[GO]);
            }
            ([ALIVE, shard], State::Forwarding { heard } | State::Silent { heard, .. }) => {
                if let Some(heard) = heard.get_mut(usize::from(*shard)) {
                    *heard = Instant::now();
                }
            }
            ([CLOSE], _) => {
                self.redirect(true);
                *state = State::Closing;
                end.say(&[GO]);
            }
            // A beat that was on its way.
            _ => {}
        }
    }

    /// Time has passed.
    fn look(&mut self, state: &mut State, process: Pid) {
        let silent = |heard: &[Instant]| heard.iter().any(|heard| heard.elapsed() > SILENCE);
        match state {
            State::Forwarding { heard } if silent(heard) => {
                self.redirect(true);
                warn!("fail-open: the gateway is silent: the kernel passes everything on");
                *state = State::Silent { heard: std::mem::take(heard), since: Instant::now() };
            }
            State::Silent { heard, .. } if !silent(heard) => {
                self.redirect(false);
                warn!("fail-open: the gateway was late and forwards again");
                *state = State::Forwarding { heard: std::mem::take(heard) };
            }
            State::Silent { since, .. } if since.elapsed() > PATIENCE => {
                warn!("fail-open: the gateway hangs: killed");
                let _ = kill(process, Signal::SIGKILL);
                *state = State::Closing;
            }
            _ => {}
        }
        if self.tried.elapsed() >= AGAIN {
            self.redirect(!matches!(state, State::Forwarding { .. }));
        }
    }

    /// Waits before the next life; tells whether there is to be none.
    fn wait(&mut self, told: &Told, pause: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < pause && !told.end() {
            self.redirect(true);
            std::thread::sleep(TICK);
        }
        told.end()
    }
}

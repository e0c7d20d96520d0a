//! The gateway's side: it asks before it forwards, says that it lives, and tells before it ends.

use std::io;
use std::time::{Duration, Instant};

use super::link::{ALIVE, BEAT, CLOSE, End, GO, OPEN, SUPERVISED};

/// How long the supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A gateway's way to whoever supervises it, if anybody does.
#[derive(Clone, Debug)]
pub struct Supervisor(Option<End>);

/// One shard's pulse.
#[derive(Debug)]
pub struct Pulse {
    to: Option<End>,
    shard: u8,
    last: Option<Instant>,
}

impl Supervisor {
    /// The one that started this process.
    ///
    /// # Errors
    /// What the operating system says where standard input cannot be taken.
    pub fn find() -> io::Result<Supervisor> {
        if std::env::var_os(SUPERVISED).is_none() {
            return Ok(Supervisor(None));
        }
        Ok(Supervisor(Some(rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3)?.into())))
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// The ports are open: the kernel ends passing frames on. What has come to the ports until this returns was passed on by the
    /// kernel, so the gateway is to throw it away.
    ///
    /// # Errors
    /// The supervisor is gone, or does not answer.
    pub fn open(&self, shards: usize) -> io::Result<()> {
        let Some(end) = &self.0 else { return Ok(()) };
        self.ask(end, &[OPEN, u8::try_from(shards).unwrap_or(u8::MAX)])
    }

    /// The shards are about to end: the kernel begins to pass frames on. What comes to the ports after this is not the gateway's.
    ///
    /// # Errors
    /// The supervisor is gone, or does not answer.
    pub fn close(&self) -> io::Result<()> {
        let Some(end) = &self.0 else { return Ok(()) };
        self.ask(end, &[CLOSE])
    }

    fn ask(&self, end: &End, word: &[u8]) -> io::Result<()> {
        if !end.say(word) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match end.hear(Some(PATIENCE)).as_deref() {
            Some([GO]) => Ok(()),
            Some(_) => Err(io::ErrorKind::BrokenPipe.into()),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// What a shard's thread takes with it.
    pub fn pulse(&self, shard: usize) -> Pulse {
        Pulse { to: self.0.clone(), shard: u8::try_from(shard).unwrap_or(u8::MAX), last: None }
    }
}

impl Pulse {
    /// How long a shard may wait for frames at most; `None`: as long as it likes.
    pub fn limit(&self) -> Option<Duration> {
        self.to.as_ref().map(|_| BEAT)
    }

    /// The shard is alive. Costs nothing but a comparison most of the time.
    pub fn beat(&mut self, now: Instant) {
        let Some(to) = &self.to else { return };
        if self.last.is_none_or(|last| now.saturating_duration_since(last) >= BEAT) {
            self.last = Some(now);
            // Where the supervisor is gone, or has not heard the last ones yet, the gateway goes on.
            let _ = to.say(&[ALIVE, self.shard]);
        }
    }
}

//! Jobs for shards: functions that run on a shard's thread between two bursts.
//!
//! A job gets the whole shard, so it should be short: what goes through a table goes through a part of it at a time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use rustix::event::{EventfdFlags, eventfd};
use thiserror::Error;
use tokio::sync::oneshot;

use super::Shard;

type Job = Box<dyn FnOnce(&mut Shard) + Send>;

/// The shard has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the shard has ended")]
pub struct Gone;

/// A shard's end: what it is asked to do.
#[derive(Debug)]
pub struct Inbox {
    jobs: Receiver<Job>,
    bell: Arc<Bell>,
}

/// Rings when a job has come.
#[derive(Debug)]
struct Bell {
    event: OwnedFd,
    rung: AtomicBool,
}

#[derive(Clone, Debug)]
struct Outbox {
    jobs: Sender<Job>,
    bell: Arc<Bell>,
}

/// All shards, for those who ask.
#[derive(Clone, Debug)]
pub struct Shards(Vec<Outbox>);

impl Shards {
    /// Ways to so many shards, and their ends.
    ///
    /// # Errors
    /// What the kernel says where it has no more descriptors.
    pub fn new(count: usize) -> io::Result<(Shards, Vec<Inbox>)> {
        let mut ways = Vec::with_capacity(count);
        let mut inboxes = Vec::with_capacity(count);
        for _ in 0..count {
            let (sender, receiver) = mpsc::channel();
            let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
            let bell = Arc::new(Bell { event, rung: AtomicBool::new(false) });
            ways.push(Outbox { jobs: sender, bell: bell.clone() });
            inboxes.push(Inbox { jobs: receiver, bell });
        }
        Ok((Shards(ways), inboxes))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn send<T: Send + 'static>(
        &self,
        shard: usize,
        job: impl FnOnce(&mut Shard) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Gone> {
        let way = self.0.get(shard).ok_or(Gone)?;
        let (answer, answered) = oneshot::channel();
        // Nobody may wait for the answer any more.
        let job: Job = Box::new(move |shard| drop(answer.send(job(shard))));
        way.jobs.send(job).map_err(|_| Gone)?;
        // A bell that cannot be rung because it rang too often has not been heard yet.
        way.bell.rung.store(true, Ordering::Release);
        let _ = rustix::io::write(&way.bell.event, &1u64.to_ne_bytes());
        Ok(answered)
    }

    /// Has one shard do something, and waits for what comes of it.
    ///
    /// # Errors
    /// [`Gone`]
    pub async fn ask<T: Send + 'static>(
        &self,
        shard: usize,
        job: impl FnOnce(&mut Shard) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.send(shard, job)?.await.map_err(|_| Gone)
    }

    /// Has all shards do something at the same time, and waits for what comes of it, in their order.
    ///
    /// # Errors
    /// [`Gone`]
    pub async fn ask_all<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Shard) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, Gone> {
        let asked: Result<Vec<_>, Gone> = (0..self.count()).map(|shard| self.send(shard, job.clone())).collect();
        let mut answers = Vec::with_capacity(self.count());
        for answer in asked? {
            answers.push(answer.await.map_err(|_| Gone)?);
        }
        Ok(answers)
    }
}

impl Inbox {
    /// Whether there may be jobs: asked often, so it takes no system call.
    pub fn has_rung(&self) -> bool {
        self.bell.rung.load(Ordering::Acquire)
    }

    /// Does what was asked for; tells how many jobs there were.
    pub fn work(&self, shard: &mut Shard) -> usize {
        // Before the jobs are looked for: what comes later rings again.
        let _ = rustix::io::read(&self.bell.event, &mut [0; 8]);
        self.bell.rung.store(false, Ordering::Release);
        // What was sent before the bell was silenced is seen here.
        std::sync::atomic::fence(Ordering::SeqCst);
        self.jobs.try_iter().map(|job| job(shard)).count()
    }

    /// Readable when there are jobs.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::event::{PollFd, PollFlags, poll};
    use tctable::sched::Scheduler;
    use tctable::{Config, Gateway};

    use super::*;

    fn serve(inbox: Inbox, number: usize, jobs: usize) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            let scheduler = Scheduler::new(tctable::sched::Config::default());
            let mut shard = Shard::new(number, Gateway::new(Config::default()), scheduler);
            let mut done = 0;
            while done < jobs {
                poll(&mut [PollFd::new(&inbox.bell(), PollFlags::IN)], None).expect("a bell");
                done += inbox.work(&mut shard);
            }
        })
    }

    #[test]
    fn jobs_run_on_their_shard_and_answer() {
        let (shards, inboxes) = Shards::new(2).expect("descriptors");
        let threads: Vec<_> = inboxes.into_iter().enumerate().map(|(number, inbox)| serve(inbox, number, 2)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            assert_eq!(shards.ask(1, |shard| shard.number).await, Ok(1));
            assert_eq!(shards.ask_all(|shard| shard.number).await, Ok(vec![0, 1]));
            assert_eq!(shards.ask(0, |shard| shard.gateway.hosts().len()).await, Ok(0));
            assert_eq!(shards.ask(2, |shard| shard.number).await, Err(Gone));
        });
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(runtime.block_on(shards.ask(0, |_| ())), Err(Gone));
    }
}

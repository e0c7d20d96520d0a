//! Packets that wait for a program's verdict, and their way back to the road: behind the function that queued them.

use std::collections::{BTreeMap, VecDeque};

use thiserror::Error;

use super::engine::Gateway;
use super::hooks::Position;
use super::observer::Unobserved;
use super::walk::{Walk, Walked};
use crate::conntrack::ConnectionId;
use crate::hook::{Ct, DropReason, Hook, PacketBuf, Verdict};
use crate::packet::NotIp;

/// Names a packet that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuedId(u64);

/// A packet that waits for a verdict.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    /// Its name, for the verdict.
    pub id: QueuedId,
    /// Its queue.
    pub queue: u16,
    /// The hook at which it waits.
    pub hook: Hook,
    /// The packet.
    pub packet: &'a PacketBuf<'static>,
}

/// Why a packet did not go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReinjectError {
    /// None of that name waits (`ENOENT`).
    #[error("no such packet waits")]
    Unknown,
    /// What it was to become is no IP packet (`EINVAL`). It waits still.
    #[error("the new bytes are no IP packet: {0:?}")]
    NotIp(NotIp),
}

#[derive(Debug)]
struct Waiting {
    walk: Walk<'static>,
    queue: u16,
    hook: Hook,
    at: Position,
    /// Its connection, which may end meanwhile.
    connection: Option<ConnectionId>,
}

#[derive(Debug)]
struct Queue {
    max: usize,
    len: usize,
    /// Those that nobody has seen.
    unseen: VecDeque<QueuedId>,
}

/// All queues that somebody reads.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: BTreeMap<u16, Queue>,
    waiting: BTreeMap<QueuedId, Waiting>,
    last: u64,
}

impl Queues {
    /// Whether a queue takes one more packet.
    pub(super) fn has_room(&self, number: u16) -> bool {
        self.queues.get(&number).is_some_and(|queue| queue.len < queue.max)
    }

    /// Whether somebody reads a queue.
    pub(super) fn is_read(&self, number: u16) -> bool {
        self.queues.contains_key(&number)
    }

    /// Takes a packet out that was read, or whose queue goes with all that was not.
    fn remove(&mut self, id: QueuedId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        if let Some(queue) = self.queues.get_mut(&waiting.queue) {
            queue.len -= 1;
        }
        Some(waiting)
    }
}

impl Gateway {
    /// Begins to read a queue, in which `max` packets wait at most (the kernel's default is 1024); changes that where it is
    /// read already.
    pub fn bind_queue(&mut self, number: u16, max: usize) {
        let new = Queue { max, len: 0, unseen: VecDeque::new() };
        self.queues.queues.entry(number).or_insert(new).max = max;
    }

    /// Reads a queue no longer: packets that wait in it are dropped, as when a program ends.
    pub fn unbind_queue(&mut self, number: u16) {
        let of_queue = |(id, waiting): (&QueuedId, &Waiting)| (waiting.queue == number).then_some(*id);
        let waiting: Vec<QueuedId> = self.queues.waiting.iter().filter_map(of_queue).collect();
        for id in waiting {
            if let Some(Waiting { walk, .. }) = self.leave_queue(id) {
                self.arrive(walk, Walked::Ended(Verdict::Drop(DropReason::NoQueue)), &mut Unobserved);
            }
        }
        self.queues.queues.remove(&number);
    }

    /// The next packet of a queue that was not read yet. It waits until [`Gateway::reinject`].
    pub fn poll_queued(&mut self, number: u16) -> Option<Queued<'_>> {
        let id = self.queues.queues.get_mut(&number)?.unseen.pop_front()?;
        self.queued(id)
    }

    /// A packet that waits.
    pub fn queued(&self, id: QueuedId) -> Option<Queued<'_>> {
        let Waiting { walk, queue, hook, .. } = self.queues.waiting.get(&id)?;
        Some(Queued { id, queue: *queue, hook: *hook, packet: &walk.packet })
    }

    /// Packets that wait in all queues.
    pub fn queued_packets(&self) -> usize {
        self.queues.waiting.len()
    }

    /// Lets a packet go on that waited: with [`Verdict::Accept`] behind the function that queued it, with
    /// [`Verdict::Repeat`] at it, with [`Verdict::Queue`] to another queue; or not. Before that it gets the mark and the
    /// bytes of its frame that are given.
    ///
    /// # Errors
    /// [`ReinjectError`]
    pub fn reinject(
        &mut self,
        id: QueuedId,
        verdict: Verdict,
        mark: Option<u32>,
        bytes: Option<&[u8]>,
    ) -> Result<(), ReinjectError> {
        let waiting = self.queues.waiting.get_mut(&id).ok_or(ReinjectError::Unknown)?;
        if let Some(bytes) = bytes {
            let edit = |data: &mut Vec<u8>| {
                data.clear();
                data.extend_from_slice(bytes);
            };
            waiting.walk.packet.edit(edit).map_err(ReinjectError::NotIp)?;
        }
        if let Some(mark) = mark {
            waiting.walk.packet.mark = mark;
        }
        let Some(Waiting { mut walk, hook, at, connection, .. }) = self.leave_queue(id) else { return Ok(()) };
        if let Ct::Confirmed(_) = walk.packet.tracking.connection
            && connection.is_none_or(|id| self.conntrack.get(id).is_none())
        {
            walk.forget_connection();
        }
        self.recall_host(&mut walk);
        let now = self.now;
        let walked = match verdict {
            Verdict::Accept => self.go_on(now, &mut walk, hook, Some(at)),
            Verdict::Repeat => self.go_on(now, &mut walk, hook, Some(at.before())),
            Verdict::Queue { number, bypass } => match self.send_to_queue(number, bypass, hook, at) {
                Some(walked) => walked,
                None => self.go_on(now, &mut walk, hook, Some(at)),
            },
            Verdict::Drop(_) | Verdict::Stolen => Walked::Ended(verdict),
        };
        if walked == Walked::Passed {
            self.transmit(&walk.packet);
        }
        self.arrive(walk, walked, &mut Unobserved);
        Ok(())
    }

    /// What becomes of a packet that is to go to a queue; `None`: it goes on without.
    pub(super) fn send_to_queue(&mut self, number: u16, bypass: bool, hook: Hook, at: Position) -> Option<Walked> {
        if self.queues.has_room(number) {
            return Some(Walked::Queued { number, hook, at });
        }
        // A full queue is no absent one.
        if bypass && !self.queues.is_read(number) {
            self.totals.queue_bypassed += 1;
            return None;
        }
        Some(Walked::Ended(Verdict::Drop(DropReason::NoQueue)))
    }

    pub(super) fn enqueue(&mut self, walk: Walk<'_>, number: u16, hook: Hook, at: Position) {
        let connection = walk.packet.connection_id(&self.conntrack);
        let queues = &mut self.queues;
        queues.last += 1;
        let id = QueuedId(queues.last);
        let Some(queue) = queues.queues.get_mut(&number) else { return };
        queue.len += 1;
        queue.unseen.push_back(id);
        if !walk.accounted {
            self.totals.unaccounted.queued.count(walk.came());
        }
        let walk = walk.into_owned();
        queues.waiting.insert(id, Waiting { walk, queue: number, hook, at, connection });
    }

    fn leave_queue(&mut self, id: QueuedId) -> Option<Waiting> {
        let waiting = self.queues.remove(id)?;
        if !waiting.walk.accounted {
            let queued = &mut self.totals.unaccounted.queued;
            queued.packets -= 1;
            queued.bytes -= u64::from(waiting.walk.came());
        }
        Some(waiting)
    }
}

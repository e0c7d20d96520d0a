use super::backlog::{Backlog, Count};
use super::context::{Context, DropCause};
use super::handle::Handle;
use super::qdisc::{Dequeue, Enqueue, Qdisc};
use super::queued::Queued;
use super::skb::Skb;

/// A qdisc in its place in the tree, with the counters that all kinds have.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) handle: Handle,
    /// What left it.
    pub(crate) sent: Count,
    /// Packets that it dropped, offered or queued ones, those dropped below it included.
    pub(crate) dropped: u64,
    pub(crate) qdisc: Box<dyn Qdisc>,
}

impl Node {
    pub(crate) fn new(handle: Handle, qdisc: Box<dyn Qdisc>) -> Node {
        Node { handle, sent: Count::default(), dropped: 0, qdisc }
    }

    /// Offers a packet.
    #[inline]
    pub(crate) fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        let before = context.dropped.len();
        let enqueue = self.qdisc.enqueue(context, skb, queued);
        self.dropped += (context.dropped.len() - before) as u64 + u64::from(matches!(enqueue, Enqueue::Dropped(_)));
        enqueue
    }

    /// Asks for a packet.
    #[inline]
    pub(crate) fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        let before = context.dropped.len();
        let dequeue = self.qdisc.dequeue(context);
        self.dropped += (context.dropped.len() - before) as u64;
        if let Dequeue::Packet(queued) = &dequeue {
            self.sent.count(queued.len);
        }
        dequeue
    }

    pub(crate) fn backlog(&self) -> Backlog {
        self.qdisc.backlog()
    }

    /// Takes everything out that waits.
    pub(crate) fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        let before = context.dropped.len();
        self.qdisc.drain(context, cause);
        self.dropped += (context.dropped.len() - before) as u64;
    }

    /// Another one comes in its place: what waits goes.
    pub(crate) fn replace(&mut self, context: &mut Context<'_>, by: Node) {
        self.drain(context, DropCause::Deleted);
        *self = by;
    }
}

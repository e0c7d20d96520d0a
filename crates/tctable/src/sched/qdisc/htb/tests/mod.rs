mod borrow;
mod change;
mod hosts;
mod invariants;
mod property;
mod rate;

use std::collections::BTreeMap;

use super::Htb;
use crate::sched::backlog::Backlog;
use crate::sched::handle::ClassId;
use crate::sched::options::{ClassOptions, HtbClassOptions, HtbOptions, QdiscOptions};
use crate::sched::qdisc::{ClassRefusal, ClassView, ClassXstats, Classful, Dequeue, Enqueue, Qdisc};
use crate::sched::queued::Queued;
use crate::sched::rate::{Rate, RateSpec};
use crate::sched::skb::Skb;
use crate::sched::testing::{Packet, World, packet};
use crate::time::{Duration, Instant};

/// Kilobits a second.
const KBIT: u64 = 1000;
const MBIT: u64 = 1000 * KBIT;

fn rate(bits: u64) -> RateSpec {
    RateSpec::new(Rate::from_bits(bits))
}

/// A class with a rate, and a ceil that is the same.
fn class(bits: u64) -> HtbClassOptions {
    HtbClassOptions { rate: rate(bits), ..HtbClassOptions::default() }
}

fn class_up_to(bits: u64, ceil: u64) -> HtbClassOptions {
    HtbClassOptions { ceil: Some(rate(ceil)), ..class(bits) }
}

fn id(minor: u32) -> ClassId {
    ClassId { major: 1, minor }
}

/// An `htb` with the handle `1:` in virtual time.
struct Bench {
    world: World,
    htb: Htb,
    token: u64,
    /// What left, by the class that it was offered to.
    sent: BTreeMap<u32, Vec<(Instant, u32)>>,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(&HtbOptions::default())
    }

    fn with(options: &HtbOptions) -> Bench {
        let mut world = World { default_leaf: QdiscOptions::Pfifo { limit: None }, ..World::new() };
        let htb = Htb::new(&world.context(), 1, options);
        Bench { world, htb, token: 0, sent: BTreeMap::new() }
    }

    fn add(&mut self, minor: u32, parent: u32, options: HtbClassOptions) -> &mut Bench {
        assert_eq!(self.try_add(minor, parent, options), Ok(()));
        self
    }

    fn try_add(&mut self, minor: u32, parent: u32, options: HtbClassOptions) -> Result<(), ClassRefusal> {
        let added = self.htb.add(&mut self.world.context(), id(minor), id(parent), &ClassOptions::Htb(options));
        self.check();
        added
    }

    fn change(&mut self, minor: u32, options: HtbClassOptions) {
        let changed =
            Classful::change(&mut self.htb, &mut self.world.context(), id(minor), &ClassOptions::Htb(options));
        assert_eq!(changed, Ok(()));
        self.check();
    }

    fn delete(&mut self, minor: u32) -> Result<(), ClassRefusal> {
        let deleted = self.htb.delete(&mut self.world.context(), id(minor));
        self.check();
        deleted
    }

    /// Offers a packet to a class by its priority; the packet's flow tells the class when it leaves.
    fn offer(&mut self, minor: u32, len: u32) -> Enqueue {
        self.token += 1;
        let priority = 0x1_0000 | minor;
        self.world.offer(&mut self.htb, Packet { len, priority, flow: minor, ..packet(self.token) })
    }

    fn fill(&mut self, minor: u32, len: u32, count: u32) {
        (0..count).for_each(|_| assert_eq!(self.offer(minor, len), Enqueue::Queued));
    }

    fn dequeue(&mut self) -> Dequeue {
        let dequeue = self.htb.dequeue(&mut self.world.context());
        if let Dequeue::Packet(queued) = dequeue {
            self.sent.entry(queued.flow).or_default().push((self.world.now, queued.len));
        }
        dequeue
    }

    fn take(&mut self) -> Option<Queued> {
        match self.dequeue() {
            Dequeue::Packet(queued) => Some(queued),
            Dequeue::Later(_) | Dequeue::Empty => None,
        }
    }

    /// The classes of what leaves now.
    fn take_all(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.take()).map(|queued| queued.flow).collect()
    }

    /// Lets time pass, with as many packets waiting in these classes as there may be, and all sent as soon as it may be.
    fn saturate(&mut self, classes: &[u32], len: u32, span: Duration) {
        let end = self.world.now + span;
        loop {
            for minor in classes {
                while self.waiting(*minor).packets < 3 {
                    assert_eq!(self.offer(*minor, len), Enqueue::Queued);
                }
            }
            match self.dequeue() {
                Dequeue::Packet(_) => {}
                Dequeue::Later(at) if at <= end => {
                    assert!(at > self.world.now);
                    self.world.now = at;
                }
                Dequeue::Later(_) => break,
                Dequeue::Empty => panic!("there are packets"),
            }
        }
        self.world.now = end;
    }

    fn waiting(&self, minor: u32) -> Backlog {
        self.htb.leaf(id(minor)).map_or(Backlog::default(), |node| node.backlog())
    }

    /// Bytes that left of a class.
    fn bytes(&self, minor: u32) -> u64 {
        self.sent.get(&minor).map_or(0, |sent| sent.iter().map(|(_, len)| u64::from(*len)).sum())
    }

    /// Bits a second of a class over a span, as if nothing else had left.
    fn bits(&self, minor: u32, span: Duration) -> f64 {
        self.bytes(minor) as f64 * 8e9 / span.as_nanos() as f64
    }

    fn forget(&mut self) {
        self.sent.clear();
    }

    fn view(&self, minor: u32) -> ClassView {
        self.htb.view(id(minor)).expect("there is such a class")
    }

    fn lends_and_borrows(&self, minor: u32) -> (u32, u32) {
        match self.view(minor).xstats {
            ClassXstats::Htb { lends, borrows, .. } => (lends, borrows),
            other => panic!("{other:?}"),
        }
    }

    fn tokens(&self, minor: u32) -> (i64, i64) {
        match self.view(minor).xstats {
            ClassXstats::Htb { tokens, ctokens, .. } => (tokens, ctokens),
            other => panic!("{other:?}"),
        }
    }

    fn pass(&mut self, span: Duration) {
        self.world.pass(span);
    }
}

/// Whether a value is another but for a share.
#[track_caller]
fn close(value: f64, wanted: f64, share: f64) {
    assert!((value - wanted).abs() <= wanted * share, "{value} is not {wanted}");
}

fn skb(priority: u32) -> Skb<'static> {
    Skb {
        token: 1,
        data: &[],
        network_offset: 0,
        protocol: 0x0800,
        len: 100,
        info: None,
        mark: 0,
        priority,
        input: None,
        ct: None,
        host: None,
    }
}

//! Packets through the devices of one shaping, in virtual time.

use std::net::IpAddr;

use tctable::packet::Frame;
use tctable::sched::{
    Config, Departure, DeviceConfig, Dropped, Ingress, Offer, Poll, QdiscDump, QdiscOptions, Rate, Scheduler, Skb,
};
use tctable::time::{Duration, Instant};

use super::book::{Book, Counted};
use super::shaped::{Kept, Shaped};
use super::shaping::{Shaping, ShapingError};
use super::tally::Times;
use crate::output::OutputError;
use crate::place::Place;

/// A packet that waits.
#[derive(Debug)]
struct Waiting {
    counted: Counted,
    /// Its bytes, where they are to be written.
    frame: Option<Kept>,
}

/// A device's line.
#[derive(Debug)]
struct Link {
    /// `None` takes a packet at once.
    speed: Option<Rate>,
    /// Until then it carries a packet.
    busy_until: Instant,
    /// When it asks for the next packet; `None` where nothing waits.
    next: Option<Instant>,
}

impl Link {
    /// How long a packet takes from its first byte to its last.
    fn duration(&self, len: u32) -> Duration {
        let nanos = |rate: Rate| (u128::from(len) * 1_000_000_000).div_ceil(u128::from(rate.0.max(1)));
        let nanos = self.speed.map_or(0, nanos);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// One shaping at work.
#[derive(Debug)]
pub(crate) struct Simulation {
    scheduler: Scheduler,
    links: [Link; 2],
    /// By token.
    waiting: Vec<Option<Waiting>>,
    free: Vec<usize>,
    pub(crate) book: Book,
    /// The file's name.
    pub(crate) name: String,
    end: Instant,
}

/// Where a packet is to go, and what it counts for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Going {
    pub(super) device: Place,
    pub(super) input: Place,
    pub(super) host: Option<IpAddr>,
}

impl Simulation {
    /// Sets the devices up as a file says. A device of which it says nothing has one queue.
    pub(super) fn new(shaping: &Shaping) -> Result<Simulation, ShapingError> {
        let mut scheduler = Scheduler::new(Config::default());
        for place in Place::ALL {
            let config = DeviceConfig { name: place.name().to_owned(), ..DeviceConfig::default() };
            let added = scheduler.add_device(place.id(), config);
            added.expect("two devices of a kind that is there");
        }
        let speeds = shaping.apply(&mut scheduler)?;
        let book = Book::new(&scheduler);
        let links = speeds.map(|speed| Link { speed, busy_until: Instant::ZERO, next: None });
        Ok(Simulation {
            scheduler,
            links,
            waiting: Vec::new(),
            free: Vec::new(),
            book,
            name: shaping.name.clone(),
            end: Instant::ZERO,
        })
    }

    /// The speed of a device's line.
    pub(crate) fn speed(&self, device: Place) -> Option<Rate> {
        self.links[device as usize].speed
    }

    /// The root qdisc of a device.
    pub(crate) fn root(&self, device: Place) -> Option<QdiscOptions> {
        let mut dump = QdiscDump::new(Some(device.id()));
        self.scheduler.dump_qdiscs(&mut dump, 1).pop().map(|view| view.options)
    }

    /// When it ends that began and was offered its last packet then.
    pub(super) fn times(&self, first: Instant, last: Instant) -> Times {
        Times { first, last, end: self.end.max(last) }
    }

    /// The first packet is about to come.
    pub(super) fn begin(&mut self, start: Instant) {
        self.book.begin(start);
    }

    /// A packet comes. Whatever is due by then leaves before.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        skb: &mut Skb<'_>,
        going: Going,
        out: &mut Option<Shaped>,
    ) -> Result<(), OutputError> {
        self.advance(now, out)?;
        let host = going.host.map(|address| self.book.host(going.device, address));
        let counted = Counted { device: going.device, class: None, host, len: skb.len };
        match self.scheduler.receive(now, going.input.id(), skb) {
            Ingress::Pass => {}
            Ingress::Dropped(_) => {
                self.book.devices[going.input as usize].ingress.refused(skb.len);
                return Ok(());
            }
            Ingress::Stolen => {
                self.book.devices[going.input as usize].ingress.taken(skb.len);
                return Ok(());
            }
        }
        skb.token = self.token();
        match self.scheduler.offer(now, going.device.id(), skb) {
            Offer::Queued { class } => {
                let class = class.and_then(|class| self.book.class(&self.scheduler, going.device, class, going.host));
                let counted = Counted { class, ..counted };
                self.book.queued(counted);
                let frame = out.is_some().then(|| Kept {
                    network_offset: skb.network_offset.into(),
                    wire_len: frame.wire_len,
                    bytes: frame.data.into(),
                });
                self.waiting[skb.token as usize] = Some(Waiting { counted, frame });
                let link = &mut self.links[going.device as usize];
                let free = now.max(link.busy_until);
                link.next = Some(link.next.map_or(free, |next| next.min(free)));
            }
            Offer::Dropped { class, .. } => {
                let class = class.and_then(|class| self.book.class(&self.scheduler, going.device, class, going.host));
                self.book.refused(Counted { class, ..counted });
                self.free.push(skb.token as usize);
            }
            Offer::Stolen => {
                self.book.taken(counted);
                self.free.push(skb.token as usize);
            }
        }
        self.give_up();
        self.advance(now, out)
    }

    /// After the last packet: the queues are emptied.
    pub(super) fn drain(&mut self, out: &mut Option<Shaped>) -> Result<(), OutputError> {
        self.advance(Instant::MAX, out)
    }

    fn token(&mut self) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.waiting.push(None);
            self.waiting.len() - 1
        });
        place as u64
    }

    /// Lets leave what is due until `now`, in the order of time.
    fn advance(&mut self, now: Instant, out: &mut Option<Shaped>) -> Result<(), OutputError> {
        while let Some((at, device)) = self.next().filter(|(at, _)| *at <= now && *at < Instant::MAX) {
            if let Some(out) = out {
                out.write_until(at)?;
            }
            let poll = self.scheduler.poll(at, device.id());
            let link = &mut self.links[device as usize];
            match poll {
                Poll::Packet(departure) => {
                    link.busy_until = at + link.duration(departure.len);
                    link.next = Some(link.busy_until);
                    let left = link.busy_until;
                    self.leave(departure, left, out);
                }
                // Time goes on, whatever is said.
                Poll::Later(later) => link.next = Some(later.max(at + Duration::from_nanos(1))),
                Poll::Empty => link.next = None,
            }
            self.give_up();
        }
        Ok(())
    }

    /// The device whose turn it is.
    fn next(&self) -> Option<(Instant, Place)> {
        let next = Place::ALL.into_iter().filter_map(|place| Some((self.links[place as usize].next?, place)));
        next.min()
    }

    fn leave(&mut self, departure: Departure, left: Instant, out: &mut Option<Shaped>) {
        let Some(waiting) = self.take(departure.token) else { return };
        self.end = self.end.max(left);
        let delay = left.since(departure.arrived);
        self.book.carried(waiting.counted, left, delay, departure.is_marked);
        if let (Some(out), Some(frame)) = (out, waiting.frame) {
            out.add(left, frame, departure.is_marked);
        }
    }

    /// Counts what was dropped of the queues.
    fn give_up(&mut self) {
        while let Some(Dropped { token, .. }) = self.scheduler.poll_dropped() {
            if let Some(waiting) = self.take(token) {
                self.book.dropped(waiting.counted);
            }
        }
    }

    fn take(&mut self, token: u64) -> Option<Waiting> {
        let place = usize::try_from(token).ok()?;
        let waiting = self.waiting.get_mut(place)?.take()?;
        self.free.push(place);
        Some(waiting)
    }
}

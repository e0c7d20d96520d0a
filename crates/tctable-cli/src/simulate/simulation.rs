//! Packets through the devices of one shaping, in virtual time.

use std::net::IpAddr;

use tctable::packet::Frame;
use tctable::sched::{
    ClassId, Config, Departure, DeviceConfig, Dropped, Ingress, Offer, Poll, QdiscDump, QdiscOptions, Rate, Redirected,
    Scheduler, Skb,
};
use tctable::time::{Duration, Instant};

use super::book::{Book, Counted};
use super::shaped::{Kept, Shaped};
use super::tally::Times;
use crate::output::OutputError;
use crate::place::Place;
use tctable_daemon::config::shaping::{Shaping, ShapingError};

/// A packet that waits: once, or more often where an action made copies of it, which have its token.
#[derive(Debug, Default)]
struct Waiting {
    counted: Vec<Counted>,
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
    waiting: Vec<Waiting>,
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
        let mut speeds = [None; 2];
        for (device, speed) in shaping.apply(Instant::ZERO, &mut scheduler)? {
            speeds[Place::of(device) as usize] = Some(speed);
        }
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
        let token = self.token();
        skb.token = token as u64;
        if out.is_some() {
            self.waiting[token].frame = Some(Kept {
                network_offset: skb.network_offset.into(),
                wire_len: frame.wire_len,
                bytes: frame.data.into(),
            });
        }
        if self.comes_in(now, skb, going) {
            self.goes_out(now, skb, going);
        }
        self.give_up();
        self.free_unless_waiting(token);
        self.advance(now, out)
    }

    /// A packet meets the filters of the device that it comes in by; tells whether it goes on.
    fn comes_in(&mut self, now: Instant, skb: &mut Skb<'_>, going: Going) -> bool {
        let ingress = self.scheduler.receive(now, going.input.id(), skb);
        self.copies(now, skb);
        let row = &mut self.book.devices[going.input as usize].ingress;
        match ingress {
            // Where it goes depends on its addresses, wherever it came in.
            Ingress::Pass | Ingress::Redirected(Redirected::Received { .. }) => return true,
            Ingress::Dropped(_) => row.refused(skb.len),
            Ingress::Stolen => row.taken(skb.len),
            Ingress::Redirected(Redirected::Queued { device, class }) => {
                row.taken(skb.len);
                self.elsewhere(now, skb, Place::of(device), class);
            }
        }
        false
    }

    /// A packet is offered to the device that it leaves by.
    fn goes_out(&mut self, now: Instant, skb: &mut Skb<'_>, going: Going) {
        let offer = self.scheduler.offer(now, going.device.id(), skb);
        self.copies(now, skb);
        let host = going.host.map(|address| self.book.host(going.device, address));
        let counted = |class| Counted { device: going.device, class, host, len: skb.len };
        match offer {
            Offer::Queued { class } => {
                let class = self.class(going.device, class, going.host);
                self.wait(now, skb.token, counted(class));
            }
            Offer::Dropped { class, .. } => {
                let class = self.class(going.device, class, going.host);
                self.book.refused(counted(class));
            }
            Offer::Stolen | Offer::Redirected(Redirected::Received { .. }) => self.book.taken(counted(None)),
            Offer::Redirected(Redirected::Queued { device, class }) => {
                self.book.taken(counted(None));
                self.elsewhere(now, skb, Place::of(device), class);
            }
        }
    }

    /// Copies that actions made of the packet that was just told of. Those that were handed to a device as if they came in
    /// there have no way on.
    fn copies(&mut self, now: Instant, skb: &Skb<'_>) {
        let copies = self.scheduler.copies().to_vec();
        for copy in copies {
            if let Redirected::Queued { device, class } = copy {
                self.elsewhere(now, skb, Place::of(device), class);
            }
        }
    }

    /// A packet, or a copy, waits where an action sent it. It counts there, and for no host.
    fn elsewhere(&mut self, now: Instant, skb: &Skb<'_>, device: Place, class: Option<ClassId>) {
        let class = self.class(device, class, None);
        self.wait(now, skb.token, Counted { device, class, host: None, len: skb.len });
    }

    fn class(&mut self, device: Place, class: Option<ClassId>, host: Option<IpAddr>) -> Option<usize> {
        self.book.class(&self.scheduler, device, class?, host)
    }

    fn wait(&mut self, now: Instant, token: u64, counted: Counted) {
        self.book.queued(counted);
        self.waiting[token as usize].counted.push(counted);
        let link = &mut self.links[counted.device as usize];
        let free = now.max(link.busy_until);
        link.next = Some(link.next.map_or(free, |next| next.min(free)));
    }

    /// After the last packet: the queues are emptied.
    pub(super) fn drain(&mut self, out: &mut Option<Shaped>) -> Result<(), OutputError> {
        self.advance(Instant::MAX, out)
    }

    fn token(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.waiting.push(Waiting::default());
            self.waiting.len() - 1
        })
    }

    fn free_unless_waiting(&mut self, token: usize) {
        let waiting = &mut self.waiting[token];
        if waiting.counted.is_empty() {
            waiting.frame = None;
            self.free.push(token);
        }
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
                    self.leave(device, &departure, left, out);
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

    fn leave(&mut self, device: Place, departure: &Departure, left: Instant, out: &mut Option<Shaped>) {
        let Some((counted, frame)) = self.take(device, departure.token) else { return };
        self.end = self.end.max(left);
        self.book.carried(counted, left, left.since(departure.arrived), departure.is_marked);
        if let (Some(out), Some(frame)) = (out, frame) {
            out.add(left, frame, departure.is_marked);
        }
    }

    /// Counts what was dropped of the queues.
    fn give_up(&mut self) {
        while let Some(Dropped { token, device, .. }) = self.scheduler.poll_dropped() {
            if let Some((counted, _)) = self.take(Place::of(device), token) {
                self.book.dropped(counted);
            }
        }
    }

    /// A packet, or a copy, waits no longer at a device.
    fn take(&mut self, device: Place, token: u64) -> Option<(Counted, Option<Kept>)> {
        let token = usize::try_from(token).ok()?;
        let waiting = self.waiting.get_mut(token)?;
        let at = waiting.counted.iter().position(|counted| counted.device == device)?;
        let counted = waiting.counted.swap_remove(at);
        let frame = if waiting.counted.is_empty() { waiting.frame.take() } else { waiting.frame.clone() };
        self.free_unless_waiting(token);
        Some((counted, frame))
    }
}

//! The tallies of all devices, classes and hosts.

use std::collections::HashMap;
use std::net::IpAddr;

use tctable::sched::{ClassDump, ClassEntry, ClassId, Handle, QdiscDump, Scheduler};
use tctable::time::{Duration, Instant};

use super::series::Series;
use super::tally::Tally;
use crate::place::Place;

/// A device as a whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceRow {
    pub(crate) tally: Tally,
    /// Of that, what was in no class.
    pub(crate) unclassified: Tally,
    /// What filters dropped or took that came in by it.
    pub(crate) ingress: Tally,
}

/// A class.
#[derive(Clone, Debug)]
pub(crate) struct ClassRow {
    pub(crate) device: Place,
    pub(crate) class: ClassId,
    /// The class above it; its qdisc (`major:0`) at the top.
    pub(crate) parent: ClassId,
    /// The class above it by its place in the book, of an outer qdisc too.
    pub(crate) above: Option<usize>,
    pub(crate) tally: Tally,
    pub(crate) carried_over_time: Series,
}

/// What one host sent (by `wan`) or received (by `lan`).
#[derive(Clone, Debug)]
pub(crate) struct HostRow {
    pub(crate) device: Place,
    pub(crate) address: IpAddr,
    pub(crate) tally: Tally,
}

/// What a packet counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) device: Place,
    /// Its class by its place in the book.
    pub(super) class: Option<usize>,
    /// Its host by its place in the book.
    pub(super) host: Option<usize>,
    pub(super) len: u32,
}

/// All tallies.
#[derive(Debug)]
pub(crate) struct Book {
    start: Instant,
    pub(crate) devices: [DeviceRow; 2],
    pub(crate) classes: Vec<ClassRow>,
    class_places: HashMap<(Place, ClassId), usize>,
    pub(crate) hosts: Vec<HostRow>,
    host_places: HashMap<(Place, IpAddr), usize>,
}

/// Views that are asked for at a time.
const PART: usize = 256;

impl Book {
    /// With the classes that are set up.
    pub(super) fn new(scheduler: &Scheduler) -> Book {
        let mut book = Book {
            start: Instant::ZERO,
            devices: Default::default(),
            classes: Vec::new(),
            class_places: HashMap::new(),
            hosts: Vec::new(),
            host_places: HashMap::new(),
        };
        for device in Place::ALL {
            book.learn(scheduler, device);
        }
        book
    }

    /// The first packet came.
    pub(super) fn begin(&mut self, start: Instant) {
        self.start = start;
        self.classes.iter_mut().for_each(|class| class.carried_over_time = Series::new(start));
    }

    /// Makes a row for each class of a device that has none.
    fn learn(&mut self, scheduler: &Scheduler, device: Place) {
        let mut dump = QdiscDump::new(Some(device.id()));
        let mut outer = HashMap::new();
        loop {
            let qdiscs = scheduler.dump_qdiscs(&mut dump, PART);
            if qdiscs.is_empty() {
                break;
            }
            outer.extend(qdiscs.iter().map(|qdisc| (qdisc.handle.major(), qdisc.parent)));
        }
        let mut dump = ClassDump::new(device.id());
        let first = self.classes.len();
        loop {
            let classes = scheduler.dump_classes(&mut dump, PART);
            if classes.is_empty() {
                break;
            }
            for ClassEntry { view, .. } in classes {
                self.add_class(device, view.id, view.parent);
            }
        }
        for at in first..self.classes.len() {
            self.classes[at].above = self.above(device, self.classes[at].parent, &outer);
        }
    }

    fn add_class(&mut self, device: Place, class: ClassId, parent: ClassId) -> usize {
        *self.class_places.entry((device, class)).or_insert_with(|| {
            let carried_over_time = Series::new(self.start);
            let row = ClassRow { device, class, parent, above: None, tally: Tally::default(), carried_over_time };
            self.classes.push(row);
            self.classes.len() - 1
        })
    }

    /// The row of a parent, be it a class, or a qdisc below a class of another one.
    fn above(&self, device: Place, parent: ClassId, outer: &HashMap<u16, Handle>) -> Option<usize> {
        let class = match parent {
            ClassId { major, minor: 0 } => (*outer.get(&major)?).into(),
            class => class,
        };
        self.class_places.get(&(device, class)).copied()
    }

    /// The row of a class; one that was not there at first is a host's, and is looked for.
    pub(super) fn class(&mut self, scheduler: &Scheduler, device: Place, class: ClassId) -> usize {
        if let Some(place) = self.class_places.get(&(device, class)) {
            return *place;
        }
        self.learn(scheduler, device);
        self.add_class(device, class, ClassId { major: class.major, minor: 0 })
    }

    /// The row of a host.
    pub(super) fn host(&mut self, device: Place, address: IpAddr) -> usize {
        *self.host_places.entry((device, address)).or_insert_with(|| {
            self.hosts.push(HostRow { device, address, tally: Tally::default() });
            self.hosts.len() - 1
        })
    }

    /// A packet came and waits.
    pub(super) fn queued(&mut self, counted: Counted) {
        self.each(counted, |tally| tally.queued(counted.len));
    }

    /// A packet came and was dropped at once.
    pub(super) fn refused(&mut self, counted: Counted) {
        self.each(counted, |tally| tally.refused(counted.len));
    }

    /// A packet came and was taken.
    pub(super) fn taken(&mut self, counted: Counted) {
        self.each(counted, |tally| tally.taken(counted.len));
    }

    /// A packet that waited was dropped.
    pub(super) fn dropped(&mut self, counted: Counted) {
        self.each(counted, |tally| tally.dropped(counted.len));
    }

    /// A packet that waited has left.
    pub(super) fn carried(&mut self, counted: Counted, at: Instant, delay: Duration, is_marked: bool) {
        self.each(counted, |tally| tally.carried(counted.len, delay, is_marked));
        let mut class = counted.class;
        while let Some(place) = class {
            self.classes[place].carried_over_time.add(at, counted.len);
            class = self.classes[place].above;
        }
    }

    /// All tallies that a packet counts in: its device's, its class's and those above it, its host's.
    fn each(&mut self, counted: Counted, mut count: impl FnMut(&mut Tally)) {
        let device = &mut self.devices[counted.device as usize];
        count(&mut device.tally);
        if counted.class.is_none() {
            count(&mut device.unclassified);
        }
        let mut class = counted.class;
        while let Some(place) = class {
            count(&mut self.classes[place].tally);
            class = self.classes[place].above;
        }
        if let Some(host) = counted.host {
            count(&mut self.hosts[host].tally);
        }
    }
}

//! The tallies of all devices, classes and hosts.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use tctable::sched::{ClassDump, ClassEntry, ClassId, Handle, QdiscDump, Scheduler};
use tctable::time::{Duration, Instant};

use super::series::Series;
use super::tally::Tally;
use crate::place::Place;

/// A device as a whole.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRow {
    pub(crate) tally: Tally,
    /// Of that, what was in no class.
    pub(crate) unclassified: Tally,
    pub(crate) unclassified_over_time: Series,
    /// What filters dropped or took that came in by it.
    pub(crate) ingress: Tally,
}

impl DeviceRow {
    fn new() -> DeviceRow {
        DeviceRow {
            tally: Tally::default(),
            unclassified: Tally::default(),
            unclassified_over_time: Series::new(Instant::ZERO),
            ingress: Tally::default(),
        }
    }
}

/// What a row of classes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Of {
    /// A class.
    One,
    /// All classes of hosts below one parent.
    AllHosts,
    /// The class of one host, or of one prefix of hosts: the number of its class may have been another one's before.
    Host(IpNet),
}

/// A class.
#[derive(Clone, Debug)]
pub(crate) struct ClassRow {
    pub(crate) device: Place,
    pub(crate) class: ClassId,
    pub(crate) of: Of,
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
    class_places: HashMap<(Place, ClassId, Of), usize>,
    pub(crate) hosts: Vec<HostRow>,
    host_places: HashMap<(Place, IpAddr), usize>,
}

/// The kinds whose classes packets are put in; the one class of `tbf` and `red` is all that passes them.
const KINDS: [&str; 3] = ["htb", "cbq", "prio"];

/// Views that are asked for at a time.
const PART: usize = 256;

impl Book {
    /// With the classes that are set up.
    pub(super) fn new(scheduler: &Scheduler) -> Book {
        let mut book = Book {
            start: Instant::ZERO,
            devices: [DeviceRow::new(), DeviceRow::new()],
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
        self.devices.iter_mut().for_each(|device| device.unclassified_over_time = Series::new(start));
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
        loop {
            let classes = scheduler.dump_classes(&mut dump, PART);
            if classes.is_empty() {
                break;
            }
            for ClassEntry { view, kind, .. } in classes {
                if KINDS.contains(&kind) {
                    self.add_class(device, view.id, Of::One, view.parent);
                }
            }
        }
        for at in 0..self.classes.len() {
            if self.classes[at].device == device {
                self.classes[at].above = self.above(device, self.classes[at].parent, &outer);
            }
        }
    }

    fn add_class(&mut self, device: Place, class: ClassId, of: Of, parent: ClassId) -> usize {
        *self.class_places.entry((device, class, of)).or_insert_with(|| {
            let carried_over_time = Series::new(self.start);
            let row = ClassRow { device, class, of, parent, above: None, tally: Tally::default(), carried_over_time };
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
        self.class_places.get(&(device, class, Of::One)).copied()
    }

    /// The row of the class that a packet was put in.
    pub(super) fn class(
        &mut self,
        scheduler: &Scheduler,
        device: Place,
        class: ClassId,
        host: Option<IpAddr>,
    ) -> Option<usize> {
        if let Some(place) = self.class_places.get(&(device, class, Of::One)) {
            return Some(*place);
        }
        // What was not there at first is a host's.
        let qdisc = Handle::new(class.major, 0);
        let (template, _) = scheduler.host_classes(device.id(), qdisc).ok()??;
        let address = host?;
        let length = if address.is_ipv4() { template.prefix_v4 } else { template.prefix_v6 };
        let of = Of::Host(IpNet::new(address, length).ok()?.trunc());
        if let Some(place) = self.class_places.get(&(device, class, of)) {
            return Some(*place);
        }
        let all_id = ClassId { major: class.major, minor: u32::MAX };
        let all = self.add_class(device, all_id, Of::AllHosts, template.parent);
        self.classes[all].above = self.class_places.get(&(device, template.parent, Of::One)).copied();
        let place = self.add_class(device, class, of, template.parent);
        self.classes[place].above = Some(all);
        Some(place)
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
        if counted.class.is_none() {
            self.devices[counted.device as usize].unclassified_over_time.add(at, counted.len);
        }
        let mut class = counted.class;
        while let Some(place) = class {
            let row = &mut self.classes[place];
            // Hosts are drawn as one.
            if !matches!(row.of, Of::Host(_)) {
                row.carried_over_time.add(at, counted.len);
            }
            class = row.above;
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

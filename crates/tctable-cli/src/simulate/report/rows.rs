//! The rows of a report in their order: each device, its classes as a tree, then hosts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use tctable::sched::ClassId;

use crate::place::Place;
use crate::simulate::book::{HostRow, Of};
use crate::simulate::simulation::Simulation;
use crate::simulate::tally::{Tally, Times};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// All that was offered to a device.
    Device(Place),
    /// What was in none of a device's classes, though it has some.
    Unclassified(Place),
    /// A class.
    Class(Place, ClassId),
    /// All classes of hosts together.
    AllHosts(Place, ClassId),
    /// The class of a host or of a prefix.
    HostClass(Place, IpNet, ClassId),
    /// What a host sent or received.
    Host(Place, IpAddr),
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) subject: Subject,
    /// How deep it stands in its device's tree.
    pub(super) depth: usize,
    /// What a class hangs below.
    pub(super) parent: Option<ClassId>,
    pub(super) tally: &'a Tally,
}

/// A class in the order of siblings, with its place in the book.
type Child = ((ClassId, Of), usize);

/// Devices and classes.
pub(super) fn classes(simulation: &Simulation) -> Vec<Row<'_>> {
    let book = &simulation.book;
    let mut below: BTreeMap<(Place, Option<usize>), Vec<Child>> = BTreeMap::new();
    for (at, row) in book.classes.iter().enumerate() {
        below.entry((row.device, row.above)).or_default().push(((row.class, row.of), at));
    }
    below.values_mut().for_each(|classes| classes.sort_unstable());
    let mut rows = Vec::new();
    for place in Place::ALL {
        let device = &book.devices[place as usize];
        let row = |subject, depth, tally| Row { subject, depth, parent: None, tally };
        rows.push(row(Subject::Device(place), 0, &device.tally));
        let mut stack: Vec<(usize, usize)> = Vec::new();
        let children = |above| below.get(&(place, above)).into_iter().flatten().rev();
        stack.extend(children(None).map(|(_, at)| (1, *at)));
        let has_classes = !stack.is_empty();
        while let Some((depth, at)) = stack.pop() {
            let class = &book.classes[at];
            let subject = match class.of {
                Of::One => Subject::Class(place, class.class),
                Of::AllHosts => Subject::AllHosts(place, class.class),
                Of::Host(net) => Subject::HostClass(place, net, class.class),
            };
            rows.push(Row { subject, depth, parent: Some(class.parent), tally: &class.tally });
            stack.extend(children(Some(at)).map(|(_, child)| (depth + 1, *child)));
        }
        if has_classes && device.unclassified.offered.packets > 0 {
            rows.push(row(Subject::Unclassified(place), 1, &device.unclassified));
        }
    }
    rows
}

/// Hosts, those with most bytes offered first.
pub(super) fn hosts<'a>(simulation: &'a Simulation) -> Vec<Row<'a>> {
    let mut bytes: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for host in &simulation.book.hosts {
        *bytes.entry(host.address).or_default() += host.tally.offered.bytes;
    }
    let row = |host: &'a HostRow| {
        let HostRow { device, address, ref tally } = *host;
        Row { subject: Subject::Host(device, address), depth: 0, parent: None, tally }
    };
    let mut rows: Vec<_> = simulation.book.hosts.iter().map(row).collect();
    rows.sort_unstable_by_key(|row| match row.subject {
        Subject::Host(device, address) => (std::cmp::Reverse(bytes[&address]), address, device),
        _ => unreachable!("hosts only"),
    });
    rows
}

/// The first hosts: as many addresses, with what they sent and received.
pub(super) fn top<'a>(hosts: Vec<Row<'a>>, top: usize) -> Vec<Row<'a>> {
    let mut addresses = 0;
    let mut last = None;
    let is_among = |row: &Row<'_>| {
        let Subject::Host(_, address) = row.subject else { return false };
        addresses += usize::from(last.replace(address) != Some(address));
        addresses <= top
    };
    hosts.into_iter().take_while(is_among).collect()
}

impl Row<'_> {
    /// Bytes offered in a second; `None` where all came at once.
    pub(super) fn offered_rate(&self, times: &Times) -> Option<u64> {
        rate(self.tally.offered.bytes, times.offered().as_nanos())
    }

    /// Bytes carried in a second, until the last packet of the simulation had left.
    pub(super) fn carried_rate(&self, times: &Times) -> Option<u64> {
        rate(self.tally.carried.bytes, times.carried().as_nanos())
    }
}

fn rate(bytes: u64, nanos: u64) -> Option<u64> {
    let rate = (u128::from(bytes) * 1_000_000_000).checked_div(nanos.into())?;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

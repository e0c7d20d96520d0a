//! What holds after every step.

use std::collections::{BTreeMap, BTreeSet};

use tctable::packet::DeviceId;
use tctable::sched::{
    ClassDump, ClassEntry, ClassRequest, Departure, FilterDump, Handle, Ingress, Offer, QdiscDump, QdiscRequest,
    QdiscSpec, QdiscView, Redirected, Scheduler, Skb,
};

/// The packets that wait: by token, how many and how long they are.
#[derive(Default)]
pub struct Invariants {
    waiting: BTreeMap<u64, (u32, u32)>,
}

impl Invariants {
    fn queued(&mut self, skb: &Skb<'_>) {
        self.waiting.entry(skb.token).or_insert((0, skb.len)).0 += 1;
    }

    fn gone(&mut self, token: u64, len: u32) {
        let waiting = self.waiting.get_mut(&token).expect("a packet that waits");
        assert_eq!(waiting.1, len);
        waiting.0 -= 1;
        if waiting.0 == 0 {
            self.waiting.remove(&token);
        }
    }

    fn copied(&mut self, scheduler: &Scheduler, skb: &Skb<'_>) {
        for copy in scheduler.copies() {
            if let Redirected::Queued { .. } = copy {
                self.queued(skb);
            }
        }
    }

    pub fn offered(&mut self, scheduler: &Scheduler, skb: &Skb<'_>, offer: Offer) {
        self.copied(scheduler, skb);
        match offer {
            Offer::Queued { .. } | Offer::Redirected(Redirected::Queued { .. }) => self.queued(skb),
            Offer::Redirected(Redirected::Received { .. }) | Offer::Dropped { .. } | Offer::Stolen => {}
        }
    }

    pub fn received(&mut self, scheduler: &Scheduler, skb: &Skb<'_>, ingress: Ingress) {
        self.copied(scheduler, skb);
        if let Ingress::Redirected(Redirected::Queued { .. }) = ingress {
            self.queued(skb);
        }
    }

    pub fn left(&mut self, departure: &Departure) {
        self.gone(departure.token, departure.len);
    }

    pub fn nothing_waits(&self) {
        assert!(self.waiting.is_empty(), "{:?}", self.waiting);
    }

    /// What is offered, left, dropped and waits adds up.
    pub fn check_packets(&mut self, scheduler: &mut Scheduler, devices: &[DeviceId], most: usize) {
        while let Some(dropped) = scheduler.poll_dropped() {
            self.gone(dropped.token, dropped.len);
        }
        let (mut packets, mut bytes) = (0, 0);
        for device in devices {
            let root = scheduler.dump_qdiscs(&mut QdiscDump::new(Some(*device)), 1).pop().expect("a root");
            packets += root.backlog.packets;
            bytes += root.backlog.bytes;
        }
        let counted: u32 = self.waiting.values().map(|(count, _)| count).sum();
        let lengths: u64 = self.waiting.values().map(|(count, len)| u64::from(*count) * u64::from(*len)).sum();
        assert_eq!((packets, bytes), (counted, lengths), "what was offered, left and was dropped is not what waits");
        assert!(packets as usize <= most);
        while scheduler.poll_notification().is_some() {}
    }

    /// And the tree is whole.
    pub fn check(&mut self, scheduler: &mut Scheduler, devices: &[DeviceId], most: usize) {
        self.check_packets(scheduler, devices, most);
        devices.iter().for_each(|device| Tree::read(scheduler, *device).check(scheduler));
    }
}

/// A device's tree as it is listed.
struct Tree {
    device: DeviceId,
    qdiscs: Vec<QdiscView>,
    classes: Vec<ClassEntry>,
}

/// A list that is read in parts.
fn in_parts<T>(mut next: impl FnMut(usize) -> Vec<T>) -> Vec<T> {
    let mut all = Vec::new();
    for size in 1.. {
        let part = next(size);
        assert!(part.len() <= size);
        if part.is_empty() {
            break;
        }
        all.extend(part);
    }
    all
}

impl Tree {
    fn read(scheduler: &Scheduler, device: DeviceId) -> Tree {
        let (mut qdiscs, mut classes) = (QdiscDump::new(Some(device)), ClassDump::new(device));
        let tree = Tree {
            device,
            qdiscs: in_parts(|size| scheduler.dump_qdiscs(&mut qdiscs, size)),
            classes: in_parts(|size| scheduler.dump_classes(&mut classes, size)),
        };
        assert_eq!(tree.qdiscs, scheduler.dump_qdiscs(&mut QdiscDump::new(Some(device)), usize::MAX));
        assert_eq!(tree.classes, scheduler.dump_classes(&mut ClassDump::new(device), usize::MAX));
        tree
    }

    fn root(&self) -> &QdiscView {
        self.qdiscs.first().expect("a root")
    }

    fn qdisc(&self, major: u16) -> Option<&QdiscView> {
        self.qdiscs.iter().find(|view| view.handle.major() == major)
    }

    fn check(&self, scheduler: &mut Scheduler) {
        let handles: BTreeSet<Handle> = self.qdiscs.iter().map(|view| view.handle).collect();
        assert_eq!(handles.len(), self.qdiscs.len(), "a handle twice");
        let ids: BTreeSet<_> = self.classes.iter().map(|entry| entry.view.id).collect();
        assert_eq!(ids.len(), self.classes.len(), "a class twice");
        let parents: BTreeSet<Handle> = self.qdiscs.iter().map(|view| view.parent).collect();
        assert_eq!(parents.len(), self.qdiscs.len(), "two qdiscs at one place");
        assert_eq!(self.root().parent, Handle::ROOT);

        for view in &self.qdiscs {
            let (device, handle) = (self.device, view.handle);
            let get = |parent, handle| QdiscRequest { device, parent, handle, spec: QdiscSpec::Any };
            assert_eq!(scheduler.qdisc(&get(view.parent, Handle::UNSPEC)).as_ref(), Ok(view));
            if handle != Handle::UNSPEC {
                assert_eq!(scheduler.qdisc(&get(Handle::UNSPEC, handle)).as_ref(), Ok(view));
                self.filters(scheduler, handle);
            }
            if view.parent != Handle::ROOT && view.parent != Handle::INGRESS {
                let class = self.classes.iter().find(|entry| entry.view.id.handle() == Some(view.parent));
                let class = class.expect("a qdisc hangs below a class that is there");
                assert_eq!(class.view.leaf, Some(handle));
                let above = self.qdisc(view.parent.major()).expect("the qdisc above");
                assert!(above.dropped >= view.dropped, "a drop that nobody above counted");
                // What waits in a class is what waits below it.
                assert_eq!(class.view.backlog, view.backlog);
            }
        }
        for entry in &self.classes {
            let request = ClassRequest {
                device: self.device,
                parent: Handle::UNSPEC,
                class: entry.view.id.handle().expect("a class with a name"),
                options: None,
            };
            assert_eq!(scheduler.class(&request).as_ref(), Ok(entry));
            let above = entry.view.parent;
            let qdisc = self.qdisc(above.major).expect("a class's qdisc");
            assert_eq!(qdisc.options.kind(), entry.kind);
            assert_eq!(above.major, entry.view.id.major);
            assert!(above.minor == 0 || ids.contains(&above), "a class below none that is there");
            if let Some(leaf) = entry.view.leaf {
                assert!(handles.contains(&leaf));
            }
            self.filters(scheduler, request.class);
        }
        self.backlogs();
    }

    /// What waits in a qdisc is what waits in its leaves; with `htb` and `cbq`, besides what belongs to no class.
    fn backlogs(&self) {
        for view in self.qdiscs.iter().filter(|view| ["htb", "cbq", "prio"].contains(&view.options.kind())) {
            let major = view.handle.major();
            let of_qdisc = || self.classes.iter().filter(|entry| entry.view.id.major == major);
            let leaves = || of_qdisc().filter(|entry| !of_qdisc().any(|child| child.view.parent == entry.view.id));
            let packets: u32 = leaves().map(|entry| entry.view.backlog.packets).sum();
            let bytes: u64 = leaves().map(|entry| entry.view.backlog.bytes).sum();
            // Packets that came back wait at the root only.
            if view.options.kind() == "prio" && view.parent != Handle::ROOT {
                assert_eq!((view.backlog.packets, view.backlog.bytes), (packets, bytes));
            } else {
                assert!(view.backlog.packets >= packets && view.backlog.bytes >= bytes);
            }
        }
    }

    /// Filters at a place are listed in parts as they are at once, each once.
    fn filters(&self, scheduler: &mut Scheduler, parent: Handle) {
        let all = scheduler.dump_filters(&mut FilterDump::new(self.device, parent), usize::MAX);
        let mut dump = FilterDump::new(self.device, parent);
        assert_eq!(in_parts(|size| scheduler.dump_filters(&mut dump, size)), all);
        let keys: BTreeSet<_> = all.iter().map(|entry| format!("{:?}", entry.view.key)).collect();
        assert_eq!(keys.len(), all.len());
    }
}

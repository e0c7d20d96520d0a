//! Random operations, such that they often meet each other.

use tctable::sched::{EtherType, Flags, Handle};

use super::operation::{Kind, Operation, What};

/// What there is.
#[derive(Debug, Default)]
pub struct There {
    pub qdiscs: Vec<Handle>,
    pub classes: Vec<Handle>,
    /// By parent, priority, protocol and handle.
    pub filters: Vec<(Handle, u16, EtherType, u32)>,
}

/// Random numbers: SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Random {
    state: u64,
    /// Filters hang at qdiscs only.
    only_at_qdiscs: bool,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed, only_at_qdiscs: seed.is_multiple_of(2) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn pick<T: Copy>(&mut self, what: &[T]) -> T {
        what[(self.next() >> 33) as usize % what.len()]
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// A qdisc's handle: one that is there, or might be.
    fn qdisc(&mut self, there: &There) -> Handle {
        match &there.qdiscs[..] {
            [] => Handle::new(1, 0),
            qdiscs if self.percent(70) => self.pick(qdiscs),
            _ => Handle::new(self.pick(&[1, 2, 0x10, 0x11, 0x20, 0xffff]), 0),
        }
    }

    /// A class's handle: one that is there, or might be.
    fn class(&mut self, there: &There) -> Handle {
        if !there.classes.is_empty() && self.percent(60) {
            return self.pick(&there.classes);
        }
        Handle::new(self.qdisc(there).major(), self.pick(&[1, 1, 2, 3, 0x10, 0x11, 0]))
    }

    fn flags(&mut self) -> Flags {
        if self.percent(10) {
            let [create, exclusive, replace] = [(); 3].map(|()| self.percent(50));
            return Flags { create, exclusive, replace };
        }
        self.pick(&[Flags::ADD, Flags::ADD, Flags::ADD, Flags::REPLACE, Flags::REPLACE, Flags::CHANGE, Flags::LINK])
    }

    fn what(&mut self) -> What {
        match self.next() % 8 {
            0 => What::Delete,
            1 => What::Get,
            _ => What::New(self.flags()),
        }
    }

    pub fn operation(&mut self, there: &There) -> Operation {
        if there.qdiscs.is_empty() && self.percent(50) {
            let kind = Some(Kind { name: "htb", options: Some(1) });
            let handle = self.qdisc(there);
            return Operation::Qdisc { what: What::New(Flags::ADD), parent: Handle::ROOT, handle, kind };
        }
        if self.percent(25) {
            return self.filter_operation(there);
        }
        if self.percent(60) { self.class_operation(there) } else { self.qdisc_operation(there) }
    }

    fn qdisc_operation(&mut self, there: &There) -> Operation {
        let what = self.what();
        let parent = match self.next() % 24 {
            0 => Handle::UNSPEC,
            1 => Handle::ROOT,
            2 => Handle::INGRESS,
            _ => self.class(there),
        };
        let handle = match self.next() % 10 {
            0..4 => Handle::UNSPEC,
            4 => self.class(there),
            _ => self.qdisc(there),
        };
        let names = ["htb", "htb", "htb", "pfifo", "bfifo", "tbf", "ingress", "clsact", "noqueue", "nope"];
        let kind = self.percent(90).then(|| {
            let name = match parent {
                Handle::INGRESS => self.pick(&["ingress", "clsact", "ingress", "clsact", "pfifo"]),
                _ => self.pick(&names),
            };
            let has_options = ["htb", "pfifo", "bfifo", "tbf"].contains(&name) && self.percent(90);
            Kind { name, options: has_options.then(|| 10_000 + self.next() as u32 % 10_000) }
        });
        Operation::Qdisc { what, parent, handle, kind }
    }

    fn class_operation(&mut self, there: &There) -> Operation {
        let what = self.what();
        let minor_only = |handle: Handle| Handle::new(0, handle.minor());
        let class = match self.next() % 8 {
            0 => Handle::UNSPEC,
            1 => minor_only(self.class(there)),
            _ => self.class(there),
        };
        let parent = match self.next() % 8 {
            0 => Handle::UNSPEC,
            1 => Handle::ROOT,
            2 => minor_only(self.class(there)),
            3 => self.class(there),
            4..6 => Handle::new(class.major(), 0),
            _ => Handle::new(class.major(), self.class(there).minor()),
        };
        // The kernel makes a class `X:0` that nothing can be put in; the engine refuses it.
        let creates = matches!(what, What::New(Flags { create: true, .. }));
        let class = match class {
            class if creates && class.minor() == 0 && (class != Handle::UNSPEC || parent == Handle::ROOT) => {
                Handle::new(class.major(), 1)
            }
            class => class,
        };
        Operation::Class { what, parent, class, rate: self.percent(95).then(|| 10_000 + self.next() as u32 % 10_000) }
    }

    fn filter_operation(&mut self, there: &There) -> Operation {
        let what = self.what();
        let parent = match self.next() % 8 {
            0 => Handle::UNSPEC,
            // With `ingress`, another name for the same place.
            1 => Handle::new(0xffff, self.pick(&[0, 1, 0xfff2, 0xfff2, 0xfff3, 0xfff3])),
            2..5 => self.qdisc(there),
            _ => self.class(there),
        };
        // The kernel lists the u32 filters of all places of a qdisc together where their priorities are the same.
        let priority = match parent.minor() {
            0 | 0xfff2 => self.pick(&[0, 1, 2, 3, 0xc000, 0xbfff]),
            minor => minor % 0x100 * 10 + self.pick(&[1, 2, 3]),
        };
        let protocols = [EtherType::IPV4, EtherType::IPV4, EtherType::IPV6, EtherType::ALL, EtherType::UNSPEC];
        let protocol = self.pick(&protocols);
        let handle = self.pick(&[0, 0, 0, 0, 2, 0x800, 0x801]);
        let class = match &there.classes[..] {
            [] => Handle::UNSPEC,
            classes => self.pick(classes),
        };
        if !there.filters.is_empty() && self.percent(40) {
            let (parent, priority, protocol, handle) = self.pick(&there.filters);
            return self.filter(what, parent, priority, protocol, handle, class);
        }
        self.filter(what, parent, priority, protocol, handle, class)
    }

    /// In the kernel, whether a class is in use that is named before it is made depends on where the filter hangs, and a
    /// class that filters at a class name can be deleted at the second attempt: so classes are named only where they are,
    /// and at qdiscs. The u32 filters of a qdisc's places have their tables in common, and the last filter of a priority
    /// takes it along only where no other has any.
    fn filter(
        &mut self,
        what: What,
        parent: Handle,
        priority: u16,
        protocol: EtherType,
        handle: u32,
        class: Handle,
    ) -> Operation {
        let is_at_qdisc = matches!(parent.minor(), 0 | 0xfff2 | 0xfff3);
        let class = if is_at_qdisc { class } else { Handle::UNSPEC };
        let (parent, handle) = match (self.only_at_qdiscs, what) {
            (true, _) if parent.major() == u16::MAX => (Handle::new(0xffff, 0xfff2), handle),
            (true, _) => (Handle::new(parent.major(), 0), handle),
            (false, What::Delete) => (parent, 0),
            (false, _) => (parent, handle),
        };
        Operation::Filter { what, parent, priority, protocol, handle, class }
    }
}

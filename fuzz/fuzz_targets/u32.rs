//! Arbitrary sets of u32 filters, made, changed and deleted, over arbitrary packets: never a panic, and always an end.
//! What is listed can be looked at, and when all is deleted nothing is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tctable::packet::DeviceId;
use tctable::sched::{
    ActionOptions, ActionVerdict, Config, DeviceConfig, EtherType, FilterDump, FilterOptions, FilterQuery,
    FilterRequest, Flags, GactOptions, Handle, PrioOptions, QdiscOptions, QdiscRequest, Scheduler, Skb, U32Key,
    U32Mark, U32Node, U32Offset, U32Options, U32Selector, U32VariableOffset,
};
use tctable::time::Instant;

const DEVICE: DeviceId = DeviceId(0);
const NOW: Instant = Instant::from_secs(1);
/// Requests and packets of one input: an input stays short, and a search has a limit of its own.
const REQUESTS: usize = 100;
const PACKETS: usize = 4;

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn half(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn word(&mut self) -> u32 {
        u32::from(self.half()) << 16 | u32::from(self.half())
    }

    /// Something small, mostly, and sometimes anything.
    fn place(&mut self) -> i32 {
        match self.byte() {
            255 => self.word() as i32,
            small => i32::from(small) - 20,
        }
    }

    /// A handle of a table, a bucket or a node, most of which there are.
    fn handle(&mut self) -> u32 {
        let table = match self.byte() {
            255 => return self.word(),
            table if table & 1 == 0 => 0x800 | u32::from(table >> 1 & 3),
            table => u32::from(table >> 1 & 7),
        };
        table << 20 | u32::from(self.byte() & 7) << 12 | u32::from(self.byte() & 15)
    }

    fn one_in(&mut self, many: u8) -> bool {
        self.byte() % many == 0
    }

    fn options(&mut self) -> U32Options {
        match self.byte() % 8 {
            0 => U32Options::Root,
            1 | 2 => U32Options::Table { divisor: 1 << (self.byte() % 10) },
            _ => U32Options::Node(self.node()),
        }
    }

    fn node(&mut self) -> U32Node {
        let verdicts = [ActionVerdict::Continue, ActionVerdict::Reclassify, ActionVerdict::Pipe, ActionVerdict::Drop];
        let verdict = verdicts[usize::from(self.byte() & 3)];
        U32Node {
            table: if self.one_in(3) { None } else { Some(self.handle()) },
            selector: if self.one_in(9) { None } else { Some(self.selector()) },
            link: if self.one_in(2) { None } else { Some(self.handle() & 0xfff0_0000) },
            class: if self.one_in(3) { None } else { Some(Handle(self.word())) },
            input: if self.one_in(9) { Some(DeviceId(self.half() & 1)) } else { None },
            mark: if self.one_in(9) { Some(U32Mark { value: self.word(), mask: self.word() }) } else { None },
            actions: if self.one_in(9) { vec![ActionOptions::Gact(GactOptions::new(verdict))] } else { Vec::new() },
        }
    }

    fn selector(&mut self) -> U32Selector {
        let keys = self.byte() % 4;
        U32Selector {
            terminal: !self.one_in(3),
            keys: (0..keys).map(|_| self.key()).collect(),
            hash_at: if self.one_in(9) { self.half() as i16 } else { self.place() as i16 },
            hash_mask: self.word(),
            offset: if self.one_in(2) { None } else { Some(self.offset()) },
            eat: self.one_in(3),
        }
    }

    fn key(&mut self) -> U32Key {
        let mask = if self.one_in(3) { 0 } else { self.word() };
        U32Key { value: self.word(), mask, at: self.place(), offset_mask: -i32::from(self.byte() & 1) }
    }

    fn offset(&mut self) -> U32Offset {
        let variable = U32VariableOffset { at: self.place() as i16, mask: self.half(), shift: self.byte() };
        U32Offset { fixed: self.half() & 0xff, variable: Some(variable).filter(|_| self.one_in(2)) }
    }
}

fn query(priority: u16, handle: u32) -> FilterQuery {
    let parent = Handle::new(1, 0);
    FilterQuery { device: DEVICE, parent, protocol: EtherType::UNSPEC, priority, chain: 0, handle, kind: None }
}

fuzz_target!(|data: &[u8]| {
    let mut scheduler = Scheduler::new(Config::default());
    scheduler.add_device(DEVICE, DeviceConfig::default()).expect("a device");
    let spec = QdiscOptions::Prio(PrioOptions::default()).into();
    let parent = Handle::new(1, 0);
    let root = QdiscRequest { device: DEVICE, parent: Handle::ROOT, handle: parent, spec };
    scheduler.set_qdisc(NOW, &root, Flags::ADD).expect("a qdisc");

    let mut bytes = Bytes(data);
    for _ in 0..1 + usize::from(bytes.byte()) % REQUESTS {
        let priority = 1 + u16::from(bytes.byte() & 3);
        let handle = if bytes.one_in(2) { 0 } else { bytes.handle() };
        if bytes.one_in(8) {
            let _ = scheduler.delete_filter(NOW, &query(priority, handle));
            continue;
        }
        let flags = [Flags::ADD, Flags::REPLACE, Flags::CHANGE][usize::from(bytes.byte() % 3)];
        let options = FilterOptions::U32(bytes.options());
        let protocol = EtherType::ALL;
        let request = FilterRequest { device: DEVICE, parent, protocol, priority, chain: 0, handle, options };
        if let Ok(key) = scheduler.set_filter(NOW, &request, flags)
            && key.handle != 0
        {
            scheduler.filter(&query(key.priority, key.handle)).expect("what was made is there");
        }
    }

    let rest = bytes.0;
    let len = rest.len().div_ceil(PACKETS).max(1);
    for (token, data) in (0..).zip(rest.chunks(len)) {
        let network_offset = [14, 18, 22, 0][data.len() & 3];
        let mut skb = Skb {
            token,
            data,
            network_offset,
            protocol: 0x0800,
            len: data.len() as u32,
            info: None,
            mark: data.len() as u32 & 7,
            priority: 0,
            input: Some(DeviceId(0)),
            ct: None,
            host: None,
        };
        scheduler.offer(NOW, DEVICE, &mut skb);
    }

    let listed = scheduler.dump_filters(&mut FilterDump::new(DEVICE, parent), usize::MAX);
    assert!(listed.is_sorted_by_key(|entry| (entry.view.key.priority, entry.view.key.handle)));
    scheduler.delete_filter(NOW, &query(0, 0)).expect("all can be deleted");
    assert_eq!(scheduler.dump_filters(&mut FilterDump::new(DEVICE, parent), usize::MAX), []);
});

//! The engine, told by the same lines.

use std::collections::{BTreeMap, BTreeSet};

use tctable::packet::DeviceId;
use tctable::sched::text::{Command, Reader};
use tctable::sched::{Config, DeviceConfig, FilterDump, Handle, Offer, Scheduler, Skb};
use tctable::time::Instant;

use super::packets::Frame;
use super::sets::{CLASSES, DEVICE, INPUTS};

const OUT: DeviceId = DeviceId(0);
const IN: [DeviceId; 2] = [DeviceId(1), DeviceId(2)];

pub struct Side {
    scheduler: Scheduler,
    counts: BTreeMap<u32, (u64, u64)>,
}

impl Side {
    pub fn new(lines: &str) -> Side {
        let mut scheduler = Scheduler::new(Config::default());
        let mut reader = Reader::new();
        for (name, device) in [(DEVICE, OUT), (INPUTS[0], IN[0]), (INPUTS[1], IN[1])] {
            let config = DeviceConfig { name: name.to_owned(), ..DeviceConfig::default() };
            scheduler.add_device(device, config).expect("another device");
            reader.name_device(name, device);
        }
        let now = Instant::from_secs(1);
        for statement in reader.read(lines).unwrap_or_else(|error| panic!("{error}\n{lines}")) {
            let line = statement.line;
            match &statement.command {
                Command::SetQdisc(request, flags) => scheduler.set_qdisc(now, request, *flags).expect("a qdisc"),
                Command::SetClass(request, flags) => scheduler.set_class(now, request, *flags).expect("a class"),
                Command::SetFilter(request, flags) => {
                    let made = scheduler.set_filter(now, request, *flags);
                    made.unwrap_or_else(|error| panic!("line {line}: {error}\n{lines}"));
                }
                command => panic!("no such line was written: {command:?}"),
            }
        }
        Side { scheduler, counts: (1..=CLASSES).map(|class| (class, (0, 0))).collect() }
    }

    pub fn handles(&mut self) -> BTreeSet<(u16, String)> {
        let entries = self.scheduler.dump_filters(&mut FilterDump::new(OUT, Handle::new(1, 0)), usize::MAX);
        let handles = entries.into_iter().map(|entry| entry.view.key).filter(|key| key.handle != 0);
        let text = |handle: u32| match (handle >> 20, handle >> 12 & 0xff, handle & 0xfff) {
            (table, 0, 0) => format!("{table:x}:"),
            (table, 0, node) => format!("{table:x}::{node:x}"),
            (table, bucket, node) => format!("{table:x}:{bucket:x}:{node:x}"),
        };
        handles.map(|key| (key.priority, text(key.handle))).collect()
    }

    pub fn send(&mut self, frame: &Frame) -> Option<u32> {
        let mut skb = Skb {
            token: 0,
            data: &frame.bytes,
            network_offset: frame.network_offset,
            protocol: frame.protocol,
            len: frame.bytes.len() as u32,
            info: None,
            mark: 0,
            priority: 0,
            input: Some(IN[frame.input]),
            ct: None,
            host: None,
        };
        let Offer::Queued { class } = self.scheduler.offer(Instant::from_secs(1), OUT, &mut skb) else {
            panic!("nothing drops a packet");
        };
        // What a filter sends to the qdisc itself goes by all classes.
        let class = class.map(|class| class.minor).filter(|class| *class != 0)?;
        let (packets, bytes) = self.counts.get_mut(&class).expect("a class that was made");
        *packets += 1;
        *bytes += u64::from(frame.len());
        Some(class)
    }

    /// Packets that a node of a linked table classified.
    pub fn matched_below(&mut self) -> u64 {
        let entries = self.scheduler.dump_filters(&mut FilterDump::new(OUT, Handle::new(1, 0)), usize::MAX);
        let below = entries.iter().filter(|entry| entry.view.key.handle >> 20 < 0x800);
        below.map(|entry| entry.view.statistics.matched).sum()
    }

    pub fn counts(&self) -> &BTreeMap<u32, (u64, u64)> {
        &self.counts
    }
}

//! Two devices, told what to do by lines of tc.

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use tctable::sched::text::{Command, Reader};
use tctable::sched::{
    ClassDump, ClassEntry, Config, DeviceConfig, Dropped, Errno, Handle, Offer, Poll, QdiscDump, QdiscView, Scheduler,
    Skb,
};
use tctable::time::{Duration, Instant};
use tctable_lab::packets::{Ipv4, Ipv6, protocol};

pub const ETH0: DeviceId = DeviceId(0);
pub const ETH1: DeviceId = DeviceId(1);

pub struct World {
    pub scheduler: Scheduler,
    pub now: Instant,
    reader: Reader,
    token: u64,
}

/// A packet to be sent.
#[derive(Clone)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub protocol: u16,
    pub len: u32,
    pub mark: u32,
    pub priority: Handle,
}

/// The IPv4 and the IPv6 packet from host `host`, which the tests take in turns.
pub fn both(host: u8) -> [Packet; 2] {
    let v4 = Ipv4::new([10, 0, 0, host], [192, 0, 2, 1], protocol::UDP).build(&[0; 20]);
    let v6 = Ipv6::new([0xfd00, 0, 0, 0, 0, 0, 0, host.into()], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], protocol::UDP);
    [(v4, 0x0800), (v6.build(&[0; 20]), 0x86dd)].map(|(bytes, protocol)| Packet {
        bytes,
        protocol,
        len: 1000,
        mark: 0,
        priority: Handle::UNSPEC,
    })
}

/// An IPv4 packet.
pub fn packet() -> Packet {
    both(1)[0].clone()
}

/// A packet for a class.
pub fn to(class: &str) -> Packet {
    Packet { priority: handle(class), ..packet() }
}

pub fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

impl World {
    pub fn new() -> World {
        World::with(Config { max_notifications: 1000, ..Config::default() })
    }

    pub fn with(config: Config) -> World {
        let mut world =
            World { scheduler: Scheduler::new(config), now: Instant::from_secs(100), reader: Reader::new(), token: 0 };
        for (device, name) in [(ETH0, "eth0"), (ETH1, "eth1")] {
            let config = DeviceConfig { name: name.to_owned(), ..DeviceConfig::default() };
            world.scheduler.add_device(device, config).expect("a device");
            world.reader.name_device(name, device);
        }
        world.reader.name_device("eth9", DeviceId(9));
        world
    }

    /// A world with these lines already said.
    pub fn told(lines: &[&str]) -> World {
        let mut world = World::new();
        lines.iter().for_each(|line| world.tc(line));
        while world.scheduler.poll_notification().is_some() {}
        world
    }

    pub fn pass(&mut self, span: Duration) {
        self.now += span;
    }

    /// Does what a line says.
    pub fn tc(&mut self, line: &str) {
        assert_eq!(self.try_tc(line), Ok(()), "{line}");
    }

    /// What a line gives.
    pub fn try_tc(&mut self, line: &str) -> Result<(), Errno> {
        let statements = self.reader.read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        for statement in statements {
            self.command(&statement.command)?;
        }
        Ok(())
    }

    pub fn command(&mut self, command: &Command) -> Result<(), Errno> {
        let World { scheduler, now, .. } = self;
        match command {
            Command::SetQdisc(request, flags) => {
                scheduler.set_qdisc(*now, request, *flags).map_err(|error| error.errno())
            }
            Command::DeleteQdisc(request) => scheduler.delete_qdisc(*now, request).map_err(|error| error.errno()),
            Command::SetClass(request, flags) => {
                scheduler.set_class(*now, request, *flags).map_err(|error| error.errno())
            }
            Command::DeleteClass(request) => scheduler.delete_class(*now, request).map_err(|error| error.errno()),
            Command::SetFilter(request, flags) => {
                scheduler.set_filter(*now, request, *flags).map(|_| ()).map_err(|error| error.errno())
            }
            Command::DeleteFilter(query) => scheduler.delete_filter(*now, query).map_err(|error| error.errno()),
            other => panic!("{other:?}"),
        }
    }

    pub fn qdiscs(&self) -> Vec<QdiscView> {
        self.scheduler.dump_qdiscs(&mut QdiscDump::new(Some(ETH0)), usize::MAX)
    }

    pub fn classes(&self) -> Vec<ClassEntry> {
        self.scheduler.dump_classes(&mut ClassDump::new(ETH0), usize::MAX)
    }

    /// Qdiscs as `KIND HANDLE PARENT`.
    pub fn qdisc_lines(&self) -> Vec<String> {
        let line = |view: &QdiscView| format!("{} {} {}", view.options.kind(), view.handle, view.parent);
        self.qdiscs().iter().map(line).collect()
    }

    /// Classes as `ID PARENT`.
    pub fn class_lines(&self) -> Vec<String> {
        self.classes().iter().map(|ClassEntry { view, .. }| format!("{} {}", view.id, view.parent)).collect()
    }

    pub fn qdisc(&self, of: &str) -> QdiscView {
        self.qdiscs().into_iter().find(|view| view.handle == handle(of)).expect("a qdisc")
    }

    pub fn class(&self, of: &str) -> ClassEntry {
        self.classes().into_iter().find(|entry| entry.view.id == handle(of).into()).expect("a class")
    }

    /// Hands a packet over as its device sees it.
    pub fn with_skb<R>(&mut self, packet: &Packet, work: impl FnOnce(&mut Scheduler, Instant, &mut Skb<'_>) -> R) -> R {
        let frame = Frame {
            time: self.now,
            device: ETH0,
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: packet.len,
            data: &packet.bytes,
        };
        let info = PacketInfo::read(&frame).ok();
        self.token += 1;
        let mut skb = Skb {
            token: self.token,
            data: &packet.bytes,
            network_offset: 0,
            protocol: packet.protocol,
            len: packet.len,
            info: info.as_ref(),
            mark: packet.mark,
            priority: packet.priority.0,
            input: None,
            ct: None,
            host: None,
        };
        work(&mut self.scheduler, self.now, &mut skb)
    }

    pub fn offer_to(&mut self, device: DeviceId, packet: &Packet) -> Offer {
        self.with_skb(packet, |scheduler, now, skb| scheduler.offer(now, device, skb))
    }

    pub fn offer(&mut self, packet: &Packet) -> Offer {
        self.offer_to(ETH0, packet)
    }

    /// Offers packets that all wait.
    pub fn queue(&mut self, packet: &Packet, count: usize) {
        for _ in 0..count {
            let offer = self.offer(packet);
            assert!(matches!(offer, Offer::Queued { .. }), "{offer:?}");
        }
    }

    /// The tokens that leave now.
    pub fn leave_from(&mut self, device: DeviceId) -> Vec<u64> {
        std::iter::from_fn(|| match self.scheduler.poll(self.now, device) {
            Poll::Packet(departure) => Some(departure.token),
            Poll::Later(_) | Poll::Empty => None,
        })
        .collect()
    }

    pub fn leave(&mut self) -> Vec<u64> {
        self.leave_from(ETH0)
    }

    /// What was dropped after it was queued.
    pub fn dropped(&mut self) -> Vec<Dropped> {
        std::iter::from_fn(|| self.scheduler.poll_dropped()).collect()
    }
}

//! Operations and packets as bytes say.

use tctable::packet::DeviceId;
use tctable::sched::{
    ActionOptions, ActionVerdict, CbqClassOptions, CbqOptions, ClassOptions, ClassRequest, CodelOptions, Config,
    DeviceConfig, EtherType, FilterOptions, FilterQuery, FilterRequest, Flags, FqCodelOptions, FwOptions, GactOptions,
    Handle, HtbClassOptions, HtbOptions, MatchallOptions, MirredOptions, PoliceOptions, Poll, PrioOptions,
    QdiscOptions, QdiscRequest, QdiscSpec, Rate, RateSpec, RedOptions, Scheduler, SfqOptions, Skb, TbfOptions, U32Key,
    U32Node, U32Options, U32Selector,
};
use tctable::time::{Duration, Instant};

use super::choices::Choices;
use super::invariants::Invariants;

const DEVICES: [DeviceId; 2] = [DeviceId(0), DeviceId(1)];
/// Few, so that the limit is met.
const MOST_WAITING: usize = 60;

/// Runs all that the bytes say.
pub fn run(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let config = Config { seed: 1, max_waiting: MOST_WAITING, max_notifications: 8, ..Config::default() };
    let mut run = Run {
        scheduler: Scheduler::new(config),
        invariants: Invariants::default(),
        now: Instant::from_secs(1),
        token: 0,
    };
    for device in DEVICES {
        let config = DeviceConfig { queue_len: 20, ..DeviceConfig::default() };
        run.scheduler.add_device(device, config).expect("a device");
    }
    if !choices.byte().is_multiple_of(4) {
        run.grow();
    }
    while !choices.is_empty() {
        // The whole tree takes long to look at.
        match run.step(&mut choices) {
            Step::Operation => run.invariants.check(&mut run.scheduler, &DEVICES, MOST_WAITING),
            Step::Packet => run.invariants.check_packets(&mut run.scheduler, &DEVICES, MOST_WAITING),
        }
    }
    run.end();
}

/// What a step was about.
enum Step {
    Operation,
    Packet,
}

struct Run {
    scheduler: Scheduler,
    invariants: Invariants,
    now: Instant,
    token: u64,
}

impl Run {
    /// A tree to begin with, so that less has to come by chance.
    fn grow(&mut self) {
        let (device, now) = (DEVICES[0], self.now);
        let qdisc = |parent, major, options| QdiscRequest {
            device,
            parent,
            handle: Handle::new(major, 0),
            spec: QdiscSpec::Options(options),
        };
        let root = QdiscOptions::Htb(HtbOptions { default: 2, ..HtbOptions::default() });
        self.scheduler.set_qdisc(now, &qdisc(Handle::ROOT, 1, root), Flags::ADD).expect("a root");
        for (minor, parent) in [(1, 0), (2, 1), (3, 1), (4, 0)] {
            let options =
                HtbClassOptions { rate: RateSpec::new(Rate(100_000)), ceil: None, ..HtbClassOptions::default() };
            let options = Some(ClassOptions::Htb(options));
            let (parent, class) = (Handle::new(1, parent), Handle::new(1, minor));
            self.scheduler
                .set_class(now, &ClassRequest { device, parent, class, options }, Flags::ADD)
                .expect("a class");
        }
        let prio = QdiscOptions::Prio(PrioOptions { bands: 3, map: [1; 16] });
        self.scheduler.set_qdisc(now, &qdisc(Handle::new(1, 2), 2, prio), Flags::ADD).expect("a leaf");
        let pfifo = QdiscOptions::Pfifo { limit: Some(20) };
        self.scheduler.set_qdisc(now, &qdisc(Handle::new(2, 2), 3, pfifo), Flags::ADD).expect("a leaf of it");
    }

    fn step(&mut self, choices: &mut Choices<'_>) -> Step {
        let device = choices.one_of(&[DEVICES[0], DEVICES[0], DEVICES[1], DeviceId(7)]);
        let step = choices.byte() % 12;
        match step {
            0 | 1 => self.qdisc(choices, device),
            2 | 3 => self.class(choices, device),
            4 => self.filter(choices, device),
            5 => self.delete(choices, device),
            6 => self.now += Duration::from_nanos(1 << (choices.byte() % 36)),
            7 | 8 => self.poll(choices, device),
            9 => {
                let mut skb = self.packet(choices);
                let ingress = self.scheduler.receive(self.now, device, &mut skb);
                self.invariants.received(&self.scheduler, &skb, ingress);
            }
            _ => {
                let mut skb = self.packet(choices);
                let offer = self.scheduler.offer(self.now, device, &mut skb);
                self.invariants.offered(&self.scheduler, &skb, offer);
            }
        }
        // A packet may change the tree too, and is in no class but where one is listed: now and then all is looked at.
        if step <= 5 || choices.byte() < 16 { Step::Operation } else { Step::Packet }
    }

    fn packet(&mut self, choices: &mut Choices<'_>) -> Skb<'static> {
        self.token += 1;
        Skb {
            token: self.token,
            // An IPv4 header, as far as ECN and u32 look.
            data: &[0x45, 2, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
            network_offset: 0,
            protocol: 0x0800,
            len: choices.one_of(&[60, 100, 1000, 1514, 9000]),
            info: None,
            mark: choices.byte().into(),
            priority: class(choices).0,
            input: None,
            ct: None,
            host: None,
        }
    }

    fn poll(&mut self, choices: &mut Choices<'_>, device: DeviceId) {
        match self.scheduler.poll(self.now, device) {
            Poll::Packet(departure) if choices.byte().is_multiple_of(8) => self.scheduler.requeue(device, departure),
            Poll::Packet(departure) => self.invariants.left(&departure),
            Poll::Later(at) => {
                assert!(at > self.now, "a wake-up that is over");
                if choices.byte().is_multiple_of(2) {
                    self.now = at;
                }
            }
            Poll::Empty => {}
        }
    }

    fn qdisc(&mut self, choices: &mut Choices<'_>, device: DeviceId) {
        if choices.byte().is_multiple_of(3) {
            return self.change_qdisc(choices, device);
        }
        let request = QdiscRequest { device, parent: parent(choices), handle: qdisc(choices), spec: spec(choices) };
        // Later, no operation can tell apart what it was that failed.
        let _ = self.scheduler.set_qdisc(self.now, &request, flags(choices));
    }

    /// Less may wait in one that is there, or more.
    fn change_qdisc(&mut self, choices: &mut Choices<'_>, device: DeviceId) {
        let handle = Handle::new(choices.one_of(&[1, 2, 3, 4]), 0);
        let request = QdiscRequest { device, parent: Handle::UNSPEC, handle, spec: QdiscSpec::Any };
        let Ok(view) = self.scheduler.qdisc(&request) else { return };
        let less = choices.one_of(&[1, 2, 10]);
        let options = match view.options {
            QdiscOptions::Pfifo { .. } => QdiscOptions::Pfifo { limit: Some(less) },
            QdiscOptions::Bfifo { .. } => QdiscOptions::Bfifo { limit: Some(less * 1000) },
            QdiscOptions::Prio(options) => QdiscOptions::Prio(PrioOptions { bands: 1 + less as u8, ..options }),
            QdiscOptions::Tbf(options) => QdiscOptions::Tbf(TbfOptions { limit: less * 1000, ..options }),
            QdiscOptions::Sfq(options) => QdiscOptions::Sfq(SfqOptions { limit: less, ..options }),
            QdiscOptions::FqCodel(options) => QdiscOptions::FqCodel(FqCodelOptions { limit: less, ..options }),
            QdiscOptions::Codel(options) => QdiscOptions::Codel(CodelOptions { limit: less, ..options }),
            options => options,
        };
        let request = QdiscRequest { spec: QdiscSpec::Options(options), ..request };
        let _ = self.scheduler.set_qdisc(self.now, &request, Flags::CHANGE);
    }

    fn class(&mut self, choices: &mut Choices<'_>, device: DeviceId) {
        let options = Some(class_options(choices));
        let request = ClassRequest { device, parent: parent(choices), class: class(choices), options };
        let _ = self.scheduler.set_class(self.now, &request, flags(choices));
    }

    fn filter(&mut self, choices: &mut Choices<'_>, device: DeviceId) {
        let named = Some(class(choices)).filter(|class| *class != Handle::UNSPEC);
        let actions = actions(choices);
        let options = match choices.byte() % 3 {
            0 => FilterOptions::Matchall(MatchallOptions { class: named, actions }),
            1 => FilterOptions::Fw(Some(FwOptions { mask: Some(3), class: named, input: None, actions })),
            _ => {
                let key = U32Key { value: choices.byte().into(), mask: 1, at: 16, offset_mask: 0 };
                let selector = U32Selector { terminal: true, keys: vec![key], ..U32Selector::default() };
                FilterOptions::U32(U32Options::Node(U32Node {
                    selector: Some(selector),
                    class: named,
                    actions,
                    ..U32Node::default()
                }))
            }
        };
        let request = FilterRequest {
            device,
            parent: parent(choices),
            protocol: EtherType::ALL,
            priority: choices.one_of(&[0, 1, 2]),
            chain: choices.one_of(&[0, 0, 0, 1]),
            handle: choices.one_of(&[0, 0, 1, 2]),
            options,
        };
        let _ = self.scheduler.set_filter(self.now, &request, flags(choices));
    }

    fn delete(&mut self, choices: &mut Choices<'_>, device: DeviceId) {
        let parent = parent(choices);
        match choices.byte() % 4 {
            0 => {
                let request = QdiscRequest { device, parent, handle: Handle::UNSPEC, spec: QdiscSpec::Any };
                let _ = self.scheduler.delete_qdisc(self.now, &request);
            }
            1 => {
                let (chain, handle) = (choices.one_of(&[0, 1]), choices.one_of(&[0, 1, 0x8000_0800]));
                let priority = choices.one_of(&[0, 1, 2]);
                let query =
                    FilterQuery { device, parent, protocol: EtherType::UNSPEC, priority, chain, handle, kind: None };
                let _ = self.scheduler.delete_filter(self.now, &query);
            }
            _ => {
                let request = ClassRequest { device, parent: Handle::UNSPEC, class: class(choices), options: None };
                let _ = self.scheduler.delete_class(self.now, &request);
            }
        }
    }

    /// When all qdiscs are gone, so are all packets.
    fn end(mut self) {
        for device in DEVICES {
            for parent in [Handle::ROOT, Handle::INGRESS] {
                let request = QdiscRequest { device, parent, handle: Handle::UNSPEC, spec: QdiscSpec::Any };
                let _ = self.scheduler.delete_qdisc(self.now, &request);
            }
            // What is there by default cannot be deleted, but it keeps nothing back for long.
            while let Poll::Packet(departure) = self.scheduler.poll(self.now, device) {
                self.invariants.left(&departure);
            }
        }
        self.invariants.check(&mut self.scheduler, &DEVICES, MOST_WAITING);
        self.invariants.nothing_waits();
    }
}

fn flags(choices: &mut Choices<'_>) -> Flags {
    choices.one_of(&[Flags::ADD, Flags::ADD, Flags::REPLACE, Flags::CHANGE, Flags::LINK])
}

fn qdisc(choices: &mut Choices<'_>) -> Handle {
    Handle::new(choices.one_of(&[0, 1, 1, 2, 3, 4, 0x8001, 0xffff]), 0)
}

fn class(choices: &mut Choices<'_>) -> Handle {
    Handle::new(choices.one_of(&[1, 1, 1, 2, 3, 0, 0x8001]), choices.one_of(&[1, 1, 2, 3, 4, 5, 0]))
}

fn parent(choices: &mut Choices<'_>) -> Handle {
    match choices.byte() % 8 {
        0 => Handle::ROOT,
        1 => Handle::INGRESS,
        2 => Handle::UNSPEC,
        3 => Handle::new(0xffff, choices.one_of(&[0xfff2, 0xfff3])),
        4 => Handle::new(choices.one_of(&[1, 2, 3]), 0),
        _ => class(choices),
    }
}

fn rate(choices: &mut Choices<'_>) -> RateSpec {
    RateSpec::new(Rate(choices.one_of(&[1_000, 100_000, 10_000_000, 1_250_000_000])))
}

fn spec(choices: &mut Choices<'_>) -> QdiscSpec {
    let limit = choices.one_of(&[1, 5, 100]);
    let options = match choices.byte() % 18 {
        0..4 => QdiscOptions::Htb(HtbOptions { default: choices.one_of(&[0, 1, 2]), ..HtbOptions::default() }),
        4 => QdiscOptions::Pfifo { limit: Some(limit) },
        5 => QdiscOptions::Bfifo { limit: Some(limit * 1000) },
        6 => QdiscOptions::PfifoHeadDrop { limit: Some(limit) },
        7 => QdiscOptions::PfifoFast,
        8 => QdiscOptions::Prio(PrioOptions { bands: choices.one_of(&[2, 3, 16]), map: [1; 16] }),
        9 => QdiscOptions::Tbf(TbfOptions {
            rate: rate(choices),
            burst: 2_000,
            limit: limit * 1000,
            peak_rate: None,
            mtu: 0,
        }),
        10 => QdiscOptions::Sfq(SfqOptions { limit, ..SfqOptions::default() }),
        11 => QdiscOptions::FqCodel(FqCodelOptions { limit, ..FqCodelOptions::default() }),
        12 => QdiscOptions::Codel(CodelOptions { limit, ..CodelOptions::default() }),
        13 => QdiscOptions::Red(RedOptions {
            limit: limit * 1000,
            min: 500,
            max: 2_000,
            avpkt: 500,
            burst: None,
            probability: 0.5,
            bandwidth: Rate(1_000_000),
            ecn: true,
            hard_drop: false,
            adaptive: false,
        }),
        14 => QdiscOptions::Cbq(CbqOptions { bandwidth: rate(choices), avpkt: 1000 }),
        15 => QdiscOptions::Ingress,
        16 => QdiscOptions::Clsact,
        _ => return QdiscSpec::Kind(choices.one_of(&["pfifo", "noqueue", "htb", "fq_codel", "none"]).to_owned()),
    };
    QdiscSpec::Options(options)
}

fn class_options(choices: &mut Choices<'_>) -> ClassOptions {
    let prio = choices.byte() % 8;
    if choices.byte().is_multiple_of(4) {
        return ClassOptions::Cbq(CbqClassOptions {
            bandwidth: rate(choices),
            rate: rate(choices),
            allot: 1514,
            weight: None,
            prio: prio.clamp(1, 8),
            avpkt: 1000,
            max_burst: 20,
            min_burst: 5,
            bounded: prio & 1 != 0,
            isolated: prio & 2 != 0,
        });
    }
    ClassOptions::Htb(HtbClassOptions {
        rate: rate(choices),
        ceil: Some(rate(choices)),
        prio,
        ..HtbClassOptions::default()
    })
}

fn actions(choices: &mut Choices<'_>) -> Vec<ActionOptions> {
    let verdict = choices.one_of(&[
        ActionVerdict::Ok,
        ActionVerdict::Drop,
        ActionVerdict::Pipe,
        ActionVerdict::Stolen,
        ActionVerdict::Reclassify,
        ActionVerdict::GotoChain(1),
    ]);
    match choices.byte() % 6 {
        0 => vec![ActionOptions::Gact(GactOptions::new(verdict))],
        1 => vec![ActionOptions::Police(PoliceOptions {
            rate: Some(rate(choices)),
            burst: 3_000,
            exceed: verdict,
            ..PoliceOptions::default()
        })],
        2 => {
            let redirect = choices.byte().is_multiple_of(2);
            let verdict = if redirect { ActionVerdict::Stolen } else { ActionVerdict::Pipe };
            let device = choices.one_of(&[DEVICES[0], DEVICES[1], DeviceId(7)]);
            let ingress = choices.byte().is_multiple_of(4);
            vec![ActionOptions::Mirred(MirredOptions { device, ingress, redirect, verdict })]
        }
        _ => Vec::new(),
    }
}

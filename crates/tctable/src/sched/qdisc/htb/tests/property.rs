//! Random trees under random loads.

use super::super::class::{Mode, NONE};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// The longest packet.
const LONGEST: u32 = 1500;

#[derive(Clone, Copy, Debug)]
struct One {
    /// Which of those before it is its parent, if any.
    parent: usize,
    /// Its part of its parent's rate, in 64ths.
    part: u64,
    /// How much higher its ceil is, in 16ths.
    more: u64,
    burst: u32,
    cburst: u32,
    prio: u8,
    quantum: Option<u32>,
}

fn one() -> impl Strategy<Value = One> {
    let bursts = (0u32..20_000, 0u32..20_000);
    let quantum = proptest::option::of(500u32..20_000);
    (0usize..20, 1u64..20, 0u64..40, bursts, 0u8..8, quantum).prop_map(
        |(parent, part, more, (burst, cburst), prio, quantum)| One { parent, part, more, burst, cburst, prio, quantum },
    )
}

/// A class of a made tree.
struct Made {
    minor: u32,
    parent: u32,
    options: HtbClassOptions,
    children: Vec<u32>,
}

/// A tree in which the rates of children are no more than their parent's.
fn plant(bench: &mut Bench, root_bits: u64, ones: &[One]) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    let mut free: Vec<u64> = Vec::new();
    for one in ones {
        // The first one is below the qdisc, others below some other one or the qdisc.
        let parent = one.parent.checked_sub(1).and_then(|parent| (parent < made.len()).then_some(parent));
        let room = parent.map_or(root_bits, |parent| free[parent]);
        let bits = (room * one.part / 64).max(8_000);
        let ceil = bits + bits * one.more / 16;
        if parent.is_some() && bits > room {
            continue;
        }
        let minor = made.len() as u32 + 1;
        let options = HtbClassOptions {
            burst: Some(one.burst),
            cburst: Some(one.cburst),
            prio: one.prio,
            quantum: one.quantum,
            ..class_up_to(bits, ceil)
        };
        let above = parent.map_or(0, |parent| parent as u32 + 1);
        if bench.try_add(minor, above, options).is_err() {
            continue;
        }
        if let Some(parent) = parent {
            free[parent] -= bits;
            made[parent].children.push(minor);
        }
        free.push(bits);
        made.push(Made { minor, parent: above, options, children: Vec::new() });
    }
    made
}

impl Bench {
    /// At what level, if any, a leaf with packets could send at a time.
    fn lender(&self, minor: u32, at: Instant) -> Option<u8> {
        let mut class = self.htb.find(id(minor)).expect("a leaf");
        while class != NONE {
            let one = &self.htb.classes[class];
            match one.mode_at(at) {
                Mode::CantSend => return None,
                Mode::CanSend => return Some(one.level()),
                Mode::MayBorrow => class = one.parent,
            }
        }
        None
    }

    /// Who of some leaves comes first at a time: the lender's level and the priority.
    fn first_at(&self, leaves: &[(u32, u8)], at: Instant) -> Option<(u8, u8)> {
        let with_packets = leaves.iter().filter(|(minor, _)| self.waiting(*minor).packets > 0);
        with_packets.filter_map(|(minor, prio)| Some((self.lender(*minor, at)?, *prio))).min()
    }

    /// Asks for a packet, and checks that it is one that comes first, or that there could be none.
    fn judged_dequeue(&mut self, leaves: &[(u32, u8)]) -> Dequeue {
        let (now, first) = (self.world.now, self.first_at(leaves, self.world.now));
        let levels: BTreeMap<u32, Option<u8>> =
            leaves.iter().map(|(minor, _)| (*minor, self.lender(*minor, now))).collect();
        let dequeue = self.dequeue();
        match dequeue {
            Dequeue::Packet(queued) => {
                let prio = leaves.iter().find(|(minor, _)| *minor == queued.flow).expect("a leaf").1;
                assert_eq!(Some((levels[&queued.flow].expect("it may send"), prio)), first, "not its turn");
            }
            Dequeue::Later(at) => {
                assert_eq!(first, None, "work is conserved");
                assert!(at > now);
                assert_eq!(self.first_at(leaves, Instant::from_nanos(at.as_nanos() - 1)), None, "too late");
                assert_ne!(self.first_at(leaves, at), None, "too early");
            }
            Dequeue::Empty => assert!(self.htb.backlog().is_empty()),
        }
        self.check();
        dequeue
    }
}

/// How much more than a rate was sent at the worst time, in bytes, over all windows that end in any packet.
fn worst_excess(bits: u64, sent: &[(Instant, u32)]) -> f64 {
    let (mut excess, mut worst, mut last) = (0f64, 0f64, Instant::ZERO);
    for (at, len) in sent {
        excess = (excess - at.since(last).as_nanos() as f64 * bits as f64 / 8e9).max(0.0) + f64::from(*len);
        worst = worst.max(excess);
        last = *at;
    }
    worst
}

/// What leaves below a class sent, in the order of time.
fn sent_below(bench: &Bench, made: &[Made], minor: u32) -> Vec<(Instant, u32)> {
    let mut sent = bench.sent.get(&minor).cloned().unwrap_or_default();
    for child in &made[minor as usize - 1].children {
        sent.extend(sent_below(bench, made, *child));
    }
    sent.sort_by_key(|(at, _)| *at);
    sent
}

fn bursts_below(made: &[Made], minor: u32) -> f64 {
    let own = &made[minor as usize - 1];
    let below = |child: &u32| {
        f64::from(made[*child as usize - 1].options.burst.unwrap_or(0) + LONGEST) + bursts_below(made, *child)
    };
    own.children.iter().map(below).sum()
}

/// Sends arbitrary traffic through a tree.
fn drive(bench: &mut Bench, made: &[Made], steps: &[(usize, u32, u32)]) {
    let leaves: Vec<(u32, u8)> =
        made.iter().filter(|one| one.children.is_empty()).map(|one| (one.minor, one.options.prio)).collect();
    for (which, len, gap) in steps {
        bench.offer(leaves[which % leaves.len()].0, *len);
        bench.check();
        let end = bench.world.now + Duration::from_nanos((*gap).into());
        loop {
            match bench.judged_dequeue(&leaves) {
                Dequeue::Packet(_) => {}
                Dequeue::Later(at) if at <= end => bench.world.now = at,
                Dequeue::Later(_) | Dequeue::Empty => break,
            }
        }
        bench.world.now = end;
    }
    while let Dequeue::Packet(_) | Dequeue::Later(_) = match bench.judged_dequeue(&leaves) {
        Dequeue::Later(at) => {
            bench.world.now = at;
            Dequeue::Later(at)
        }
        other => other,
    } {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nobody_is_above_its_ceil_and_the_sum_is_not_above_the_parent_s(
        ones in vec(one(), 1..14),
        root in 100_000u64..200_000_000,
        steps in vec((0usize..100, 40..=LONGEST, 0u32..3_000_000), 1..250),
    ) {
        let mut bench = Bench::new();
        let made = plant(&mut bench, root, &ones);
        drive(&mut bench, &made, &steps);
        for one in &made {
            let sent = sent_below(&bench, &made, one.minor);
            let ceil = one.options.ceil.expect("given").rate.bits();
            // A packet leaves while there are any tokens, so one more than the burst; and leaves below have their own rate,
            // whatever the ceil above them, so each its own burst.
            let most = f64::from(one.options.cburst.expect("given") + LONGEST) + bursts_below(&made, one.minor) + 1.0;
            let excess = worst_excess(ceil, &sent);
            prop_assert!(excess <= most, "{}: {excess} of {most}", one.minor);
        }
        // Each packet was paid for by one class, and each class that borrowed did so for a packet below it.
        let mut lent = 0;
        for one in &made {
            let (lends, borrows) = bench.lends_and_borrows(one.minor);
            lent += u64::from(lends);
            let view = bench.view(one.minor);
            if one.children.is_empty() {
                prop_assert_eq!(u64::from(lends + borrows), view.sent.packets);
            } else {
                let below: u32 = one.children.iter().map(|child| bench.lends_and_borrows(*child).1).sum();
                prop_assert_eq!(lends + borrows, below);
                let below: u64 = one.children.iter().map(|child| bench.view(*child).sent.bytes).sum();
                prop_assert_eq!(view.sent.bytes, below);
            }
            if one.parent == 0 {
                prop_assert_eq!(borrows, 0, "there is nobody to borrow from");
            }
        }
        prop_assert_eq!(lent, steps.len() as u64, "nothing is lost");
    }

    #[test]
    fn who_has_packets_gets_its_rate(ones in vec(one(), 1..10), root in 1_000_000u64..200_000_000) {
        let mut bench = Bench::new();
        let made = plant(&mut bench, root, &ones);
        let leaves: Vec<u32> = made.iter().filter(|one| one.children.is_empty()).map(|one| one.minor).collect();
        let span = Duration::from_millis(200);
        bench.saturate(&leaves, 1000, span);
        for one in made.iter().filter(|one| one.children.is_empty()) {
            let wanted = one.options.rate.rate.0 as f64 * 0.2;
            prop_assert!(bench.bytes(one.minor) as f64 >= wanted - 1.0, "{}", one.minor);
        }
    }

    #[test]
    fn equals_share_by_quantum(quanta in vec(500u32..30_000, 2..8), len in 200u32..1500) {
        let mut bench = Bench::new();
        bench.add(1, 0, class(800 * MBIT));
        let minors: Vec<u32> = (10..10 + quanta.len() as u32).collect();
        for (minor, quantum) in minors.iter().zip(&quanta) {
            // A quantum below a packet's length means a packet, as in the kernel.
            let quantum = Some((*quantum).max(len));
            bench.add(*minor, 1, HtbClassOptions { quantum, ..class_up_to(8 * KBIT, 800 * MBIT) });
        }
        bench.saturate(&minors, len, Duration::from_millis(10));
        bench.forget();
        // A thousand rounds.
        let all: u64 = quanta.iter().map(|quantum| u64::from((*quantum).max(len))).sum();
        let span = Duration::from_nanos(all * 1000 * 10);
        bench.saturate(&minors, len, span);
        for (minor, quantum) in minors.iter().zip(&quanta) {
            let wanted = f64::from((*quantum).max(len)) / all as f64;
            let share = bench.bytes(*minor) as f64 / minors.iter().map(|minor| bench.bytes(*minor)).sum::<u64>() as f64;
            prop_assert!((share - wanted).abs() <= 0.01 * wanted, "{minor}: {share} is not {wanted}");
        }
    }

    #[test]
    fn anything_may_happen_in_any_order(
        steps in vec((0u8..12, 1u32..12, 0u32..12, one(), 0u32..2_000_000), 1..200),
    ) {
        let mut bench = Bench::new();
        let mut offered = 0;
        let mut refused = 0;
        for (what, minor, parent, one, gap) in steps {
            let options = HtbClassOptions {
                burst: Some(one.burst),
                cburst: Some(one.cburst),
                prio: one.prio,
                quantum: one.quantum,
                ..class_up_to(one.part * MBIT, (one.part + one.more) * MBIT)
            };
            let mut context = bench.world.context();
            match what {
                0 | 1 => drop(bench.htb.add(&mut context, id(minor), id(parent), &ClassOptions::Htb(options))),
                2 => drop(Classful::change(&mut bench.htb, &mut context, id(minor), &ClassOptions::Htb(options))),
                3 => drop(bench.htb.delete(&mut context, id(minor))),
                4 => drop(bench.htb.graft(&mut context, id(minor), None)),
                5 | 6 => {
                    bench.pass(Duration::from_nanos(gap.into()));
                    bench.take_all();
                }
                7 => {
                    if let Dequeue::Later(at) = bench.dequeue() {
                        bench.world.now = at;
                        prop_assert!(matches!(bench.dequeue(), Dequeue::Packet(_)), "a wake-up for nothing");
                    }
                }
                _ => {
                    offered += 1;
                    refused += usize::from(bench.offer(minor, LONGEST) != Enqueue::Queued);
                }
            }
            bench.check();
        }
        let sent: usize = bench.sent.values().map(Vec::len).sum();
        let waiting = bench.htb.backlog().packets as usize;
        prop_assert_eq!(sent + waiting + refused + bench.world.dropped.len(), offered, "nothing is lost silently");
        let most = bench.world.now + Duration::from_secs(200);
        while let Dequeue::Later(at) = { bench.take_all(); bench.dequeue() } {
            prop_assert!(at < most);
            bench.world.now = at;
        }
        prop_assert!(bench.htb.backlog().is_empty(), "what waits leaves in the end");
    }
}

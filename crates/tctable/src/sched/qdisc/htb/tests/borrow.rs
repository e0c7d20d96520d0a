//! Several classes: who sends, at whose cost.

use super::*;
use crate::sched::context::DropCause;

/// A parent and children with their rates, ceils being the parent's.
fn family(parent: u64, children: &[u64]) -> Bench {
    let mut bench = Bench::new();
    bench.add(1, 0, class(parent));
    for (number, bits) in children.iter().enumerate() {
        bench.add(10 + number as u32, 1, class_up_to(*bits, parent));
    }
    bench
}

#[test]
fn one_who_is_alone_borrows_all_of_it() {
    let mut bench = family(10 * MBIT, &[MBIT, 2 * MBIT]);
    let span = Duration::from_secs(10);
    bench.saturate(&[10], 1000, span);
    close(bench.bits(10, span), 1e7, 0.001);
    let (lends, borrows) = bench.lends_and_borrows(10);
    close(lends.into(), 1250.0, 0.01);
    assert_eq!(u64::from(lends + borrows), bench.view(10).sent.packets);
    assert_eq!(bench.lends_and_borrows(1), (borrows, 0));
    assert_eq!(bench.view(1).sent, bench.view(10).sent);
}

#[test]
fn what_is_left_is_shared_by_quantum() {
    let mut bench = family(10 * MBIT, &[MBIT, 2 * MBIT, 3 * MBIT]);
    let span = Duration::from_secs(60);
    bench.saturate(&[10, 11, 12], 1000, span);
    // 4 Mbit are left, and quanta are as 1 : 2 : 3.
    for (minor, bits) in [(10, 1.0 + 4.0 / 6.0), (11, 2.0 + 8.0 / 6.0), (12, 5.0)] {
        close(bench.bits(minor, span), bits * 1e6, 0.005);
    }
}

#[test]
fn quanta_are_met_though_packets_do_not_fit_them() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(100 * MBIT));
    for (minor, quantum) in [(10, 2_000), (11, 5_000), (12, 9_000)] {
        bench.add(minor, 1, HtbClassOptions { quantum: Some(quantum), ..class_up_to(8 * KBIT, 100 * MBIT) });
    }
    let span = Duration::from_secs(20);
    bench.saturate(&[10, 11, 12], 1499, span);
    for (minor, share) in [(10, 2.0), (11, 5.0), (12, 9.0)] {
        close(bench.bits(minor, span), 1e8 * share / 16.0, 0.01);
    }
}

#[test]
fn the_first_priority_borrows_first() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(10 * MBIT));
    for prio in 0..8u8 {
        let options = HtbClassOptions { prio, ..class_up_to(MBIT, 10 * MBIT) };
        bench.add(10 + u32::from(prio), 1, options);
    }
    let span = Duration::from_secs(20);
    let all: Vec<u32> = (10..18).collect();
    bench.saturate(&all, 1000, span);
    close(bench.bits(10, span), 3e6, 0.005);
    // Who has no luck gets its rate all the same.
    all[1..].iter().for_each(|minor| close(bench.bits(*minor, span), 1e6, 0.005));
    bench.forget();
    // While the first two are away the third has it.
    bench.saturate(&all[2..], 1000, span);
    close(bench.bits(12, span), 5e6, 0.005);
    close(bench.bits(13, span), 1e6, 0.005);
}

#[test]
fn the_nearest_lender_is_asked_first() {
    // 1:1 { 1:2 { 1:10, 1:11 }, 1:3 { 1:12 } }
    let mut bench = Bench::new();
    bench.add(1, 0, class(10 * MBIT)).add(2, 1, class_up_to(6 * MBIT, 10 * MBIT)).add(
        3,
        1,
        class_up_to(4 * MBIT, 10 * MBIT),
    );
    bench.add(10, 2, class_up_to(MBIT, 10 * MBIT)).add(11, 2, class_up_to(MBIT, 10 * MBIT));
    bench.add(12, 3, class_up_to(MBIT, 10 * MBIT));
    let span = Duration::from_secs(20);
    // Each of the two branches gets its own.
    bench.saturate(&[10, 12], 1000, span);
    close(bench.bits(10, span), 6e6, 0.005);
    close(bench.bits(12, span), 4e6, 0.005);
    bench.forget();
    bench.saturate(&[10, 11, 12], 1000, span);
    close(bench.bits(10, span), 3e6, 0.005);
    close(bench.bits(11, span), 3e6, 0.005);
    bench.forget();
    // What one branch does not use goes to the other, through its ceil.
    bench.saturate(&[12], 1000, span);
    close(bench.bits(12, span), 1e7, 0.001);
}

#[test]
fn the_ceil_between_holds() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(10 * MBIT)).add(2, 1, class_up_to(2 * MBIT, 3 * MBIT));
    bench.add(10, 2, class_up_to(MBIT, 10 * MBIT)).add(11, 2, class_up_to(MBIT, 10 * MBIT));
    let span = Duration::from_secs(20);
    bench.saturate(&[10, 11], 1000, span);
    close(bench.bits(10, span) + bench.bits(11, span), 3e6, 0.001);
    close(bench.bits(10, span), 1.5e6, 0.005);
}

#[test]
fn eight_levels_borrow_from_the_top() {
    let mut bench = Bench::new();
    for minor in 1..=7 {
        bench.add(minor, minor - 1, class_up_to(if minor == 1 { 10 * MBIT } else { 80 * KBIT }, 10 * MBIT));
    }
    bench.add(8, 7, class_up_to(80 * KBIT, 10 * MBIT));
    assert_eq!(bench.try_add(9, 8, class(MBIT)), Err(ClassRefusal::TooMany));
    let span = Duration::from_secs(5);
    bench.saturate(&[8], 1000, span);
    close(bench.bits(8, span), 1e7, 0.001);
    assert_eq!(bench.htb.classes[bench.htb.find(id(1)).unwrap()].level(), 7);
    assert_eq!(bench.htb.classes[bench.htb.find(id(7)).unwrap()].level(), 1);
    let lent: u32 = (1..=8).map(|minor| bench.lends_and_borrows(minor).0).sum();
    assert_eq!(u64::from(lent), bench.view(8).sent.packets);
}

#[test]
fn children_that_are_promised_more_than_the_parent_has_get_what_they_were_promised() {
    // The kernel lets a leaf send at its own rate whatever its parent's rate is; the parent's debt grows meanwhile.
    let mut bench = family(2 * MBIT, &[2 * MBIT, 2 * MBIT]);
    let span = Duration::from_secs(5);
    bench.saturate(&[10, 11], 1000, span);
    close(bench.bits(10, span), 2e6, 0.005);
    close(bench.bits(11, span), 2e6, 0.005);
}

#[test]
fn who_comes_back_from_idling_waits_for_nobody() {
    let mut bench = family(10 * MBIT, &[5 * MBIT, 5 * MBIT]);
    bench.saturate(&[10], 1000, Duration::from_secs(1));
    bench.fill(11, 1000, 1);
    let first_two = [bench.take(), bench.take()].map(|queued| queued.map(|queued| queued.flow));
    assert!(first_two.contains(&Some(11)), "{first_two:?}");
}

#[test]
fn direct_packets_go_first_and_are_limited() {
    let mut bench = Bench::with(&HtbOptions { direct_qlen: Some(2), ..HtbOptions::default() });
    bench.add(1, 0, class(MBIT));
    bench.fill(1, 1000, 1);
    // No class 1:77 and no default: past all classes. So does what names the qdisc.
    bench.fill(77, 1000, 1);
    bench.fill(0, 1000, 1);
    assert_eq!(bench.offer(77, 1000), Enqueue::Dropped(DropCause::Limit));
    assert_eq!(bench.take_all(), [77, 0, 1]);
    assert_eq!(bench.htb.xstats(), crate::sched::qdisc::QdiscXstats::Htb { direct_packets: 2 });
    assert_eq!(bench.htb.backlog(), Backlog::default());
}

#[test]
fn who_is_unclassified_goes_to_the_default_class_if_that_is_a_leaf() {
    let mut bench = Bench::with(&HtbOptions { default: 0x12, ..HtbOptions::default() });
    bench.add(0x12, 0, class(MBIT));
    let mut context = bench.world.context();
    let classify = |htb: &mut Htb, context: &mut crate::sched::context::Context<'_>, priority| {
        let mut skb = skb(priority);
        let queued =
            Queued { token: 1, arrived: context.now, len: 100, flow: 0, ecn: Default::default(), is_marked: false };
        assert_eq!(htb.enqueue(context, &mut skb, queued), Enqueue::Queued);
        context.class
    };
    // Of another qdisc, of none, and a class that is not there.
    for priority in [0x2_0012, 0, 6, 0x1_0099] {
        assert_eq!(classify(&mut bench.htb, &mut context, priority), Some(id(0x12)));
    }
    bench.add(0x13, 0x12, class(MBIT));
    let mut context = bench.world.context();
    assert_eq!(classify(&mut bench.htb, &mut context, 0), Some(id(0)));
    // An inner class that is named has no filters that know more.
    assert_eq!(classify(&mut bench.htb, &mut context, 0x1_0012), Some(id(0)));
    assert_eq!(classify(&mut bench.htb, &mut context, 0x1_0013), Some(id(0x13)));
}

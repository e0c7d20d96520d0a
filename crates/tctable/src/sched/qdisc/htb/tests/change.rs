//! Classes that come, change and go.

use super::*;
use crate::sched::context::DropCause;
use crate::sched::node::Node;
use crate::sched::qdisc::{OptionsError, create};

#[test]
fn an_idle_class_has_no_qdisc_and_little_else() {
    use super::super::class::{Class, Terms};
    let mut bench = Bench::new();
    bench.add(1, 0, class(MBIT));
    assert!(bench.htb.leaf(id(1)).is_none());
    bench.fill(1, 100, 1);
    assert!(bench.htb.leaf(id(1)).is_some());
    // Besides these it has 4 bytes in a page of numbers, which may be all its own (132), a slot, a place among those that
    // wait, and a bit here and there.
    assert!(size_of::<Class>() + size_of::<Terms>() + 132 + 4 + 4 + 8 <= 512);
    // What packets need of a leaf is three cache lines.
    assert_eq!(size_of::<Class>(), 192);
}

#[test]
fn a_change_of_rates_keeps_packets_tokens_and_counters() {
    let mut bench = Bench::new();
    bench.add(1, 0, HtbClassOptions { burst: Some(2_000), cburst: Some(2_000), ..class(8 * MBIT) });
    bench.fill(1, 1000, 10);
    assert_eq!(bench.take_all().len(), 3);
    let before = bench.view(1);
    assert_eq!(bench.tokens(1), (-1_000_000, -1_000_000));
    bench.pass(Duration::from_nanos(250_000));
    bench.change(1, HtbClassOptions { burst: Some(500), cburst: Some(500), ..class(80 * MBIT) });
    let after = bench.view(1);
    assert_eq!((after.sent, after.backlog, after.dropped), (before.sent, before.backlog, 0));
    // A debt is a span of time, as in the kernel.
    assert_eq!(bench.tokens(1), (-750_000, -750_000));
    assert_eq!(bench.dequeue(), Dequeue::Later(bench.world.now + Duration::from_nanos(750_000)));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.take_all().len(), 1);
    // And credit is no more than the new burst.
    bench.pass(Duration::from_secs(1));
    bench.change(1, HtbClassOptions { burst: Some(20), cburst: Some(20), ..class(8 * MBIT) });
    assert_eq!(bench.tokens(1), (20_000, 20_000));
    assert_eq!(bench.take_all().len(), 1);
}

#[test]
fn a_higher_ceil_lets_those_below_go_on_at_once() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(8 * KBIT)).add(10, 1, class_up_to(8 * KBIT, 100 * MBIT));
    bench.fill(10, 1000, 10);
    bench.take_all();
    let Dequeue::Later(late) = bench.dequeue() else { panic!("packets wait") };
    bench.change(1, class(100 * MBIT));
    let Dequeue::Later(_) = bench.dequeue() else { panic!("debts stay") };
    bench.check();
    bench.world.now = late;
    assert!(!bench.take_all().is_empty());
    let Dequeue::Later(soon) = bench.dequeue() else { panic!("packets wait") };
    assert_eq!(soon - late, Duration::from_nanos(80_000));
}

#[test]
fn a_change_of_priority_moves_what_waits() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(8 * MBIT));
    bench.add(10, 1, HtbClassOptions { prio: 1, ..class_up_to(8 * KBIT, 8 * MBIT) });
    bench.add(11, 1, HtbClassOptions { prio: 2, ..class_up_to(8 * KBIT, 8 * MBIT) });
    bench.saturate(&[10, 11], 1000, Duration::from_secs(3));
    assert!(bench.bytes(10) > 100 * bench.bytes(11));
    bench.forget();
    bench.change(11, HtbClassOptions { prio: 0, ..class_up_to(8 * KBIT, 8 * MBIT) });
    bench.saturate(&[10, 11], 1000, Duration::from_secs(3));
    assert!(bench.bytes(11) > 100 * bench.bytes(10));
    bench.check();
}

#[test]
fn what_waits_in_a_leaf_that_gets_children_is_dropped_and_given_back() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(8 * MBIT));
    bench.fill(1, 1000, 5);
    assert_eq!(bench.take_all().len(), 2);
    bench.add(10, 1, class(MBIT));
    assert_eq!(bench.world.dropped_for(DropCause::Deleted), [3, 4, 5]);
    let view = bench.view(1);
    assert_eq!((view.dropped, view.sent.packets, view.backlog), (3, 2, Backlog::default()));
    assert_eq!(bench.htb.backlog(), Backlog::default());
    assert_eq!(bench.lends_and_borrows(1), (2, 0));
    bench.fill(10, 1000, 1);
    bench.take_all();
    assert_eq!(bench.view(1).sent.packets, 3);
    // A leaf again, with what it counted.
    assert_eq!(bench.delete(10), Ok(()));
    bench.fill(1, 1000, 1);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.take_all(), [1]);
    let view = bench.view(1);
    assert_eq!((view.dropped, view.sent.packets), (3, 4));
}

#[test]
fn a_refused_child_does_nothing_to_its_parent() {
    let mut bench = Bench::new();
    for minor in 1..=8 {
        bench.add(minor, minor - 1, class(MBIT));
    }
    bench.fill(8, 1000, 1);
    assert_eq!(bench.try_add(9, 8, class(MBIT)), Err(ClassRefusal::TooMany));
    assert_eq!(bench.waiting(8).packets, 1);
    assert_eq!(bench.try_add(9, 8, class(0)), Err(OptionsError::Invalid("a rate of 0").into()));
    assert_eq!(bench.waiting(8).packets, 1);
}

#[test]
fn operations_are_refused_for_what_is_wrong() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(MBIT)).add(10, 1, class(MBIT));
    assert_eq!(bench.try_add(11, 7, class(MBIT)), Err(ClassRefusal::NoParent));
    assert!(matches!(bench.try_add(10, 1, class(MBIT)), Err(ClassRefusal::Options(_))));
    assert!(matches!(bench.try_add(0, 1, class(MBIT)), Err(ClassRefusal::Options(_))));
    assert_eq!(bench.try_add(0x1_0000, 1, class(MBIT)), Err(ClassRefusal::TooMany));
    let ceil = HtbClassOptions { ceil: Some(rate(0)), ..class(MBIT) };
    assert!(matches!(bench.try_add(11, 1, ceil), Err(ClassRefusal::Options(_))));
    let wide = HtbClassOptions { quantum: Some(1 << 31), ..class(MBIT) };
    assert!(matches!(bench.try_add(11, 1, wide), Err(ClassRefusal::Options(_))));
    let foreign = ClassId { major: 2, minor: 10 };
    assert!(!bench.htb.has(foreign));
    assert_eq!(bench.htb.delete(&mut bench.world.context(), foreign), Err(ClassRefusal::NotFound));
    assert_eq!(bench.delete(11), Err(ClassRefusal::NotFound));
    assert_eq!(bench.delete(1), Err(ClassRefusal::Busy));
    bench.htb.bind(id(10), true);
    bench.htb.bind(id(10), true);
    bench.htb.bind(id(10), false);
    assert_eq!(bench.delete(10), Err(ClassRefusal::Busy));
    bench.htb.bind(id(10), false);
    assert_eq!(bench.delete(10), Ok(()));
    assert_eq!(bench.delete(1), Ok(()));
    let changed = Classful::change(&mut bench.htb, &mut bench.world.context(), id(1), &ClassOptions::Htb(class(MBIT)));
    assert_eq!(changed, Err(ClassRefusal::NotFound));
    // The kernel has no change of the qdisc itself.
    let options = bench.htb.options();
    assert_eq!(Qdisc::change(&mut bench.htb, &mut bench.world.context(), &options), Err(OptionsError::Fixed));
}

#[test]
fn a_deleted_class_gives_its_packets_back() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(MBIT)).add(2, 0, class(MBIT));
    bench.fill(1, 1000, 4);
    bench.fill(2, 1000, 1);
    assert_eq!(bench.delete(1), Ok(()));
    assert_eq!(bench.world.dropped_for(DropCause::Deleted), [1, 2, 3, 4]);
    assert_eq!((bench.htb.backlog().packets, bench.htb.has(id(1))), (1, false));
    assert_eq!(bench.take_all(), [2]);
    // The number is another's now, and nothing of the old one is left.
    bench.add(1, 2, class(MBIT));
    assert_eq!(bench.view(1).dropped, 0);
}

#[test]
fn a_qdisc_is_hung_below_a_class_and_taken_away() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(MBIT)).add(2, 1, class(MBIT));
    let pfifo = create(&mut bench.world.context(), 7, &QdiscOptions::Pfifo { limit: Some(1) }).expect("a pfifo");
    let node = Node::new("7:".parse().expect("a handle"), pfifo);
    bench.fill(2, 1000, 3);
    assert_eq!(bench.htb.graft(&mut bench.world.context(), id(2), Some(node)), Ok(()));
    bench.check();
    assert_eq!(bench.world.dropped_for(DropCause::Deleted), [1, 2, 3]);
    assert_eq!(bench.view(2).leaf, Some("7:".parse().expect("a handle")));
    bench.fill(2, 1000, 1);
    assert_eq!(bench.offer(2, 1000), Enqueue::Dropped(DropCause::Limit));
    assert_eq!((bench.view(2).dropped, bench.view(2).backlog.packets), (4, 1));
    assert_eq!(bench.htb.graft(&mut bench.world.context(), id(2), None), Ok(()));
    bench.check();
    assert_eq!((bench.view(2).leaf, bench.view(2).dropped), (None, 5));
    let none = bench.htb.graft(&mut bench.world.context(), id(1), None);
    assert_eq!(none, Err(ClassRefusal::NotSupported));
}

#[test]
fn draining_gives_everything_back() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(MBIT)).add(2, 1, class(MBIT));
    bench.fill(2, 1000, 3);
    bench.fill(0, 1000, 1);
    bench.htb.drain(&mut bench.world.context(), DropCause::Deleted);
    bench.check();
    assert_eq!(bench.world.dropped_for(DropCause::Deleted), [4, 1, 2, 3]);
    assert_eq!(bench.dequeue(), Dequeue::Empty);
}

#[test]
fn classes_are_listed_in_the_order_of_their_numbers() {
    let mut bench = Bench::new();
    [5, 1, 0xffff, 300].into_iter().for_each(|minor| {
        bench.add(minor, 0, class(MBIT));
    });
    let mut listed = Vec::new();
    let mut after = None;
    while let Some(view) = bench.htb.view_after(after) {
        listed.push(view.id.minor);
        after = Some(view.id);
        // A list goes on where it stopped, whatever goes away meanwhile.
        if view.id.minor == 5 {
            assert_eq!(bench.delete(5), Ok(()));
        }
    }
    assert_eq!(listed, [1, 5, 300, 0xffff]);
}

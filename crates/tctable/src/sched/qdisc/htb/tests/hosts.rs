//! Classes that come with a host's first packet.

use std::net::IpAddr;

use super::super::hosts::{FIRST, HostClassOptions};
use super::*;
use crate::packet::{Address, Family};
use crate::sched::context::DropCause;
use crate::sched::qdisc::{HostClasses, OptionsError};
use crate::sched::skb::HostKey;
use proptest::prelude::*;

const TIMEOUT: Duration = Duration::from_secs(64);

fn host(ip: &str) -> HostKey {
    let ip: IpAddr = ip.parse().expect("an address");
    HostKey::Address(Family::from(ip), Address::from(ip))
}

fn template(max: u32) -> HostClassOptions {
    HostClassOptions {
        parent: id(1),
        prefix_v4: 32,
        prefix_v6: 64,
        timeout: TIMEOUT,
        max,
        class: class_up_to(MBIT, 10 * MBIT),
    }
}

/// A class 1:1 for hosts, and 1:99 by default.
fn office(max: u32) -> Bench {
    let mut bench = Bench::with(&HtbOptions { default: 99, ..HtbOptions::default() });
    bench.add(1, 0, class(10 * MBIT)).add(99, 0, class(MBIT));
    assert_eq!(bench.set(Some(template(max))), Ok(()));
    bench
}

impl Bench {
    fn set(&mut self, template: Option<HostClassOptions>) -> Result<(), ClassRefusal> {
        let set = self.htb.set_host_options(&mut self.world.context(), template.as_ref());
        self.check();
        set
    }

    /// Offers a packet of a host; gives the class that it is put in.
    fn offer_of(&mut self, host: HostKey) -> Option<ClassId> {
        let mut skb = Skb { host: Some(host), ..super::skb(0) };
        let (now, len) = (self.world.now, 1000);
        let queued = Queued { token: 7, arrived: now, len, flow: 0, ecn: Default::default(), is_marked: false };
        let mut context = self.world.context();
        assert_eq!(self.htb.enqueue(&mut context, &mut skb, queued), Enqueue::Queued);
        let class = context.class;
        self.check();
        class
    }

    fn hosts(&self) -> u32 {
        self.htb.host_stats().classes
    }
}

#[test]
fn each_host_gets_a_class_with_its_first_packet() {
    let mut bench = office(1000);
    assert_eq!(bench.hosts(), 0);
    let one = bench.offer_of(host("10.0.0.1"));
    let other = bench.offer_of(host("10.0.0.2"));
    assert_eq!((one, other), (Some(id(FIRST)), Some(id(FIRST + 1))));
    assert_eq!(bench.offer_of(host("10.0.0.1")), one);
    assert_eq!(bench.offer_of(HostKey::Group(0x0a00_0001)), Some(id(FIRST + 2)));
    let view = bench.view(FIRST);
    assert_eq!((view.parent, view.backlog.packets, view.id.handle()), (id(1), 2, None));
    assert_eq!(bench.htb.class_of(host("10.0.0.2")), other);
    assert_eq!(bench.htb.host_of(id(FIRST)), Some(host("10.0.0.1")));
    assert_eq!((bench.htb.class_of(host("10.0.0.9")), bench.htb.host_of(id(1))), (None, None));
    // Who has a class of its own does not get another one.
    let mut skb = Skb { host: Some(host("10.0.0.1")), ..super::skb(0x1_0063) };
    let queued =
        Queued { token: 8, arrived: bench.world.now, len: 100, flow: 0, ecn: Default::default(), is_marked: false };
    let mut context = bench.world.context();
    bench.htb.enqueue(&mut context, &mut skb, queued);
    assert_eq!(context.class, Some(id(99)));
    assert_eq!((bench.hosts(), bench.htb.host_stats().made), (3, 3));
}

#[test]
fn hosts_of_a_prefix_share_a_class() {
    let mut bench = office(1000);
    let wide = HostClassOptions { prefix_v4: 24, ..template(1000) };
    assert_eq!(bench.set(Some(wide)), Err(OptionsError::Fixed.into()), "whose class would an old one be?");
    assert_eq!(bench.set(None), Ok(()));
    assert_eq!(bench.set(Some(wide)), Ok(()));
    let one = bench.offer_of(host("10.0.0.1"));
    assert_eq!(bench.offer_of(host("10.0.0.254")), one);
    assert_ne!(bench.offer_of(host("10.0.1.1")), one);
    let six = bench.offer_of(host("2001:db8::1"));
    assert_eq!(bench.offer_of(host("2001:db8::ffff:1")), six);
    assert_ne!(bench.offer_of(host("2001:db8:0:1::1")), six);
    assert_eq!(bench.htb.host_of(six.expect("a class")), Some(host("2001:db8::")));
    let all = HostClassOptions { prefix_v4: 0, ..wide };
    assert_eq!((bench.set(None), bench.set(Some(all))), (Ok(()), Ok(())));
    let one = bench.offer_of(host("10.0.0.1"));
    assert_eq!(bench.offer_of(host("192.0.2.1")), one);
}

#[test]
fn a_class_goes_after_a_time_without_traffic_and_its_counters_are_told() {
    let mut bench = office(1000);
    bench.offer_of(host("10.0.0.1"));
    assert_eq!(bench.take_all().len(), 1);
    bench.pass(Duration::from_nanos(TIMEOUT.as_nanos() - 1));
    bench.dequeue();
    assert_eq!(bench.hosts(), 1);
    bench.pass(Duration::from_nanos(1));
    bench.dequeue();
    bench.check();
    assert_eq!((bench.hosts(), bench.htb.host_stats().expired), (0, 1));
    let expired = bench.htb.poll_expired().expect("a record");
    assert_eq!((expired.host, expired.class.sent.packets, expired.class.id), (host("10.0.0.1"), 1, id(FIRST)));
    assert_eq!(bench.htb.poll_expired(), None);
    assert!(!bench.htb.has(id(FIRST)));
    // The template's parent stays one, and the host comes back as new.
    assert_eq!(bench.delete(1), Err(ClassRefusal::Busy));
    assert_eq!(bench.offer_of(host("10.0.0.1")), Some(id(FIRST)));
    assert_eq!(bench.view(FIRST).sent.packets, 0);
}

#[test]
fn traffic_keeps_a_class_alive_and_so_do_packets_that_wait() {
    let mut bench = office(1000);
    bench.offer_of(host("10.0.0.1"));
    bench.offer_of(host("10.0.0.2"));
    for _ in 0..10 {
        bench.pass(Duration::from_secs(60));
        bench.take_all();
        bench.offer_of(host("10.0.0.2"));
    }
    assert_eq!(bench.hosts(), 1);
    // The packet that waits is traffic, though none comes.
    bench.pass(Duration::from_secs(128));
    bench.offer(99, 100);
    assert_eq!(bench.hosts(), 1);
    bench.take_all();
    bench.pass(Duration::from_secs(65));
    bench.offer(99, 100);
    assert_eq!(bench.hosts(), 0);
}

#[test]
fn who_finds_no_room_goes_to_the_default_class_and_is_counted() {
    let mut bench = office(2);
    for (last, class) in [(1, FIRST), (2, FIRST + 1), (3, 99), (3, 99)] {
        assert_eq!(bench.offer_of(host(&format!("10.0.0.{last}"))), Some(id(class)));
    }
    assert_eq!((bench.hosts(), bench.htb.host_stats().refused), (2, 2));
    bench.take_all();
    bench.pass(TIMEOUT);
    // The first call after that time makes room.
    assert!(bench.offer_of(host("10.0.0.3")).is_some_and(|class| class.minor >= FIRST));
    assert_eq!((bench.hosts(), bench.htb.host_stats().expired), (1, 2));
}

#[test]
fn a_change_of_the_template_changes_the_classes_and_loses_nothing() {
    let mut bench = office(10);
    bench.offer_of(host("10.0.0.1"));
    let faster =
        HostClassOptions { class: class_up_to(2 * MBIT, 4 * MBIT), timeout: Duration::from_secs(1), ..template(1) };
    assert_eq!(bench.set(Some(faster)), Ok(()));
    assert_eq!(bench.htb.host_options(), Some(faster));
    let view = bench.view(FIRST);
    let Some(ClassOptions::Htb(options)) = view.options else { panic!("{view:?}") };
    assert_eq!((options.rate, options.ceil, view.backlog.packets), (rate(2 * MBIT), Some(rate(4 * MBIT)), 1));
    assert_eq!(bench.offer_of(host("10.0.0.2")), Some(id(99)));
    bench.take_all();
    bench.pass(Duration::from_secs(1));
    bench.dequeue();
    assert_eq!(bench.hosts(), 0);
}

#[test]
fn a_template_that_goes_takes_its_classes_along() {
    let mut bench = office(10);
    bench.offer_of(host("10.0.0.1"));
    assert_eq!(bench.set(None), Ok(()));
    assert_eq!(bench.world.dropped_for(DropCause::Deleted), [7]);
    assert_eq!((bench.hosts(), bench.htb.backlog().packets, bench.htb.has(id(FIRST))), (0, 0, false));
    assert_eq!(bench.set(None), Err(ClassRefusal::NotFound));
    // The parent is a leaf again, and may go.
    assert_eq!(bench.delete(1), Ok(()));
    assert_eq!(bench.offer_of(host("10.0.0.1")), Some(id(99)));
}

#[test]
fn one_host_s_class_may_be_deleted() {
    let mut bench = office(10);
    bench.offer_of(host("10.0.0.1"));
    bench.offer_of(host("10.0.0.2"));
    assert_eq!(bench.delete(FIRST), Ok(()));
    assert_eq!((bench.hosts(), bench.htb.class_of(host("10.0.0.1"))), (1, None));
    assert_eq!(bench.offer_of(host("10.0.0.3")), Some(id(FIRST)));
    assert_eq!(bench.htb.host_of(id(FIRST)), Some(host("10.0.0.3")));
}

#[test]
fn templates_that_make_no_sense_are_refused() {
    let mut bench = office(10);
    assert_eq!(bench.set(None), Ok(()));
    for wrong in [
        HostClassOptions { prefix_v4: 33, ..template(1) },
        HostClassOptions { prefix_v6: 129, ..template(1) },
        HostClassOptions { timeout: Duration::ZERO, ..template(1) },
        HostClassOptions { class: class(0), ..template(1) },
    ] {
        assert!(matches!(bench.set(Some(wrong)), Err(ClassRefusal::Options(_))), "{wrong:?}");
    }
    assert_eq!(bench.set(Some(HostClassOptions { parent: id(7), ..template(1) })), Err(ClassRefusal::NoParent));
    assert_eq!(bench.htb.host_options(), None);
    // The qdisc itself may be the parent.
    assert_eq!(bench.set(Some(HostClassOptions { parent: id(0), ..template(1) })), Ok(()));
    bench.offer_of(host("10.0.0.1"));
    assert_eq!(bench.view(FIRST).parent, id(0));
}

#[test]
fn more_hosts_than_minor_numbers() {
    let mut bench = office(100_000);
    for number in 0..100_000u32 {
        let key = HostKey::Address(Family::V4, Address::from_v4_bits(0x0a00_0000 + number));
        assert_eq!(bench.htb.host_class(&mut bench.world.context(), key).map(|(_, minor)| minor), Some(FIRST + number));
    }
    assert_eq!(bench.hosts(), 100_000);
    assert_eq!(bench.htb.view_after(Some(id(FIRST + 99_998))).map(|view| view.id), Some(id(FIRST + 99_999)));
    bench.pass(TIMEOUT);
    // They go faster than they could come, but not all at once.
    for _ in 0..50_000 {
        bench.dequeue();
    }
    assert_eq!(bench.hosts(), 0);
    let stats = bench.htb.host_stats();
    assert_eq!((stats.made, stats.expired, stats.lost), (100_000, 100_000, 100_000 - 4096));
}

proptest! {
    #[test]
    fn a_class_lives_as_long_as_its_host_has_traffic(
        steps in proptest::collection::vec((0u8..12, 0u64..100), 1..300), max in 1u32..12,
    ) {
        let mut bench = office(max);
        let mut seen: BTreeMap<u8, Instant> = BTreeMap::new();
        for (number, seconds) in steps {
            // Long enough for the last packet to be paid for.
            bench.pass(Duration::from_millis(10));
            bench.pass(Duration::from_secs(if seconds < 60 { 0 } else { seconds - 59 }));
            bench.take_all();
            let now = bench.world.now;
            let class = bench.offer_of(HostKey::Group(number.into())).expect("a class");
            bench.take_all();
            prop_assert_eq!(bench.htb.backlog(), Backlog::default(), "a packet leaves at once");
            if class.minor >= FIRST {
                prop_assert_eq!(bench.htb.host_of(class), Some(HostKey::Group(number.into())));
                seen.insert(number, now);
            } else {
                prop_assert_eq!(bench.hosts(), max, "refused only where there is no room");
            }
            // All that are due are gone after a few calls.
            for _ in 0..12 {
                bench.dequeue();
            }
            for other in 0..12u8 {
                let idle = seen.get(&other).map(|seen| now.since(*seen).as_nanos());
                let has = bench.htb.class_of(HostKey::Group(other.into())).is_some();
                match idle {
                    None => prop_assert!(!has),
                    Some(idle) if idle < TIMEOUT.as_nanos() => prop_assert!(has, "{other} went too early"),
                    Some(idle) if idle >= TIMEOUT.as_nanos() / 64 * 65 => prop_assert!(!has, "{other} stays too long"),
                    Some(_) => {}
                }
                if !has {
                    seen.remove(&other);
                }
            }
        }
    }
}

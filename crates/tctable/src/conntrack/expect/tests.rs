use proptest::prelude::*;

use super::table::{Expectations, InsertError, Known};
use super::testing::{NOW, masters, tuple};
use super::*;
use crate::conntrack::{ConnectionId, Direction};

use crate::packet::{Family, Tuple, protocol};
use crate::table::HashKey;
use crate::time::{Duration, Instant};

const POLICY: Policy = Policy { name: "", max_expected: 2, timeout: Duration::from_secs(300) };

fn expectation(master: ConnectionId, tuple: Tuple) -> Expectation {
    Expectation {
        tuple,
        mask: Mask { source: Mask::whole(tuple.family), source_port: 0 },
        master,
        helper: "test",
        helper_protocol: protocol::TCP,
        class: 0,
        policy: POLICY,
        flags: Flags::default(),
        attach: None,
        direction: Direction::Reply,
        either_way: false,
        zone: 0,
        deadline: NOW + POLICY.timeout,
    }
}

fn tcp(from: &str, to: &str, port: u16) -> Tuple {
    tuple(protocol::TCP, (from, 0), (to, port))
}

fn from_port(tuple: Tuple, port: u16) -> Tuple {
    tuple.with_ports(port, tuple.destination_port)
}

fn table(max: u32) -> Expectations {
    Expectations::new(max, HashKey([7, 9]))
}

fn insert(table: &mut Expectations, expectation: Expectation) -> Result<(), InsertError> {
    table.insert(NOW, expectation, Known::OfMaster)
}

#[test]
fn a_connection_that_came_is_no_longer_expected() {
    let master = masters(1)[0];
    for (from, stranger, to) in [("10.0.0.1", "10.0.0.9", "10.0.0.2"), ("fd00::1", "fd00::9", "fd00::2")] {
        let mut table = table(8);
        let expected = expectation(master, tcp(from, to, 20));
        insert(&mut table, expected).unwrap();
        let first = from_port(expected.tuple, 4_711);
        for other in [tcp(stranger, to, 20), tcp(from, to, 21), tcp(from, stranger, 20)] {
            assert_eq!(table.take(NOW, &other, 0, |_| true), None);
        }
        let mut udp = first;
        udp.protocol = protocol::UDP;
        assert_eq!(table.take(NOW, &udp, 0, |_| true), None);
        assert_eq!(table.take(NOW, &first, 1, |_| true), None, "another zone");
        assert_eq!(table.take(NOW, &first, 0, |_| false), None, "its master is not there");
        assert_eq!(table.take(NOW, &first, 0, |id| id == master), Some(expected));
        assert_eq!(table.take(NOW, &first, 0, |_| true), None);
        assert_eq!(*table.statistics(), Statistics { new: 1, create: 1, delete: 1 });
    }
}

#[test]
fn a_wildcard_source_is_any_source() {
    let mut table = table(8);
    let mut expected = expectation(masters(1)[0], tcp("0.0.0.0", "10.0.0.2", 20));
    expected.mask = Mask::ANY;
    insert(&mut table, expected).unwrap();
    assert!(table.take(NOW, &from_port(tcp("192.0.2.1", "10.0.0.2", 20), 9), 0, |_| true).is_some());
}

#[test]
fn a_mask_may_be_in_between() {
    let mut table = table(8);
    let mut expected = expectation(masters(1)[0], tcp("10.0.0.0", "10.0.0.2", 20));
    expected.mask.source = crate::packet::Address::from_v4_bits(0xffff_ff00);
    insert(&mut table, expected).unwrap();
    assert!(table.find(NOW, &tcp("10.0.0.77", "10.0.0.2", 20), 0).is_some());
    assert!(table.find(NOW, &tcp("10.0.1.77", "10.0.0.2", 20), 0).is_none());
}

#[test]
fn a_permanent_one_stays_and_an_inactive_one_is_not_met() {
    let mut table = table(8);
    let master = masters(1)[0];
    let mut expected = expectation(master, tcp("10.0.0.1", "10.0.0.2", 20));
    expected.flags = Flags::PERMANENT.union(Flags::INACTIVE);
    insert(&mut table, expected).unwrap();
    assert_eq!(table.take(NOW, &expected.tuple, 0, |_| true), None);
    assert!(table.find(NOW, &expected.tuple, 0).is_some());
    assert!(table.renew(master, NOW + Duration::from_secs(7), |_| true));
    for _ in 0..2 {
        let taken = table.take(NOW, &expected.tuple, 0, |_| true).unwrap();
        assert_eq!(taken.flags, Flags::PERMANENT);
    }
    assert_eq!(table.next_timeout(), Some(NOW + Duration::from_secs(7)));
    assert_eq!(table.statistics().new, 2);
}

#[test]
fn one_that_either_end_may_begin_goes_with_its_opposite() {
    let mut table = table(8);
    let master = masters(1)[0];
    let out = tuple(protocol::GRE, ("10.0.0.1", 1), ("10.0.0.2", 2));
    let back = out.inverted().unwrap();
    for tuple in [out, back] {
        let mask = Mask { source_port: u16::MAX, ..expectation(master, tuple).mask };
        insert(&mut table, Expectation { mask, either_way: true, ..expectation(master, tuple) }).unwrap();
    }
    assert!(table.take(NOW, &back, 0, |_| true).is_some());
    assert!(table.is_empty());
}

#[test]
fn the_same_of_the_same_master_is_replaced() {
    let mut table = table(8);
    let master = masters(1)[0];
    let expected = expectation(master, tcp("10.0.0.1", "10.0.0.2", 20));
    insert(&mut table, expected).unwrap();
    let later = Expectation { deadline: NOW + Duration::from_secs(900), ..expected };
    assert_eq!(insert(&mut table, later), Ok(()));
    assert_eq!(table.iter().collect::<Vec<_>>(), [&later]);
    assert_eq!(*table.statistics(), Statistics { new: 0, create: 2, delete: 1 });
    let other_class = Expectation { class: 1, ..expected };
    assert_eq!(insert(&mut table, other_class), Err(InsertError::Already));
}

#[test]
fn what_another_one_covers_clashes() {
    let ids = masters(2);
    let expected = expectation(ids[0], tcp("10.0.0.1", "10.0.0.2", 20));
    let of_other = Expectation { master: ids[1], ..expected };
    let any_source = Expectation { mask: Mask::ANY, ..expected };
    let other_source = Expectation { tuple: tcp("10.0.0.3", "10.0.0.2", 20), ..expected };
    let other_zone = Expectation { zone: 1, ..of_other };
    let cases = [
        (of_other, Known::OfMaster, Err(InsertError::Clash)),
        (of_other, Known::OfAny, Err(InsertError::Already)),
        (any_source, Known::OfMaster, Err(InsertError::Clash)),
        (any_source, Known::OfAny, Err(InsertError::Clash)),
        (other_source, Known::OfMaster, Ok(())),
        (other_zone, Known::OfMaster, Ok(())),
    ];
    for (other, known, result) in cases {
        let mut table = table(8);
        insert(&mut table, expected).unwrap();
        assert_eq!(table.insert(NOW, other, known), result);
        assert_eq!(table.len(), 1 + usize::from(result.is_ok()));
    }
}

#[test]
fn the_oldest_of_a_class_makes_room() {
    let ids = masters(2);
    let mut table = table(8);
    let mut add = |master, class, port| {
        let expectation = Expectation { class, ..expectation(master, tcp("10.0.0.1", "10.0.0.2", port)) };
        insert(&mut table, expectation).unwrap();
        table.of_master(ids[0]).map(|expectation| expectation.tuple.destination_port).collect::<Vec<_>>()
    };
    add(ids[0], 0, 1);
    add(ids[0], 1, 2);
    add(ids[1], 0, 3);
    assert_eq!(add(ids[0], 0, 4), [4, 2, 1]);
    assert_eq!(add(ids[0], 0, 5), [5, 4, 2]);
    assert_eq!(add(ids[0], 0, 4), [4, 5, 2], "the same once more is the newest");
    assert_eq!(add(ids[0], 0, 6), [6, 4, 2]);
}

#[test]
fn a_full_table_refuses() {
    let ids = masters(3);
    let mut table = table(2);
    let on = |master, port| expectation(master, tcp("10.0.0.1", "10.0.0.2", port));
    insert(&mut table, on(ids[0], 1)).unwrap();
    insert(&mut table, on(ids[1], 2)).unwrap();
    assert_eq!(insert(&mut table, on(ids[2], 3)), Err(InsertError::Full));
    table.remove_of_master(ids[0], |_| true);
    assert_eq!(insert(&mut table, on(ids[2], 3)), Ok(()));
    assert_eq!(table.of_master(ids[0]).count(), 0);
}

#[test]
fn time_ends_them_to_the_nanosecond() {
    let ids = masters(2);
    let mut table = table(8);
    let nano = Duration::from_nanos(1);
    for (master, port, after) in [(ids[0], 1, 5), (ids[1], 2, 7)] {
        let deadline = NOW + Duration::from_secs(after);
        insert(&mut table, Expectation { deadline, ..expectation(master, tcp("10.0.0.1", "10.0.0.2", port)) }).unwrap();
    }
    let first = NOW + Duration::from_secs(5);
    assert_eq!(table.next_timeout(), Some(first));
    let last = Instant::from_nanos(first.as_nanos() - nano.as_nanos());
    assert_eq!(table.expire(last), 0);
    assert!(table.find(last, &tcp("10.0.0.1", "10.0.0.2", 1), 0).is_some());
    assert!(table.find(first, &tcp("10.0.0.1", "10.0.0.2", 1), 0).is_none());
    assert_eq!(table.take(first, &tcp("10.0.0.1", "10.0.0.2", 1), 0, |_| true), None);
    assert_eq!((table.len(), table.next_timeout()), (1, Some(NOW + Duration::from_secs(7))));
    assert_eq!(table.expire(Instant::MAX), 1);
    assert_eq!(table.next_timeout(), None);
}

/// A step of the property test, over few enough values that they meet.
#[derive(Clone, Debug)]
enum Step {
    Insert { master: usize, class: u8, source: Option<u8>, port: u16, known: Known, permanent: bool, secs: u64 },
    Take { source: u8, port: u16 },
    RemoveMaster(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let known = prop_oneof![Just(Known::OfMaster), Just(Known::OfAny)];
    prop_oneof![
        4 => (0..3usize, 0..2u8, prop::option::of(0..3u8), 0..3u16, known, any::<bool>(), 1..30u64).prop_map(
            |(master, class, source, port, known, permanent, secs)| Step::Insert {
                master, class, source, port, known, permanent, secs
            }
        ),
        3 => (0..3u8, 0..3u16).prop_map(|(source, port)| Step::Take { source, port }),
        1 => (0..3usize).prop_map(Step::RemoveMaster),
        1 => (0..20u64).prop_map(Step::Wait),
    ]
}

fn from(source: u8, port: u16) -> Tuple {
    tcp(&format!("10.0.0.{source}"), "10.0.1.1", port)
}

/// What the table does, as a list that is walked over: oldest first.
#[derive(Default)]
struct Model(Vec<Expectation>);

impl Model {
    fn insert(&mut self, new: Expectation, known: Known, max: usize) -> Result<(), InsertError> {
        let sources = |expectation: &Expectation| {
            let covered = |source: &u8| expectation.covers(&from(*source, expectation.tuple.destination_port), 0);
            (0..3).filter(covered).collect::<Vec<u8>>()
        };
        let (ours, port) = (sources(&new), new.tuple.destination_port);
        let meets = |other: &&Expectation| {
            other.tuple.destination_port == port && sources(other).iter().any(|source| ours.contains(source))
        };
        let same = |other: &Expectation| {
            (other.tuple, other.mask) == (new.tuple, new.mask) && (known == Known::OfAny || other.master == new.master)
        };
        if let Some(place) = self.0.iter().position(same) {
            if (self.0[place].master, self.0[place].class) != (new.master, new.class) {
                return Err(InsertError::Already);
            }
            self.0.remove(place);
        } else if self.0.iter().find(meets).is_some() {
            return Err(InsertError::Clash);
        }
        let alike = |other: &Expectation| (other.master, other.class) == (new.master, new.class);
        if self.0.iter().filter(|other| alike(other)).count() >= POLICY.max_expected as usize {
            let oldest = self.0.iter().position(alike).unwrap();
            self.0.remove(oldest);
        }
        if self.0.len() >= max {
            return Err(InsertError::Full);
        }
        self.0.push(new);
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_table_does_what_a_list_would(steps in prop::collection::vec(step(), 1..80), key: u64) {
        const MAX: usize = 6;
        let ids = masters(3);
        let mut table = Expectations::new(MAX as u32, HashKey([key, 1]));
        let mut model = Model::default();
        let mut now = NOW;
        for step in steps {
            match step {
                Step::Insert { master, class, source, port, known, permanent, secs } => {
                    let tuple = source.map_or(tcp("0.0.0.0", "10.0.1.1", port), |source| from(source, port));
                    let mask = if source.is_some() { expectation(ids[0], tuple).mask } else { Mask::ANY };
                    let flags = if permanent { Flags::PERMANENT } else { Flags::default() };
                    let deadline = now + Duration::from_secs(secs);
                    let new = Expectation { class, mask, flags, deadline, ..expectation(ids[master], tuple) };
                    prop_assert_eq!(table.insert(now, new, known), model.insert(new, known, MAX));
                }
                Step::Take { source, port } => {
                    let packet = from_port(from(source, port), 99);
                    let place = model.0.iter().position(|expectation| expectation.covers(&packet, 0));
                    let met = place.map(|place| model.0[place]);
                    if let Some(place) = place.filter(|place| !model.0[*place].flags.contains(Flags::PERMANENT)) {
                        model.0.remove(place);
                    }
                    prop_assert_eq!(table.take(now, &packet, 0, |_| true), met);
                }
                Step::RemoveMaster(master) => {
                    table.remove_of_master(ids[master], |_| true);
                    model.0.retain(|expectation| expectation.master != ids[master]);
                }
                Step::Wait(secs) => {
                    now += Duration::from_secs(secs);
                    let before = model.0.len();
                    model.0.retain(|expectation| expectation.deadline > now);
                    prop_assert_eq!(table.expire(now), before - model.0.len());
                }
            }
            for id in &ids {
                let mut listed: Vec<Expectation> = table.of_master(*id).copied().collect();
                listed.reverse();
                let of_master = model.0.iter().filter(|expectation| expectation.master == *id);
                prop_assert_eq!(listed, of_master.copied().collect::<Vec<_>>());
            }
            let Statistics { create, delete, .. } = *table.statistics();
            prop_assert_eq!(create - delete, model.0.len() as u64);
            prop_assert_eq!(table.next_timeout(), model.0.iter().map(|expectation| expectation.deadline).min());
        }
    }
}

#[test]
fn a_mask_of_a_whole_address_is_of_its_version() {
    assert_eq!(Mask::whole(Family::V4).to_ip(Family::V4).to_string(), "255.255.255.255");
    assert_eq!(Mask::whole(Family::V6).bits(), u128::MAX);
}

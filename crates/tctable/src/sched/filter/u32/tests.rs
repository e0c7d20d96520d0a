use super::*;
use crate::packet::DeviceId;
use crate::sched::action::{ActionOptions, ActionVerdict, GactOptions};
use crate::sched::control::Errno;
use crate::sched::filter::block::Classified;
use crate::sched::filter::testing::{Bench, both, class, classified, packet, query, request};
use crate::sched::filter::{EtherType, FilterKey, FilterQuery, FilterRequest};

fn key(value: u32, mask: u32, at: i32) -> U32Key {
    U32Key { value, mask, at, offset_mask: 0 }
}

fn selector(terminal: bool, keys: &[U32Key]) -> U32Selector {
    U32Selector { terminal, keys: keys.to_vec(), ..U32Selector::default() }
}

/// A node with a class in a table's bucket.
fn node(table: Option<u32>, minor: u16, keys: &[U32Key]) -> U32Node {
    U32Node { table, selector: Some(selector(true, keys)), class: class(minor), ..U32Node::default() }
}

/// A node that links, and matches everything.
fn linking(table: Option<u32>, link: u32) -> U32Node {
    U32Node { table, selector: Some(selector(false, &[])), link: Some(link), ..U32Node::default() }
}

fn set(bench: &mut Bench, handle: u32, options: U32Options) -> Result<FilterKey, FilterError> {
    let options = FilterOptions::U32(options);
    let request = FilterRequest { handle, ..request(EtherType::ALL, 1, options) };
    bench.set(&request, Flags { create: true, ..Flags::default() }).map(|change| change.key)
}

fn add(bench: &mut Bench, node: U32Node) -> FilterKey {
    set(bench, 0, U32Options::Node(node)).unwrap()
}

fn table(bench: &mut Bench, id: u32, divisor: u32) {
    set(bench, id << 20, U32Options::Table { divisor }).unwrap();
}

fn delete(bench: &mut Bench, handle: u32) -> Result<(), FilterError> {
    bench.delete(&FilterQuery { priority: 1, handle, ..query() }).map(|_| ())
}

#[test]
fn all_keys_of_a_node_match_in_either_version_of_ip() {
    for (packet, source, ports) in both(1024, 80).into_iter().zip([12, 20]).zip([20, 40]).map(|((p, s), t)| (p, s, t)) {
        let mut bench = Bench::new();
        let [v4, v6] = [0x0a00_0001, 1];
        let source = key(if source == 12 { v4 } else { v6 }, u32::MAX, source);
        add(&mut bench, node(None, 1, &[source, key(81, 0xffff, ports)]));
        add(&mut bench, node(None, 2, &[source, key(80, 0xffff, ports)]));
        add(&mut bench, node(None, 3, &[]));
        assert_eq!(bench.of(&packet), classified(2));
    }
}

#[test]
fn what_the_packet_has_not_got_ends_the_search() {
    let mut bench = Bench::new();
    add(&mut bench, node(None, 1, &[key(0, 0, 37)]));
    add(&mut bench, node(None, 2, &[]));
    assert_eq!(bench.of(&both(1, 2)[0]), Classified::Nothing);
}

#[test]
fn a_node_counts_what_it_saw() {
    let mut bench = Bench::new();
    let drop = ActionOptions::Gact(GactOptions::new(ActionVerdict::Drop));
    let mark = Some(U32Mark { value: 5, mask: 0xf });
    let keys = [key(0x0a00_0001, u32::MAX, 12), key(80, 0xffff, 20)];
    let options = U32Node { mark, input: Some(DeviceId(3)), actions: vec![drop], ..node(None, 1, &keys) };
    let key = add(&mut bench, options.clone());
    let [packet, _] = both(1, 80);
    let [other_port, _] = both(1, 81);
    for (packet, mark, input) in [
        (&packet, 0x25, Some(DeviceId(3))),
        (&packet, 4, Some(DeviceId(3))),
        (&packet, 5, Some(DeviceId(4))),
        (&packet, 5, None),
        (&other_port, 5, Some(DeviceId(3))),
    ] {
        let mut skb = packet.skb();
        (skb.mark, skb.input) = (mark, input);
        let is_all = (mark, input) == (0x25, Some(DeviceId(3)));
        let expected = if is_all { Classified::Drop(crate::sched::DropCause::Filter) } else { Classified::Nothing };
        assert_eq!(bench.classify(&mut skb), expected);
    }
    let view = bench.view(key);
    let statistics = &view.statistics;
    assert_eq!((statistics.seen, statistics.marked, statistics.matched), (5, 4, 1));
    assert_eq!(statistics.keys, [4, 3]);
    assert_eq!((statistics.actions[0].given.packets, statistics.actions[0].dropped), (1, 1));
    let expected = U32Node { table: Some(0x8000_0000), ..options };
    assert_eq!(view.options, Some(FilterOptions::U32(U32Options::Node(expected))));
}

#[test]
fn a_bucket_is_chosen_by_the_packet() {
    let mut bench = Bench::new();
    table(&mut bench, 2, 256);
    for host in 1..=3 {
        add(&mut bench, node(Some(0x0020_0000 | u32::from(host) << 12), host, &[]));
    }
    let mut link = linking(None, 0x0020_0000);
    link.selector = Some(U32Selector { hash_at: 16, hash_mask: 0xff, ..selector(false, &[]) });
    add(&mut bench, link);
    for host in 1..=4 {
        let packet = packet(&[], 6, ("10.0.0.9", 1), (&format!("10.0.0.{host}"), 2));
        let expected = if host < 4 { classified(host) } else { Classified::Nothing };
        assert_eq!(bench.of(&packet), expected);
    }
}

#[test]
fn the_next_header_is_found_behind_options() {
    let mut bench = Bench::new();
    table(&mut bench, 2, 1);
    let next = U32Key { offset_mask: -1, ..key(80, 0xffff, 0) };
    add(&mut bench, node(Some(0x0020_0000), 7, &[next]));
    let mut link = linking(None, 0x0020_0000);
    let variable = Some(U32VariableOffset { at: 0, mask: 0x0f00, shift: 6 });
    let offset = Some(U32Offset { fixed: 0, variable });
    link.selector = Some(U32Selector { offset, ..selector(false, &[]) });
    add(&mut bench, link);
    let [plain, _] = both(1, 80);
    assert_eq!(bench.of(&plain), classified(7));
    // Two words of options.
    let mut bytes = plain.bytes.clone();
    bytes[14] = 0x47;
    bytes[17] = 48;
    bytes.splice(34..34, [1; 8]);
    assert_eq!(bench.of(&crate::sched::filter::testing::read(bytes)), classified(7));
}

#[test]
fn behind_a_linked_table_the_packet_comes_back() {
    let mut bench = Bench::new();
    table(&mut bench, 2, 1);
    add(&mut bench, node(Some(0x0020_0000), 1, &[key(1, 1, 0)]));
    add(&mut bench, linking(None, 0x0020_0000));
    let packet = &both(1, 2)[0];
    assert_eq!(bench.of(packet), Classified::Nothing);
    // It comes back to the node that linked, which may be a terminal, and then to the next one.
    add(&mut bench, node(None, 3, &[]));
    assert_eq!(bench.of(packet), classified(3));
    let back = U32Node { link: Some(0x0020_0000), ..node(None, 2, &[]) };
    set(&mut bench, 0x8000_0001, U32Options::Node(back)).unwrap();
    assert_eq!(bench.of(packet), classified(2));
}

#[test]
fn links_go_eight_deep_and_no_further() {
    for (tables, expected) in [(8, classified(1)), (9, Classified::Nothing)] {
        let mut bench = Bench::new();
        for id in 1..=tables {
            table(&mut bench, id, 1);
        }
        add(&mut bench, linking(None, 0x0010_0000));
        for id in 1..tables {
            add(&mut bench, linking(Some(id << 20), (id + 1) << 20));
        }
        add(&mut bench, node(Some(tables << 20), 1, &[]));
        // A packet that is too deep is lost to the nodes behind too.
        add(&mut bench, node(None, 2, &[]));
        assert_eq!(bench.of(&both(1, 2)[0]), expected, "{tables}");
    }
}

#[test]
fn tables_that_link_to_one_another_in_all_ways_end() {
    let mut bench = Bench::new();
    for id in 1..=8 {
        table(&mut bench, id, 1);
    }
    for _ in 0..20 {
        add(&mut bench, linking(None, 0x0010_0000));
        for id in 1..8 {
            add(&mut bench, linking(Some(id << 20), (id + 1) << 20));
        }
    }
    add(&mut bench, node(None, 2, &[]));
    // 20^8 ways through them.
    assert_eq!(bench.of(&both(1, 2)[0]), Classified::Nothing);
}

#[test]
fn handles_are_given_as_the_kernel_gives_them() {
    let mut bench = Bench::new();
    assert_eq!(add(&mut bench, node(None, 1, &[])).handle, 0x8000_0800);
    assert_eq!(add(&mut bench, node(None, 1, &[])).handle, 0x8000_0801);
    delete(&mut bench, 0x8000_0800).unwrap();
    assert_eq!(add(&mut bench, node(None, 1, &[])).handle, 0x8000_0800);
    assert_eq!(set(&mut bench, 0, U32Options::Table { divisor: 4 }).unwrap().handle, 0x8010_0000);
    assert_eq!(add(&mut bench, node(Some(0x8010_3000), 1, &[])).handle, 0x8010_3800);
    assert_eq!(set(&mut bench, 7, U32Options::Node(node(None, 1, &[]))).unwrap().handle, 0x8000_0007);
    // Another priority has another root table, and shares all others.
    let other = request(EtherType::ALL, 2, FilterOptions::U32(U32Options::Node(node(Some(0x8010_3000), 1, &[]))));
    assert_eq!(bench.set(&other, Flags::ADD).unwrap().key.handle, 0x8010_3801);
    let other = request(EtherType::ALL, 2, FilterOptions::U32(U32Options::Node(node(None, 1, &[]))));
    assert_eq!(bench.set(&other, Flags::ADD).unwrap().key.handle, 0x8020_0800);
    // They end, some time: from 800 to fff, then from 1 to 7ff, of which one is taken.
    for _ in 0..0xfff - 3 {
        add(&mut bench, node(None, 1, &[]));
    }
    let full = set(&mut bench, 0, U32Options::Node(node(None, 1, &[])));
    assert_eq!(full, Err(FilterError::NoHandleLeft));
}

#[test]
fn wrong_requests() {
    let mut bench = Bench::new();
    table(&mut bench, 2, 256);
    set(&mut bench, 0x0020_5007, U32Options::Node(node(Some(0x0020_5000), 1, &[]))).unwrap();
    add(&mut bench, linking(None, 0x0020_0000));
    let here = |minor| U32Options::Node(node(None, minor, &[]));
    let no_selector = U32Node { selector: None, ..node(None, 1, &[]) };
    let to = |link| U32Options::Node(linking(None, link));
    for (what, handle, options, errno) in [
        ("a divisor that is no power of two", 0, U32Options::Table { divisor: 3 }, Errno::EINVAL),
        ("too large a table", 0, U32Options::Table { divisor: 512 }, Errno::EINVAL),
        ("a table with a node's handle", 0x0030_0001, U32Options::Table { divisor: 2 }, Errno::EINVAL),
        ("a table that is there", 0x0020_0000, U32Options::Table { divisor: 2 }, Errno::EINVAL),
        ("a table in the place of a node", 0x0020_0000, here(1), Errno::EINVAL),
        ("no such table", 0, U32Options::Node(node(Some(0x0090_0000), 1, &[])), Errno::EINVAL),
        ("no such bucket", 0, U32Options::Node(node(Some(0x8000_1000), 1, &[])), Errno::EINVAL),
        ("the handle of another table", 0x0020_6007, here(1), Errno::EINVAL),
        ("a handle without a node", 0x0000_3000, here(1), Errno::EINVAL),
        ("a node that is there", 7, U32Options::Node(node(Some(0x0020_5000), 1, &[])), Errno::ENOSPC),
        ("no selector", 0, U32Options::Node(no_selector), Errno::EINVAL),
        ("a link to nowhere", 0, to(0x0090_0000), Errno::EINVAL),
        ("a link to a bucket", 0, to(0x0020_5000), Errno::EINVAL),
        ("a link to a root", 0, to(0x8000_0000), Errno::EINVAL),
        ("a handle without options", 9, U32Options::Root, Errno::EINVAL),
    ] {
        let before = bench.views();
        let error = set(&mut bench, handle, options).expect_err(what);
        assert_eq!(error.errno(), errno, "{what}: {error}");
        assert_eq!(bench.views(), before, "{what}");
    }
    assert_eq!(delete(&mut bench, 0x0020_0000), Err(FilterError::Busy));
    assert_eq!(delete(&mut bench, 0x8000_0000).map_err(|error| error.errno()), Err(Errno::EINVAL));
    assert_eq!(delete(&mut bench, 0x0020_5008), Err(FilterError::NotFound));
    // Without the link the table goes, and its nodes with it.
    delete(&mut bench, 0x8000_0800).unwrap();
    let gone = bench.delete(&FilterQuery { priority: 1, handle: 0x0020_0000, ..query() }).unwrap();
    assert_eq!(gone.released, [class(1).unwrap()]);
    // Nothing is left but the root.
    assert_eq!(bench.views(), []);
}

#[test]
fn a_change_keeps_what_is_matched_and_what_was_counted() {
    let mut bench = Bench::new();
    table(&mut bench, 2, 1);
    let made = add(&mut bench, node(None, 1, &[key(0x0a00_0001, u32::MAX, 12)]));
    let [packet, _] = both(1, 2);
    bench.of(&packet);
    let changed = U32Node { selector: Some(selector(true, &[key(5, u32::MAX, 0)])), ..node(None, 2, &[]) };
    let changed = FilterRequest {
        handle: made.handle,
        ..request(EtherType::ALL, 1, FilterOptions::U32(U32Options::Node(changed)))
    };
    let change = bench.set(&changed, Flags::CHANGE).unwrap();
    assert_eq!((change.named, change.released), (vec![class(2).unwrap()], vec![class(1).unwrap()]));
    assert_eq!(bench.of(&packet), classified(2));
    assert_eq!(bench.view(made).statistics.matched, 2);
}

#[test]
fn tables_go_with_the_last_priority() {
    let mut bench = Bench::new();
    table(&mut bench, 2, 16);
    add(&mut bench, node(Some(0x0020_3000), 1, &[]));
    let second = request(EtherType::ALL, 2, FilterOptions::U32(U32Options::Node(linking(None, 0x0020_0000))));
    bench.set(&second, Flags::ADD).unwrap();
    let gone = bench.delete(&FilterQuery { priority: 1, ..query() }).unwrap();
    assert_eq!(gone.released, []);
    // It is shown with no priority now, and is there all the same.
    let third = request(EtherType::ALL, 3, FilterOptions::U32(U32Options::Node(node(Some(0x0020_3000), 5, &[]))));
    assert_eq!(bench.set(&third, Flags::ADD).unwrap().key.handle, 0x0020_3801);
    let gone = bench.delete(&query()).unwrap();
    assert_eq!(gone.released, [class(1).unwrap(), class(5).unwrap()]);
    assert!(bench.block.is_empty());
}

use super::*;
use crate::sched::action::{ActionOptions, GactOptions};
use crate::sched::control::{Errno, Flags};
use crate::sched::filter::testing::{Bench, both, class, classified, packet, query, request};
use crate::sched::filter::{
    FilterError, FilterOptions, FilterQuery, FilterRequest, FwOptions, MatchallOptions, U32Node, U32Options,
    U32Selector,
};
use crate::sched::handle::Handle;

fn all(minor: u16) -> FilterOptions {
    FilterOptions::Matchall(MatchallOptions { class: class(minor), actions: Vec::new() })
}

fn acting(verdict: ActionVerdict) -> FilterOptions {
    let actions = vec![ActionOptions::Gact(GactOptions::new(verdict))];
    FilterOptions::Matchall(MatchallOptions { class: None, actions })
}

fn mark(minor: u16) -> FilterOptions {
    FilterOptions::Fw(Some(FwOptions { class: class(minor), ..FwOptions::default() }))
}

fn node(minor: u16) -> FilterOptions {
    let selector = Some(U32Selector { terminal: true, ..U32Selector::default() });
    FilterOptions::U32(U32Options::Node(U32Node { selector, class: class(minor), ..U32Node::default() }))
}

#[test]
fn the_lowest_priority_is_asked_first() {
    let mut bench = Bench::new();
    assert!(bench.block.is_empty());
    let [packet, _] = both(1, 2);
    assert_eq!(bench.of(&packet), Classified::Nothing);
    bench.add(5, all(5));
    bench.add(3, all(3));
    assert_eq!(bench.of(&packet), classified(3));
    bench.add(2, acting(ActionVerdict::Continue));
    assert_eq!(bench.of(&packet), classified(3));
    bench.delete(&FilterQuery { priority: 3, ..query() }).unwrap();
    assert_eq!(bench.of(&packet), classified(5));
}

#[test]
fn filters_are_for_their_protocol() {
    let mut bench = Bench::new();
    let protocols = [EtherType::IPV4, EtherType::IPV6, EtherType::VLAN, EtherType::ALL];
    for (priority, protocol) in (1..).zip(protocols) {
        bench.set(&request(protocol, priority, all(priority)), Flags::ADD).unwrap();
    }
    let [v4, v6] = both(1, 2);
    assert_eq!(bench.of(&v4), classified(1));
    assert_eq!(bench.of(&v6), classified(2));
    // A tag hides what is behind it, however many there are.
    for tags in [&[5][..], &[5, 6]] {
        assert_eq!(bench.of(&packet(tags, 6, ("10.0.0.1", 1), ("10.0.0.2", 2))), classified(3));
    }
    let mut arp = v4.skb();
    (arp.protocol, arp.info) = (0x806, None);
    assert_eq!(bench.classify(&mut arp), classified(4));
}

#[test]
fn every_verdict() {
    use ActionVerdict::*;
    for (verdict, expected) in [
        (Ok, Classified::Class(Handle::UNSPEC.into())),
        (Pipe, Classified::Class(Handle::UNSPEC.into())),
        (Drop, Classified::Drop(DropCause::Filter)),
        (Stolen, Classified::Stolen),
        (Continue, classified(9)),
        (GotoChain(7), classified(7)),
        // A chain without filters says nothing, and the rest of this one is not asked.
        (GotoChain(8), Classified::Nothing),
        (Reclassify, Classified::Drop(DropCause::Filter)),
        (GotoChain(0), Classified::Drop(DropCause::Filter)),
    ] {
        let mut bench = Bench::new();
        let key = bench.add(1, acting(verdict));
        bench.add(2, all(9));
        let chained = FilterRequest { chain: 7, ..request(EtherType::ALL, 1, all(7)) };
        bench.set(&chained, Flags::ADD).unwrap();
        assert_eq!(bench.of(&both(1, 2)[0]), expected, "{verdict:?}");
        // Once, and 16 times anew.
        let times = if matches!(verdict, Reclassify | GotoChain(0)) { 17 } else { 1 };
        let statistics = bench.view(key).statistics;
        assert_eq!((statistics.matched, statistics.actions[0].given.packets), (times, times), "{verdict:?}");
    }
}

#[test]
fn only_chain_0_is_begun_with() {
    let mut bench = Bench::new();
    bench.set(&FilterRequest { chain: 7, ..request(EtherType::ALL, 1, all(7)) }, Flags::ADD).unwrap();
    assert!(bench.block.is_empty());
    assert_eq!(bench.of(&both(1, 2)[0]), Classified::Nothing);
}

#[test]
fn priorities_are_allocated_downward() {
    let mut bench = Bench::new();
    let add = |bench: &mut Bench| bench.set(&request(EtherType::IPV4, 0, node(1)), Flags::ADD);
    assert_eq!(add(&mut bench).unwrap().key.priority, 49152);
    assert_eq!(add(&mut bench).unwrap().key.priority, 49151);
    bench.delete(&FilterQuery { priority: 49151, ..query() }).unwrap();
    bench.add(7, node(1));
    assert_eq!(add(&mut bench).unwrap().key.priority, 49151);
    bench.add(40_000, node(1));
    assert_eq!(add(&mut bench).unwrap().key.priority, 39_999);
    bench.add(32_768, node(1));
    assert_eq!(add(&mut bench), Err(FilterError::NoPriorityLeft));
    // Each chain has its own.
    let other = FilterRequest { chain: 1, ..request(EtherType::IPV4, 0, node(1)) };
    assert_eq!(bench.set(&other, Flags::ADD).unwrap().key.priority, 49152);
}

/// Each error as the kernel answers it, by its number.
#[test]
fn errors_of_what_makes_and_changes() {
    let mut bench = Bench::new();
    let ip = |priority, options| request(EtherType::IPV4, priority, options);
    bench.set(&FilterRequest { handle: 5, ..ip(1, mark(1)) }, Flags::ADD).unwrap();
    bench.set(&ip(2, all(1)), Flags::ADD).unwrap();
    let unknown = FilterOptions::Other { kind: "nosuch".into(), options: [].into() };
    for (what, request, flags, error, errno) in [
        ("no priority", ip(0, all(1)), Flags::CHANGE, FilterError::NoPriority, Errno::ENOENT),
        (
            "another protocol",
            request(EtherType::IPV6, 1, mark(1)),
            Flags::ADD,
            FilterError::OtherProtocol,
            Errno::EINVAL,
        ),
        ("another kind", ip(1, all(1)), Flags::ADD, FilterError::OtherKind, Errno::EINVAL),
        ("no protocol", request(EtherType::UNSPEC, 3, all(1)), Flags::ADD, FilterError::NoProtocol, Errno::EINVAL),
        ("nothing to change", ip(3, all(1)), Flags::CHANGE, FilterError::NotFound, Errno::ENOENT),
        (
            "no such filter to change",
            FilterRequest { handle: 6, ..ip(1, mark(1)) },
            Flags::CHANGE,
            FilterError::NotFound,
            Errno::ENOENT,
        ),
        (
            "there already",
            FilterRequest { handle: 5, ..ip(1, mark(1)) },
            Flags::ADD,
            FilterError::Exists,
            Errno::EEXIST,
        ),
        ("one matchall only", ip(2, all(1)), Flags::REPLACE, FilterError::Exists, Errno::EEXIST),
        ("no such kind", ip(3, unknown), Flags::ADD, FilterError::UnknownKind, Errno::ENOENT),
        (
            "a chain beyond all",
            FilterRequest { chain: 1 << 28, ..ip(3, all(1)) },
            Flags::ADD,
            FilterError::ChainNumber,
            Errno::EINVAL,
        ),
    ] {
        let before = bench.views();
        assert_eq!(bench.set(&request, flags).map(|change| change.key), Err(error), "{what}");
        assert_eq!(error.errno(), errno, "{what}");
        assert_eq!(bench.views(), before, "{what}");
    }
    let changed = bench.set(&FilterRequest { handle: 5, ..ip(1, mark(2)) }, Flags::REPLACE).unwrap();
    assert!(changed.was_there);
    assert_eq!((&changed.named[..], &changed.released[..]), (&[class(2).unwrap()][..], &[class(1).unwrap()][..]));
}

#[test]
fn errors_of_what_deletes_and_looks() {
    let mut bench = Bench::new();
    bench.set(&FilterRequest { handle: 5, ..request(EtherType::IPV4, 1, mark(1)) }, Flags::ADD).unwrap();
    bench.set(&request(EtherType::IPV4, 2, all(1)), Flags::ADD).unwrap();
    let one = |priority, handle| FilterQuery { priority, handle, ..query() };
    let kind = |kind: &str| FilterQuery { kind: Some(kind.into()), ..one(1, 5) };
    for (what, query, deleted, got) in [
        ("another chain", FilterQuery { chain: 3, ..one(1, 5) }, FilterError::NoChain, FilterError::NoChainToGet),
        ("another priority", one(3, 5), FilterError::NoSuchPriority, FilterError::NoSuchPriority),
        (
            "another protocol",
            FilterQuery { protocol: EtherType::IPV6, ..one(1, 5) },
            FilterError::OtherProtocol,
            FilterError::OtherProtocol,
        ),
        ("another kind", kind("u32"), FilterError::OtherKind, FilterError::OtherKind),
        ("another handle", one(1, 6), FilterError::NotFound, FilterError::NotFound),
        ("all, but with a handle", FilterQuery { handle: 5, ..query() }, FilterError::NotAll, FilterError::NoPriority),
        (
            "a chain beyond all",
            FilterQuery { chain: 1 << 28, ..one(1, 5) },
            FilterError::ChainNumber,
            FilterError::ChainNumber,
        ),
    ] {
        assert_eq!(bench.delete(&query).map(|change| change.key), Err(deleted), "{what}");
        assert_eq!(bench.block.get(&query), Err(got), "{what}");
    }
    assert_eq!(FilterError::NoChain.errno(), Errno::ENOENT);
    assert_eq!(FilterError::NoChainToGet.errno(), Errno::EINVAL);
    assert_eq!(FilterError::NoSuchPriority.errno(), Errno::ENOENT);
    assert_eq!(FilterError::NotAll.errno(), Errno::ENOENT);
    assert_eq!(bench.block.get(&one(1, 0)), Err(FilterError::NotFound));
    assert_eq!(bench.delete(&one(2, 1)).map(|_| ()), Err(FilterError::NotSupported));
    assert_eq!(FilterError::NotSupported.errno(), Errno::EOPNOTSUPP);
    // Deleting all of a chain that is not there is nothing to complain of.
    assert!(!bench.delete(&FilterQuery { chain: 3, ..query() }).unwrap().was_there);
}

#[test]
fn handle_0_deletes_the_priority_and_priority_0_the_chain() {
    let mut bench = Bench::new();
    for handle in [5, 6] {
        let request = FilterRequest { handle, ..request(EtherType::IPV4, 1, mark(handle as u16)) };
        bench.set(&request, Flags::ADD).unwrap();
    }
    bench.add(2, all(7));
    bench.add(3, node(8));
    let gone = bench.delete(&FilterQuery { priority: 1, handle: 6, ..query() }).unwrap();
    assert_eq!(gone.released, [class(6).unwrap()]);
    assert_eq!(gone.deleted[0].key.handle, 6);
    // The last one takes its priority along.
    bench.delete(&FilterQuery { priority: 1, handle: 5, ..query() }).unwrap();
    assert_eq!(bench.views()[0].key.priority, 2);
    let gone = bench.delete(&FilterQuery { priority: 2, ..query() }).unwrap();
    assert_eq!((gone.released, gone.deleted[0].key.handle), (vec![class(7).unwrap()], 0));
    bench.add(4, all(9));
    let gone = bench.delete(&query()).unwrap();
    assert_eq!(gone.deleted.iter().map(|view| view.key.priority).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(gone.released.len(), 2);
    assert!(bench.block.0.is_none());
}

#[test]
fn a_list_goes_on_where_it_stopped() {
    let mut bench = Bench::new();
    for handle in 1..=4 {
        let request = FilterRequest { handle, ..request(EtherType::IPV4, 5, mark(1)) };
        bench.set(&request, Flags::ADD).unwrap();
    }
    bench.add(7, all(1));
    bench.set(&FilterRequest { chain: 2, ..request(EtherType::IPV4, 1, all(1)) }, Flags::ADD).unwrap();
    let listed = |bench: &Bench| -> Vec<_> {
        bench.views().iter().map(|view| (view.key.chain, view.key.priority, view.key.handle)).collect()
    };
    let all = [(0, 5, 0), (0, 5, 1), (0, 5, 2), (0, 5, 3), (0, 5, 4), (0, 7, 0), (0, 7, 1), (2, 1, 0), (2, 1, 1)];
    assert_eq!(listed(&bench), all);

    // What was read last goes, what comes next goes, and something comes.
    let third = bench.views()[3].key;
    for handle in [3, 4] {
        bench.delete(&FilterQuery { priority: 5, handle, ..query() }).unwrap();
    }
    bench.add(6, node(1));
    let next = bench.block.view_after(Some(third)).unwrap().key;
    assert_eq!((next.priority, next.handle), (6, 0));
    bench.delete(&query()).unwrap();
    let next = bench.block.view_after(Some(next)).unwrap().key;
    assert_eq!((next.chain, next.priority, next.handle), (2, 1, 0));
    bench.delete(&FilterQuery { chain: 2, ..query() }).unwrap();
    assert_eq!(bench.block.view_after(Some(next)), None);
}

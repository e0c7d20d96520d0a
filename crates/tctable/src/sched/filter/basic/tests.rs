use super::*;
use crate::sched::action::{ActionOptions, GactOptions};
use crate::sched::filter::block::Classified;
use crate::sched::filter::testing::{Bench, both, class, classified, packet, query, request};
use crate::sched::filter::u32::U32Key;
use crate::sched::filter::{EtherType, FilterQuery};
use crate::sched::skb::Skb;

fn basic(minor: u16, matches: Option<Ematch>) -> FilterOptions {
    FilterOptions::Basic(BasicOptions { matches, class: class(minor), actions: Vec::new() })
}

fn holds(ematch: &Ematch, skb: &mut Skb<'_>) -> bool {
    let mut bench = Bench::new();
    bench.add(1, basic(1, Some(ematch.clone())));
    bench.classify(skb) == classified(1)
}

fn cmp(align: u8, at: u16, layer: CmpLayer, operator: CmpOperator, value: u32) -> Cmp {
    Cmp { align, at, layer, mask: 0, operator, value, is_little_endian: false }
}

fn mark(number: u32) -> Ematch {
    let left = MetaValue::Key { key: MetaKey::Mark, shift: 0, mask: 0 };
    Ematch::Meta(Meta { left, operator: CmpOperator::Equal, right: MetaValue::Number(number) })
}

#[test]
fn numbers_of_each_layer_are_compared() {
    use CmpOperator::*;
    for (packet, protocol_at) in both(1024, 80).iter().zip([9, 6]) {
        for (cmp, expected) in [
            (cmp(1, 6, CmpLayer::Link, Equal, 2), true),
            (cmp(2, 2, CmpLayer::Transport, Equal, 80), true),
            (cmp(2, 2, CmpLayer::Transport, Less, 80), false),
            (cmp(2, 2, CmpLayer::Transport, Less, 81), true),
            (cmp(2, 0, CmpLayer::Transport, Greater, 1023), true),
            (cmp(4, 0, CmpLayer::Transport, Equal, 1024 << 16 | 80), true),
            (Cmp { mask: 0xff, ..cmp(4, 0, CmpLayer::Transport, Equal, 80) }, true),
            (Cmp { is_little_endian: true, ..cmp(2, 2, CmpLayer::Transport, Equal, 80 << 8) }, true),
            (cmp(1, protocol_at, CmpLayer::Network, Equal, 6), true),
            // What the packet has not got is never so.
            (cmp(4, 17, CmpLayer::Transport, Less, u32::MAX), false),
            (cmp(4, u16::MAX, CmpLayer::Network, Less, u32::MAX), false),
        ] {
            assert_eq!(holds(&Ematch::Cmp(cmp), &mut packet.skb()), expected, "{cmp:?}");
        }
    }
}

#[test]
fn bytes_and_bits() {
    let [packet, _] = both(0x4745, 0x5420);
    let nbyte = |needle: &[u8], at| Ematch::Nbyte(Nbyte { needle: needle.into(), at, layer: CmpLayer::Transport });
    assert!(holds(&nbyte(b"GET ", 0), &mut packet.skb()));
    assert!(!holds(&nbyte(b"GET ", 1), &mut packet.skb()));
    assert!(!holds(&nbyte(&[0; 30], 4), &mut packet.skb()));
    let bits = |value, mask, at| Ematch::U32(EmatchU32 { key: U32Key { value, mask, at, offset_mask: 0 } });
    assert!(holds(&bits(0x0a00_0001, u32::MAX, 12), &mut packet.skb()));
    assert!(holds(&bits(0x0800, 0xffff, -4), &mut packet.skb()));
    assert!(!holds(&bits(0, 0, 40), &mut packet.skb()));
}

#[test]
fn what_goes_along_with_the_packet() {
    let tagged = packet(&[0x6005], 6, ("10.0.0.1", 1), ("10.0.0.2", 2));
    let len = tagged.bytes.len() as u32;
    for (key, shift, mask, value, expected) in [
        (MetaKey::Mark, 0, 0, 0x1234, true),
        (MetaKey::Mark, 8, 0xf, 0x2, true),
        (MetaKey::Mark, 40, 0, 0, true),
        (MetaKey::Priority, 0, 0, 7, true),
        (MetaKey::Length, 0, 0, len, true),
        (MetaKey::LinkLength, 0, 0, 14, true),
        (MetaKey::Vlan, 0, 0xfff, 5, true),
        (MetaKey::Vlan, 13, 0, 3, true),
        (MetaKey::Vlan, 0, 0, 5, false),
    ] {
        let left = MetaValue::Key { key, shift, mask };
        let meta = Ematch::Meta(Meta { left, operator: CmpOperator::Equal, right: MetaValue::Number(value) });
        let mut skb = tagged.skb();
        (skb.mark, skb.priority) = (0x1234, 7);
        assert_eq!(holds(&meta, &mut skb), expected, "{key:?} {shift} {mask}");
    }
    // Without a tag there is nothing to compare.
    let left = MetaValue::Key { key: MetaKey::Vlan, shift: 0, mask: 0 };
    let vlan = Ematch::Meta(Meta { left, operator: CmpOperator::Less, right: MetaValue::Number(u32::MAX) });
    assert!(!holds(&vlan, &mut both(1, 2)[0].skb()));
    // One in eight is below that.
    let left = MetaValue::Key { key: MetaKey::Random, shift: 29, mask: 0 };
    let random = Ematch::Meta(Meta { left, operator: CmpOperator::Less, right: MetaValue::Number(1) });
    let mut bench = Bench::new();
    let key = bench.add(1, basic(1, Some(random)));
    for _ in 0..8000 {
        bench.of(&tagged);
    }
    let matched = bench.view(key).statistics.matched;
    assert!((900..1100).contains(&matched), "{matched}");
}

#[test]
fn expressions() {
    let yes = || mark(1);
    let no = || mark(2);
    let [packet, _] = both(1, 2);
    for (ematch, expected) in [
        (yes(), true),
        (no(), false),
        (Ematch::Not(Box::new(no())), true),
        (Ematch::And(vec![yes(), no()]), false),
        (Ematch::And(vec![yes(), yes()]), true),
        (Ematch::And(vec![]), true),
        (Ematch::Or(vec![no(), yes()]), true),
        (Ematch::Or(vec![]), false),
        (Ematch::And(vec![yes(), Ematch::Or(vec![no(), Ematch::Not(Box::new(no()))])]), true),
    ] {
        let mut skb = packet.skb();
        skb.mark = 1;
        assert_eq!(holds(&ematch, &mut skb), expected, "{ematch:?}");
    }
}

#[test]
fn the_newest_is_asked_first() {
    let mut bench = Bench::new();
    let keys: Vec<_> = (1..=3).map(|minor| bench.add(1, basic(minor, None))).collect();
    assert_eq!(keys.iter().map(|key| key.handle).collect::<Vec<_>>(), [1, 2, 3]);
    let [packet, _] = both(1, 2);
    assert_eq!(bench.of(&packet), classified(3));
    assert_eq!(bench.view(keys[0]).statistics.seen, 0);
    // One that is changed keeps its place.
    let mut change = request(EtherType::ALL, 1, basic(7, Some(mark(1))));
    change.handle = 3;
    bench.set(&change, Flags::CHANGE).unwrap();
    assert_eq!(bench.of(&packet), classified(2));
    let passing = BasicOptions {
        actions: vec![ActionOptions::Gact(GactOptions::new(ActionVerdict::Continue))],
        ..BasicOptions::default()
    };
    bench.add(1, FilterOptions::Basic(passing));
    assert_eq!(bench.of(&packet), classified(2));
    bench.delete(&FilterQuery { priority: 1, handle: 2, ..query() }).unwrap();
    assert_eq!(bench.of(&packet), classified(1));
    bench.delete(&FilterQuery { priority: 1, handle: 1, ..query() }).unwrap();
    assert_eq!(bench.of(&packet), Classified::Nothing);
}

#[test]
fn wrong_requests() {
    let deep = (0..32).fold(mark(1), |inner, _| Ematch::Not(Box::new(inner)));
    let cmp = Ematch::Cmp(cmp(3, 0, CmpLayer::Link, CmpOperator::Equal, 0));
    for ematch in [deep, Ematch::And(vec![cmp])] {
        let error = Bench::new().set(&request(EtherType::ALL, 1, basic(1, Some(ematch))), Flags::ADD);
        assert!(matches!(error, Err(FilterError::Options(_))), "{error:?}");
    }
}

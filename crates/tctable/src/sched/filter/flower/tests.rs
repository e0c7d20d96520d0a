use super::*;
use crate::packet::{Tuple, protocol};
use crate::sched::action::{ActionOptions, ActionVerdict, GactOptions};
use crate::sched::filter::block::Classified;
use crate::sched::filter::testing::{Bench, Packet, both, class, classified, packet, query, read, request};
use crate::sched::filter::{EtherType, FilterKey, FilterQuery, FilterRequest};
use crate::sched::skb::CtInfo;

const V4: FlowerOptions = options(EtherType::IPV4);
const V6: FlowerOptions = options(EtherType::IPV6);

/// What asks for nothing but a protocol.
const fn options(protocol: EtherType) -> FlowerOptions {
    FlowerOptions {
        eth_type: Some(protocol),
        dst_mac: None,
        src_mac: None,
        vlan_id: None,
        vlan_prio: None,
        vlan_eth_type: None,
        ip_proto: None,
        ip_tos: None,
        ip_ttl: None,
        src_ip: None,
        dst_ip: None,
        src_port: None,
        dst_port: None,
        tcp_flags: None,
        icmp_type: None,
        icmp_code: None,
        ct_state: None,
        ct_mark: None,
        orig_src_ip: None,
        orig_dst_ip: None,
        orig_src_port: None,
        orig_dst_port: None,
        class: Some(Handle::new(1, 1)),
        actions: Vec::new(),
    }
}

fn add(bench: &mut Bench, options: FlowerOptions) -> Result<FilterKey, FilterError> {
    let options = FilterOptions::Flower(Box::new(options));
    bench.set(&request(EtherType::ALL, 1, options), Flags::ADD).map(|change| change.key)
}

/// Whether a filter matches a packet.
fn matches(options: FlowerOptions, packet: &Packet) -> bool {
    let mut bench = Bench::new();
    add(&mut bench, options).unwrap();
    bench.of(packet) == classified(1)
}

fn exact<T: Copy>(value: T, mask: T) -> Option<Masked<T>> {
    Some(Masked { value, mask })
}

fn port(port: u16) -> Option<PortRange> {
    Some(PortRange::Masked(Masked { value: port, mask: u16::MAX }))
}

fn prefix(address: &str, mask: u128) -> Option<IpPrefix> {
    Some(IpPrefix { address: address.parse().unwrap(), mask })
}

#[test]
fn each_key_of_either_version_of_ip() {
    let [v4, v6] = both(1024, 80);
    let tcp = |options: &FlowerOptions| FlowerOptions { ip_proto: Some(protocol::TCP), ..options.clone() };
    for (packet, base, source, other) in [(&v4, V4, "10.0.0.1", "10.0.0.3"), (&v6, V6, "fd00::1", "fd00::3")] {
        let all = if packet.info.tuple.family == crate::packet::Family::V4 { u32::MAX.into() } else { u128::MAX };
        let tcp = tcp(&base);
        for (what, yes, no) in [
            ("eth_type", base.clone(), options(EtherType::ARP)),
            ("ip_proto", tcp.clone(), FlowerOptions { ip_proto: Some(17), ..base.clone() }),
            (
                "src_ip",
                FlowerOptions { src_ip: prefix(source, all), ..base.clone() },
                FlowerOptions { src_ip: prefix(other, all), ..base.clone() },
            ),
            (
                "a prefix",
                FlowerOptions { src_ip: prefix(other, all & !3), ..base.clone() },
                FlowerOptions { dst_ip: prefix(source, all & !1), ..base.clone() },
            ),
            (
                "dst_port",
                FlowerOptions { dst_port: port(80), ..tcp.clone() },
                FlowerOptions { dst_port: port(81), ..tcp.clone() },
            ),
            (
                "ports",
                FlowerOptions { src_port: Some(PortRange::Range { first: 1000, last: 1024 }), ..tcp.clone() },
                FlowerOptions { src_port: Some(PortRange::Range { first: 1025, last: 2000 }), ..tcp.clone() },
            ),
            (
                "tcp_flags",
                FlowerOptions { tcp_flags: exact(0x02, 0x12), ..tcp.clone() },
                FlowerOptions { tcp_flags: exact(0x10, 0x10), ..tcp.clone() },
            ),
            (
                "ip_tos",
                FlowerOptions { ip_tos: exact(0x10, 0xff), ..base.clone() },
                FlowerOptions { ip_tos: exact(0x11, 0xff), ..base.clone() },
            ),
            (
                "ip_ttl",
                FlowerOptions { ip_ttl: exact(64, 0xff), ..base.clone() },
                FlowerOptions { ip_ttl: exact(63, 0xff), ..base.clone() },
            ),
            (
                "dst_mac",
                FlowerOptions { dst_mac: exact([2, 0, 0, 0, 0, 9], [0xff, 0xff, 0xff, 0xff, 0xff, 0]), ..base.clone() },
                FlowerOptions { dst_mac: exact([2, 0, 0, 0, 0, 1], [0xff; 6]), ..base.clone() },
            ),
            (
                "src_mac",
                FlowerOptions { src_mac: exact([2, 0, 0, 0, 0, 1], [0xff; 6]), ..base.clone() },
                FlowerOptions { src_mac: exact([2, 0, 0, 0, 0, 2], [0xff; 6]), ..base.clone() },
            ),
        ] {
            assert!(matches(yes, packet), "{what}");
            assert!(!matches(no, packet), "{what}");
        }
    }
    assert!(!matches(V4, &v6));
    assert!(!matches(V6, &v4));
}

#[test]
fn icmp_in_either_version_of_ip() {
    let v4 = packet(&[], protocol::ICMP, ("10.0.0.1", 8), ("10.0.0.2", 3));
    let v6 = packet(&[], protocol::ICMPV6, ("fd00::1", 128), ("fd00::2", 3));
    for (packet, base, proto, kind) in [(&v4, V4, protocol::ICMP, 8), (&v6, V6, protocol::ICMPV6, 128)] {
        let base = FlowerOptions { ip_proto: Some(proto), icmp_code: exact(3, 0xff), ..base };
        assert!(matches(FlowerOptions { icmp_type: exact(kind, 0xff), ..base.clone() }, packet));
        assert!(!matches(FlowerOptions { icmp_type: exact(kind + 1, 0xff), ..base }, packet));
    }
}

#[test]
fn tags_and_what_is_behind_them() {
    let tagged = packet(&[0x6005], protocol::TCP, ("10.0.0.1", 1), ("10.0.0.2", 80));
    let base = FlowerOptions { vlan_id: Some(5), vlan_eth_type: Some(EtherType::IPV4), ..options(EtherType::VLAN) };
    assert!(matches(FlowerOptions { vlan_prio: Some(3), ..base.clone() }, &tagged));
    assert!(matches(FlowerOptions { ip_proto: Some(protocol::TCP), dst_port: port(80), ..base.clone() }, &tagged));
    assert!(!matches(FlowerOptions { vlan_prio: Some(2), ..base.clone() }, &tagged));
    assert!(!matches(FlowerOptions { vlan_id: Some(6), ..base.clone() }, &tagged));
    assert!(!matches(FlowerOptions { vlan_eth_type: Some(EtherType::IPV6), ..base.clone() }, &tagged));
    assert!(!matches(base, &both(1, 80)[0]));
    // What asks for no tag does not care.
    assert!(matches(V4, &tagged));
}

#[test]
fn a_fragment_has_no_ports() {
    let mut bytes = both(1024, 80)[0].bytes.clone();
    bytes[20] = 0x20;
    let first = read(bytes);
    let base = FlowerOptions { ip_proto: Some(protocol::TCP), ..V4 };
    assert!(matches(base.clone(), &first));
    assert!(!matches(FlowerOptions { dst_port: port(80), ..base }, &first));
}

#[test]
fn what_conntrack_says() {
    let [translated, _] = both(40_000, 80);
    let inside = packet(&[], protocol::TCP, ("192.168.1.5", 50_000), ("10.0.0.2", 80));
    let original: Tuple = inside.info.tuple;
    let state = CtInfo::TRACKED | CtInfo::ESTABLISHED;
    let with_ct = |options: FlowerOptions, ct| {
        let mut bench = Bench::new();
        add(&mut bench, options).unwrap();
        let mut skb = translated.skb();
        skb.ct = ct;
        bench.classify(&mut skb) == classified(1)
    };
    let ct = Some(CtInfo { original, state, mark: 0x15 });
    let lan = FlowerOptions { orig_src_ip: prefix("192.168.1.0", 0xffff_ff00), ..V4 };
    for options in [
        lan.clone(),
        FlowerOptions { orig_src_port: port(50_000), orig_dst_port: port(80), ..lan.clone() },
        FlowerOptions { orig_src_port: Some(PortRange::Range { first: 49_152, last: 65_535 }), ..lan.clone() },
        FlowerOptions { orig_dst_ip: prefix("10.0.0.2", u32::MAX.into()), ..V4 },
        FlowerOptions { ct_state: exact(state, state | CtInfo::REPLY), ..V4 },
        FlowerOptions { ct_mark: exact(5, 0xf), ..V4 },
    ] {
        assert!(with_ct(options.clone(), ct), "{options:?}");
        assert!(!with_ct(options.clone(), None), "{options:?}");
    }
    assert!(!with_ct(FlowerOptions { orig_src_port: port(40_000), ..lan }, ct));
    assert!(!with_ct(
        FlowerOptions { ct_state: exact(CtInfo::TRACKED | CtInfo::NEW, CtInfo::TRACKED | CtInfo::NEW), ..V4 },
        ct
    ));
    assert!(!with_ct(FlowerOptions { src_ip: prefix("192.168.1.5", u32::MAX.into()), ..V4 }, ct));
}

#[test]
fn wrong_requests() {
    let range = Some(PortRange::Range { first: 5, last: 5 });
    let state = |state| FlowerOptions { ct_state: exact(state, u16::MAX), ..V4 };
    for options in [
        FlowerOptions { ip_proto: Some(6), ..FlowerOptions::default() },
        FlowerOptions { ip_tos: exact(0, 1), ..options(EtherType::ARP) },
        FlowerOptions { dst_port: port(80), ..V4 },
        FlowerOptions { dst_port: port(80), ip_proto: Some(1), ..V4 },
        FlowerOptions { dst_port: range, ip_proto: Some(6), ..V4 },
        FlowerOptions { tcp_flags: exact(1, 1), ip_proto: Some(17), ..V4 },
        FlowerOptions { icmp_type: exact(1, 1), ip_proto: Some(1), ..V6 },
        FlowerOptions { vlan_id: Some(5), ..V4 },
        FlowerOptions { vlan_id: Some(4096), ..options(EtherType::VLAN) },
        FlowerOptions { src_ip: prefix("10.0.0.1", 0xff), dst_ip: prefix("::1", 0xff), ..V4 },
        state(CtInfo::NEW),
        state(CtInfo::TRACKED | CtInfo::NEW | CtInfo::ESTABLISHED),
        state(CtInfo::TRACKED | CtInfo::INVALID | CtInfo::REPLY),
        state(CtInfo::TRACKED | CtInfo::NEW | CtInfo::REPLY),
    ] {
        let error = add(&mut Bench::new(), options.clone()).expect_err("a wrong request");
        assert!(matches!(error, FilterError::Options(_)), "{options:?}: {error}");
    }
    let mut bench = Bench::new();
    let first = add(&mut bench, V4).unwrap();
    assert_eq!(add(&mut bench, V4), Err(FilterError::Exists));
    // But it may take its own place.
    let own = FlowerOptions { class: class(2), ..V4 };
    let own =
        FilterRequest { handle: first.handle, ..request(EtherType::ALL, 1, FilterOptions::Flower(Box::new(own))) };
    let change = bench.set(&own, Flags::CHANGE).unwrap();
    assert_eq!((change.named, change.released), (vec![class(2).unwrap()], vec![class(1).unwrap()]));
}

#[test]
fn the_mask_that_was_first_used_is_asked_first() {
    let mut bench = Bench::new();
    let tcp = FlowerOptions { ip_proto: Some(protocol::TCP), ..V4 };
    let port_80 = add(&mut bench, FlowerOptions { dst_port: port(80), class: class(2), ..tcp.clone() }).unwrap();
    add(&mut bench, FlowerOptions { class: class(3), ..tcp.clone() }).unwrap();
    for minor in 4..100 {
        add(&mut bench, FlowerOptions { dst_port: port(1000 + minor), class: class(minor), ..tcp.clone() }).unwrap();
    }
    assert_eq!(bench.of(&both(1, 80)[0]), classified(2));
    assert_eq!(bench.of(&both(1, 1050)[0]), classified(50));
    assert_eq!(bench.of(&both(1, 81)[0]), classified(3));
    assert_eq!(bench.view(port_80).statistics.matched, 1);
    // A filter that goes does so from its mask too.
    bench.delete(&FilterQuery { priority: 1, handle: port_80.handle, ..query() }).unwrap();
    assert_eq!(bench.of(&both(1, 80)[0]), classified(3));
    assert_eq!(add(&mut bench, FlowerOptions { dst_port: port(80), ..tcp }).unwrap().handle, port_80.handle);
}

#[test]
fn continue_goes_on_with_the_next_priority() {
    let mut bench = Bench::new();
    let actions = vec![ActionOptions::Gact(GactOptions::new(ActionVerdict::Continue))];
    add(&mut bench, FlowerOptions { ip_proto: Some(protocol::TCP), actions, ..V4 }).unwrap();
    add(&mut bench, V4).unwrap();
    assert_eq!(bench.of(&both(1, 80)[0]), Classified::Nothing);
    let next = FilterOptions::Flower(Box::new(FlowerOptions { class: class(9), ..V4 }));
    bench.add(2, next);
    assert_eq!(bench.of(&both(1, 80)[0]), classified(9));
}

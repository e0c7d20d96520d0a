use super::*;
use crate::packet::DeviceId;
use crate::sched::{
    CbqClassOptions, CbqOptions, ClassOptions, ClassRequest, CodelOptions, Flags, FqCodelOptions, Handle,
    HostClassOptions, HtbClassOptions, HtbOptions, LinkLayer, PrioOptions, QdiscOptions, QdiscRequest, QdiscSpec, Rate,
    RateSpec, RedOptions, SfqOptions, TbfOptions,
};
use crate::time::Duration;
use proptest::prelude::*;

const ETH0: DeviceId = DeviceId(7);

fn reader() -> Reader {
    let mut reader = Reader::new();
    reader.name_device("eth0", ETH0);
    reader
}

fn read(text: &str) -> Vec<Command> {
    let statements = reader().read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    statements.into_iter().map(|statement| statement.command).collect()
}

fn wrong(text: &str) -> String {
    match reader().read(text) {
        Ok(statements) => panic!("{text}: {statements:?}"),
        Err(error) => error.to_string(),
    }
}

/// A qdisc's options behind `qdisc add dev eth0 root`.
fn qdisc(words: &str) -> QdiscOptions {
    match read(&format!("qdisc add dev eth0 root handle 1: {words}")).pop() {
        Some(Command::SetQdisc(QdiscRequest { spec: QdiscSpec::Options(options), .. }, Flags::ADD)) => options,
        other => panic!("{words}: {other:?}"),
    }
}

/// A class's options behind `class add dev eth0 ...`.
fn class(words: &str) -> ClassOptions {
    match read(&format!("class add dev eth0 parent 1: classid 1:1 {words}")).pop() {
        Some(Command::SetClass(ClassRequest { options: Some(options), .. }, Flags::ADD)) => options,
        other => panic!("{words}: {other:?}"),
    }
}

fn htb(words: &str) -> HtbClassOptions {
    match class(&format!("htb {words}")) {
        ClassOptions::Htb(options) => options,
        other => panic!("{words}: {other:?}"),
    }
}

/// Bytes a second.
fn rate(bytes: u64) -> RateSpec {
    RateSpec::new(Rate(bytes))
}

#[test]
fn the_classic_example() {
    let text = "\
        tc qdisc add dev eth0 root handle 1: htb default 12\n\
        tc class add dev eth0 parent 1: classid 1:1 htb rate 100kbps ceil 100kbps\n\
        class add dev eth0 parent 1:1 classid 1:10 htb rate 30kbps ceil 100kbps # thirty\n\
        class add dev eth0 parent 1:1 \\\n    classid 1:11 htb rate 10kbps ceil 100kbps\n";
    let add = |parent, class, bytes| {
        let options = HtbClassOptions { rate: rate(bytes), ceil: Some(rate(100_000)), ..HtbClassOptions::default() };
        let options = Some(ClassOptions::Htb(options));
        Command::SetClass(ClassRequest { device: ETH0, parent, class, options }, Flags::ADD)
    };
    let qdisc = QdiscRequest {
        device: ETH0,
        parent: Handle::ROOT,
        handle: Handle::new(1, 0),
        spec: QdiscOptions::Htb(HtbOptions { default: 0x12, ..HtbOptions::default() }).into(),
    };
    let expected = [
        Command::SetQdisc(qdisc, Flags::ADD),
        add(Handle::new(1, 0), Handle::new(1, 1), 100_000),
        add(Handle::new(1, 1), Handle::new(1, 0x10), 30_000),
        add(Handle::new(1, 1), Handle::new(1, 0x11), 10_000),
    ];
    let statements = reader().read(text).unwrap();
    let places: Vec<_> = statements.iter().map(|statement| (statement.line, statement.column)).collect();
    assert_eq!(places, [(1, 4), (2, 4), (3, 1), (4, 1)]);
    assert_eq!(read(text), expected);
}

#[test]
fn what_is_to_be_done_can_be_cut_short() {
    let request = |spec| QdiscRequest { device: ETH0, parent: Handle::ROOT, handle: Handle::UNSPEC, spec };
    let pfifo = || request(QdiscOptions::Pfifo { limit: None }.into());
    for (words, command) in [
        ("q a dev eth0 root pfifo", Command::SetQdisc(pfifo(), Flags::ADD)),
        ("qdisc ch dev eth0 root pfifo", Command::SetQdisc(pfifo(), Flags::CHANGE)),
        ("qdisc replace dev eth0 root pfifo", Command::SetQdisc(pfifo(), Flags::REPLACE)),
        ("qdisc link dev eth0 root pfifo", Command::SetQdisc(pfifo(), Flags::LINK)),
        ("qdisc del dev eth0 root pfifo limit 5", Command::DeleteQdisc(request(QdiscSpec::Kind("pfifo".into())))),
        ("qdisc del dev eth0 root", Command::DeleteQdisc(request(QdiscSpec::Any))),
    ] {
        assert_eq!(read(words), [command], "{words}");
    }
    let request = |class, options| ClassRequest { device: ETH0, parent: Handle::UNSPEC, class, options };
    let options = Some(ClassOptions::Htb(HtbClassOptions { rate: rate(1), ..HtbClassOptions::default() }));
    let class = Handle::new(1, 2);
    assert_eq!(
        read("cl change dev eth0 classid 1:2 htb rate 1bps"),
        [Command::SetClass(request(class, options), Flags::CHANGE)]
    );
    assert_eq!(read("class del dev eth0 classid 1:2"), [Command::DeleteClass(request(class, None))]);
}

#[test]
fn incoming_packets_have_a_place_of_their_own() {
    for (words, options) in [
        ("ingress", QdiscOptions::Ingress),
        ("clsact", QdiscOptions::Clsact),
        ("handle ffff: ingress", QdiscOptions::Ingress),
    ] {
        let text = format!("qdisc add dev eth0 {words}");
        let [Command::SetQdisc(request, Flags::ADD)] = &read(&text)[..] else { panic!("{words}") };
        assert_eq!((request.parent, request.handle), (Handle::INGRESS, Handle::new(0xffff, 0)), "{words}");
        assert_eq!(request.spec, options.into(), "{words}");
    }
}

#[test]
fn a_classes_words_are_those_of_htb() {
    let plain = HtbClassOptions { rate: rate(125_000), ..HtbClassOptions::default() };
    for (words, options) in [
        ("rate 1mbit", plain),
        ("rate 1mbit ceil 0", plain),
        ("rate 1mbit ceil 2mbit", HtbClassOptions { ceil: Some(rate(250_000)), ..plain }),
        ("rate 1mbit burst 15k cburst 10kb", HtbClassOptions { burst: Some(15_360), cburst: Some(10_240), ..plain }),
        ("rate 1mbit bu 15k c 1", HtbClassOptions { burst: Some(15_360), cburst: Some(1), ..plain }),
        ("rate 1mbit buffer 15k/8 cmaxburst 1", HtbClassOptions { burst: Some(15_360), cburst: Some(1), ..plain }),
        (
            "rate 1mbit prio 3 quantum 1500 mtu 9000",
            HtbClassOptions { prio: 3, quantum: Some(1500), mtu: 9000, ..plain },
        ),
        ("rate 1mbit p 9 q 1500 m 9000", HtbClassOptions { prio: 7, quantum: Some(1500), mtu: 9000, ..plain }),
    ] {
        assert_eq!(htb(words), options, "{words}");
    }
    let spec = RateSpec { rate: Rate(125_000), overhead: 24, mpu: 64, link_layer: LinkLayer::Atm };
    let ceil = Some(RateSpec { rate: Rate(250_000), ..spec });
    let expected = HtbClassOptions { rate: spec, ceil, ..plain };
    assert_eq!(htb("rate 1mbit ceil 2mbit overhead 24 mpu 64 linklayer adsl"), expected);
    assert_eq!(htb("ov 24 mpu 064 linkl atm ceil 2mbit rate 1mbit"), expected);
}

#[test]
fn hosts_get_classes() {
    let class = HtbClassOptions { rate: rate(250_000), ..HtbClassOptions::default() };
    let plain = HostClassOptions {
        parent: Handle::new(1, 1).into(),
        prefix_v4: 32,
        prefix_v6: 128,
        timeout: Duration::from_secs(60),
        max: 100_000,
        class,
    };
    let ceil = HtbClassOptions { ceil: Some(rate(2_500_000)), ..class };
    for (words, options) in [
        ("parent 1:1 htb rate 2mbit", plain),
        (
            "parent 1: prefix4 24 prefix6 64 timeout 90s max 50 htb rate 2mbit ceil 20mbit",
            HostClassOptions {
                parent: Handle::new(1, 0).into(),
                prefix_v4: 24,
                prefix_v6: 64,
                timeout: Duration::from_secs(90),
                max: 50,
                class: ceil,
            },
        ),
    ] {
        assert_eq!(read(&format!("hostclass add dev eth0 {words}")), [Command::SetHostClasses(ETH0, options)]);
    }
    let deleted = Command::DeleteHostClasses(ETH0, Handle::new(1, 0));
    assert_eq!(read("hostclass del dev eth0 parent 1:1"), [deleted]);
    for (words, told) in [
        ("htb rate 1mbit", "1:1: \"hostclass\" needs a parent: the qdisc or a class of it"),
        ("parent 1:1", "1:1: \"hostclass\" needs what each class gets: htb rate RATE"),
        ("parent 1:1 prefix4 33", "1:43: \"33\" is not a prefix length, 0 to 32"),
        ("parent 1:1 timeout 60", "1:43: \"60\" is not a time of at least a second, such as 60s"),
        ("parent 1:1 prefix 32", "1:35: unknown word of hostclass \"prefix\": did you mean \"prefix4\"?"),
    ] {
        assert_eq!(wrong(&format!("hostclass add dev eth0 {words}")), told);
    }
}

#[test]
fn shares_are_of_the_links_speed() {
    let text = "link set dev eth0 speed 100mbit\nclass add dev eth0 parent 1: classid 1:1 htb rate 30% ceil 100%";
    let [Command::SetSpeed(ETH0, Rate(12_500_000)), Command::SetClass(ClassRequest { options, .. }, _)] =
        &read(text)[..]
    else {
        panic!()
    };
    let expected =
        HtbClassOptions { rate: rate(3_750_000), ceil: Some(rate(12_500_000)), ..HtbClassOptions::default() };
    assert_eq!(*options, Some(ClassOptions::Htb(expected)));
    assert_eq!(
        wrong("class add dev eth0 parent 1: classid 1:1 htb rate 30%"),
        "1:51: \"30%\" is a share of a link's speed, and there is none yet"
    );
}

/// Limits are those that `tc qdisc show` prints (6.1): a latency of 50 ms at 1 Mbit/s with 10 kB of burst, and so on.
#[test]
fn tbf_knows_its_limit_by_its_latency() {
    let plain = TbfOptions { rate: rate(125_000), burst: 10_240, limit: 16_490, peak_rate: None, mtu: 0 };
    for (words, options) in [
        ("tbf rate 1mbit burst 10k latency 50ms", plain),
        ("tbf rate 1mbit burst 10k latency 50ms mtu 1540", plain),
        (
            "tbf rate 1mbit burst 10k limit 30k peakrate 2mbit mtu 2k",
            TbfOptions { limit: 30_720, peak_rate: Some(rate(250_000)), mtu: 2048, ..plain },
        ),
        (
            "tbf rate 1mbit buffer 10k/8 lat 50ms peakrate 1.5mbit minburst 2k",
            TbfOptions { limit: 11_423, peak_rate: Some(rate(187_500)), mtu: 2048, ..plain },
        ),
    ] {
        assert_eq!(qdisc(words), QdiscOptions::Tbf(options), "{words}");
    }
}

#[test]
fn other_qdiscs_are_read() {
    let fq_codel = FqCodelOptions::default();
    let prio = PrioOptions::default();
    let red = RedOptions {
        limit: 400_000,
        min: 33_333,
        max: 100_000,
        avpkt: 1000,
        burst: None,
        probability: 0.02,
        bandwidth: Rate(1_250_000),
        ecn: false,
        hard_drop: false,
        adaptive: false,
    };
    for (words, options) in [
        ("htb", QdiscOptions::Htb(HtbOptions::default())),
        (
            "htb def 0x12 r2q 0 direct_qlen 5",
            QdiscOptions::Htb(HtbOptions { default: 0x12, r2q: 1, direct_qlen: Some(5) }),
        ),
        ("pfifo", QdiscOptions::Pfifo { limit: None }),
        ("pfifo limit 1k", QdiscOptions::Pfifo { limit: Some(1024) }),
        ("bfifo limit 5 limit 10k", QdiscOptions::Bfifo { limit: Some(10_240) }),
        ("pfifo_head_drop limit 9", QdiscOptions::PfifoHeadDrop { limit: Some(9) }),
        ("pfifo_fast", QdiscOptions::PfifoFast),
        ("noqueue", QdiscOptions::Noqueue),
        ("prio", QdiscOptions::Prio(prio)),
        (
            "prio bands 4 priomap 3 0",
            QdiscOptions::Prio(PrioOptions { bands: 4, map: [3, 0, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1] }),
        ),
        ("sfq", QdiscOptions::Sfq(SfqOptions::default())),
        (
            "sfq limit 300 perturb 10 quantum 3k divisor 64 flows 9 depth 0 headdrop",
            QdiscOptions::Sfq(SfqOptions {
                quantum: Some(3072),
                perturb: Duration::from_secs(10),
                limit: 300,
                divisor: 64,
                flows: 9,
                depth: 127,
                head_drop: true,
            }),
        ),
        ("fq_codel", QdiscOptions::FqCodel(fq_codel)),
        (
            "fq_codel limit 600 flows 32 quantum 300 target 20ms interval 200ms noecn ce_threshold 1ms memory_limit 4m drop_batch 8",
            QdiscOptions::FqCodel(FqCodelOptions {
                limit: 600,
                flows: 32,
                quantum: Some(300),
                target: Duration::from_millis(20),
                interval: Duration::from_millis(200),
                ecn: false,
                ce_threshold: Some(Duration::from_millis(1)),
                memory_limit: 4 << 20,
                drop_batch: 8,
            }),
        ),
        (
            "codel ecn target 1500",
            QdiscOptions::Codel(CodelOptions {
                ecn: true,
                target: Duration::from_nanos(1_500_000),
                ..CodelOptions::default()
            }),
        ),
        ("red limit 400000 avpkt 1000", QdiscOptions::Red(red)),
        (
            "red limit 400000 min 30000 avpkt 1000 burst 55 ecn harddrop adaptive bandwidth 1mbit probability 0.1",
            QdiscOptions::Red(RedOptions {
                min: 30_000,
                max: 90_000,
                burst: Some(55),
                ecn: true,
                hard_drop: true,
                adaptive: true,
                bandwidth: Rate(125_000),
                probability: 0.1,
                ..red
            }),
        ),
        (
            "cbq bandwidth 100Mbit avpkt 1000 cell 8",
            QdiscOptions::Cbq(CbqOptions { bandwidth: rate(12_500_000), avpkt: 1000 }),
        ),
    ] {
        assert_eq!(qdisc(words), options, "{words}");
    }
    let classic = CbqClassOptions {
        bandwidth: rate(12_500_000),
        rate: rate(750_000),
        allot: 1514,
        weight: Some(Rate(75_000)),
        prio: 8,
        avpkt: 1000,
        max_burst: 20,
        min_burst: 0,
        bounded: true,
        isolated: false,
    };
    let words =
        "cbq bandwidth 100Mbit rate 6Mbit weight 0.6Mbit prio 8 allot 1514 cell 8 maxburst 20 avpkt 1000 bounded";
    assert_eq!(class(words), ClassOptions::Cbq(classic));
}

#[test]
fn errors_tell_the_place_and_what_was_meant() {
    for (text, told) in [
        ("qdisk add dev eth0 root htb", "1:1: unknown object \"qdisk\": did you mean \"qdisc\"?"),
        ("qdisc", "1:1: \"qdisc\" needs what is to be done: add, change, replace or delete"),
        ("tc", "1:1: \"tc\" needs a command behind it"),
        ("qdisc ad dev eth0\nqdisc show", "2:7: unknown command \"show\""),
        ("qdisc add dev eht0 root htb", "1:15: unknown device \"eht0\": did you mean \"eth0\"?"),
        ("qdisc add root htb", "1:1: \"qdisc\" needs a device: dev NAME"),
        ("qdisc add dev", "1:11: \"dev\" needs a device behind it"),
        ("qdisc add dev eth0 root handle 1:5 htb", "1:32: \"1:5\" is not a qdisc's handle, such as 1:"),
        (
            "qdisc add dev eth0 root parent 1:1 htb",
            "1:25: \"parent\" stands here a second time, or with another word that says the same",
        ),
        (
            "qdisc add dev eth0 parent ffff:fff1 clsact",
            "1:37: \"clsact\" stands here a second time, or with another word that says the same",
        ),
        ("\n qdisc add dev eth0 root hbt", "2:26: unknown kind of qdisc \"hbt\": did you mean \"htb\"?"),
        ("qdisc add dev eth0 root htb defualt 1", "1:29: unknown option of htb \"defualt\": did you mean \"default\"?"),
        ("qdisc add dev eth0 root htb default 1:12", "1:37: \"1:12\" is not a class's minor number, hexadecimal"),
        ("qdisc add dev eth0 root pfifo_fast limit 3", "1:36: \"limit\" stands behind a kind that has no options"),
        ("qdisc add dev eth0 root pfifo limit 3kk", "1:37: unknown unit of sizes \"kk\": did you mean \"k\"?"),
        ("qdisc add dev eth0 root prio bands 2", "1:36: \"2\" ends a prio with a priority in a band that is not there"),
        ("qdisc add dev eth0 root prio 5", "1:30: unknown option of prio \"5\""),
        ("qdisc add dev eth0 root sfq divisor 65", "1:37: \"65\" is not a power of two up to 65536"),
        ("qdisc add dev eth0 root sfq ecn", "1:29: \"ecn\" is not handled: sfq has no RED of its own here"),
        ("qdisc add dev eth0 root tbf rate 1mbit limit 3k", "1:25: \"tbf\" needs a burst"),
        ("qdisc add dev eth0 root tbf rate 1mbit burst 3k", "1:25: \"tbf\" needs a limit or a latency"),
        (
            "qdisc add dev eth0 root tbf rate 1mbit limit 3k latency 5ms",
            "1:49: \"latency\" stands behind another limit or latency",
        ),
        ("qdisc add dev eth0 root red limit 100k", "1:25: \"red\" needs an avpkt"),
        ("class add dev eth0 parent 1: classid 1:1 htb ceil 1mbit", "1:42: \"htb\" needs a rate"),
        ("class add dev eth0 parent 1: classid 1:1 htb rate 10k", "1:51: unknown unit of rates \"k\""),
        (
            "class add dev eth0 parent 1: classid 1:1 htb rate 1mbit rate 2mbit",
            "1:57: \"rate\" stands here a second time, or with another word that says the same",
        ),
        (
            "class add dev eth0 parent 1: classid 1:1 htb rate 1mbit quantum 0x600",
            "1:65: \"0x600\" is not a number of bytes",
        ),
        (
            "class add dev eth0 parent 1: classid 1:1 prio",
            "1:42: \"prio\" has no classes that can be made: htb and cbq have",
        ),
        ("class add dev eth0 parent 1: classid 1:x htb rate 1mbit", "1:38: \"1:x\" is not a class, such as 1:10"),
        ("link set dev eth0 speed 1", "1:25: \"1\" is not a speed of at least 8 bit a second"),
        ("link set speed 1mbit", "1:1: \"link\" needs a device: dev NAME"),
    ] {
        assert_eq!(wrong(text), told, "{text}");
    }
}

prop_compose! {
    fn any_handle()(handle in prop_oneof![any::<u32>(), Just(0), (1u32..4, 0u32..20).prop_map(|(major, minor)| major << 16 | minor)]) -> Handle {
        Handle(handle)
    }
}

fn any_rate() -> impl Strategy<Value = Rate> {
    prop_oneof![1..=u64::MAX, 1u64..10_000_000, (1u64..1000, 0u32..5).prop_map(|(n, k)| n * 125 * 1000u64.pow(k))]
        .prop_map(Rate)
}

fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![0u64..4_294_967_295_000, (0u64..4000).prop_map(|ms| ms * 1_000_000)].prop_map(Duration::from_nanos)
}

fn any_spec() -> impl Strategy<Value = RateSpec> {
    (any_rate(), 0u16..100, 0u16..100, any::<bool>()).prop_map(|(rate, overhead, mpu, atm)| RateSpec {
        rate,
        overhead,
        mpu,
        link_layer: if atm { LinkLayer::Atm } else { LinkLayer::Ethernet },
    })
}

fn any_qdisc() -> impl Strategy<Value = QdiscOptions> {
    let size = || prop_oneof![1u32..100_000, (1u32..4000).prop_map(|kb| kb << 10), 1..=u32::MAX];
    let limit = || proptest::option::of(size());
    prop_oneof![
        (any::<u32>(), 1..=u32::MAX, proptest::option::of(any::<u32>()))
            .prop_map(|(default, r2q, direct_qlen)| QdiscOptions::Htb(HtbOptions { default, r2q, direct_qlen })),
        limit().prop_map(|limit| QdiscOptions::Pfifo { limit }),
        limit().prop_map(|limit| QdiscOptions::Bfifo { limit }),
        limit().prop_map(|limit| QdiscOptions::PfifoHeadDrop { limit }),
        Just(QdiscOptions::PfifoFast),
        Just(QdiscOptions::Noqueue),
        (2u8..=16, any::<[u8; 16]>())
            .prop_map(|(bands, map)| { QdiscOptions::Prio(PrioOptions { bands, map: map.map(|band| band % bands) }) }),
        (any_spec(), size(), size(), proptest::option::of((any_rate(), size()))).prop_map(
            |(rate, burst, limit, peak)| {
                QdiscOptions::Tbf(TbfOptions {
                    rate,
                    burst,
                    limit,
                    peak_rate: peak.map(|(peak, _)| RateSpec { rate: peak, ..rate }),
                    mtu: peak.map_or(0, |(_, mtu)| mtu),
                })
            }
        ),
        (limit(), 0u32..1000, 2..=u32::MAX, 0u32..=16, size(), size(), any::<bool>()).prop_map(
            |(quantum, perturb, limit, divisor, flows, depth, head_drop)| {
                QdiscOptions::Sfq(SfqOptions {
                    quantum,
                    perturb: Duration::from_secs(perturb.into()),
                    limit,
                    divisor: 1 << divisor,
                    flows,
                    depth,
                    head_drop,
                })
            }
        ),
        (
            size(),
            size(),
            limit(),
            any_time(),
            any_time(),
            any::<bool>(),
            proptest::option::of(any_time()),
            size(),
            size()
        )
            .prop_map(
                |(limit, flows, quantum, target, interval, ecn, ce_threshold, memory_limit, drop_batch)| {
                    QdiscOptions::FqCodel(FqCodelOptions {
                        limit,
                        flows,
                        quantum,
                        target,
                        interval,
                        ecn,
                        ce_threshold,
                        memory_limit,
                        drop_batch,
                    })
                }
            ),
        (size(), any_time(), any_time(), any::<bool>(), proptest::option::of(any_time())).prop_map(
            |(limit, target, interval, ecn, ce_threshold)| {
                QdiscOptions::Codel(CodelOptions { limit, target, interval, ecn, ce_threshold })
            }
        ),
        (size(), size(), size(), size(), limit(), 0.0..=1.0, any_rate(), any::<[bool; 3]>()).prop_map(
            |(limit, min, max, avpkt, burst, probability, bandwidth, [ecn, hard_drop, adaptive])| {
                let flags = (ecn, hard_drop, adaptive);
                let (ecn, hard_drop, adaptive) = flags;
                QdiscOptions::Red(RedOptions {
                    limit,
                    min,
                    max,
                    avpkt,
                    burst,
                    probability,
                    bandwidth,
                    ecn,
                    hard_drop,
                    adaptive,
                })
            }
        ),
        (any_spec(), size()).prop_map(|(bandwidth, avpkt)| QdiscOptions::Cbq(CbqOptions { bandwidth, avpkt })),
    ]
}

fn any_class() -> impl Strategy<Value = ClassOptions> {
    let number = || proptest::option::of(any::<u32>());
    let rates = (any_spec(), proptest::option::of(any_rate()), number(), number(), 0u8..8, number(), any::<u32>());
    let htb = rates.prop_map(|(rate, ceil, burst, cburst, prio, quantum, mtu)| {
        let ceil = ceil.map(|ceil| RateSpec { rate: ceil, ..rate });
        ClassOptions::Htb(HtbClassOptions { rate, ceil, burst, cburst, prio, quantum, mtu })
    });
    let sizes = [1..=u32::MAX, 1..=u32::MAX, 0..=u32::MAX, 0..=u32::MAX];
    let cbq = (any_spec(), any_rate(), proptest::option::of(any_rate()), sizes, 1u8..=8, any::<[bool; 2]>());
    let cbq =
        cbq.prop_map(|(rate, bandwidth, weight, [allot, avpkt, max_burst, min_burst], prio, [bounded, isolated])| {
            ClassOptions::Cbq(CbqClassOptions {
                bandwidth: RateSpec { rate: bandwidth, ..rate },
                rate,
                allot,
                weight,
                prio,
                avpkt,
                max_burst,
                min_burst,
                bounded,
                isolated,
            })
        });
    prop_oneof![htb, cbq]
}

fn any_command() -> impl Strategy<Value = Command> {
    let flags = prop_oneof![Just(Flags::ADD), Just(Flags::CHANGE), Just(Flags::REPLACE), Just(Flags::LINK)];
    let qdisc = (any_handle(), any::<u16>(), any_qdisc(), flags).prop_map(|(parent, major, options, flags)| {
        let handle = Handle::new(major, 0);
        Command::SetQdisc(QdiscRequest { device: ETH0, parent, handle, spec: options.into() }, flags)
    });
    let hooks = prop_oneof![Just(QdiscOptions::Ingress), Just(QdiscOptions::Clsact)].prop_map(|options| {
        let (parent, handle) = (Handle::INGRESS, Handle::new(0xffff, 0));
        Command::SetQdisc(QdiscRequest { device: ETH0, parent, handle, spec: options.into() }, Flags::ADD)
    });
    let flags = prop_oneof![Just(Flags::ADD), Just(Flags::CHANGE), Just(Flags::REPLACE)];
    let class = (any_handle(), any_handle(), proptest::option::of(any_class()), flags).prop_map(
        |(parent, class, options, flags)| {
            Command::SetClass(ClassRequest { device: ETH0, parent, class, options }, flags)
        },
    );
    let delete_qdisc = (any_handle(), any::<u16>(), any::<bool>()).prop_map(|(parent, major, kind)| {
        let spec = if kind { QdiscSpec::Kind("sfq".to_owned()) } else { QdiscSpec::Any };
        Command::DeleteQdisc(QdiscRequest { device: ETH0, parent, handle: Handle::new(major, 0), spec })
    });
    let delete_class = (any_handle(), any_handle())
        .prop_map(|(parent, class)| Command::DeleteClass(ClassRequest { device: ETH0, parent, class, options: None }));
    let template = (any_handle(), 0u8..=32, 0u8..=128, 1_000_000_000u64..4_000_000_000_000, any::<u32>(), any_class());
    let template =
        template.prop_filter_map("of htb, below a qdisc", |(parent, prefix_v4, prefix_v6, timeout, max, class)| {
            let ClassOptions::Htb(class) = class else { return None };
            let parent = Some(parent).filter(|parent| parent.major() != 0 && *parent != Handle::ROOT)?.into();
            let timeout = Duration::from_nanos(timeout);
            Some(Command::SetHostClasses(ETH0, HostClassOptions { parent, prefix_v4, prefix_v6, timeout, max, class }))
        });
    let speed = any_rate().prop_map(|rate| Command::SetSpeed(ETH0, rate));
    prop_oneof![4 => qdisc, 1 => hooks, 4 => class, 1 => delete_qdisc, 1 => delete_class, 1 => template, 1 => speed]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(commands in proptest::collection::vec(any_command(), 1..4)) {
        let lines: Vec<_> = commands.iter().map(|command| command.text(|_| "eth0").to_string()).collect();
        let read = reader().read(&lines.join("\n"));
        let read = read.map(|statements| statements.into_iter().map(|statement| statement.command).collect::<Vec<_>>());
        prop_assert_eq!(read, Ok(commands), "{:#?}", lines);
    }
}

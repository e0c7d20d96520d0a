use crate::packet::DeviceId;
use crate::sched::text::{Command, Reader};
use crate::sched::*;
use crate::time::Duration;

const OUT: DeviceId = DeviceId(1);
const IN: DeviceId = DeviceId(2);

fn reader() -> Reader {
    let mut reader = Reader::new();
    reader.name_device("eth0", OUT);
    reader.name_device("eth1", IN);
    reader
}

fn name(device: DeviceId) -> &'static str {
    if device == OUT { "eth0" } else { "eth1" }
}

/// Reads a line, which is written so that it says the same.
fn read(line: &str) -> Command {
    let statements = reader().read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let command = statements[0].command.clone();
    let written = command.text(name).to_string();
    let again = reader().read(&written).unwrap_or_else(|error| panic!("{line}\n{written}: {error}"));
    assert_eq!(again[0].command, command, "{line}\n{written}");
    command
}

fn request(line: &str) -> FilterRequest {
    match read(&format!("filter add dev eth0 parent 1: protocol ip prio 1 {line}")) {
        Command::SetFilter(request, Flags::ADD) => request,
        other => panic!("{other:?}"),
    }
}

fn options(line: &str) -> FilterOptions {
    request(line).options
}

fn u32_node(line: &str) -> U32Node {
    match options(&format!("u32 {line}")) {
        FilterOptions::U32(U32Options::Node(node)) => node,
        other => panic!("{other:?}"),
    }
}

fn actions(line: &str) -> Vec<ActionOptions> {
    match options(&format!("matchall {line}")) {
        FilterOptions::Matchall(options) => options.actions,
        other => panic!("{other:?}"),
    }
}

fn error(line: &str) -> String {
    reader().read(line).expect_err(line).to_string()
}

#[test]
fn what_stands_before_the_kind() {
    let Command::SetFilter(request, flags) =
        read("filter replace dev eth0 ingress protocol 802.1Q pref 7 chain 3 handle 5 matchall")
    else {
        panic!("a filter")
    };
    assert_eq!(flags, Flags::REPLACE);
    let expected = FilterRequest {
        device: OUT,
        parent: Handle(0xffff_fff2),
        protocol: EtherType::VLAN,
        priority: 7,
        chain: 3,
        handle: 5,
        options: FilterOptions::Matchall(MatchallOptions::default()),
    };
    assert_eq!(request, expected);
    for (protocol, expected) in [
        ("ip", EtherType::IPV4),
        ("ipv6", EtherType::IPV6),
        ("all", EtherType::ALL),
        ("arp", EtherType::ARP),
        ("802.1ad", EtherType::PROVIDER_VLAN),
        ("0x88b5", EtherType(0x88b5)),
        ("88b5", EtherType(0x88b5)),
    ] {
        let Command::SetFilter(request, _) = read(&format!("filter add dev eth0 protocol {protocol} matchall")) else {
            panic!("a filter")
        };
        assert_eq!((request.protocol, request.priority, request.parent), (expected, 0, Handle::UNSPEC));
    }
    // Without a protocol, what makes a filter is for all, and what does not looks for any.
    let protocol = |line| match read(line) {
        Command::SetFilter(request, _) => request.protocol,
        other => panic!("{other:?}"),
    };
    assert_eq!(protocol("filter add dev eth0 matchall"), EtherType::ALL);
    assert_eq!(protocol("filter change dev eth0 prio 1 matchall"), EtherType::UNSPEC);
}

#[test]
fn what_is_deleted_is_named() {
    let query = |line| match read(line) {
        Command::DeleteFilter(query) => query,
        other => panic!("{other:?}"),
    };
    let all = FilterQuery {
        device: OUT,
        parent: Handle::new(1, 0),
        protocol: EtherType::UNSPEC,
        priority: 0,
        chain: 0,
        handle: 0,
        kind: None,
    };
    assert_eq!(query("filter del dev eth0 parent 1:"), all);
    assert_eq!(
        query("filter delete dev eth0 parent 1: protocol ip prio 3 handle 801:2:3 u32"),
        FilterQuery { protocol: EtherType::IPV4, priority: 3, handle: 0x8010_2003, kind: Some("u32".into()), ..all }
    );
    assert_eq!(
        error("filter del dev eth0 handle 1 prio 1"),
        "1:28: \"1\" needs a kind of filter, which says what a handle is"
    );
}

/// What `tc` 6.1 makes of each, as the kernel lists it.
#[test]
fn keys_of_u32_are_read_as_tc_reads_them() {
    let here = |value, mask, at| vec![U32Key { value, mask, at, offset_mask: 0 }];
    let next = |value, mask, at| vec![U32Key { value, mask, at, offset_mask: -1 }];
    for (line, keys) in [
        ("u32 10 ff at 4", here(0xa, 0xff, 4)),
        ("u32 0x10 0xff at 4", here(0x10, 0xff, 4)),
        ("u16 80 ffff at 2", here(0x50, 0xffff, 0)),
        ("u16 80 ffff at 3", here(0x50, 0xffff, 0)),
        ("u8 6 ff at 9", here(0x60000, 0xff0000, 8)),
        ("u8 6 ff at 10", here(0x600, 0xff00, 8)),
        ("u8 6 ff at nexthdr+9", next(0x60000, 0xff0000, 8)),
        ("ip src 1.2.3.4/24", here(0x0102_0300, 0xffff_ff00, 12)),
        ("ip src 1.2.3.4", here(0x0102_0304, u32::MAX, 12)),
        ("ip src 1.2.3.4/255.255.0.0", here(0x0102_0000, 0xffff_0000, 12)),
        ("ip src 1.2.3.4 at 16", here(0x0102_0304, u32::MAX, 16)),
        ("ip dst any", here(0, 0, 16)),
        ("ip dst 0/0", here(0, 0, 16)),
        ("ip dst 10/8", here(0x0a00_0000, 0xff00_0000, 16)),
        ("ip src 10.1/16", here(0x0a01_0000, 0xffff_0000, 12)),
        ("ip tos 0x10 0xff", here(0x10_0000, 0xff_0000, 0)),
        ("ip dsfield 16 0xfc", here(0x10_0000, 0xfc_0000, 0)),
        ("ip precedence 1 0xff", here(0x1_0000, 0xff_0000, 0)),
        ("ip ihl 5 0xf", here(0x0500_0000, 0x0f00_0000, 0)),
        ("ip protocol 6 0xff", here(0x6_0000, 0xff_0000, 8)),
        ("ip icmp_type 8 0xff", here(0x0800_0000, 0xff00_0000, 20)),
        ("ip icmp_code 8 0xff", here(0x8_0000, 0xff_0000, 20)),
        ("ip sport 80 0xffff", here(0x50_0000, 0xffff_0000, 20)),
        ("ip dport 80 0xffff", here(0x50, 0xffff, 20)),
        ("ip nofrag", here(0, 0x3fff, 4)),
        ("ip firstfrag", here(0x2000, 0x3fff, 4)),
        ("ip df", here(0x4000, 0x4000, 4)),
        ("ip mf", here(0x2000, 0x2000, 4)),
        ("ip6 priority 0x10 0xff", here(0x0100_0000, 0x0ff0_0000, 0)),
        ("ip6 protocol 6 0xff", here(0x600, 0xff00, 4)),
        ("ip6 flowlabel 5 0xfffff", here(5, 0xf_ffff, 0)),
        ("ip6 icmp_type 1 0xff", here(0x0100_0000, 0xff00_0000, 40)),
        ("ip6 icmp_code 2 0xff", next(0x2_0000, 0xff_0000, 40)),
        ("ip6 sport 1 0xffff", here(0x1_0000, 0xffff_0000, 40)),
        ("ip6 dport 1 0xffff", here(1, 0xffff, 40)),
        ("tcp src 80 0xffff", next(0x50_0000, 0xffff_0000, 0)),
        ("tcp dst 80 0xffff", next(0x50, 0xffff, 0)),
        ("udp src 1 ffff", next(0x1_0000, 0xffff_0000, 0)),
        ("icmp type 1 0xff", next(0x0100_0000, 0xff00_0000, 0)),
        ("icmp code 1 0xff", next(0x1_0000, 0xff_0000, 0)),
        ("u32 0 0 at -4", here(0, 0, -4)),
        ("u16 0xffff 0xff at -14", here(0xff, 0xff, -16)),
        ("u8 1 0xff at -1", here(1, 0xff, -4)),
        ("u32 0x1 0x1 at 0 match u32 0x2 0x2 at 0", here(3, 3, 0)),
        ("u32 010 10 at 010", here(0, 0x10, 8)),
        ("u32 4294967295 0xffffffff at 0", here(u32::MAX, u32::MAX, 0)),
    ] {
        let node = u32_node(&format!("match {line} flowid 1:1"));
        let selector = node.selector.expect(line);
        assert_eq!(selector.keys, keys, "{line}");
        assert!(selector.terminal);
        assert_eq!(node.class, Some(Handle::new(1, 1)));
    }
    let keys = |line: &str| u32_node(&format!("match {line}")).selector.expect(line).keys;
    assert_eq!(keys("ip6 src fe80::1/50"), [here(0xfe80_0000, u32::MAX, 8), here(0, 0xffff_c000, 12)].concat());
    assert_eq!(keys("ip6 dst ::1").last(), Some(&here(1, u32::MAX, 36)[0]));
    assert_eq!(
        keys("ether src 1:2:3:4:5:6"),
        [here(0x0102_0304, u32::MAX, -8), here(0x0506_0000, 0xffff_0000, -4)].concat()
    );
    assert_eq!(u32_node("match mark 0x10 0xff").mark, Some(U32Mark { value: 0x10, mask: 0xff }));
}

#[test]
fn tables_links_and_offsets_of_u32() {
    assert_eq!(options("u32"), FilterOptions::U32(U32Options::Root));
    let table = request("handle 2: u32 divisor 256");
    assert_eq!(table.handle, 0x0020_0000);
    assert_eq!(table.options, FilterOptions::U32(U32Options::Table { divisor: 256 }));

    let node = u32_node(
        "ht 2:5: match ip src 1.2.3.4 link 3: hashkey mask 00ff0000 at 12 offset at 0 mask 0f00 shift 6 plus 4 eat indev eth1",
    );
    assert_eq!((node.table, node.link, node.input), (Some(0x0020_5000), Some(0x0030_0000), Some(IN)));
    let selector = node.selector.unwrap();
    assert_eq!((selector.hash_mask, selector.hash_at, selector.eat, selector.terminal), (0xff_0000, 12, true, false));
    let variable = Some(U32VariableOffset { at: 0, mask: 0x0f00, shift: 6 });
    assert_eq!(selector.offset, Some(U32Offset { fixed: 4, variable }));

    // The bytes of the sample are folded to one.
    let table = |line: &str| u32_node(&format!("{line} match u32 0 0 at 0")).table;
    assert_eq!(table("ht 2: sample u32 0x12345678 0xffffffff at 0"), Some(0x0020_8000));
    assert_eq!(table("ht 2: sample u8 0x78 0xff at 12 divisor 16"), Some(0x0020_8000));
    assert_eq!(table("sample ip protocol 6 0xff ht 2:"), Some(0x0020_6000));
    assert_eq!(request("handle ::7 u32 match ip df").handle, 7);
    assert_eq!(request("u32 order 5 match ip df").handle, 5);
    assert_eq!(request("handle 800::5 u32 order 5 match ip df").handle, 0x8000_0005);
    assert_eq!(request("u32 order 5").options, FilterOptions::U32(U32Options::Node(U32Node::default())));
}

#[test]
fn small_kinds() {
    assert_eq!(options("fw"), FilterOptions::Fw(None));
    let fw = request("handle 0x10/0xff fw classid 1:5 indev eth1");
    let expected = FwOptions { mask: Some(0xff), class: Some(Handle::new(1, 5)), input: Some(IN), actions: Vec::new() };
    assert_eq!((fw.handle, fw.options), (0x10, FilterOptions::Fw(Some(expected))));
    let rsvp = options("rsvp ipproto udp session 10.0.0.1/5000 sender 10.0.0.2/6000 classid 1:5");
    let port = |value, mask| Some(RsvpPort { value, mask, at: 0 });
    let expected = RsvpOptions {
        destination: "10.0.0.1".parse().unwrap(),
        protocol: 17,
        destination_port: port(5000, 0xffff),
        source: Some("10.0.0.2".parse().unwrap()),
        source_port: port(6000 << 16, 0xffff_0000),
        class: Some(Handle::new(1, 5)),
        actions: Vec::new(),
    };
    assert_eq!(rsvp, FilterOptions::Rsvp(expected));
    for (line, port) in [
        ("spi/ah 0x10", RsvpPort { value: 0x10, mask: u32::MAX, at: 4 }),
        ("spi/esp 0x10", RsvpPort { value: 0x10, mask: u32::MAX, at: 0 }),
        ("flowlabel 0x10", RsvpPort { value: 0x10, mask: 0xf_ffff, at: -40 }),
        ("u16 0x10 mask 0xf0 at 6", RsvpPort { value: 0x10_0000, mask: 0xf0_0000, at: 6 }),
    ] {
        let FilterOptions::Rsvp(options) = options(&format!("rsvp6 ipproto 51 session fd00::1 {line}")) else {
            panic!("rsvp6")
        };
        assert_eq!(options.destination_port, Some(port), "{line}");
    }
}

#[test]
fn flower() {
    let line = "flower dst_mac 02:00:00:00:00:01/24 ip_proto tcp ip_tos 0x10/0xfc ip_ttl 64 src_ip 10.0.0.0/8 dst_ip 10.0.0.1 \
                dst_port 80 src_port 1024-2047 tcp_flags 0x2/0x12 ct_state +trk+est-rpl ct_mark 0x5/0xf orig_src_ip 192.168.0.0/16 \
                orig_dst_port 443 classid 1:5 action drop";
    let FilterOptions::Flower(read) = options(line) else { panic!("flower") };
    let prefix = |text: &str, mask| Some(IpPrefix { address: text.parse().unwrap(), mask });
    let expected = FlowerOptions {
        eth_type: Some(EtherType::IPV4),
        dst_mac: Some(Masked { value: [2, 0, 0, 0, 0, 1], mask: [255, 255, 255, 0, 0, 0] }),
        ip_proto: Some(6),
        ip_tos: Some(Masked { value: 0x10, mask: 0xfc }),
        ip_ttl: Some(Masked { value: 64, mask: 255 }),
        src_ip: prefix("10.0.0.0", 0xff00_0000),
        dst_ip: prefix("10.0.0.1", u32::MAX.into()),
        dst_port: Some(PortRange::Masked(Masked { value: 80, mask: u16::MAX })),
        src_port: Some(PortRange::Range { first: 1024, last: 2047 }),
        tcp_flags: Some(Masked { value: 2, mask: 0x12 }),
        ct_state: Some(Masked {
            value: CtInfo::TRACKED | CtInfo::ESTABLISHED,
            mask: CtInfo::TRACKED | CtInfo::ESTABLISHED | CtInfo::REPLY,
        }),
        ct_mark: Some(Masked { value: 5, mask: 15 }),
        orig_src_ip: prefix("192.168.0.0", 0xffff_0000),
        orig_dst_port: Some(PortRange::Masked(Masked { value: 443, mask: u16::MAX })),
        class: Some(Handle::new(1, 5)),
        actions: vec![ActionOptions::Gact(GactOptions::new(ActionVerdict::Drop))],
        ..FlowerOptions::default()
    };
    assert_eq!(*read, expected);
    let Command::SetFilter(request, _) = read_line(
        "filter add dev eth0 protocol 802.1Q flower vlan_id 5 vlan_prio 3 vlan_ethtype ipv6 dst_ip 2001:db8::/32",
    ) else {
        panic!("a filter")
    };
    let FilterOptions::Flower(read) = request.options else { panic!("flower") };
    let expected = FlowerOptions {
        eth_type: Some(EtherType::VLAN),
        vlan_id: Some(5),
        vlan_prio: Some(3),
        vlan_eth_type: Some(EtherType::IPV6),
        dst_ip: prefix("2001:db8::", !(u128::MAX >> 32)),
        ..FlowerOptions::default()
    };
    assert_eq!(*read, expected);
}

fn read_line(line: &str) -> Command {
    read(line)
}

#[test]
fn expressions_bind_to_the_right() {
    let matches = |line: &str| match options(&format!("basic match {line} classid 1:5")) {
        FilterOptions::Basic(options) => {
            assert_eq!(options.class, Some(Handle::new(1, 5)));
            options.matches.unwrap()
        }
        other => panic!("{other:?}"),
    };
    let mark = |number| {
        let left = MetaValue::Key { key: MetaKey::Mark, shift: 0, mask: 0 };
        Ematch::Meta(Meta { left, operator: CmpOperator::Equal, right: MetaValue::Number(number) })
    };
    let text = |number: u32| format!("meta(nf_mark eq {number})");
    let (a, b, c) = (mark(1), mark(2), mark(3));
    let (ta, tb, tc) = (text(1), text(2), text(3));
    for (line, expected) in [
        (ta.clone(), a.clone()),
        (format!("{ta} and {tb} and {tc}"), Ematch::And(vec![a.clone(), b.clone(), c.clone()])),
        (format!("{ta} and {tb} or {tc}"), Ematch::And(vec![a.clone(), Ematch::Or(vec![b.clone(), c.clone()])])),
        (format!("{ta} or {tb} and {tc}"), Ematch::Or(vec![a.clone(), Ematch::And(vec![b.clone(), c.clone()])])),
        (format!("({ta} or {tb}) and {tc}"), Ematch::And(vec![Ematch::Or(vec![a.clone(), b.clone()]), c.clone()])),
        (format!("not {ta} and {tb}"), Ematch::And(vec![Ematch::Not(Box::new(a.clone())), b.clone()])),
        (format!("not ({ta} and {tb})"), Ematch::Not(Box::new(Ematch::And(vec![a.clone(), b.clone()])))),
        (format!("'{ta} and {tb}'"), Ematch::And(vec![a, b])),
    ] {
        assert_eq!(matches(&line), expected, "{line}");
    }
    let cmp = Cmp {
        align: 2,
        at: 3,
        layer: CmpLayer::Transport,
        mask: 0xff,
        operator: CmpOperator::Greater,
        value: 5,
        is_little_endian: true,
    };
    assert_eq!(matches("cmp(u16 at 3 layer 2 mask 0xff trans gt 5)"), Ematch::Cmp(cmp));
    let key = U32Key { value: 0x1234, mask: 0xffff, at: 4, offset_mask: 0 };
    assert_eq!(matches("u32(u16 0x1234 0xffff at 6)"), Ematch::U32(EmatchU32 { key }));
    let nbyte = Nbyte { needle: b"GET".as_slice().into(), at: 20, layer: CmpLayer::Transport };
    assert_eq!(matches("'nbyte(\"GET\" at 20 layer transport)'"), Ematch::Nbyte(nbyte));
}

#[test]
fn every_action() {
    use ActionVerdict::*;
    let gact = |verdict| ActionOptions::Gact(GactOptions::new(verdict));
    for (line, verdict) in [
        ("ok", Ok),
        ("pass", Ok),
        ("drop", Drop),
        ("shot", Drop),
        ("pipe", Pipe),
        ("reclassify", Reclassify),
        ("continue", Continue),
        ("gact drop", Drop),
        ("goto chain 7", GotoChain(7)),
    ] {
        assert_eq!(actions(&format!("action {line}")), [gact(verdict)], "{line}");
    }
    let random = GactRandom { choice: GactChoice::Deterministic, one_in: 5, verdict: Drop };
    assert_eq!(
        actions("action ok random determ drop 5"),
        [ActionOptions::Gact(GactOptions { verdict: Ok, random: Some(random) })]
    );
    let mirror = MirredOptions { device: IN, ingress: false, redirect: false, verdict: Pipe };
    let redirect = MirredOptions { device: IN, ingress: true, redirect: true, verdict: Stolen };
    assert_eq!(
        actions("action mirred egress mirror dev eth1 action mirred ingress redirect dev eth1"),
        [ActionOptions::Mirred(mirror), ActionOptions::Mirred(redirect)]
    );
    let edit = SkbeditOptions {
        mark: Some(MarkEdit { value: 5, mask: 0xf }),
        priority: Some(Handle::new(1, 0x10)),
        verdict: Pipe,
    };
    assert_eq!(actions("action skbedit mark 5/0xf priority 1:10"), [ActionOptions::Skbedit(edit)]);
}

#[test]
fn every_word_of_police() {
    let police = |line: &str| match actions(line)[..] {
        [ActionOptions::Police(options)] => options,
        ref other => panic!("{other:?}"),
    };
    let rate = RateSpec::new(Rate::from_bits(1_000_000));
    let plain = PoliceOptions { rate: Some(rate), burst: 10_240, ..PoliceOptions::default() };
    assert_eq!(police("police rate 1mbit burst 10k"), plain);
    assert_eq!(police("action police rate 1mbit burst 10k drop").exceed, ActionVerdict::Drop);
    let told = police(
        "action police rate 1mbit burst 10k mtu 1500 peakrate 2mbit mpu 64 overhead 4 linklayer atm conform-exceed drop/pipe",
    );
    let spec = |bits| RateSpec { rate: Rate::from_bits(bits), overhead: 4, mpu: 64, link_layer: LinkLayer::Atm };
    let expected = PoliceOptions {
        rate: Some(spec(1_000_000)),
        mtu: Some(1500),
        peak_rate: Some(spec(2_000_000)),
        exceed: ActionVerdict::Drop,
        conform: ActionVerdict::Pipe,
        ..plain
    };
    assert_eq!(told, expected);
    assert_eq!(
        police("police rate 1mbit burst 10k conform-exceed pass/continue goto chain 3"),
        PoliceOptions { exceed: ActionVerdict::GotoChain(3), conform: ActionVerdict::Continue, ..plain }
    );
    let FilterOptions::Matchall(options) = options("estimator 1s 8s matchall police avrate 1mbit drop") else {
        panic!("matchall")
    };
    // 1 s / -ln(1 - 2^-3) is 7.5 s; with 2^-4 it would be 15.5 s.
    let estimator = Estimator { interval: Duration::from_secs(1), ewma_log: 3 };
    let [ActionOptions::Police(police)] = options.actions[..] else { panic!("a police") };
    assert_eq!((police.average_rate, police.estimator), (Some(Rate::from_bits(1_000_000)), Some(estimator)));
}

#[test]
fn errors_tell_where_and_what_was_meant() {
    for (line, told) in [
        ("filter add dev eth0 u23 match u32 0 0", "1:21: unknown kind of filter \"u23\": did you mean \"u32\"?"),
        ("filter add dev eth0 u32 match ip scr 1.2.3.4", "1:34: unknown field of ip \"scr\": did you mean \"src\"?"),
        (
            "filter add dev eth0 u32 match ip src 1.2.3.4/33",
            "1:38: \"1.2.3.4/33\" is not an IPv4 address or prefix, such as 10.0.0.0/8",
        ),
        ("filter add dev eth0 u32 match ip dport 80", "1:40: \"80\" needs a mask behind it"),
        ("filter add dev eth0 u32 match u8 256 0xff at 0", "1:34: \"256\" is not a number that fits"),
        (
            "filter add dev eth0 u32 match u32 0 0 at 2",
            "1:35: \"0\" matches four bytes at a place that is no multiple of four",
        ),
        (
            "filter add dev eth0 u32 match u32 1 1 at 0 match u32 2 3 at 0",
            "1:54: \"2\" contradicts another match of the same bytes",
        ),
        ("filter add dev eth0 u32 divisor 3", "1:33: \"3\" is not a divisor, a power of two up to 256"),
        ("filter add dev eth0 handle ::6 u32 order 5 match ip df", "1:36: \"order\" contradicts the handle"),
        ("filter add dev eth0 matchall action dorp", "1:37: unknown action \"dorp\": did you mean \"drop\"?"),
        (
            "filter add dev eth0 matchall police rate 1mbit",
            "1:30: \"police\" needs both a rate and a burst, or neither",
        ),
        (
            "filter add dev eth0 matchall action mirred egress redirect dev eth9",
            "1:64: unknown device \"eth9\": did you mean \"eth0\"?",
        ),
        (
            "filter add dev eth0 matchall action drop index 5",
            "1:42: \"index\" is not handled: filters share no actions",
        ),
        (
            "filter add dev eth0 protocol ip flower dst_prot 80",
            "1:40: unknown key of flower \"dst_prot\": did you mean \"dst_port\"?",
        ),
        ("filter add dev eth0 protocol pi flower", "1:30: unknown protocol \"pi\": did you mean \"ip\"?"),
        ("filter add dev eth0 basic match cmp(u8 at 0 eg 1)", "1:45: unknown operator \"eg\": did you mean \"eq\"?"),
        ("filter add dev eth0 basic match 'cmp(u8 at 0 eg 1)'", "1:46: unknown operator \"eg\": did you mean \"eq\"?"),
        (
            "filter add dev eth0 basic match 'cmp(u8 at \\\n0 eg 1)'",
            "1:33: unknown operator \"eg\": did you mean \"eq\"?",
        ),
        ("filter add dev eth0 prio 1", "1:1: \"filter\" needs a kind of filter"),
        ("filter add matchall", "1:1: \"filter\" needs a device: dev NAME"),
    ] {
        assert_eq!(error(line), told, "{line}");
    }
}

//! What each option comes to. Text that is written again as it was read would not tell two options that are mixed up.

use std::net::IpAddr;

use tctable::conntrack::Direction;
use tctable::packet::{Address, Family};
use tctable::ruleset::*;

use super::{match_of, rule_of, target_of};

fn ip(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}

fn masked(address: &str, mask: &str) -> Masked {
    Masked { address: ip(address), mask: ip(mask) }
}

fn no<T>(value: T) -> Not<T> {
    Not { negated: true, value }
}

fn ports(first: u16, last: u16) -> PortRange {
    PortRange { first, last }
}

fn device(name: &str, wildcard: bool) -> DevicePattern {
    DevicePattern { name: name.into(), wildcard }
}

#[test]
fn the_header() {
    let rule =
        rule_of(Family::V4, "filter", "-s 10.1.2.3/8 ! -d 10.9.8.7/255.0.255.0 -i eth0 ! -o ppp+ ! -p 47 ! -f -j DROP");
    let header = Header {
        source: Some(Not::plain(masked("10.0.0.0", "255.0.0.0"))),
        destination: Some(no(masked("10.0.8.0", "255.0.255.0"))),
        input: Some(Not::plain(device("eth0", false))),
        output: Some(no(device("ppp", true))),
        protocol: Some(no(47)),
        fragment: Some(false),
    };
    assert_eq!((rule.header, rule.target, rule.line), (header, Target::Drop, 3));
    let all = rule_of(Family::V6, "filter", "-s ::/0 -i + -p all");
    assert_eq!((all.header, all.target), (Header::default(), Target::None));
    let v6 = rule_of(Family::V6, "filter", "-s fd00:1::/32").header.source;
    assert_eq!(v6, Some(Not::plain(masked("fd00:1::", "ffff:ffff::"))));
}

#[test]
fn transport_headers() {
    let both = PortsMatch { source: Some(no(ports(0, 1023))), destination: Some(Not::plain(ports(443, 443))) };
    let tcp = TcpMatch { ports: both, flags: Some(no((0x17, 0x02))), option: Some(Not::plain(5)) };
    assert_eq!(match_of("-p tcp --dport https ! --sport :1023 ! --syn --tcp-option 5"), Match::Tcp(tcp));
    let flags = TcpMatch { flags: Some(Not::plain((0x3f, 0x29))), ..TcpMatch::default() };
    assert_eq!(match_of("-p tcp --tcp-flags ALL FIN,PSH,URG"), Match::Tcp(flags));
    assert_eq!(match_of("-p udp ! --sport 0:1023 --dport 443"), Match::Udp(both));
    let icmp = |kind, codes| Match::Icmp(Not::plain(IcmpMatch { kind, codes }));
    assert_eq!(match_of("-p icmp --icmp-type 3/4"), icmp(3, (4, 4)));
    assert_eq!(match_of("-p icmp --icmp-type any"), icmp(255, (0, 255)));
    let v6 = rule_of(Family::V6, "filter", "-p icmpv6 --icmpv6-type echo-request").matches;
    assert_eq!(v6, [icmp(128, (0, 255))]);
    for (option, side) in
        [("sports", MultiportSide::Source), ("dports", MultiportSide::Destination), ("ports", MultiportSide::Either)]
    {
        let multiport = Multiport { side, ports: vec![ports(22, 22), ports(80, 90)] };
        assert_eq!(match_of(&format!("-p sctp -m multiport ! --{option} ssh,80:90")), Match::Multiport(no(multiport)));
    }
}

#[test]
fn connections() {
    let rule = "-m conntrack --ctstate NEW,INVALID ! --ctproto udp --ctorigsrc 10.1.0.0/16 ! --ctorigdst 10.2.0.1 \
                --ctreplsrc 10.3.0.1 ! --ctrepldst 10.4.0.1 --ctorigsrcport 1 --ctorigdstport 2:20 ! --ctreplsrcport 3 \
                --ctrepldstport 4 --ctstatus ASSURED,SEEN_REPLY ! --ctexpire 5:50 --ctdir REPLY";
    let whole = |address| masked(address, "255.255.255.255");
    let conntrack = ConntrackMatch {
        state: Some(Not::plain(state_bits::NEW | state_bits::INVALID)),
        protocol: Some(no(17)),
        original_source: Some(Not::plain(masked("10.1.0.0", "255.255.0.0"))),
        original_destination: Some(no(whole("10.2.0.1"))),
        reply_source: Some(Not::plain(whole("10.3.0.1"))),
        reply_destination: Some(no(whole("10.4.0.1"))),
        original_source_port: Some(Not::plain(ports(1, 1))),
        original_destination_port: Some(Not::plain(ports(2, 20))),
        reply_source_port: Some(no(ports(3, 3))),
        reply_destination_port: Some(Not::plain(ports(4, 4))),
        status: Some(Not::plain(status_bits::ASSURED | status_bits::SEEN_REPLY)),
        expires: Some(no((5, 50))),
        direction: Some(Direction::Reply),
    };
    assert_eq!(match_of(rule), Match::Conntrack(Box::new(conntrack)));
    let states = state_bits::ESTABLISHED | state_bits::RELATED | state_bits::UNTRACKED;
    assert_eq!(match_of("-m state ! --state UNTRACKED,RELATED,ESTABLISHED"), Match::State(no(states)));
    let connbytes = Connbytes {
        range: no((10, u64::MAX)),
        direction: ConnbytesDirection::Reply,
        mode: ConnbytesMode::AveragePacket,
    };
    let rule = "-m connbytes ! --connbytes 10: --connbytes-dir reply --connbytes-mode avgpkt";
    assert_eq!(match_of(rule), Match::Connbytes(connbytes));
    let connlimit = Connlimit { limit: 3, above: true, mask: 24, by_destination: true };
    let rule = "-m connlimit --connlimit-above 3 --connlimit-mask 255.255.255.0 --connlimit-daddr";
    assert_eq!(match_of(rule), Match::Connlimit(connlimit));
    let mark = no(MarkMatch { value: 0x10, mask: 0xf0 });
    assert_eq!(match_of("-m connmark ! --mark 16/0xf0"), Match::Connmark(mark));
    assert_eq!(match_of("-m mark ! --mark 16/0xf0"), Match::Mark(mark));
}

#[test]
fn rates() {
    let limit = |rate, per, burst| Match::Limit(Limit { rate, per, burst });
    assert_eq!(match_of("-m limit"), limit(3, Per::Hour, 5));
    assert_eq!(match_of("-m limit --limit 30/m --limit-burst 7"), limit(30, Per::Minute, 7));
    let rule = "-m hashlimit --hashlimit-above 512kb/s --hashlimit-burst 1mb --hashlimit-mode srcip,dstport \
                --hashlimit-srcmask 24 --hashlimit-dstmask 16 --hashlimit-name h --hashlimit-htable-size 1 \
                --hashlimit-htable-max 2 --hashlimit-htable-expire 3 --hashlimit-htable-gcinterval 4 \
                --hashlimit-rate-match --hashlimit-rate-interval 5";
    let hashlimit = Hashlimit {
        above: true,
        rate: HashlimitRate::Bytes(512 << 10),
        burst: 1 << 20,
        mode: HashlimitMode { source: true, destination_port: true, ..HashlimitMode::default() },
        source_mask: 24,
        destination_mask: 16,
        name: "h".into(),
        size: 1,
        max: 2,
        expire: 3,
        gc_interval: 4,
        rate_match: true,
        rate_interval: 5,
    };
    assert_eq!(match_of(rule), Match::Hashlimit(Box::new(hashlimit)));
    let plain = Hashlimit {
        above: false,
        rate: HashlimitRate::Packets(7, Per::Minute),
        burst: 5,
        mode: HashlimitMode { source_port: true, destination: true, ..HashlimitMode::default() },
        source_mask: 32,
        destination_mask: 32,
        name: "h".into(),
        size: 0,
        max: 0,
        expire: 60_000,
        gc_interval: 1_000,
        rate_match: false,
        rate_interval: 1,
    };
    let rule = "-m hashlimit --hashlimit 7/min --hashlimit-name h --hashlimit-mode srcport,dstip";
    assert_eq!(match_of(rule), Match::Hashlimit(Box::new(plain)));
}

#[test]
fn everything_else_that_a_rule_asks() {
    assert_eq!(match_of("-m length ! --length 40:"), Match::Length(no((40, 65535))));
    let range = Iprange {
        source: Some(Not::plain((ip("10.0.0.1"), ip("10.0.0.9")))),
        destination: Some(no((ip("10.0.1.1"), ip("10.0.1.1")))),
    };
    let rule = "-m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10.0.1.1";
    assert_eq!(match_of(rule), Match::Iprange(Box::new(range)));
    assert_eq!(match_of("-m mac ! --mac-source 0:1:2:aa:BB:cc"), Match::Mac(no([0, 1, 2, 0xaa, 0xbb, 0xcc])));
    assert_eq!(
        match_of("-m statistic --mode random --probability 0.25"),
        Match::Statistic(Not::plain(Statistic::Random(1 << 29)))
    );
    let nth = Statistic::Nth { every: 5, packet: 3 };
    assert_eq!(match_of("-m statistic --mode nth ! --every 5 --packet 3"), Match::Statistic(no(nth)));
    for (option, expected) in [
        ("--ttl-eq 5", TtlMatch::Equal(5)),
        ("! --ttl-eq 5", TtlMatch::NotEqual(5)),
        ("--ttl-lt 5", TtlMatch::Less(5)),
        ("--ttl-gt 5", TtlMatch::Greater(5)),
    ] {
        assert_eq!(match_of(&format!("-m ttl {option}")), Match::Ttl(expected));
    }
    assert_eq!(match_of("-m dscp ! --dscp-class AF41"), Match::Dscp(no(0x22)));
    assert_eq!(match_of("-m comment --comment \"a \\\"b\\\"\""), Match::Comment("a \"b\"".into()));
    let time = Time {
        date_start: 951_825_600,
        date_stop: 1_609_459_199,
        day_start: 3_600,
        day_stop: 7_384,
        month_days: Not::plain((1 << 1) | (1 << 31)),
        week_days: Not::plain((1 << 1) | (1 << 7)),
        contiguous: false,
        kernel_zone: true,
    };
    let rule = "-m time --datestart 2000-02-29T12 --datestop 2020-12-31T23:59:59 --timestart 01:00 --timestop 02:03:04 \
                --monthdays 1,31 --weekdays Mon,7 --kerneltz";
    assert_eq!(match_of(rule), Match::Time(Box::new(time)));
    let Match::Time(most) =
        match_of("-m time --contiguous --timestart 22:00 --timestop 06:00 ! --weekdays Sat,Sun ! --monthdays 1")
    else {
        panic!("no time");
    };
    assert!(most.contiguous && !most.kernel_zone);
    assert_eq!((most.date_start, most.date_stop), (0, i32::MAX as u32));
    assert_eq!((most.week_days, most.month_days), (Not::plain(0b11_1110), Not::plain(u32::MAX - 3)));
}

#[test]
fn verdicts_and_jumps() {
    for (rule, expected) in [
        ("-j ACCEPT", Target::Accept),
        ("-j DROP", Target::Drop),
        ("-j RETURN", Target::Return),
        ("-j QUEUE", Target::Queue),
        ("-j TRACE", Target::Trace),
        ("-j user", Target::Jump(3)),
        ("-g user", Target::Goto(3)),
        ("-j REJECT", Target::Reject(RejectWith::PortUnreachable)),
        ("-p tcp -j REJECT --reject-with tcp-rst", Target::Reject(RejectWith::TcpReset)),
        ("-j REJECT --reject-with icmp-net-unreachable", Target::Reject(RejectWith::NetUnreachable)),
        ("-j REJECT --reject-with icmp-host-unreachable", Target::Reject(RejectWith::HostUnreachable)),
        ("-j REJECT --reject-with icmp-proto-unreachable", Target::Reject(RejectWith::ProtoUnreachable)),
        ("-j REJECT --reject-with icmp-net-prohibited", Target::Reject(RejectWith::NetProhibited)),
        ("-j REJECT --reject-with icmp-host-prohibited", Target::Reject(RejectWith::HostProhibited)),
        ("-j REJECT --reject-with icmp-admin-prohibited", Target::Reject(RejectWith::AdminProhibited)),
    ] {
        assert_eq!(target_of("filter", rule), expected, "{rule}");
    }
    for (with, expected) in [
        ("icmp6-no-route", RejectWith::NoRoute6),
        ("icmp6-adm-prohibited", RejectWith::AdminProhibited6),
        ("icmp6-addr-unreachable", RejectWith::AddressUnreachable6),
        ("icmp6-port-unreachable", RejectWith::PortUnreachable6),
        ("icmp6-policy-fail", RejectWith::PolicyFail6),
        ("icmp6-reject-route", RejectWith::RejectRoute6),
    ] {
        let rule = rule_of(Family::V6, "filter", &format!("-j REJECT --reject-with {with}"));
        assert_eq!(rule.target, Target::Reject(expected));
    }
}

#[test]
fn marks() {
    let change = |value, mask| MarkChange { value, mask };
    for (option, expected) in [
        ("--set-xmark 0x110/0xff", change(0x110, 0xff)),
        ("--set-mark 0x110/0xff", change(0x110, 0x1ff)),
        ("--set-mark 7", change(7, u32::MAX)),
        ("--and-mark 7", change(0, !7)),
        ("--or-mark 7", change(7, 7)),
        ("--xor-mark 7", change(7, 0)),
    ] {
        assert_eq!(target_of("mangle", &format!("-j MARK {option}")), Target::Mark(expected), "{option}");
        let connmark = Target::Connmark(ConnmarkTarget::Set(expected));
        assert_eq!(target_of("mangle", &format!("-j CONNMARK {option}")), connmark, "{option}");
    }
    let save = ConnmarkTarget::Save { ct_mask: 1, nf_mask: 2 };
    assert_eq!(target_of("mangle", "-j CONNMARK --save-mark --ctmask 1 --nfmask 2"), Target::Connmark(save));
    let restore = ConnmarkTarget::Restore { ct_mask: 3, nf_mask: 3 };
    assert_eq!(target_of("mangle", "-j CONNMARK --restore-mark --mask 3"), Target::Connmark(restore));
}

#[test]
fn other_targets() {
    let queue = |first, count, bypass, fanout| Target::Nfqueue(Nfqueue { first, count, bypass, fanout });
    let ct = CtTarget { notrack: false, zone: Some(3), helper: Some("ftp".into()), events: Some(0b1_0000_0101) };
    let log = Log { level: 7, prefix: "a b: ".into(), flags: 1 | 4 | 32 };
    for (table, rule, expected) in [
        ("filter", "-j NFQUEUE", queue(0, 1, false, false)),
        ("filter", "-j NFQUEUE --queue-balance 2:5 --queue-bypass --queue-cpu-fanout", queue(2, 4, true, true)),
        ("raw", "-j NOTRACK", Target::Notrack),
        ("raw", "-j CT --notrack", Target::Ct(Box::new(CtTarget { notrack: true, ..CtTarget::default() }))),
        (
            "raw",
            "-p tcp -j CT --zone-orig 3 --zone-reply 3 --helper ftp --ctevents natseqinfo,new,destroy",
            Target::Ct(Box::new(ct)),
        ),
        ("mangle", "-j CLASSIFY --set-class 1:a", Target::Classify(0x1_000a)),
        ("mangle", "-j DSCP --set-dscp-class EF", Target::Dscp(0x2e)),
        ("mangle", "-j TTL --ttl-set 64", Target::Ttl(TtlChange::Set(64))),
        ("mangle", "-j TTL --ttl-inc 2", Target::Ttl(TtlChange::Increase(2))),
        ("mangle", "-j TTL --ttl-dec 3", Target::Ttl(TtlChange::Decrease(3))),
        ("mangle", "-p tcp --syn -j TCPMSS --set-mss 1400", Target::Tcpmss(Some(1400))),
        ("mangle", "-p tcp --syn -j TCPMSS --clamp-mss-to-pmtu", Target::Tcpmss(None)),
        (
            "filter",
            "-j LOG --log-level debug --log-prefix \"a b: \" --log-macdecode --log-ip-options --log-tcp-sequence",
            Target::Log(Box::new(log)),
        ),
    ] {
        assert_eq!(target_of(table, rule), expected, "{rule}");
    }
}

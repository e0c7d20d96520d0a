//! The gateway: a namespace with a device on either side, and rules that write a packet's ctstate into its TTL.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use tun_rs::{DeviceBuilder, SyncDevice};

use super::error::Error;
use super::{CtState, Fate, Helper, Look};

/// Where TUN devices come from.
pub(super) const TUN: &str = "/dev/net/tun";

/// What the forward hook writes into the TTL or hop limit.
const MARKS: [(u8, &str, Fate); 8] = [
    (1, "ct state established ct direction original", forwarded(CtState::Established, Some(false))),
    (2, "ct state established ct direction reply", forwarded(CtState::Established, Some(true))),
    (3, "ct state new ct direction original", forwarded(CtState::New, Some(false))),
    (4, "ct state new ct direction reply", forwarded(CtState::New, Some(true))),
    (5, "ct state related ct direction original", forwarded(CtState::Related, Some(false))),
    (6, "ct state related ct direction reply", forwarded(CtState::Related, Some(true))),
    (7, "ct state invalid", forwarded(CtState::Invalid, None)),
    (8, "ct state untracked", forwarded(CtState::Untracked, None)),
];

const fn forwarded(state: CtState, reply: Option<bool>) -> Fate {
    Fate::Forwarded { state, reply }
}

/// What the forward hook wrote into a copy.
pub(super) fn read_mark(copy: &[u8]) -> Option<Fate> {
    let mark = match copy.first()? >> 4 {
        4 => *copy.get(8)?,
        _ => *copy.get(7)?,
    };
    MARKS.iter().find(|(value, ..)| *value == mark).map(|(.., fate)| *fate)
}

/// Nothing comes from anywhere but the two sides; nothing is checked that would keep a packet from conntrack.
const SYSCTLS: [(&str, &str); 16] = [
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv4.conf.left.rp_filter", "0"),
    ("net.ipv4.conf.right.rp_filter", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.left.send_redirects", "0"),
    ("net.ipv4.conf.right.send_redirects", "0"),
    ("net.ipv4.icmp_ratelimit", "0"),
    ("net.ipv6.conf.all.forwarding", "1"),
    ("net.ipv6.conf.left.accept_ra", "0"),
    ("net.ipv6.conf.right.accept_ra", "0"),
    ("net.ipv6.conf.left.router_solicitations", "0"),
    ("net.ipv6.conf.right.router_solicitations", "0"),
    ("net.netfilter.nf_conntrack_acct", "1"),
    ("net.netfilter.nf_conntrack_events", "0"),
];

/// Both sides, before and after they are up. Neither has an address, so nothing is for the gateway itself.
const LINKS: &str = "\
link set dev left addrgenmode none
link set dev right addrgenmode none
link set dev left up
link set dev right up
route add 10.11.0.0/16 dev left
route add 10.22.0.0/16 dev right
-6 route add fd00:11::/64 dev left
-6 route add fd00:22::/64 dev right
";

/// The gateway's own addresses, where it has some.
pub const OWN_ADDRESSES: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 33, 0, 1)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0x33, 0, 0, 0, 0, 0, 1))];

/// Those of [`OWN_ADDRESSES`].
const ADDRESSES: &str = "\
link set dev lo up
addr add 10.33.0.1/32 dev lo
-6 addr add fd00:33::1/128 dev lo nodad
";

/// Every rejected packet is answered.
const ANSWER_SYSCTLS: [(&str, &str); 5] = [
    ("net.ipv6.auto_flowlabels", "0"),
    ("net.ipv4.icmp_msgs_per_sec", "1000000000"),
    ("net.ipv4.icmp_msgs_burst", "1000000000"),
    ("net.ipv6.icmp.ratelimit", "0"),
    ("net.ipv4.icmp_errors_use_inbound_ifaddr", "0"),
];

/// Connections are tracked, and what the kernel itself has to say is not heard, before any table of iptables sees it: but
/// for the answers of rules. What is for the gateway gets as far as its connection is confirmed: of one priority the hook
/// that was registered first comes last.
const BYSTANDER: &str = "\
table inet oracle {
chain helpers { type filter hook prerouting priority filter; }
chain output {
type filter hook output priority -400; policy accept;
icmp type { redirect, time-exceeded, parameter-problem } drop
icmp type destination-unreachable icmp code frag-needed drop
ip protocol igmp drop
icmpv6 type { packet-too-big, time-exceeded, parameter-problem, mld-listener-query, mld-listener-report } drop
icmpv6 type { mld-listener-done, mld2-listener-report, nd-router-solicit, nd-router-advert } drop
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } drop
}
chain input { type filter hook input priority 2147483647; policy drop; }
chain track { type filter hook postrouting priority 300; ct state invalid accept; }
}
";

/// Moves this thread into a new namespace, makes the gateway there and gives its left and right device.
pub(super) fn enter(look: Look) -> Result<(SyncDevice, SyncDevice), Error> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| Error::Unavailable(error.into()))?;
    let device = |name: &str| -> Result<SyncDevice, Error> {
        let device = DeviceBuilder::new().name(name).mtu(u16::MAX).enable(false).build_sync();
        let device = device.map_err(Error::Unavailable)?;
        device.set_nonblocking(true)?;
        Ok(device)
    };
    let (left, right) = (device("left")?, device("right")?);
    // The rules come first: they keep back what the kernel has to say when a device comes up.
    let (rules, sysctls, addresses) = match look {
        Look::States => (rules(), &[][..], ""),
        Look::Bytes => (BYSTANDER.to_owned(), &ANSWER_SYSCTLS[..], ADDRESSES),
    };
    feed("nft", &["-f", "-"], &rules)?;
    for (name, value) in SYSCTLS.iter().chain(sysctls) {
        set_sysctl(name, value)?;
    }
    for (family, commands) in by_family(addresses) {
        feed("ip", &[family, "-batch", "-"], &commands)?;
    }
    Ok((left, right))
}

/// A batch of `ip` is for one family.
fn by_family(addresses: &str) -> [(&'static str, String); 2] {
    let lines = addresses.lines().chain(LINKS.lines());
    let (v6, v4): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("-6 "));
    let join =
        |lines: Vec<&str>| lines.iter().map(|line| line.trim_start_matches("-6 ")).collect::<Vec<_>>().join("\n");
    [("-4", join(v4)), ("-6", join(v6))]
}

/// The kernel itself says nothing; what is forwarded is marked.
fn rules() -> String {
    let mut rules = String::from(
        "table inet oracle {\n\
         chain helpers { type filter hook prerouting priority filter; }\n\
         chain output { type filter hook output priority 0; policy drop; }\n\
         chain forward {\n\
         type filter hook forward priority 300; policy accept;\n",
    );
    for (mark, matches, _) in MARKS {
        let _ = writeln!(rules, "{matches} ip ttl set {mark} accept\n{matches} ip6 hoplimit set {mark} accept");
    }
    rules.push_str("}\n}\n");
    rules
}

/// Assigns a helper to the connections that it is for.
pub(super) fn assign_helper(helper: &Helper) -> Result<(), Error> {
    let Helper { name, protocol, port } = helper;
    let object = format!("{name}-{protocol}");
    let rules = format!(
        "add ct helper inet oracle {object} {{ type \"{name}\" protocol {protocol}; }}\n\
         add rule inet oracle helpers {protocol} dport {port} ct helper set \"{object}\"\n"
    );
    feed("nft", &["-f", "-"], &rules)
}

/// Puts every packet into a zone. Where a zone was set before, this one comes after and holds.
pub(super) fn set_zone(zone: u16) -> Result<(), Error> {
    let rules = format!(
        "add chain inet oracle zones {{ type filter hook prerouting priority raw; }}\n\
         add rule inet oracle zones ct zone set {zone}\n"
    );
    feed("nft", &["-f", "-"], &rules)
}

/// Runs a tool in this thread's namespace.
pub(super) fn feed(command: &'static str, arguments: &[&str], input: &str) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Command { command, output: error.to_string() };
    let piped = || Stdio::piped();
    let mut child = Command::new(command)
        .args(arguments)
        .stdin(piped())
        .stdout(Stdio::null())
        .stderr(piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::Command { command, output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
    }
}

pub(super) fn sysctl_path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

pub(super) fn set_sysctl(name: &str, value: &str) -> Result<(), Error> {
    std::fs::write(sysctl_path(name), value).map_err(|error| Error::Sysctl {
        name: name.to_owned(),
        value: value.to_owned(),
        error,
    })
}

//! A copy of the host table that follows it by pages.

use proptest::prelude::*;
use tctable::account::{Group, Groups, HostBook, HostPass, Inside, Member};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::packets::udp_packet;

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u8),
    Zero(u8),
    Delete(u8),
    Time(u16),
    /// A page, or the first one of another pass.
    Page,
    Groups(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u8..40).prop_map(Step::Send),
        1 => (1u8..40).prop_map(Step::Zero),
        1 => (1u8..40).prop_map(Step::Delete),
        1 => (0u16..400).prop_map(Step::Time),
        6 => Just(Step::Page),
        1 => any::<bool>().prop_map(Step::Groups),
    ]
}

fn groups(other: bool) -> Groups {
    let group = |name: &str, prefix: &str| Group {
        members: vec![Member::Prefix(prefix.parse().expect("a prefix"))],
        ..Group::new(name)
    };
    let few = [group("low", "192.168.0.0/28"), group("high", "192.168.0.32/27")];
    let other_few = [group("high", "192.168.0.16/28"), group("most", "192.168.0.0/24")];
    Groups::new(if other { other_few.to_vec() } else { few.to_vec() }).expect("sensible")
}

fn config() -> Config {
    let mut config = Config { inside: Inside::new(&Inside::default_prefixes()), ..Config::default() };
    config.hosts.groups = groups(false);
    config.hosts.timeout = Duration::from_secs(300);
    config
}

/// All that counts of an engine's hosts and groups.
fn told(gateway: &Gateway) -> (Vec<String>, Vec<String>) {
    let mut hosts: Vec<String> = gateway
        .hosts()
        .iter()
        .map(|host| {
            let counted = tctable::account::Class::ALL.map(|class| host.class(class));
            format!("{} {} {} {counted:?}", host.address(), host.first_seen().as_nanos(), host.next_id())
        })
        .collect();
    hosts.sort();
    (hosts, gateway.groups().map(|group| format!("{} {:?}", group.name, group.classes)).collect())
}

proptest! {
    #[test]
    fn a_copy_is_the_table_whenever_a_pass_is_over(steps in proptest::collection::vec(step(), 1..200)) {
        let mut gateway = Gateway::new(config());
        let (mut book, mut pass): (HostBook, Option<HostPass>) = Default::default();
        let mut now = Instant::from_secs(1_000_000);
        let mut regrouped = false;
        for step in steps.into_iter().chain([Step::Page; 40]) {
            now = now + Duration::from_millis(1);
            gateway.handle_timeout(now);
            let ip = |host: u8| [192, 168, 0, host].into();
            match step {
                Step::Send(host) => {
                    let data = udp_packet(([192, 168, 0, host], 7).into(), ([198, 51, 100, 1], 53).into(), b"x");
                    let (device, direction, link) = (DeviceId(0), FrameDirection::Inbound, LinkType::Raw);
                    gateway.receive([Frame { time: now, device, direction, link, wire_len: data.len() as u32, data: &data }]);
                }
                Step::Zero(host) => drop(gateway.zero_host(ip(host))),
                Step::Delete(host) => drop(gateway.delete_host(ip(host))),
                Step::Time(seconds) => now = now + Duration::from_secs(seconds.into()),
                Step::Groups(other) => {
                    regrouped = other;
                    gateway.set_groups(groups(other));
                }
                Step::Page => {
                    let under_way = pass.get_or_insert_with(|| {
                        let pass = gateway.begin_host_pass(false);
                        if pass.is_whole() {
                            book = HostBook::default();
                        }
                        pass
                    });
                    match gateway.host_page(under_way, 4) {
                        Some(page) => book.apply(&page).expect("a right page"),
                        None => pass = None,
                    }
                }
            }
        }
        // One that is begun now, and not disturbed.
        while let Some(page) = pass.as_mut().and_then(|pass| gateway.host_page(pass, 4)) {
            book.apply(&page).expect("a right page");
        }
        let mut last = gateway.begin_host_pass(false);
        if last.is_whole() {
            book = HostBook::default();
        }
        while let Some(page) = gateway.host_page(&mut last, 4) {
            book.apply(&page).expect("a right page");
        }
        let mut config = config();
        config.hosts.groups = groups(regrouped);
        let mut restored = Gateway::new(config);
        restored.restore_hosts(&book.snapshot()).expect("what was told");
        prop_assert_eq!(told(&restored), told(&gateway));
    }
}

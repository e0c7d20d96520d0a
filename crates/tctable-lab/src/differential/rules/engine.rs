use tctable::gateway::{Observer, Route, Seen};
use tctable::hook::Verdict;
use tctable::packet::{DeviceId, Fragment, Frame, FrameDirection, LinkType};
use tctable::time::Instant;
use tctable::{Config, Gateway};

use super::difference::Outcome;
use super::pair::{self, Pair};
use crate::kernel::OWN_ADDRESSES;
use crate::step::{Side, Step};

/// The engine's side.
pub(super) struct Engine {
    pub(super) gateway: Gateway,
}

impl Engine {
    pub(super) fn new(rules: &Pair) -> Self {
        let config = Config {
            route: Route::Between(DeviceId(Side::Left as u16), DeviceId(Side::Right as u16)),
            local: OWN_ADDRESSES.to_vec(),
            decrement_ttl: true,
            mtu: u16::MAX,
            max_transmits: 1 << 10,
            ..Config::default()
        };
        let mut gateway = Gateway::new(config);
        gateway.name_device(DeviceId(Side::Left as u16), "left");
        gateway.name_device(DeviceId(Side::Right as u16), "right");
        let loaded = gateway.set_rules(Some(rules.v4.clone()), Some(rules.v6.clone()), &pair::sets());
        loaded.expect("what iptables has loaded is right");
        Engine { gateway }
    }

    /// Sends a packet through, and gives what came out.
    pub(super) fn send(&mut self, now: Instant, step: &Step) -> Outcome {
        let frame = Frame {
            time: now,
            device: DeviceId(step.side as u16),
            direction: FrameDirection::Inbound,
            link: LinkType::Raw,
            wire_len: step.packet.len() as u32,
            data: &step.packet,
        };
        let mut look = Look::default();
        self.gateway.receive_observed([frame], &mut look);
        assert!(self.gateway.totals().add_up(), "{:?}", self.gateway.totals());
        let answers = std::iter::from_fn(|| self.gateway.poll_transmit()).map(|answer| answer.data).collect();
        Outcome { forwarded: look.forwarded, answers }
    }
}

#[derive(Default)]
struct Look {
    forwarded: Option<Vec<u8>>,
}

impl Observer for Look {
    fn seen(&mut self, _: &Gateway, seen: &Seen<'_>) {
        let (Ok(info), Some(passed), Verdict::Accept) = (seen.packet, &seen.passed, seen.verdict) else { return };
        // What is for the gateway leaves by no device.
        if passed.packet.output().is_none() {
            return;
        }
        let whole = info.fragment == Fragment::None;
        let data = passed.packet.data();
        let length = (info.ip_len as usize).min(data.len());
        self.forwarded = Some(if whole { data[..length].to_vec() } else { Vec::new() });
    }
}

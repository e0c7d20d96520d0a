//! From a frame of the capture to the device that it leaves by.

use std::net::IpAddr;

use tctable::Gateway;
use tctable::account::Inside;
use tctable::gateway::{Observer, Seen};
use tctable::packet::{Address, Frame, LinkType, PacketInfo};
use tctable::sched::{Count, HostKey, Skb};
use tctable::time::Instant;

use super::shaped::Shaped;
use super::simulation::{Going, Simulation};
use crate::output::OutputError;
use crate::place::Place;

/// The simulations, and what all of them are told.
pub(super) struct Feed {
    pub(super) simulations: Vec<Simulation>,
    pub(super) out: Option<Shaped>,
    /// The prefixes that are inside.
    pub(super) inside: Inside,
    /// Whether interfaces are inside too: then whoever the gateway knows is.
    pub(super) by_interface: bool,
    pub(super) totals: Totals,
    /// Why it cannot go on.
    pub(super) failed: Option<OutputError>,
}

/// What came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// All frames.
    pub(crate) frames: Count,
    /// From outside to outside: no device's.
    pub(crate) outside: Count,
    /// No IP packets.
    pub(crate) not_ip: Count,
    /// Whose time was before an earlier one's.
    pub(crate) late: u64,
    /// Of another link layer than the first: they are not in `--pcap-out`.
    pub(crate) other_link: u64,
    pub(crate) first: Option<Instant>,
    pub(crate) last: Instant,
    link: Option<LinkType>,
}

/// A burst's frames, in step with what the gateway shows.
pub(super) struct Burst<'f, F> {
    pub(super) feed: &'f mut Feed,
    pub(super) frames: F,
}

impl<'a, F: Iterator<Item = Frame<'a>>> Observer for Burst<'_, F> {
    fn seen(&mut self, gateway: &Gateway, seen: &Seen<'_>) {
        let frame = self.frames.next().expect("each frame is shown once, in order");
        if self.feed.failed.is_none() {
            self.feed.failed = self.feed.frame(gateway, &frame, seen).err();
        }
    }
}

impl Feed {
    fn frame(&mut self, gateway: &Gateway, frame: &Frame<'_>, seen: &Seen<'_>) -> Result<(), OutputError> {
        let len = frame.wire_len.max(frame.data.len() as u32);
        self.totals.late += u64::from(frame.time < self.totals.last);
        let now = frame.time.max(self.totals.last);
        self.totals.last = now;
        if self.totals.first.is_none() {
            self.totals.first = Some(now);
            self.totals.link = Some(frame.link);
            self.simulations.iter_mut().for_each(|simulation| simulation.begin(now));
        }
        self.totals.frames.count(len);
        let info = match seen.packet {
            Ok(info) => Some(info),
            Err(_) => {
                self.totals.not_ip.count(len);
                None
            }
        };
        let Some(going) = self.going(gateway, info) else {
            self.totals.outside.count(len);
            return Ok(());
        };
        let (network_offset, protocol) = frame.network(seen.packet);
        let skb = Skb {
            token: 0,
            data: frame.data,
            network_offset,
            protocol,
            len,
            info,
            mark: 0,
            priority: seen.priority(frame),
            input: Some(going.input.id()),
            ct: seen.ct(),
            host: going.host.map(|address| HostKey::Address(address.into(), address.into())),
        };
        let is_first_link = self.totals.link == Some(frame.link);
        self.totals.other_link += u64::from(!is_first_link && self.out.is_some());
        let mut nowhere = None;
        for simulation in &mut self.simulations {
            let out = if is_first_link { &mut self.out } else { &mut nowhere };
            // Each shaping sees the packet as it came.
            simulation.arrive(now, frame, &mut skb.clone(), going, out)?;
        }
        Ok(())
    }

    /// Where a packet goes; `None` from outside to outside.
    fn going(&self, gateway: &Gateway, info: Option<&PacketInfo>) -> Option<Going> {
        let Some(info) = info else { return Some(Going { device: Place::Wan, input: Place::Lan, host: None }) };
        let ip = |address: Address| address.to_ip(info.tuple.family);
        let (source, destination) = (ip(info.tuple.source), ip(info.tuple.destination));
        let going = |device, input, host| Some(Going { device, input, host: Some(host) });
        match (self.is_inside(gateway, source), self.is_inside(gateway, destination)) {
            (true, false) => going(Place::Wan, Place::Lan, source),
            (false, true) => going(Place::Lan, Place::Wan, destination),
            (true, true) => going(Place::Lan, Place::Lan, destination),
            (false, false) => None,
        }
    }

    fn is_inside(&self, gateway: &Gateway, address: IpAddr) -> bool {
        self.inside.contains(address) || self.by_interface && gateway.host(address).is_some()
    }
}

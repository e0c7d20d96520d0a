//! `rsvp`: the flows of RSVP (RFC 2205). A session is a destination, a protocol and a port; a filter spec is a sender in
//! it. RFC 2207 puts any 32 bits behind the addresses in the place of a port.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound;

use super::classifier::{ChangeContext, Classifier, FilterContext, Match, ViewContext};
use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use crate::packet::{Address, Family, Fragment, PacketInfo};
use crate::sched::action::{ActionOptions, ActionVerdict, Actions};
use crate::sched::control::Flags;
use crate::sched::handle::Handle;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;

/// An `rsvp` or `rsvp6` filter: the packets of a session (RFC 2205 section 1.1), from all senders or from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsvpOptions {
    /// The session's address.
    pub destination: IpAddr,
    /// The session's protocol.
    pub protocol: u8,
    /// The session's port, or what stands for it.
    pub destination_port: Option<RsvpPort>,
    /// The sender; `None` is any (the wildcard filter style). Of the session's version of IP.
    pub source: Option<IpAddr>,
    /// The sender's port, or what stands for it.
    pub source_port: Option<RsvpPort>,
    /// The class that they belong to.
    pub class: Option<Handle>,
    /// What is done to them.
    pub actions: Vec<ActionOptions>,
}

/// A port, or a generalised port identifier (RFC 2207): 32 bits of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RsvpPort {
    /// What they must be under the mask, as a big-endian number.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
    /// Where they stand, in bytes from the transport header on; negative in the network header.
    pub at: i32,
}

/// A priority of `rsvp` filters of one version of IP.
///
/// A packet belongs to the first session that has its port, those with more bits of it before those with fewer; there to
/// the first filter of its sender, in the same order, or else to the first for any sender.
#[derive(Debug)]
pub(super) struct Rsvp {
    family: Family,
    /// By address and protocol, the sessions in the order in which they are asked.
    sessions: BTreeMap<(Address, u8), Vec<Session>>,
    /// Where filters are: address, protocol and port of their sessions, and their senders.
    by_handle: BTreeMap<u32, Flow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flow {
    destination: (Address, u8),
    port: Option<RsvpPort>,
    sender: Option<Address>,
}

#[derive(Debug)]
struct Session {
    port: Option<RsvpPort>,
    senders: BTreeMap<Option<Address>, Vec<Filter>>,
}

#[derive(Debug)]
struct Filter {
    handle: u32,
    port: Option<RsvpPort>,
    class: Option<Handle>,
    actions: Actions,
    matched: u64,
}

/// Whether a port is the packet's.
fn is_port(port: Option<RsvpPort>, info: &PacketInfo, data: &[u8]) -> bool {
    let Some(port) = port else { return true };
    let at = i64::from(info.transport_offset) + i64::from(port.at);
    let bytes = usize::try_from(at).ok().and_then(|at| data.get(at..)?.first_chunk());
    bytes.is_some_and(|bytes| (u32::from_be_bytes(*bytes) ^ port.value) & port.mask == 0)
}

/// Behind all whose port has at least the same bits.
fn place<T>(all: &[T], port: Option<RsvpPort>, port_of: impl Fn(&T) -> Option<RsvpPort>) -> usize {
    let bits = |port: Option<RsvpPort>| port.map_or(0, |port| port.mask);
    all.iter().position(|one| bits(port_of(one)) & bits(port) != bits(port)).unwrap_or(all.len())
}

impl Rsvp {
    pub(super) fn new(family: Family) -> Rsvp {
        Rsvp { family, sessions: BTreeMap::new(), by_handle: BTreeMap::new() }
    }

    fn filters(&self, flow: &Flow) -> Option<&Vec<Filter>> {
        let sessions = self.sessions.get(&flow.destination)?;
        sessions.iter().find(|session| session.port == flow.port)?.senders.get(&flow.sender)
    }

    fn add(&mut self, flow: Flow, filter: Filter) {
        let sessions = self.sessions.entry(flow.destination).or_default();
        let at = sessions.iter().position(|session| session.port == flow.port).unwrap_or_else(|| {
            let at = place(sessions, flow.port, |session| session.port);
            sessions.insert(at, Session { port: flow.port, senders: BTreeMap::new() });
            at
        });
        let filters = sessions[at].senders.entry(flow.sender).or_default();
        self.by_handle.insert(filter.handle, flow);
        filters.insert(place(filters, filter.port, |filter| filter.port), filter);
    }

    fn remove(&mut self, handle: u32) -> Option<Filter> {
        let flow = self.by_handle.remove(&handle)?;
        let sessions = self.sessions.get_mut(&flow.destination)?;
        let at = sessions.iter().position(|session| session.port == flow.port)?;
        let senders = &mut sessions[at].senders;
        let filters = senders.get_mut(&flow.sender)?;
        let filter = filters.remove(filters.iter().position(|filter| filter.handle == handle)?);
        if filters.is_empty() {
            senders.remove(&flow.sender);
        }
        if senders.is_empty() {
            sessions.remove(at);
        }
        if sessions.is_empty() {
            self.sessions.remove(&flow.destination);
        }
        Some(filter)
    }

    fn flow(&self, options: &RsvpOptions) -> Result<Flow, OptionsError> {
        let addresses = [Some(options.destination), options.source];
        if addresses.into_iter().flatten().any(|address| Family::from(address) != self.family) {
            return Err(OptionsError::Invalid("addresses are of the kind's version of IP"));
        }
        Ok(Flow {
            destination: (options.destination.into(), options.protocol),
            port: options.destination_port,
            sender: options.source.map(Address::from),
        })
    }
}

impl Classifier for Rsvp {
    fn kind(&self) -> &str {
        match self.family {
            Family::V4 => "rsvp",
            Family::V6 => "rsvp6",
        }
    }

    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        let info = skb.info.filter(|info| info.tuple.family == self.family && info.fragment == Fragment::None)?;
        let sessions = self.sessions.get_mut(&(info.tuple.destination, info.tuple.protocol))?;
        let session = sessions.iter_mut().find(|session| is_port(session.port, info, skb.data))?;
        for sender in [Some(info.tuple.source), None] {
            for filter in session.senders.get_mut(&sender).into_iter().flatten() {
                if !is_port(filter.port, info, skb.data) {
                    continue;
                }
                filter.matched += 1;
                let verdict = context.run(&mut filter.actions, skb);
                if verdict != ActionVerdict::Continue {
                    return Some(Match { class: filter.class.unwrap_or(Handle::UNSPEC), verdict });
                }
            }
        }
        None
    }

    fn has(&self, _: &ViewContext<'_>, handle: u32) -> bool {
        self.by_handle.contains_key(&handle)
    }

    /// What a filter that is there is for cannot be changed.
    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        _: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError> {
        let FilterOptions::Rsvp(options) = options else { return Err(OptionsError::OtherKind.into()) };
        let flow = self.flow(options)?;
        let actions = Actions::new(&options.actions, context.now())?;
        let is_there = self.by_handle.contains_key(&handle);
        if is_there {
            let same = self.by_handle.get(&handle) == Some(&flow);
            let filters = self.filters(&flow);
            let filter = filters.and_then(|filters| filters.iter().find(|filter| filter.handle == handle));
            if !same || filter.is_none_or(|filter| filter.port != options.source_port) {
                return Err(OptionsError::Invalid("a filter's session and sender cannot be changed").into());
            }
        }
        let handle = match handle {
            0 => super::free_handle(&self.by_handle)?,
            handle => handle,
        };
        context.name(options.class);
        let before = self.remove(handle);
        if let Some(before) = &before {
            context.release(before.class);
        }
        let matched = before.map_or(0, |before| before.matched);
        self.add(flow, Filter { handle, port: options.source_port, class: options.class, actions, matched });
        Ok(handle)
    }

    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
        let filter = self.remove(handle).ok_or(FilterError::NotFound)?;
        context.release(filter.class);
        Ok(self.by_handle.is_empty())
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        self.by_handle.clear();
        let sessions = std::mem::take(&mut self.sessions).into_values().flatten();
        for filter in sessions.flat_map(|session| session.senders.into_values().flatten()) {
            context.release(filter.class);
        }
    }

    fn handle_after(&self, _: &ViewContext<'_>, handle: u32) -> Option<u32> {
        self.by_handle.range((Bound::Excluded(handle), Bound::Unbounded)).next().map(|(handle, _)| *handle)
    }

    fn view(&self, _: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let flow = self.by_handle.get(&handle)?;
        let filter = self.filters(flow)?.iter().find(|filter| filter.handle == handle)?;
        let options = RsvpOptions {
            destination: flow.destination.0.to_ip(self.family),
            protocol: flow.destination.1,
            destination_port: flow.port,
            source: flow.sender.map(|sender| sender.to_ip(self.family)),
            source_port: filter.port,
            class: filter.class,
            actions: filter.actions.options(),
        };
        let statistics = FilterStatistics {
            matched: filter.matched,
            actions: filter.actions.statistics(),
            ..FilterStatistics::default()
        };
        Some((FilterOptions::Rsvp(options), statistics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::protocol;
    use crate::sched::filter::EtherType;
    use crate::sched::filter::block::Classified;
    use crate::sched::filter::testing::{Bench, class, classified, packet, query, read, request};
    use crate::sched::filter::{FilterQuery, FilterRequest};

    fn port(port: u16) -> Option<RsvpPort> {
        Some(RsvpPort { value: port.into(), mask: 0xffff, at: 0 })
    }

    fn sender_port(port: u16) -> Option<RsvpPort> {
        Some(RsvpPort { value: u32::from(port) << 16, mask: 0xffff_0000, at: 0 })
    }

    fn options(destination: &str, destination_port: Option<RsvpPort>, minor: u16) -> RsvpOptions {
        RsvpOptions {
            destination: destination.parse().unwrap(),
            protocol: protocol::UDP,
            destination_port,
            source: None,
            source_port: None,
            class: class(minor),
            actions: Vec::new(),
        }
    }

    #[test]
    fn sessions_senders_and_ports_of_either_version_of_ip() {
        for [session, sender, other] in [["10.0.0.9", "10.0.0.1", "10.0.0.2"], ["fd00::9", "fd00::1", "fd00::2"]] {
            let mut bench = Bench::new();
            let mut add = |options| bench.add(1, FilterOptions::Rsvp(options));
            add(options(session, None, 1));
            add(options(session, port(5000), 2));
            let one = |source_port, minor| RsvpOptions {
                source: Some(sender.parse().unwrap()),
                source_port,
                ..options(session, port(5000), minor)
            };
            add(one(None, 3));
            add(one(sender_port(6000), 4));
            let mut of = |transport, source: &str, source_port, destination_port| {
                bench.of(&packet(&[], transport, (source, source_port), (session, destination_port)))
            };
            assert_eq!(of(protocol::UDP, sender, 6000, 5000), classified(4));
            assert_eq!(of(protocol::UDP, sender, 6001, 5000), classified(3));
            assert_eq!(of(protocol::UDP, other, 6000, 5000), classified(2));
            assert_eq!(of(protocol::UDP, other, 6000, 5001), classified(1));
            assert_eq!(of(protocol::TCP, sender, 6000, 5000), Classified::Nothing);
        }
    }

    #[test]
    fn a_session_with_other_senders_only_is_no_ones() {
        let mut bench = Bench::new();
        bench.add(1, FilterOptions::Rsvp(options("10.0.0.9", None, 1)));
        let one = RsvpOptions { source: Some("10.0.0.1".parse().unwrap()), ..options("10.0.0.9", port(5000), 2) };
        bench.add(1, FilterOptions::Rsvp(one));
        let other = packet(&[], protocol::UDP, ("10.0.0.2", 1), ("10.0.0.9", 5000));
        assert_eq!(bench.of(&other), Classified::Nothing);
    }

    #[test]
    fn fragments_belong_to_no_session() {
        let mut bench = Bench::new();
        bench.add(1, FilterOptions::Rsvp(options("10.0.0.9", None, 1)));
        let mut bytes = packet(&[], protocol::UDP, ("10.0.0.2", 1), ("10.0.0.9", 5000)).bytes;
        bytes[20] = 0x20;
        assert_eq!(bench.of(&read(bytes)), Classified::Nothing);
    }

    #[test]
    fn filters_come_and_go() {
        let mut bench = Bench::new();
        let first = bench.add(1, FilterOptions::Rsvp(options("10.0.0.9", None, 1)));
        let second = bench.add(1, FilterOptions::Rsvp(options("10.0.0.9", port(5000), 2)));
        assert_eq!((first.handle, second.handle), (1, 2));
        let told = bench.view(second);
        assert_eq!(told.options, Some(FilterOptions::Rsvp(options("10.0.0.9", port(5000), 2))));
        let packet = packet(&[], protocol::UDP, ("10.0.0.2", 1), ("10.0.0.9", 5000));
        assert_eq!(bench.of(&packet), classified(2));
        let set = |options| FilterRequest { handle: 2, ..request(EtherType::ALL, 1, FilterOptions::Rsvp(options)) };
        // Its class can change, and what it counted stays; what it is for cannot.
        bench.set(&set(options("10.0.0.9", port(5000), 7)), Flags::CHANGE).unwrap();
        assert_eq!((bench.of(&packet), bench.view(second).statistics.matched), (classified(7), 2));
        assert!(bench.set(&set(options("10.0.0.9", port(5001), 7)), Flags::CHANGE).is_err());
        bench.delete(&FilterQuery { priority: 1, handle: 2, ..query() }).unwrap();
        assert_eq!(bench.of(&packet), classified(1));
        let wrong = RsvpOptions { source: Some("::1".parse().unwrap()), ..options("10.0.0.9", None, 1) };
        assert!(bench.set(&request(EtherType::ALL, 1, FilterOptions::Rsvp(wrong)), Flags::ADD).is_err());
    }
}

use std::net::IpAddr;

use super::event::EventMask;
use super::route::Route;
use crate::account::{self, Inside};
use crate::conntrack::{self, helper::Helpers};
use crate::defrag;
use crate::table::HashKey;

/// Everything that an engine is told before its first packet. The same configuration and the same packets give the same
/// state.
#[derive(Clone, Debug)]
pub struct Config {
    /// How connections are tracked.
    pub conntrack: conntrack::Config,
    /// How fragments are kept until their datagram is whole.
    pub defrag: defrag::Config,
    /// How hosts are kept.
    pub hosts: account::Config,
    /// The helpers, and which connections get one.
    pub helpers: Helpers,
    /// Which networks and devices are inside.
    pub inside: Inside,
    /// By which devices packets come and go.
    pub route: Route,
    /// The gateway's own addresses: what goes to them takes the road by LOCAL_IN, what comes from them that by LOCAL_OUT.
    pub local: Vec<IpAddr>,
    /// Packets that are forwarded lose one of their TTL or hop limit between PREROUTING and FORWARD, and those that have one
    /// left are dropped there, as a router does; a bridge and a capture do not.
    pub decrement_ttl: bool,
    /// The MTU of the devices in bytes, for rules that go by it.
    pub mtu: u16,
    /// Seconds by which local time is ahead of UTC, for rules that go by it.
    pub utc_offset: i32,
    /// Observers are shown the rules that each packet met.
    pub trace: bool,
    /// Packets that wait at most for [`super::Gateway::poll_transmit`]; further ones are lost and counted. 0 where nobody
    /// takes them.
    pub max_transmits: usize,
    /// Keys the hashes of addresses and ports. Take it from a good source of randomness where others choose the
    /// packets; no answer of the engine depends on it.
    pub hash_key: HashKey,
    /// Where random choices begin: which connections are looked at when one has to go. Take it from a good source of
    /// randomness where others choose the packets.
    pub seed: u64,
    /// Which events are kept for [`super::Gateway::poll_event`].
    pub events: EventMask,
    /// Events that wait at most; further ones are lost and counted ([`super::Totals::events_lost`]).
    pub max_events: usize,
}

impl Default for Config {
    /// The kernel's defaults, private networks inside, no events.
    fn default() -> Self {
        Config {
            conntrack: conntrack::Config::default(),
            defrag: defrag::Config::default(),
            hosts: account::Config::default(),
            helpers: Helpers::default(),
            inside: Inside::new(&Inside::default_prefixes()),
            route: Route::default(),
            local: Vec::new(),
            decrement_ttl: false,
            mtu: 1500,
            utc_offset: 0,
            trace: false,
            max_transmits: 0,
            hash_key: HashKey::default(),
            seed: 0,
            events: EventMask::default(),
            max_events: 1 << 16,
        }
    }
}

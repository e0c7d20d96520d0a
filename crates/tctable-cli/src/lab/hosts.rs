use std::collections::HashMap;
use std::net::IpAddr;

/// Packets and bytes.
pub(super) type Counter = tctable::conntrack::Counter;

/// What a gateway counted for a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HostCounts {
    /// What the host sent.
    pub(super) tx: Counter,
    /// What it received.
    pub(super) rx: Counter,
}

/// What a gateway counted for each address.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(HashMap<IpAddr, HostCounts>);

impl Hosts {
    /// Adds something to what an address has.
    pub(super) fn add(&mut self, address: IpAddr, tx: Counter, rx: Counter) {
        let host = self.0.entry(address).or_default();
        for (sum, more) in [(&mut host.tx, tx), (&mut host.rx, rx)] {
            sum.packets += more.packets;
            sum.bytes += more.bytes;
        }
    }

    /// The sum over some addresses.
    pub(super) fn of(&self, addresses: &[IpAddr]) -> HostCounts {
        let mut sum = Hosts::default();
        for address in addresses {
            let host = self.0.get(address).copied().unwrap_or_default();
            sum.add(addresses[0], host.tx, host.rx);
        }
        sum.0.into_values().next().unwrap_or_default()
    }
}

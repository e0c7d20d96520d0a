//! Where packets go, as far as the road has to know it.

use std::net::IpAddr;

use crate::packet::{Address, DeviceId, Family};

/// Which device a packet leaves by, and which it came in by where its frame does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// A packet came in by its frame's device; nobody knows by which it leaves.
    #[default]
    Unknown,
    /// What came in by one of the two leaves by the other.
    Between(DeviceId, DeviceId),
    /// A packet from inside came in by `lan`, one to inside leaves by it, any other by `wan`: for captures, which saw
    /// one side.
    Sides {
        /// The inside device.
        lan: DeviceId,
        /// The outside device.
        wan: DeviceId,
    },
}

/// The gateway's own addresses: what goes to them is for it, what comes from them it made.
#[derive(Clone, Debug, Default)]
pub(super) struct Own(Vec<(Family, Address)>);

impl Own {
    pub(super) fn new(addresses: &[IpAddr]) -> Self {
        let mut own: Vec<(Family, Address)> = addresses.iter().map(|ip| (Family::from(*ip), (*ip).into())).collect();
        own.sort_unstable();
        own.dedup();
        Own(own)
    }

    #[inline]
    pub(super) fn has(&self, family: Family, address: Address) -> bool {
        !self.0.is_empty() && self.0.binary_search(&(family, address)).is_ok()
    }
}

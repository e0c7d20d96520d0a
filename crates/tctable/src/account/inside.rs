use std::net::IpAddr;

use ipnet::IpNet;

use crate::packet::{Address, DeviceId, Family};

/// Which addresses and devices are inside.
///
/// An address's first byte decides most look-ups: no prefix begins with it, or one holds all of it. For the others the
/// prefixes are turned into ranges that do not touch, sorted, and searched.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    devices: Vec<bool>,
}

/// What an address's first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstByte {
    Outside,
    Inside,
    Depends,
}

#[derive(Clone, Debug)]
struct Ranges<T> {
    first_byte: [FirstByte; 256],
    sorted: Vec<(T, T)>,
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Ranges { first_byte: [FirstByte::Outside; 256], sorted: Vec::new() }
    }
}

impl<T: Ord + Copy> Ranges<T> {
    /// `block` gives the lowest and the highest address that begin with a byte.
    fn new(mut sorted: Vec<(T, T)>, block: impl Fn(u8) -> (T, T)) -> Self {
        sorted.sort_unstable();
        sorted.dedup_by(|next, kept| {
            let overlaps = next.0 <= kept.1;
            if overlaps {
                kept.1 = kept.1.max(next.1);
            }
            overlaps
        });
        let mut ranges = Ranges { sorted, ..Ranges::default() };
        for byte in 0..=255u8 {
            let (low, high) = block(byte);
            let touching = |range: &&(T, T)| range.0 <= high && low <= range.1;
            ranges.first_byte[usize::from(byte)] = match ranges.sorted.iter().find(touching) {
                None => FirstByte::Outside,
                Some(range) if range.0 <= low && high <= range.1 => FirstByte::Inside,
                Some(_) => FirstByte::Depends,
            };
        }
        ranges
    }

    #[inline]
    fn contains(&self, first_byte: u8, value: T) -> bool {
        match self.first_byte[usize::from(first_byte)] {
            FirstByte::Outside => false,
            FirstByte::Inside => true,
            FirstByte::Depends => {
                let after = self.sorted.partition_point(|(low, _)| *low <= value);
                after > 0 && value <= self.sorted[after - 1].1
            }
        }
    }
}

impl Inside {
    /// The ranges that are inside where nothing else is said: private (RFC 1918), unique-local (RFC 4193) and
    /// link-local (RFC 3927, RFC 4291).
    pub fn default_prefixes() -> Vec<IpNet> {
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"]
            .iter()
            .filter_map(|prefix| prefix.parse().ok())
            .collect()
    }

    /// Inside is what these prefixes hold; bits to the right of a prefix's length do not count. Devices are added by
    /// [`Inside::set_device`].
    pub fn new(prefixes: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match prefix {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        let block4 = |byte: u8| (u32::from(byte) << 24, u32::from(byte) << 24 | u32::MAX >> 8);
        let block6 = |byte: u8| (u128::from(byte) << 120, u128::from(byte) << 120 | u128::MAX >> 8);
        Inside { v4: Ranges::new(v4, block4), v6: Ranges::new(v6, block6), devices: Vec::new() }
    }

    /// Says whether a device is inside.
    pub fn set_device(&mut self, device: DeviceId, inside: bool) {
        let at = usize::from(device.0);
        if at >= self.devices.len() {
            self.devices.resize(at + 1, false);
        }
        self.devices[at] = inside;
    }

    /// Whether an address is in one of the prefixes.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.has_address(ip.into(), ip.into())
    }

    #[inline]
    pub(crate) fn has_address(&self, family: Family, address: Address) -> bool {
        match family {
            Family::V4 => self.v4.contains((address.low >> 24) as u8, address.low as u32),
            Family::V6 => self.v6.contains((address.high >> 56) as u8, address.bits()),
        }
    }

    /// Whether any device is inside.
    #[inline]
    pub(crate) fn has_devices(&self) -> bool {
        !self.devices.is_empty()
    }

    #[inline]
    pub(crate) fn has_device(&self, device: DeviceId) -> bool {
        self.devices.get(usize::from(device.0)).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_is_private_unique_local_and_link_local() {
        let inside = Inside::new(&Inside::default_prefixes());
        for ip in ["10.0.0.0", "10.255.255.255", "172.31.0.1", "192.168.0.1", "169.254.1.1", "fd00::1", "fe80::1"] {
            assert!(inside.contains(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["9.255.255.255", "11.0.0.0", "172.32.0.0", "8.8.8.8", "2001:db8::1", "fec0::1", "::10.0.0.1"] {
            assert!(!inside.contains(ip.parse().unwrap()), "{ip}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_asking_each_prefix(nets in proptest::collection::vec((any::<u32>(), 0u8..=32), 0..40), asked: u32) {
            let prefixes: Vec<IpNet> = nets
                .iter()
                .map(|(bits, length)| IpNet::new(std::net::Ipv4Addr::from(*bits).into(), *length).unwrap())
                .collect();
            let inside = Inside::new(&prefixes);
            for bits in nets.iter().map(|(bits, _)| *bits).chain([asked]) {
                let ip = IpAddr::from(std::net::Ipv4Addr::from(bits));
                prop_assert_eq!(inside.contains(ip), prefixes.iter().any(|prefix| prefix.contains(&ip)));
            }
        }
    }
}

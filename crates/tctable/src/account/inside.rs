use std::net::IpAddr;

use ipnet::IpNet;

use crate::packet::{Address, DeviceId, Family};

/// Which addresses and devices are inside.
///
/// An address's first byte decides most look-ups: no prefix begins with it, or one holds all of it. For the others the
/// prefixes are turned into ranges that do not touch, sorted, and searched.
#[derive(Clone, Debug)]
pub struct Inside {
    /// By whether it is IPv6.
    first_bytes: [FirstBytes; 2],
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    devices: Vec<bool>,
}

/// What an address's first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstByte {
    Outside,
    Inside,
    Depends,
}

type FirstBytes = [FirstByte; 256];

impl Default for Inside {
    fn default() -> Self {
        Inside::new(&[])
    }
}

/// Sorts ranges and makes one of those that overlap.
fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
    ranges
}

/// What first bytes tell; `block` gives the lowest and the highest address that begin with one.
fn first_bytes<T: Ord + Copy>(ranges: &[(T, T)], block: impl Fn(u8) -> (T, T)) -> FirstBytes {
    let mut told = [FirstByte::Outside; 256];
    for (byte, told) in (0..=u8::MAX).zip(&mut told) {
        let (low, high) = block(byte);
        let touching = |range: &&(T, T)| range.0 <= high && low <= range.1;
        *told = match ranges.iter().find(touching) {
            None => FirstByte::Outside,
            Some(range) if range.0 <= low && high <= range.1 => FirstByte::Inside,
            Some(_) => FirstByte::Depends,
        };
    }
    told
}

fn contains<T: Ord + Copy>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|(low, _)| *low <= value);
    after > 0 && value <= ranges[after - 1].1
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
        let (v4, v6) = (merge(v4), merge(v6));
        let block4 = |byte: u8| (u32::from(byte) << 24, u32::from(byte) << 24 | u32::MAX >> 8);
        let block6 = |byte: u8| (u128::from(byte) << 120, u128::from(byte) << 120 | u128::MAX >> 8);
        let first_bytes = [first_bytes(&v4, block4), first_bytes(&v6, block6)];
        Inside { first_bytes, v4, v6, devices: Vec::new() }
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
        // Neither the version nor where it is can be foreseen: no branch hangs on them.
        let is_v6 = family == Family::V6;
        let byte = if is_v6 { address.high >> 56 } else { address.low >> 24 } as u8;
        match self.first_bytes[usize::from(is_v6)][usize::from(byte)] {
            FirstByte::Depends => self.is_in_range(family, address),
            told => told == FirstByte::Inside,
        }
    }

    #[inline(never)]
    fn is_in_range(&self, family: Family, address: Address) -> bool {
        match family {
            Family::V4 => contains(&self.v4, address.low as u32),
            Family::V6 => contains(&self.v6, address.bits()),
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

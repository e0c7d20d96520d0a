//! Values that many matches and targets have.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::{Address, Family};
use crate::ruleset::matches::{MarkMatch, PortRange};

/// ` !` where the opposite is asked.
pub(super) fn not(f: &mut fmt::Formatter<'_>, negated: bool) -> fmt::Result {
    f.write_str(if negated { " !" } else { "" })
}

/// An address as the C library writes it.
pub(super) fn address(address: Address, family: Family) -> impl fmt::Display {
    AddressText(address.to_ip(family))
}

struct AddressText(IpAddr);

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // The C library writes the end of ::/96 as an IPv4 address, where more than 16 bits of it are set.
            IpAddr::V6(v6) if is_v4_compatible(v6) => write!(f, "::{}", Ipv4Addr::from_bits(v6.to_bits() as u32)),
            ip => ip.fmt(f),
        }
    }
}

fn is_v4_compatible(v6: Ipv6Addr) -> bool {
    (1 << 16..1 << 32).contains(&v6.to_bits())
}

/// One port, or two with a colon between.
pub(super) struct Ports(pub(super) PortRange);

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        range(f, (self.0.first, self.0.last))
    }
}

/// One number, or two with a colon between.
pub(super) fn range<T: fmt::Display + PartialEq>(f: &mut fmt::Formatter<'_>, (first, last): (T, T)) -> fmt::Result {
    if first == last { write!(f, "{first}") } else { write!(f, "{first}:{last}") }
}

/// A mark, and its mask unless that is all bits.
pub(super) struct Mark(pub(super) MarkMatch);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0.value)?;
        if self.0.mask == u32::MAX { Ok(()) } else { write!(f, "/{:#x}", self.0.mask) }
    }
}

/// The names whose bits are set, with commas between.
pub(super) fn names<T: Copy + Into<u16>>(f: &mut fmt::Formatter<'_>, bits: T, known: &[(&str, T)]) -> fmt::Result {
    let set = known.iter().filter(|(_, bit)| bits.into() & (*bit).into() != 0);
    for (nth, (name, _)) in set.enumerate() {
        f.write_str(if nth == 0 { "" } else { "," })?;
        f.write_str(name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read off the C library.
    #[test]
    fn addresses_are_written_as_in_c() {
        for text in ["::", "::1", "::ffff", "::0.1.0.0", "::1.2.3.4", "::ffff:1.2.3.4", "1:0:2:3:4:5:6:7", "fd00::1"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(address(ip.into(), Family::V6).to_string(), text);
        }
    }
}

//! What rates share: how a link counts a packet's bytes.

use std::fmt;

use crate::sched::text::args::Args;
use crate::sched::text::units::write_size;
use crate::sched::{LinkLayer, Rate, RateSpec};
use crate::words::{ParseError, Word};

/// What a line says of the link, for all of its rates.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sched::text) struct Link {
    pub(super) overhead: u16,
    pub(super) mpu: u16,
    pub(super) layer: LinkLayer,
}

impl Link {
    /// Reads what belongs to `mpu`.
    pub(in crate::sched::text) fn read_mpu(&mut self, args: &mut Args<'_, '_>) -> Result<(), ParseError> {
        self.mpu = args.number("a number of bytes, 0 to 65535")?;
        Ok(())
    }

    /// Reads what belongs to `overhead`.
    pub(in crate::sched::text) fn read_overhead(&mut self, args: &mut Args<'_, '_>) -> Result<(), ParseError> {
        self.overhead = args.number("a number of bytes, 0 to 65535")?;
        Ok(())
    }

    /// Reads what belongs to `linklayer`.
    pub(in crate::sched::text) fn read_layer(&mut self, args: &mut Args<'_, '_>) -> Result<(), ParseError> {
        let word = args.value("a link layer behind it")?;
        self.layer = match &*word.text {
            "ethernet" => LinkLayer::Ethernet,
            "atm" | "adsl" => LinkLayer::Atm,
            _ => return Err(word.unknown("link layer", ["ethernet", "atm", "adsl"])),
        };
        Ok(())
    }

    /// A rate on that link.
    pub(in crate::sched::text) fn spec(self, rate: Rate) -> RateSpec {
        RateSpec { rate, overhead: self.overhead, mpu: self.mpu, link_layer: self.layer }
    }
}

/// Writes what a rate says of its link.
pub(in crate::sched::text) fn write(spec: &RateSpec, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if spec.mpu != 0 {
        write!(f, " mpu {}", spec.mpu)?;
    }
    if spec.overhead != 0 {
        write!(f, " overhead {}", spec.overhead)?;
    }
    match spec.link_layer {
        LinkLayer::Ethernet => Ok(()),
        LinkLayer::Atm => f.write_str(" linklayer atm"),
    }
}

/// Reads a burst: a size, perhaps with the cell of the table of times that older kernels had (`15k/8`), a power of two.
pub(in crate::sched::text) fn burst(args: &mut Args<'_, '_>) -> Result<u32, ParseError> {
    let word = args.value("a size behind it")?;
    let (size, cell) = word.split_once('/');
    if let Some(cell) = cell {
        check_cell(&cell)?;
    }
    crate::sched::text::units::size(&size)
}

/// Reads what belongs to `cell`, which has no effect: times are computed, not looked up.
pub(super) fn cell(args: &mut Args<'_, '_>) -> Result<(), ParseError> {
    check_cell(args.value("a size behind it")?)
}

fn check_cell(word: &Word<'_>) -> Result<(), ParseError> {
    match word.text.parse::<u32>() {
        Ok(cell) if cell.is_power_of_two() => Ok(()),
        _ => Err(word.invalid("a cell, a power of two")),
    }
}

/// Writes a size behind its name, if there is one.
pub(super) fn write_burst(name: &str, bytes: Option<u32>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match bytes {
        Some(bytes) => write!(f, " {name} {}", write_size(bytes)),
        None => Ok(()),
    }
}

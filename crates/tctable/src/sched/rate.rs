/// A rate in bytes a second, as the kernel's 64-bit rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

impl Rate {
    /// So many bits a second, rounded down to whole bytes.
    pub const fn from_bits(bits: u64) -> Rate {
        Rate(bits / 8)
    }

    /// In bits a second.
    pub const fn bits(self) -> u64 {
        self.0.saturating_mul(8)
    }
}

/// How a link cuts packets up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LinkLayer {
    /// Not at all.
    #[default]
    Ethernet,
    /// Into cells of 53 bytes with 48 bytes of payload each (ATM, and so ADSL).
    Atm,
}

/// A rate, and what a packet's length is taken for there (`struct tc_ratespec`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RateSpec {
    /// Bytes a second.
    pub rate: Rate,
    /// Bytes that each packet takes besides its own.
    pub overhead: u16,
    /// The least that a packet is taken for, in bytes, its overhead included.
    pub mpu: u16,
    /// How the link cuts packets up.
    pub link_layer: LinkLayer,
}

impl RateSpec {
    /// A rate at which packets count as they are.
    pub const fn new(rate: Rate) -> RateSpec {
        RateSpec { rate, overhead: 0, mpu: 0, link_layer: LinkLayer::Ethernet }
    }

    /// The bytes that a packet of `len` bytes takes on the link.
    pub fn taken(&self, len: u32) -> u64 {
        let bytes = (u64::from(len) + u64::from(self.overhead)).max(self.mpu.into());
        match self.link_layer {
            LinkLayer::Ethernet => bytes,
            LinkLayer::Atm => bytes.div_ceil(48) * 53,
        }
    }
}

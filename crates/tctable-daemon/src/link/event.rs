use std::fmt;

/// What happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is not there any more: deleted, pulled out, or moved to another namespace.
    Gone,
    /// There is an interface of that name again.
    Back,
    /// Somebody has taken it down.
    Down,
    /// Somebody has brought it up.
    Up,
    /// It is up, and has lost its carrier.
    CarrierLost,
    /// It is up, and has a carrier again.
    CarrierBack,
    /// It is called otherwise.
    Renamed {
        /// Until now.
        from: String,
        /// From now on.
        to: String,
    },
    /// Its MTU is another, in bytes.
    Mtu {
        /// Until now.
        old: u32,
        /// From now on.
        new: u32,
    },
}

/// What is counted of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Event::Gone`]
    Gone,
    /// [`Event::Back`]
    Back,
    /// [`Event::Down`]
    Down,
    /// [`Event::Up`]
    Up,
    /// [`Event::CarrierLost`]
    CarrierLost,
    /// [`Event::CarrierBack`]
    CarrierBack,
    /// [`Event::Renamed`]
    Renamed,
    /// [`Event::Mtu`]
    MtuChanged,
}

impl Kind {
    /// All of them, by their numbers.
    pub const ALL: [Kind; 8] = [
        Kind::Gone,
        Kind::Back,
        Kind::Down,
        Kind::Up,
        Kind::CarrierLost,
        Kind::CarrierBack,
        Kind::Renamed,
        Kind::MtuChanged,
    ];

    /// What it is called where it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Gone => "gone",
            Kind::Back => "back",
            Kind::Down => "down",
            Kind::Up => "up",
            Kind::CarrierLost => "carrier_lost",
            Kind::CarrierBack => "carrier_back",
            Kind::Renamed => "renamed",
            Kind::MtuChanged => "mtu_changed",
        }
    }
}

impl Event {
    /// What it is counted as.
    pub fn kind(&self) -> Kind {
        match self {
            Event::Gone => Kind::Gone,
            Event::Back => Kind::Back,
            Event::Down => Kind::Down,
            Event::Up => Kind::Up,
            Event::CarrierLost => Kind::CarrierLost,
            Event::CarrierBack => Kind::CarrierBack,
            Event::Renamed { .. } => Kind::Renamed,
            Event::Mtu { .. } => Kind::MtuChanged,
        }
    }

    /// Whether something works less well than before.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Event::Gone | Event::Down | Event::CarrierLost)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Gone => f.write_str("the interface is gone"),
            Event::Back => f.write_str("the interface is there again"),
            Event::Down => f.write_str("the interface was taken down"),
            Event::Up => f.write_str("the interface was brought up"),
            Event::CarrierLost => f.write_str("carrier lost"),
            Event::CarrierBack => f.write_str("the carrier is back"),
            Event::Renamed { from, to } => write!(f, "renamed from {from} to {to}: the gateway stays with it"),
            Event::Mtu { old, new } => write!(f, "MTU changed from {old} to {new} bytes"),
        }
    }
}

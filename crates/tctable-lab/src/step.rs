//! What a differential run is made of.

/// The side of the gateway that a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Hosts of 10.11.0.0/16 and fd00:11::/64.
    Left,
    /// Hosts of 10.22.0.0/16 and fd00:22::/64.
    Right,
}

/// One packet of a differential run: an IP packet without a link header, sent in from one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it comes from.
    pub side: Side,
    /// The packet, from the first byte of its IP header.
    pub packet: Vec<u8>,
}

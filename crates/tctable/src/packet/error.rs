use thiserror::Error;

/// Why a frame is not an IP packet that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum NotIp {
    /// Another network protocol, by its ethertype; below 1536 an IEEE 802.3 length, 0 where the link layer has none.
    #[error("ethertype {0:#06x} is not IP")]
    Ethertype(u16),
    /// The headers contradict themselves or the frame.
    #[error("malformed: {0}")]
    Malformed(#[from] Malformed),
}

/// What is wrong with a frame's headers: each is counted by its own cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[repr(u8)]
pub enum Malformed {
    /// The bytes end inside the link layer's header, or inside its tags.
    #[error("link header cut")]
    LinkHeaderCut,
    /// More than four VLAN tags.
    #[error("more than four VLAN tags")]
    TooManyTags,
    /// A PPPoE session header of another version, type or code (RFC 2516 section 4).
    #[error("bad PPPoE header")]
    PppoeHeader,
    /// An IP header was announced, but the version field says otherwise.
    #[error("bad IP version")]
    IpVersion,
    /// The bytes end inside the fixed part of the IP header.
    #[error("IP header cut")]
    IpHeaderCut,
    /// An IPv4 header length below 20 bytes, or beyond the total length.
    #[error("bad IPv4 header length")]
    Ipv4HeaderLength,
    /// The IP header announces more bytes than the frame had on the wire.
    #[error("IP length beyond the frame")]
    IpLength,
    /// IPv6 hop-by-hop options that a router drops: they end beyond their header or the packet, are padded with more than
    /// alignment needs or with other than zeros, are too many, or are not known and say that they must be.
    #[error("bad hop-by-hop options")]
    HopByHop,
}

impl Malformed {
    /// Every cause, in the order of their counters.
    pub const ALL: [Malformed; 8] = [
        Malformed::LinkHeaderCut,
        Malformed::TooManyTags,
        Malformed::PppoeHeader,
        Malformed::IpVersion,
        Malformed::IpHeaderCut,
        Malformed::Ipv4HeaderLength,
        Malformed::IpLength,
        Malformed::HopByHop,
    ];

    /// The cause as a word for reports, such as `ip_length`.
    pub const fn name(self) -> &'static str {
        match self {
            Malformed::LinkHeaderCut => "link_header_cut",
            Malformed::TooManyTags => "too_many_tags",
            Malformed::PppoeHeader => "pppoe_header",
            Malformed::IpVersion => "ip_version",
            Malformed::IpHeaderCut => "ip_header_cut",
            Malformed::Ipv4HeaderLength => "ipv4_header_length",
            Malformed::IpLength => "ip_length",
            Malformed::HopByHop => "hop_by_hop",
        }
    }
}

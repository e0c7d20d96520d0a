use super::address::{Address, Family};
use super::error::{Malformed, NotIp};
use super::frame::{Frame, FrameDirection};
use super::link::{self, Link, Network};
use super::transport::{Invalid, Transport};
use super::tuple::Tuple;
use super::{ipv4, ipv6};

/// A frame that holds an IP packet, with what was read of it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The frame as it came.
    pub frame: &'a Frame<'a>,
    /// What its headers say.
    pub info: &'a PacketInfo,
}

impl<'a> Packet<'a> {
    /// What was kept of the packet from its transport header on, without what follows the packet.
    pub(crate) fn transport_bytes(self) -> &'a [u8] {
        let end = usize::from(self.info.network_offset) + self.info.ip_len as usize;
        let kept = self.frame.data.get(..end).unwrap_or(self.frame.data);
        kept.get(usize::from(self.info.transport_offset)..).unwrap_or_default()
    }

    /// The bytes that the packet itself has from its transport header on.
    pub(crate) fn transport_len(self) -> u32 {
        let headers = self.info.transport_offset.saturating_sub(self.info.network_offset);
        self.info.ip_len.saturating_sub(u32::from(headers))
    }
}

/// A packet's part in a datagram that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The whole datagram.
    None,
    /// The whole datagram, but with an IPv6 fragment header (RFC 6946).
    Atomic,
    /// The first fragment, with the transport header.
    First,
    /// A later fragment, without the transport header; or a fragment header that is cut before it tells more.
    Later,
}

/// What the headers of one IP packet say: read once, by all that follow.
#[derive(Clone, Copy, Debug)]
pub struct PacketInfo {
    /// The packet's tuple; ports are zero where the transport header does not tell them.
    pub tuple: Tuple,
    /// The IP packet's length in bytes, headers included: IPv4 total length, IPv6 payload length + 40.
    pub ip_len: u32,
    /// Where the IP header begins in the frame, in bytes.
    pub network_offset: u16,
    /// Where the transport header begins in the frame, in bytes.
    pub transport_offset: u16,
    /// The packet's part in a split datagram.
    pub fragment: Fragment,
    /// Which way the frame crossed its device, from the frame's source or from the link header.
    pub direction: FrameDirection,
    /// What follows the IP headers.
    pub transport: Transport,
}

impl PacketInfo {
    /// Nothing read yet.
    pub(crate) const EMPTY: PacketInfo = PacketInfo {
        tuple: Tuple::new(Family::V4, 0, Address { high: 0, low: 0 }, Address { high: 0, low: 0 }),
        ip_len: 0,
        network_offset: 0,
        transport_offset: 0,
        fragment: Fragment::None,
        direction: FrameDirection::Unknown,
        transport: Transport::Generic,
    };

    /// Reads a frame's headers.
    ///
    /// # Errors
    /// [`NotIp`] says what the frame holds instead, or what is wrong with its headers. A transport header that makes no
    /// sense is no error here: the packet still counts for its hosts ([`Transport::Invalid`]).
    pub fn read(frame: &Frame<'_>) -> Result<PacketInfo, NotIp> {
        let mut info = PacketInfo::EMPTY;
        info.fill(frame)?;
        Ok(info)
    }

    /// As [`PacketInfo::read`], in place: on the packet's road nothing of this size is moved about. Every field is
    /// written, unless an error is told. Whatever is rare on the way is a function of its own.
    #[inline(always)]
    pub(crate) fn fill(&mut self, frame: &Frame<'_>) -> Result<(), NotIp> {
        match link::plain(frame) {
            Some(link) => self.fill_from(frame, link),
            None => self.fill_any(frame),
        }
    }

    #[inline(never)]
    fn fill_any(&mut self, frame: &Frame<'_>) -> Result<(), NotIp> {
        self.fill_from(frame, link::parse(frame)?)
    }

    #[inline(always)]
    fn fill_from(&mut self, frame: &Frame<'_>, link: Link) -> Result<(), NotIp> {
        let bytes = frame.data.get(usize::from(link.offset)..).ok_or(Malformed::LinkHeaderCut)?;
        let wire_len = frame.wire_len.max(frame.data.len() as u32) - u32::from(link.offset);
        self.network_offset = link.offset;
        self.direction = link.direction;
        self.transport = Transport::Invalid(Invalid::Cut);
        match link.network {
            Network::Ipv4 => ipv4::fill(self, bytes, wire_len),
            Network::Ipv6 => ipv6::fill(self, bytes, wire_len),
        }
    }
}

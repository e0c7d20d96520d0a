//! What the kernel leaves undone of a frame, for whoever sends it on to do.

mod complete;
mod layers;

pub(super) use complete::finish_sctp;
pub use complete::{Completer, Impossible};

/// What the kernel left undone of a frame, in the form of a `virtio_net_hdr` (include/uapi/linux/virtio_net.h), in the
/// machine's byte order: a checksum that nobody has computed yet, and that it is larger than the MTU and to be cut into
/// segments. All zero where nothing is left.
///
/// Whoever sends the frame on hands it on, and the kernel or the card does it in the end. Where neither can, [`Completer`]
/// does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload(pub [u8; 10]);

/// VIRTIO_NET_HDR_F_NEEDS_CSUM
const NEEDS_CHECKSUM: u8 = 1;
/// VIRTIO_NET_HDR_GSO_ECN: the first segment's congestion window was reduced.
const ECN: u8 = 0x80;

/// What a frame is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segments {
    /// TCP segments (VIRTIO_NET_HDR_GSO_TCPV4 and _TCPV6).
    Tcp,
    /// UDP datagrams (VIRTIO_NET_HDR_GSO_UDP_L4).
    Udp,
}

// Where the fields are: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
const FLAGS: usize = 0;
const KIND: usize = 1;
const HEADERS: usize = 2;
const SIZE: usize = 4;
const START: usize = 6;
const FIELD: usize = 8;

impl Offload {
    /// How many bytes it takes.
    pub const BYTES: usize = 10;

    /// Of a frame whose transport header begins at `start`, with its checksum at `field` in it, which is to be finished.
    pub fn checksum(start: u16, field: u16) -> Offload {
        let mut offload = Offload::default();
        offload.0[FLAGS] = NEEDS_CHECKSUM;
        offload.set(START, start);
        offload.set(FIELD, field);
        offload
    }

    /// The same of a frame that is to be cut into segments with so many bytes of data each; its headers take `headers` bytes.
    #[must_use]
    pub fn segmented(mut self, segments: Segments, v6: bool, headers: u16, size: u16) -> Offload {
        self.0[KIND] = match (segments, v6) {
            (Segments::Tcp, false) => 1,
            (Segments::Tcp, true) => 4,
            (Segments::Udp, _) => 5,
        };
        self.set(HEADERS, headers);
        self.set(SIZE, size);
        self
    }

    fn get(&self, at: usize) -> u16 {
        u16::from_ne_bytes([self.0[at], self.0[at + 1]])
    }

    fn set(&mut self, at: usize, value: u16) {
        self.0[at..at + 2].copy_from_slice(&value.to_ne_bytes());
    }

    /// Whether the transport checksum is that of the pseudo header alone, to be finished before the frame is on a wire.
    pub fn needs_checksum(&self) -> bool {
        self.0[FLAGS] & NEEDS_CHECKSUM != 0
    }

    /// Whether the frame is several segments in one.
    pub fn is_segmented(&self) -> bool {
        self.0[KIND] & !ECN != 0
    }

    /// Whether nothing is left undone.
    pub fn is_done(&self) -> bool {
        !self.needs_checksum() && !self.is_segmented()
    }

    /// Where the checksum begins and where it is to be, from the frame's beginning.
    fn checksum_places(&self) -> Option<(usize, usize)> {
        let start = usize::from(self.get(START));
        self.needs_checksum().then(|| (start, start + usize::from(self.get(FIELD))))
    }

    fn segments(&self) -> Option<Segments> {
        match self.0[KIND] & !ECN {
            1 | 4 => Some(Segments::Tcp),
            5 => Some(Segments::Udp),
            _ => None,
        }
    }

    /// Bytes of data in each segment but the last.
    pub fn segment_bytes(&self) -> u16 {
        self.get(SIZE)
    }

    /// The same for a frame of so many bytes, none of which is segmented, that is to be copied whole: all of it counts as headers.
    #[must_use]
    pub(super) fn copied_whole(mut self, bytes: u16) -> Offload {
        self.set(HEADERS, bytes);
        self
    }

    /// The same for a frame to whose link header so many bytes were added.
    #[must_use]
    pub fn moved(mut self, bytes: u16) -> Offload {
        if self.is_segmented() {
            self.set(HEADERS, self.get(HEADERS).saturating_add(bytes));
        }
        if self.needs_checksum() {
            self.set(START, self.get(START).saturating_add(bytes));
        }
        self
    }
}

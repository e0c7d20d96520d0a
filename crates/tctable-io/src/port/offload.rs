//! What the kernel leaves undone of a frame, for whoever sends it on to do.

/// What the kernel left undone of a frame, in the form of a `virtio_net_hdr` (include/uapi/linux/virtio_net.h), in the
/// machine's byte order: a checksum that nobody has computed yet, and that it is larger than the MTU and to be cut into
/// segments. All zero where nothing is left.
///
/// Whoever sends the frame on hands it on, and the kernel or the card does it in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload(pub [u8; 10]);

/// VIRTIO_NET_HDR_F_NEEDS_CSUM
const NEEDS_CHECKSUM: u8 = 1;

impl Offload {
    /// How many bytes it takes.
    pub const BYTES: usize = 10;

    fn field(&self, at: usize) -> u16 {
        u16::from_ne_bytes([self.0[at], self.0[at + 1]])
    }

    fn set_field(&mut self, at: usize, value: u16) {
        self.0[at..at + 2].copy_from_slice(&value.to_ne_bytes());
    }

    /// Whether the transport checksum is that of the pseudo header alone, to be finished before the frame is on a wire.
    pub fn needs_checksum(&self) -> bool {
        self.0[0] & NEEDS_CHECKSUM != 0
    }

    /// Whether the frame is several segments in one.
    pub fn is_segmented(&self) -> bool {
        self.0[1] != 0
    }

    /// The same for a frame to whose link header so many bytes were added.
    #[must_use]
    pub fn moved(mut self, bytes: u16) -> Offload {
        if self.is_segmented() {
            self.set_field(2, self.field(2).saturating_add(bytes));
        }
        if self.needs_checksum() {
            self.set_field(6, self.field(6).saturating_add(bytes));
        }
        self
    }
}

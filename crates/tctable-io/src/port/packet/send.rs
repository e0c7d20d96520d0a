//! Sending: past the device's queue, by a ring, and what that does not take many at a time by messages.

use std::io;
use std::mem::{self, MaybeUninit};

use super::super::device::Device;
use super::super::socket::Socket;
use super::super::{Departure, Offload};
use super::transmit::{self, TransmitRing};

/// Frames for one call.
const BATCH: usize = 64;
/// Frames that the device has not sent yet, in bytes of the kernel's memory: more than a device's ring has.
const SENDING_BYTES: i32 = 8 << 20;

/// Why the kernel stopped taking frames.
#[derive(Debug)]
pub(super) enum Stopped {
    /// There is no room now.
    Full,
    /// It will never take the frame that is next: it is too long, or its offload makes no sense.
    Refused,
    /// Another error.
    Failed(io::Error),
}

/// Sends frames on a device.
#[derive(Debug)]
pub(super) struct Sender {
    /// What takes frames up to the MTU; `None` once it has failed.
    ring: Option<TransmitRing>,
    /// Past the device's queue, as the ring is, so that a device without room says so at once and nothing is lost in the queue.
    direct: Socket,
    /// Through the queue: on this way the kernel cuts frames into segments for a device that cannot do it.
    queued: Socket,
    /// Whether the device cannot: seen when a frame in segments was taken on this way alone.
    cuts_not: bool,
}

/// The ways that a frame can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Ring,
    Direct,
    Queued,
}

impl Sender {
    pub(super) fn new(device: Device) -> io::Result<Self> {
        let open = |direct: i32| {
            let socket = Socket::packet()?;
            socket.set(libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)?;
            socket.set(libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, direct)?;
            if direct != 0 {
                socket.set(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SENDING_BYTES)?;
            }
            Ok::<_, io::Error>(socket)
        };
        let (ring, direct, queued) = (open(1)?, open(1)?, open(0)?);
        let ring = TransmitRing::new(ring, device)?;
        direct.bind_packet(device.index, 0)?;
        queued.bind_packet(device.index, 0)?;
        Ok(Sender { ring: Some(ring), direct, queued, cuts_not: false })
    }

    /// Sends frames in their order; how many were taken, and why not all.
    pub(super) fn send(&mut self, frames: &[Departure<'_>]) -> (usize, Option<Stopped>) {
        let mut taken = 0;
        while taken < frames.len() {
            let rest = &frames[taken..];
            let way = self.way(&rest[0]);
            let alike = rest.iter().take(BATCH).take_while(|frame| self.way(frame) == way).count();
            let batch = &rest[..alike];
            let (count, stopped) = match (way, &mut self.ring) {
                (Way::Ring, Some(ring)) => match ring.send(batch) {
                    (count, Some(transmit::Stopped::Lost)) => {
                        // Only where the kernel had no memory at all: messages do as well.
                        debug_assert!(false, "the ring is out of step with the kernel");
                        self.ring = None;
                        (count, None)
                    }
                    (count, Some(transmit::Stopped::NoSlot)) => (count, Some(Stopped::Full)),
                    (count, Some(transmit::Stopped::Error(error))) => (count, Stopped::by(error)),
                    (count, None) => (count, None),
                },
                (Way::Queued, _) => send_batch(&self.queued, batch),
                _ => send_batch(&self.direct, batch),
            };
            taken += count;
            let next = &frames[taken..];
            match stopped {
                None => {}
                Some(Stopped::Full) if way != Way::Queued && next[0].offload.is_segmented() => {
                    // Whether there is no room or the device cannot cut it looks alike.
                    let (count, stopped) = send_batch(&self.queued, &next[..1]);
                    if stopped.is_some() {
                        return (taken, stopped);
                    }
                    taken += count;
                    self.cuts_not = true;
                }
                stopped => return (taken, stopped),
            }
        }
        (taken, None)
    }

    /// The device's MTU may be another one now.
    pub(super) fn renew(&mut self, device: Device) {
        if let Some(ring) = &mut self.ring {
            ring.renew(device);
        }
    }

    fn way(&self, frame: &Departure<'_>) -> Way {
        match &self.ring {
            _ if self.cuts_not && frame.offload.is_segmented() => Way::Queued,
            Some(ring) if ring.fits(frame) => Way::Ring,
            _ => Way::Direct,
        }
    }
}

impl Stopped {
    /// What an error means; `None`: try again.
    fn by(error: io::Error) -> Option<Stopped> {
        match error.raw_os_error() {
            Some(libc::EINTR) => None,
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Some(Stopped::Full),
            Some(libc::EMSGSIZE | libc::EINVAL) => Some(Stopped::Refused),
            _ => Some(Stopped::Failed(error)),
        }
    }
}

/// Sends up to [`BATCH`] frames, each as a message.
fn send_batch(socket: &Socket, frames: &[Departure<'_>]) -> (usize, Option<Stopped>) {
    // Only what is used of them is written: a call often has few frames.
    let mut parts = [const { MaybeUninit::<[libc::iovec; 2]>::uninit() }; BATCH];
    let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    let mut filled = 0;
    for ((frame, part), message) in frames.iter().zip(&mut parts).zip(&mut messages) {
        // The kernel reads through these pointers only.
        let part = part.write([
            libc::iovec { iov_base: frame.offload.0.as_ptr().cast_mut().cast(), iov_len: Offload::BYTES },
            libc::iovec { iov_base: frame.data.as_ptr().cast_mut().cast(), iov_len: frame.data.len() },
        ]);
        // SAFETY: null pointers and zero lengths are values of it.
        let message = message.write(unsafe { mem::zeroed() });
        message.msg_hdr.msg_iov = part.as_mut_ptr();
        message.msg_hdr.msg_iovlen = part.len();
        filled += 1;
    }
    let mut done = 0;
    while done < filled {
        let rest = &mut messages[done..filled];
        let (first, count) = (rest.as_mut_ptr().cast::<libc::mmsghdr>(), rest.len() as u32);
        // SAFETY: these messages were written; each points to its two parts, which point to bytes that outlive the call.
        let sent = unsafe { libc::sendmmsg(socket.raw(), first, count, libc::MSG_DONTWAIT) };
        if sent > 0 {
            // What stopped it, if anything did, is told by the next call.
            done += sent as usize;
            continue;
        }
        if let Some(stopped) = Stopped::by(io::Error::last_os_error()) {
            return (done, Some(stopped));
        }
    }
    (done, None)
}

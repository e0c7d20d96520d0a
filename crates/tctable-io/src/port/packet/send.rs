//! Sending: many frames by one call, out of whatever memory they lie in.
//!
//! A transmit ring would take a copy of each frame, and its slots are free again as soon as another namespace's device owns
//! the frame, which is before that has read it. It was no faster where both were measured.

use std::io;
use std::mem::{self, MaybeUninit};

use super::super::socket::Socket;
use super::super::{Departure, Offload};

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
    /// Past the device's queue, so that a device without room says so at once and nothing is lost in the queue.
    direct: Socket,
    /// The same for frames of which nothing is left undone: without a header the kernel has less to do.
    plain: Socket,
    /// Through the queue: on this way the kernel cuts frames into segments for a device that cannot do it.
    queued: Socket,
    /// Whether the device cannot: seen when a frame in segments was taken on this way alone.
    cuts_not: bool,
}

impl Sender {
    pub(super) fn new(device: i32) -> io::Result<Self> {
        let open = |offload: i32, direct: i32| {
            let socket = Socket::packet()?;
            socket.set(libc::SOL_PACKET, libc::PACKET_VNET_HDR, offload)?;
            socket.set(libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, direct)?;
            if direct != 0 {
                socket.set(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SENDING_BYTES)?;
            }
            socket.bind_packet(device, 0)?;
            Ok::<_, io::Error>(socket)
        };
        Ok(Sender { direct: open(1, 1)?, plain: open(0, 1)?, queued: open(1, 0)?, cuts_not: false })
    }

    /// Sends frames in their order; how many were taken, and why not all.
    pub(super) fn send(&mut self, frames: &[Departure<'_>]) -> (usize, Option<Stopped>) {
        let mut taken = 0;
        while taken < frames.len() {
            let rest = &frames[taken..];
            let is_queued = self.is_queued(&rest[0]);
            let alike = rest.iter().take(BATCH).take_while(|frame| self.is_queued(frame) == is_queued).count();
            let batch = &rest[..alike];
            let (count, stopped) = if is_queued {
                send_batch(&self.queued, batch, true)
            } else if batch.iter().all(|frame| frame.offload.is_done()) {
                send_batch(&self.plain, batch, false)
            } else {
                send_batch(&self.direct, batch, true)
            };
            taken += count;
            let next = &frames[taken..];
            match stopped {
                None => {}
                Some(Stopped::Full) if !is_queued && next[0].offload.is_segmented() => {
                    // Whether there is no room or the device cannot cut it looks alike.
                    let (count, stopped) = send_batch(&self.queued, &next[..1], true);
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

    fn is_queued(&self, frame: &Departure<'_>) -> bool {
        self.cuts_not && frame.offload.is_segmented()
    }
}

/// Sends up to [`BATCH`] frames, by a socket that wants to be told what is left undone of them or not.
fn send_batch(socket: &Socket, frames: &[Departure<'_>], offload: bool) -> (usize, Option<Stopped>) {
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
        let parts = if offload { &mut part[..] } else { &mut part[1..] };
        // SAFETY: null pointers and zero lengths are values of it.
        let message = message.write(unsafe { mem::zeroed() });
        message.msg_hdr.msg_iov = parts.as_mut_ptr();
        message.msg_hdr.msg_iovlen = parts.len();
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
        let error = io::Error::last_os_error();
        let stopped = match error.raw_os_error() {
            Some(libc::EINTR) => continue,
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Stopped::Full,
            Some(libc::EMSGSIZE | libc::EINVAL) => Stopped::Refused,
            _ => Stopped::Failed(error),
        };
        return (done, Some(stopped));
    }
    (done, None)
}

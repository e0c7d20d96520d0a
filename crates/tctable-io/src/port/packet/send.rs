//! Sending: many frames by one call, out of whatever memory they lie in.
//!
//! A transmit ring would take a copy of each frame, and its slots are free again as soon as another namespace's device owns
//! the frame, which is before that has read it.

use std::{io, mem};

use super::super::{Departure, Offload};
use super::socket::Socket;

/// Frames for one call.
const BATCH: usize = 64;

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

/// Sends frames in their order; how many were taken, and why not all.
pub(super) fn send(socket: &Socket, frames: &[Departure<'_>]) -> (usize, Option<Stopped>) {
    let mut taken = 0;
    for batch in frames.chunks(BATCH) {
        let (count, stopped) = send_batch(socket, batch);
        taken += count;
        if stopped.is_some() {
            return (taken, stopped);
        }
    }
    (taken, None)
}

fn send_batch(socket: &Socket, frames: &[Departure<'_>]) -> (usize, Option<Stopped>) {
    // SAFETY: null pointers and zero lengths are values of these.
    let mut parts: [[libc::iovec; 2]; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: the same.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    for ((frame, part), message) in frames.iter().zip(&mut parts).zip(&mut messages) {
        // The kernel reads through these pointers only.
        part[0] = libc::iovec { iov_base: frame.offload.0.as_ptr().cast_mut().cast(), iov_len: Offload::BYTES };
        part[1] = libc::iovec { iov_base: frame.data.as_ptr().cast_mut().cast(), iov_len: frame.data.len() };
        message.msg_hdr.msg_iov = part.as_mut_ptr();
        message.msg_hdr.msg_iovlen = 2;
    }
    let mut done = 0;
    while done < frames.len() {
        let rest = &mut messages[done..frames.len()];
        // SAFETY: each message points to its two parts, which point to bytes that outlive the call.
        let sent = unsafe { libc::sendmmsg(socket.raw(), rest.as_mut_ptr(), rest.len() as u32, libc::MSG_DONTWAIT) };
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

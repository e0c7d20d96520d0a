//! Several sockets that share a device's frames: one for each shard.

mod ends;
mod program;

use std::io;
use std::sync::{Mutex, PoisonError};

use tctable::packet::LinkType;

use super::super::device::Device;
use super::super::socket::Socket;

pub use ends::shard_of;

/// The sockets of one device, in the order of their numbers.
///
/// The kernel knows a member by the order of joining, after the device was down by the order in which sockets were made; so
/// both are done in the members' order, whichever threads they belong to.
#[derive(Debug)]
pub(super) struct Group {
    /// How many sockets it is for.
    pub(super) size: usize,
    joined: Mutex<Joined>,
}

/// How far a group has come.
#[derive(Debug, Default)]
struct Joined {
    /// The device's index. When the device comes again with another, the group begins anew.
    device: i32,
    /// The kernel's number of the group.
    id: u16,
    members: usize,
}

impl Group {
    pub(super) fn new(size: usize) -> Self {
        Group { size, joined: Mutex::default() }
    }

    /// Has `open` make and bind the socket of that number and takes it in, if all before it are in; if not, there is none yet.
    pub(super) fn join<T, E>(
        &self,
        number: usize,
        device: Device,
        outgoing: bool,
        open: impl FnOnce() -> Result<T, E>,
        socket: impl Fn(&T) -> &Socket,
        failed: impl Fn(io::Error) -> E,
    ) -> Result<Option<T>, E> {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        if number == 0 {
            *joined = Joined { device: device.index, ..Joined::default() };
        } else if joined.device != device.index || joined.members != number {
            return Ok(None);
        }
        let opened = open()?;
        if self.size > 1 {
            joined.id =
                add(socket(&opened), (number > 0).then_some(joined.id), device.link, outgoing).map_err(failed)?;
        }
        joined.members += 1;
        Ok(Some(opened))
    }

    /// Whether all are in.
    pub(super) fn is_whole(&self) -> bool {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.members == self.size
    }
}

/// Takes a socket in a group, or begins one with it; the group's number.
fn add(socket: &Socket, group: Option<u16>, link: LinkType, outgoing: bool) -> io::Result<u16> {
    let mut kind = libc::PACKET_FANOUT_CBPF;
    if !outgoing {
        kind |= libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
    }
    if let Some(id) = group {
        socket.set(libc::SOL_PACKET, libc::PACKET_FANOUT, u32::from(id) | kind << 16)?;
        return Ok(id);
    }
    socket.set(libc::SOL_PACKET, libc::PACKET_FANOUT, (kind | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16)?;
    let mut program = program::by_ends(link);
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    socket.set(libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, program)?;
    // SAFETY: any bytes are an integer.
    let told = unsafe { socket.get::<u32>(libc::SOL_PACKET, libc::PACKET_FANOUT) }?;
    Ok(told as u16)
}

/// Keeps all frames from a socket, or lets them come.
pub(super) fn shut(socket: &Socket, shut: bool) -> io::Result<()> {
    if !shut {
        return socket.set(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0i32);
    }
    let mut nothing = [libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 }];
    let program = libc::sock_fprog { len: 1, filter: nothing.as_mut_ptr() };
    socket.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
}

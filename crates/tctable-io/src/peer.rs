//! Who is at the other end of a Unix socket, as the kernel remembers it from when it connected.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

/// Whom a process ran as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Its user; one that this user namespace does not know is 65534.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// More groups than a process can have (`NGROUPS_MAX`).
const MOST: usize = 65_536;

/// Whom the process at the other end ran as (`SO_PEERCRED`).
///
/// # Errors
/// What the kernel says: it is no connected Unix socket.
pub fn credentials(socket: impl AsFd) -> io::Result<Credentials> {
    let mut found = [0_u32; 3];
    match option(socket, libc::SO_PEERCRED, &mut found)? {
        12 if found[1] != u32::MAX => Ok(Credentials { uid: found[1], gid: found[2] }),
        _ => Err(io::ErrorKind::NotConnected.into()),
    }
}

/// Its supplementary groups (`SO_PEERGROUPS`).
///
/// # Errors
/// What the kernel says: it is no connected Unix socket.
pub fn groups(socket: impl AsFd) -> io::Result<Vec<u32>> {
    let mut groups = vec![0; 32];
    loop {
        match option(&socket, libc::SO_PEERGROUPS, &mut groups) {
            Ok(bytes) => {
                groups.truncate(bytes / size_of::<u32>());
                return Ok(groups);
            }
            Err(error) if error.raw_os_error() == Some(libc::ERANGE) && groups.len() < MOST => {
                groups.resize(MOST, 0);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reads an option of a socket; tells how many bytes the kernel wrote.
fn option(socket: impl AsFd, name: libc::c_int, value: &mut [u32]) -> io::Result<usize> {
    let mut bytes = libc::socklen_t::try_from(size_of_val(value)).map_err(|_| io::ErrorKind::InvalidInput)?;
    let to = ptr::from_mut(value).cast();
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `fd` is open while it is borrowed, `to` points to `bytes` bytes that may hold any value, and the kernel
    // writes no more than that.
    let done = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, to, &mut bytes) };
    if done == 0 { Ok(bytes as usize) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_peer_is_who_it_runs_as() {
        let (one, _other) = UnixStream::pair().expect("sockets");
        // SAFETY: these have no preconditions.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        assert_eq!(credentials(&one).expect("connected"), Credentials { uid, gid });
        // SAFETY: nothing is written where there is room for nothing.
        let count = unsafe { libc::getgroups(0, ptr::null_mut()) };
        assert_eq!(groups(&one).expect("connected").len(), count as usize);
    }

    #[test]
    fn what_is_not_connected_is_nobody() {
        let file = std::fs::File::open("/dev/null").expect("a file");
        assert!(credentials(&file).is_err());
        assert!(groups(&file).is_err());
    }
}

//! The other end of a cable: a plain packet socket, none of the library's.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;

use super::net::{BOUND, wait};

/// Sends and receives whole frames on a device.
pub struct Far(OwnedFd);

impl Far {
    pub fn open(device: &str) -> Far {
        let name = CString::new(device).expect("a name");
        // SAFETY: plain calls; the address is one of its kind.
        unsafe {
            let protocol = (libc::ETH_P_ALL as u16).to_be();
            let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
            assert!(fd >= 0, "{}", io::Error::last_os_error());
            let socket = OwnedFd::from_raw_fd(fd);
            let ignore = 1i32;
            let option = libc::PACKET_IGNORE_OUTGOING;
            let set = libc::setsockopt(fd, libc::SOL_PACKET, option, (&raw const ignore).cast(), 4);
            assert_eq!(set, 0, "{}", io::Error::last_os_error());
            let bytes = 64 << 20;
            let set = libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, (&raw const bytes).cast(), 4);
            assert_eq!(set, 0, "{}", io::Error::last_os_error());
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = protocol;
            address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
            let size = size_of::<libc::sockaddr_ll>() as u32;
            assert_eq!(libc::bind(fd, (&raw const address).cast(), size), 0, "{}", io::Error::last_os_error());
            Far(socket)
        }
    }

    pub fn send(&self, frame: &[u8]) {
        // SAFETY: the bytes are there for the call.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "{}", io::Error::last_os_error());
    }

    /// The next frame, if it has come.
    pub fn poll(&self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 1 << 17];
        // SAFETY: the kernel writes no more than there is room for.
        let got = unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        buffer.truncate(usize::try_from(got).ok()?);
        Some(buffer)
    }

    /// The next frame, waiting for it.
    pub fn receive(&self) -> Vec<u8> {
        let deadline = Instant::now() + BOUND;
        loop {
            if let Some(frame) = self.poll() {
                return frame;
            }
            wait(self.0.as_fd(), deadline);
        }
    }
}

//! The socket itself: options, binding, errors that wait.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{io, mem, ptr};

/// A socket; one that is not bound yet sees nothing.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// A packet socket.
    pub(super) fn packet() -> io::Result<Self> {
        // Protocol 0: nothing comes before it is bound to its device.
        Socket::new(libc::AF_PACKET)
    }

    /// A socket of that family for raw frames.
    pub(super) fn new(family: i32) -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let fd = unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
        check(fd)?;
        // SAFETY: a descriptor that was just made and belongs to nobody else.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(super) fn raw(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Sets an option to a plain value.
    pub(super) fn set<T: Copy>(&self, level: i32, option: i32, value: T) -> io::Result<()> {
        let size = size_of::<T>() as libc::socklen_t;
        // SAFETY: the kernel reads as many bytes as the value has.
        check(unsafe { libc::setsockopt(self.raw(), level, option, ptr::from_ref(&value).cast(), size) })
    }

    /// Reads an option, which the kernel fills from its beginning.
    ///
    /// # Safety
    /// Any bytes, zeros too, must be a `T`.
    pub(super) unsafe fn get<T: Copy>(&self, level: i32, option: i32) -> io::Result<T> {
        // SAFETY: the caller says that zeros are a value.
        let mut value: T = unsafe { mem::zeroed() };
        let mut size = size_of::<T>() as libc::socklen_t;
        // SAFETY: the kernel writes `size` bytes at most.
        check(unsafe { libc::getsockopt(self.raw(), level, option, ptr::from_mut(&mut value).cast(), &raw mut size) })?;
        Ok(value)
    }

    /// Binds it to an address of its family.
    ///
    /// # Safety
    /// `A` must be the family's address, which holds no pointers.
    pub(super) unsafe fn bind<A>(&self, address: &A) -> io::Result<()> {
        let size = size_of::<A>() as libc::socklen_t;
        // SAFETY: an address of that size.
        check(unsafe { libc::bind(self.raw(), ptr::from_ref(address).cast(), size) })
    }

    /// Of a packet socket: from now on frames of that protocol of this device come, and what is sent leaves by it.
    pub(super) fn bind_packet(&self, index: i32, protocol: i32) -> io::Result<()> {
        // SAFETY: all its members may be zero.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (protocol as u16).to_be();
        address.sll_ifindex = index;
        // SAFETY: packet sockets have this address.
        unsafe { self.bind(&address) }
    }

    /// Of a packet socket: the index of the device that it is bound to; -1 once that is gone, even if it comes again with the same.
    pub(super) fn bound_to(&self) -> io::Result<i32> {
        // SAFETY: all its members may be zero.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the kernel writes `size` bytes at most.
        check(unsafe { libc::getsockname(self.raw(), ptr::from_mut(&mut address).cast(), &raw mut size) })?;
        Ok(address.sll_ifindex)
    }

    /// Of a packet socket: for as long as it is open the device takes frames for other stations too.
    pub(super) fn be_promiscuous(&self, index: i32) -> io::Result<()> {
        let request = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, request)
    }

    /// The error that waits, such as ENETDOWN after the device went down; it does not wait any longer then.
    pub(super) fn pending(&self) -> io::Result<()> {
        // SAFETY: any bytes are an integer.
        match unsafe { self.get::<i32>(libc::SOL_SOCKET, libc::SO_ERROR) }? {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether the error says that the device is down or gone.
pub(super) fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV))
}

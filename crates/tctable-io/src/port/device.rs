//! What the kernel tells of a network device by its name.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::{io, mem};

use tctable::packet::LinkType;

use super::PortError;

/// A device as it was when it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// Its index: a device that went and came again has another.
    pub(super) index: i32,
    /// What its frames begin with.
    pub(super) link: LinkType,
    /// The largest packet without its link header, in bytes.
    pub(super) mtu: u32,
    /// Whether it is up.
    pub(super) up: bool,
    /// Whether it is up and has a carrier.
    pub(super) running: bool,
}

/// Asks for a device by any socket of its namespace.
pub(super) fn look_up(socket: BorrowedFd<'_>, name: &str) -> Result<Device, PortError> {
    let index = index(name)?;
    let ask = |what, request| ask(socket, name, what, request);
    // SAFETY: the kernel has filled the member that belongs to the request.
    let hardware = unsafe { ask("SIOCGIFHWADDR", libc::SIOCGIFHWADDR)?.ifr_ifru.ifru_hwaddr.sa_family };
    let link = match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::Ethernet,
        libc::ARPHRD_NONE | libc::ARPHRD_PPP => LinkType::Raw,
        _ => {
            let error = io::Error::new(io::ErrorKind::Unsupported, format!("hardware type {hardware}"));
            return Err(failed(name, "its frames begin with what cannot be read", error));
        }
    };
    // SAFETY: as above.
    let mtu = unsafe { ask("SIOCGIFMTU", libc::SIOCGIFMTU)?.ifr_ifru.ifru_mtu };
    // SAFETY: as above.
    let flags = i32::from(unsafe { ask("SIOCGIFFLAGS", libc::SIOCGIFFLAGS)?.ifr_ifru.ifru_flags });
    let up = flags & libc::IFF_UP != 0;
    Ok(Device { index, link, mtu: mtu.max(0) as u32, up, running: up && flags & libc::IFF_RUNNING != 0 })
}

/// Asks for a device that was there: the one of that index, whatever it is called by now, and if that is gone the one of that name.
pub(super) fn look_again(socket: BorrowedFd<'_>, index: i32, name: &str) -> Result<Device, PortError> {
    match look_up_index(socket, index) {
        Ok(device) => Ok(device),
        Err(PortError::NoDevice { .. }) => look_up(socket, name),
        Err(error) => Err(error),
    }
}

/// Asks for the device of that index.
pub(super) fn look_up_index(socket: BorrowedFd<'_>, index: i32) -> Result<Device, PortError> {
    let mut request = named("");
    request.ifr_ifru.ifru_ifindex = index;
    let none = || PortError::NoDevice { name: format!("number {index}") };
    // SAFETY: the request reads the index and writes the name of this structure.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFNAME, &raw mut request) } != 0 {
        return Err(none());
    }
    let device = look_up(socket, &name_of(&request))?;
    // Another one may have taken the name in between.
    if device.index == index { Ok(device) } else { Err(none()) }
}

/// The name in what the kernel has answered.
pub(super) fn name_of(request: &libc::ifreq) -> String {
    let name = request.ifr_name.iter().map(|letter| *letter as u8).take_while(|letter| *letter != 0);
    String::from_utf8_lossy(&name.collect::<Vec<_>>()).into_owned()
}

/// The largest packet of a device without its link header, in bytes, as it is now.
///
/// # Errors
/// [`PortError`]
pub fn mtu(name: &str) -> Result<u32, PortError> {
    find(name).map(|device| device.mtu)
}

/// Asks for a device by a socket made for it: not one for packets, whose end the kernel takes some ten milliseconds for.
pub(super) fn find(name: &str) -> Result<Device, PortError> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").map_err(|error| failed(name, "a socket", error))?;
    look_up(std::os::fd::AsFd::as_fd(&socket), name)
}

fn index(name: &str) -> Result<i32, PortError> {
    let none = || PortError::NoDevice { name: name.to_owned() };
    let terminated = CString::new(name).map_err(|_| none())?;
    // SAFETY: a string that ends with a zero.
    match unsafe { libc::if_nametoindex(terminated.as_ptr()) } {
        0 => Err(none()),
        index => Ok(index as i32),
    }
}

fn ask(socket: BorrowedFd<'_>, name: &str, what: &'static str, request: libc::Ioctl) -> Result<libc::ifreq, PortError> {
    let mut asked = named(name);
    // SAFETY: the request reads the name and writes one member of this structure.
    if unsafe { libc::ioctl(socket.as_raw_fd(), request, &raw mut asked) } == 0 {
        return Ok(asked);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENODEV) => Err(PortError::NoDevice { name: name.to_owned() }),
        _ => Err(failed(name, what, error)),
    }
}

/// A request for the device of that name, everything else zero. A name that is too long is cut: no device has it.
pub(super) fn named(name: &str) -> libc::ifreq {
    // SAFETY: all its members may be zero.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

pub(super) fn failed(name: &str, what: &'static str, error: io::Error) -> PortError {
    PortError::Io { name: name.to_owned(), what, error }
}

/// Linux's numbers for what is asked of a card by SIOCETHTOOL (include/uapi/linux/ethtool.h).
#[cfg(feature = "xdp")]
mod ethtool {
    pub(super) const GET_FLAGS: u32 = 0x25;
    pub(super) const SET_FLAGS: u32 = 0x26;
    pub(super) const GET_CHANNELS: u32 = 0x3c;
    /// ETH_FLAG_RXVLAN: the card takes tags out of what it receives.
    pub(super) const TAKES_TAGS_OUT: u32 = 1 << 8;
}

/// Asks the card for what the first word of `words` says; the answer is in the others.
#[cfg(feature = "xdp")]
fn ask_card(socket: BorrowedFd<'_>, name: &str, words: &mut [u32]) -> io::Result<()> {
    let mut request = named(name);
    request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
    // SAFETY: the request reads and writes the words of its command, which the callers have.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as libc::Ioctl, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How many receive queues a device has; one where it does not say.
#[cfg(feature = "xdp")]
pub(super) fn receive_queues(socket: BorrowedFd<'_>, name: &str) -> Result<usize, PortError> {
    // struct ethtool_channels: the command, four limits, then receive, transmit, other, combined.
    let mut words = [ethtool::GET_CHANNELS, 0, 0, 0, 0, 0, 0, 0, 0];
    match ask_card(socket, name, &mut words) {
        Ok(()) => Ok((words[5] + words[8]).max(1) as usize),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(1),
        Err(error) => Err(failed(name, "its receive queues", error)),
    }
}

/// Has the card leave tags in what it receives: an XDP program does not see those that it takes out.
#[cfg(feature = "xdp")]
pub(super) fn keep_tags(socket: BorrowedFd<'_>, name: &str) -> Result<(), PortError> {
    let mut words = [ethtool::GET_FLAGS, 0];
    if ask_card(socket, name, &mut words).is_err() || words[1] & ethtool::TAKES_TAGS_OUT == 0 {
        return Ok(());
    }
    let mut words = [ethtool::SET_FLAGS, words[1] & !ethtool::TAKES_TAGS_OUT];
    ask_card(socket, name, &mut words).map_err(|error| failed(name, "having it leave VLAN tags in place", error))
}

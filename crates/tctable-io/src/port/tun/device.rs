//! Making a TUN or TAP device, and what the kernel tells of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use super::super::device::{failed, look_up, name_of, named};
use super::super::{Offload, PortError};
use super::{Layer, TunConfig};

/// Opens a queue of the device.
pub(super) fn attach(config: &TunConfig, several: bool) -> Result<File, PortError> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let opened = options.open("/dev/net/tun").map_err(|error| failed(&config.device, "/dev/net/tun", error));
    let queue = opened?;
    attach_queue(&queue, config, several)?;
    Ok(queue)
}

/// Makes an open queue one of the device's, which it was before or never.
pub(super) fn attach_queue(queue: &File, config: &TunConfig, several: bool) -> Result<(), PortError> {
    let name = config.device.as_str();
    let error = |what| move |error| failed(name, what, error);
    let layer = match config.layer {
        Layer::Ip => libc::IFF_TUN,
        Layer::Ethernet => libc::IFF_TAP,
    };
    let queues = if several { libc::IFF_MULTI_QUEUE } else { 0 };
    let mut request = named(name);
    request.ifr_ifru.ifru_flags = (layer | queues | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    // SAFETY: the request reads and writes this structure.
    ask(unsafe { libc::ioctl(queue.as_raw_fd(), libc::TUNSETIFF, &raw mut request) }).map_err(error("TUNSETIFF"))?;
    let size = Offload::BYTES as libc::c_int;
    // SAFETY: the request reads an integer.
    ask(unsafe { libc::ioctl(queue.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const size) })
        .map_err(error("TUNSETVNETHDRSZ"))?;
    leave_undone(queue, config.offload).map_err(error("TUNSETOFFLOAD"))?;
    bring_up(name)
}

/// What the kernel may leave to us.
fn leave_undone(queue: &File, offload: bool) -> io::Result<()> {
    let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    let all = tcp | libc::TUN_F_USO4 | libc::TUN_F_USO6;
    let set = |flags: libc::c_uint| {
        // SAFETY: the request's argument is the flags themselves.
        ask(unsafe { libc::ioctl(queue.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(flags)) })
    };
    match offload {
        false => set(0),
        // Kernels before 6.2 know nothing of UDP.
        true => set(all).or_else(|_| set(tcp)),
    }
}

/// What the queue's device is called now, if it still belongs to one.
pub(super) fn name(queue: &File) -> Option<String> {
    let mut request = named("");
    // SAFETY: the request writes this structure.
    (unsafe { libc::ioctl(queue.as_raw_fd(), libc::TUNGETIFF, &raw mut request) } == 0).then(|| name_of(&request))
}

pub(super) fn is_up(name: &str) -> Result<bool, PortError> {
    Ok(look_up(control(name)?.as_fd(), name)?.up)
}

fn bring_up(name: &str) -> Result<(), PortError> {
    let control = control(name)?;
    let mut request = named(name);
    let error = |error| failed(name, "bringing it up", error);
    // SAFETY: the request writes the flags in this structure.
    ask(unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) }).map_err(error)?;
    // SAFETY: the kernel has filled in the flags.
    unsafe { request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short };
    // SAFETY: the request reads this structure.
    ask(unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }).map_err(error)
}

/// Any socket: devices are asked for by it.
fn control(name: &str) -> Result<OwnedFd, PortError> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    ask(fd).map_err(|error| failed(name, "a socket", error))?;
    // SAFETY: a descriptor that was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn ask(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Frames that the kernel dropped because nobody had read those before: the device's own count.
#[derive(Debug)]
pub(super) struct Drops {
    devices: File,
    seen: u64,
}

impl Drops {
    /// What was dropped before does not count.
    pub(super) fn open(device: &str) -> Result<Self, PortError> {
        // Of the thread's namespace; it can be read again and again, also when nothing can be opened any more.
        let devices =
            File::open("/proc/thread-self/net/dev").map_err(|error| failed(device, "/proc/net/dev", error))?;
        let mut drops = Drops { devices, seen: 0 };
        drops.since(device);
        Ok(drops)
    }

    /// How many since the last time.
    pub(super) fn since(&mut self, device: &str) -> u64 {
        let mut text = vec![0; 64 << 10];
        let mut length = 0;
        while let Ok(got @ 1..) = self.devices.read_at(&mut text[length..], length as u64) {
            length += got;
            if length == text.len() {
                text.resize(length * 2, 0);
            }
        }
        let dropped = transmit_drops(&String::from_utf8_lossy(&text[..length]), device).unwrap_or(self.seen);
        // A device that was made anew begins with zero.
        let since = if dropped >= self.seen { dropped - self.seen } else { dropped };
        self.seen = dropped;
        since
    }
}

/// The fourth of the columns about sending, which are behind the eight about receiving.
fn transmit_drops(text: &str, device: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(device)?.strip_prefix(':'))?;
    line.split_whitespace().nth(11)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::transmit_drops;

    #[test]
    fn drops_are_found_in_the_devices_line() {
        let text = "Inter-|   Receive                            |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop\n    \
                    tct: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  \
                    tct0: 1 2 3 4 5 6 7 8 9 10 11 77 13 14 15 16\n";
        assert_eq!(transmit_drops(text, "tct0"), Some(77));
        assert_eq!(transmit_drops(text, "tct"), Some(12));
        assert_eq!(transmit_drops(text, "tc"), None);
    }
}

//! The program in the device's driver: five instructions, loaded by the bpf system call.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

// Commands, types and flags of include/uapi/linux/bpf.h and if_link.h.
const MAP_CREATE: i64 = 0;
const MAP_UPDATE: i64 = 2;
const PROG_LOAD: i64 = 5;
const LINK_CREATE: i64 = 28;
const MAP_TYPE_XSKMAP: u32 = 17;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;
const IN_THE_DRIVER: u32 = 1 << 2;

/// A program on a device, which hands frames to sockets: those of a queue to the socket that was given for it, all others to
/// the kernel. It is gone when this is.
#[derive(Debug)]
pub(super) struct Program {
    sockets: OwnedFd,
    _link: OwnedFd,
    /// The device it is on.
    pub(super) device: i32,
}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
}

#[repr(C)]
struct MapUpdate {
    map: u64,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    device: u32,
    attach: u32,
    flags: u32,
}

/// An instruction: code, registers (destination in the low half), offset, constant.
#[repr(C)]
struct Instruction(u8, u8, i16, i32);

/// To the socket of the frame's queue, or on to the kernel: `bpf_redirect_map(&sockets, frame->rx_queue_index, XDP_PASS)`.
fn instructions(sockets: RawFd) -> [Instruction; 6] {
    [
        Instruction(0x61, 0x12, 16, 0),
        Instruction(0x18, 0x11, 0, sockets),
        Instruction(0, 0, 0, 0),
        Instruction(0xb7, 0x03, 0, 2),
        Instruction(0x85, 0, 0, 51),
        Instruction(0x95, 0, 0, 0),
    ]
}

impl Program {
    /// Puts it on a device with so many queues, in its driver.
    pub(super) fn attach(device: i32, queues: usize) -> Result<Self, (&'static str, io::Error)> {
        let create = MapCreate { kind: MAP_TYPE_XSKMAP, key: 4, value: 4, entries: queues as u32 };
        let sockets = bpf(MAP_CREATE, &create).map_err(|error| ("a map of sockets", error))?;
        let instructions = instructions(sockets.as_raw_fd());
        let load = ProgLoad {
            kind: PROG_TYPE_XDP,
            count: instructions.len() as u32,
            instructions: instructions.as_ptr() as u64,
            license: c"Dual MIT/GPL".as_ptr() as u64,
        };
        let program = bpf(PROG_LOAD, &load).map_err(|error| ("an XDP program", error))?;
        let create = LinkCreate {
            program: program.as_raw_fd() as u32,
            device: device as u32,
            attach: ATTACH_XDP,
            flags: IN_THE_DRIVER,
        };
        let link = bpf(LINK_CREATE, &create).map_err(|error| ("an XDP program in its driver", error))?;
        Ok(Program { sockets, _link: link, device })
    }

    /// From now on the frames of this queue come to this socket.
    pub(super) fn hand_over(&self, queue: u32, socket: RawFd) -> io::Result<()> {
        let map = self.sockets.as_raw_fd() as u64;
        let (key, value) = (&raw const queue as u64, &raw const socket as u64);
        call(MAP_UPDATE, &MapUpdate { map, key, value, flags: 0 }).map(drop)
    }
}

fn call<T>(command: i64, attributes: &T) -> io::Result<i32> {
    let attributes = std::ptr::from_ref(attributes);
    // SAFETY: the kernel reads the attributes of this command, and what they point to, which lives as long as the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

fn bpf<T>(command: i64, attributes: &T) -> io::Result<OwnedFd> {
    let fd = call(command, attributes)?;
    // SAFETY: a descriptor that was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

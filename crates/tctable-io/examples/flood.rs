//! Frames faster than anybody forwards them: UDP of many connections, made by a program in the kernel.
//!
//! `flood eth0 60 200000 02:00:00:00:00:99 10.71.0.0 10.72.0.99`: device, bytes of a frame, connections, who frames are for, the /24 that
//! they come from and the address that they go to; until it is killed. The device is one end of a veth whose other end has NAPI:
//! `flood prepare lan` gives it that (by GRO), and so does whoever receives by AF_XDP. `flood finish eth0` has checksums finished before
//! frames are on that veth, as they are on a wire: an XDP program at its other end cannot tell that they are not.
//!
//! A packet socket takes a system call, a copy and a buffer for each frame, about as much as a gateway does. Here the kernel runs an XDP
//! program again and again (`BPF_F_TEST_XDP_LIVE_FRAMES`, Linux 5.18), which writes the next connection's addresses into a frame
//! and sends it away.

use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::net::if_::if_nametoindex;

// Commands, types and flags of include/uapi/linux/bpf.h and ethtool.h.
const MAP_CREATE: i64 = 0;
const PROG_LOAD: i64 = 5;
const PROG_TEST_RUN: i64 = 10;
const MAP_TYPE_ARRAY: u32 = 2;
const PROG_TYPE_XDP: u32 = 6;
const TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;
const ETHTOOL_SGRO: u32 = 0x2c;
const ETHTOOL_STXCSUM: u32 = 0x17;
/// The kernel's own limit of frames at a time is 256.
const BATCH: u32 = 64;
/// Frames of one call: beginning and ending one takes milliseconds.
const RUN: u32 = 1 << 30;
/// Hosts that connections are spread over, from this last byte on, and the first port of each.
const HOSTS: i32 = 200;
const FIRST_HOST: i32 = 20;
const FIRST_PORT: i32 = 1024;
/// Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;
/// Where IP's time to live is.
const TTL: usize = 14 + 8;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["prepare", device] => Ok(tell(device, ETHTOOL_SGRO, 1)?),
        ["finish", device] => Ok(tell(device, ETHTOOL_STXCSUM, 0)?),
        [device, size, connections, mac, from, to] => {
            let mac = mac.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<Vec<u8>, _>>()?;
            let frame = template(size.parse()?, mac.as_slice().try_into()?, from.parse()?, to.parse()?);
            let device = if_nametoindex(*device)?;
            Ok(flood(&frame, device, connections.parse()?)?)
        }
        _ => Err("flood prepare|finish DEVICE, or flood DEVICE BYTES CONNECTIONS MAC FROM TO".into()),
    }
}

/// Tells a device's driver something.
fn tell(device: &str, command: u32, value: u32) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let mut command = [command, value];
    // SAFETY: all its members may be zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(device.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = command.as_mut_ptr().cast();
    // SAFETY: the request reads the two words of its command.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as libc::Ioctl, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A frame whose host and source port are still to come.
fn template(size: usize, mac: [u8; 6], from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0; size.max(60)];
    let size = frame.len();
    frame[..6].copy_from_slice(&mac);
    frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 8, 0]);
    let ip = &mut frame[14..];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&((size - 14) as u16).to_be_bytes());
    ip[6] = 0x40;
    ip[8..10].copy_from_slice(&[64, 17]);
    ip[12..15].copy_from_slice(&from.octets()[..3]);
    ip[16..20].copy_from_slice(&to.octets());
    ip[22..24].copy_from_slice(&7000u16.to_be_bytes());
    // No checksum, which UDP over IPv4 may do without.
    ip[24..26].copy_from_slice(&((size - HEADERS + 8) as u16).to_be_bytes());
    frame
}

/// An instruction: code, registers (destination in the low half), offset, constant.
#[repr(C)]
struct Instruction(u8, u8, i16, i32);

/// Gives the frame its addresses, the next connection's host, port and header checksum, and sends it away.
fn program(frame: &[u8], device: u32, connections: u32, next: i32) -> Vec<Instruction> {
    const FIELDS: i32 = HEADERS as i32;
    let sum: u32 = frame[14..34].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    // Registers 7: the frame, 8: the place of the next connection's number, 4: the host, 5: the port.
    let mut program = vec![
        Instruction(0x61, 0x17, 0, 0),                  // r7 = its beginning
        Instruction(0x61, 0x12, 4, 0),                  // r2 = its end
        Instruction(0xbf, 0x73, 0, 0),                  // r3 = r7
        Instruction(0x07, 0x03, 0, FIELDS),             // r3 += headers
        Instruction(0x2d, 0x23, 0, 0),                  // if r3 > r2: the end of the program
        Instruction(0x18, 0x28, 0, next),               // r8 = the map's value
        Instruction(0, 0, 0, 0),                        //
        Instruction(0x61, 0x84, 0, 0),                  // r4 = the connection
        Instruction(0xbf, 0x45, 0, 0),                  // r5 = r4
        Instruction(0x07, 0x05, 0, 1),                  // r5 += 1
        Instruction(0xa5, 0x05, 1, connections as i32), // if r5 < connections: over the next
        Instruction(0xb7, 0x05, 0, 0),                  // r5 = 0
        Instruction(0x63, 0x58, 0, 0),                  // the next one: r5
        Instruction(0xbf, 0x45, 0, 0),                  // r5 = r4
        Instruction(0x37, 0x05, 0, HOSTS),              // r5 /= hosts
        Instruction(0x97, 0x04, 0, HOSTS),              // r4 %= hosts
        Instruction(0x07, 0x04, 0, FIRST_HOST),         //
        Instruction(0x73, 0x47, 29, 0),                 // the source address' last byte
        Instruction(0x07, 0x05, 0, FIRST_PORT),         //
        Instruction(0xdc, 0x05, 0, 16),                 // in network order
        Instruction(0x6b, 0x57, 34, 0),                 // the source port
        Instruction(0x07, 0x04, 0, sum as i32),         // r4 += the sum of all else
    ];
    // A frame's memory comes back as its last user left it: a router writes these.
    for at in [0, 4, 8] {
        let four = frame[at..at + 4].try_into().map_or(0, i32::from_le_bytes);
        program.push(Instruction(0x62, 0x07, at as i16, four));
    }
    program.push(Instruction(0x72, 0x07, TTL as i16, frame[TTL].into()));
    // Folded twice: the first may carry.
    for _ in 0..2 {
        program.extend([
            Instruction(0xbf, 0x45, 0, 0),      // r5 = r4
            Instruction(0x77, 0x05, 0, 16),     // r5 >>= 16
            Instruction(0x57, 0x04, 0, 0xffff), // r4 &= 0xffff
            Instruction(0x0f, 0x54, 0, 0),      // r4 += r5
        ]);
    }
    program.extend([
        Instruction(0xa7, 0x04, 0, 0xffff),        // r4 ^= 0xffff
        Instruction(0xdc, 0x04, 0, 16),            //
        Instruction(0x6b, 0x47, 24, 0),            // the header's checksum
        Instruction(0xb7, 0x01, 0, device as i32), //
        Instruction(0xb7, 0x02, 0, 0),             //
        Instruction(0x85, 0, 0, 23),               // bpf_redirect(device, 0)
        Instruction(0x95, 0, 0, 0),                // what it says
        Instruction(0xb7, 0x00, 0, 0),             // XDP_ABORTED
        Instruction(0x95, 0, 0, 0),                //
    ]);
    // From behind the jump to the last but one.
    program[4].2 = program.len() as i16 - 2 - 5;
    program
}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
}

#[repr(C)]
struct ProgLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
}

#[repr(C)]
#[derive(Default)]
struct TestRun {
    program: u32,
    result: u32,
    data_in_bytes: u32,
    data_out_bytes: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    context_in_bytes: u32,
    context_out_bytes: u32,
    context_in: u64,
    context_out: u64,
    flags: u32,
    processor: u32,
    batch: u32,
    padding: u32,
}

/// Sends until the process is killed.
fn flood(frame: &[u8], device: u32, connections: u32) -> io::Result<()> {
    let next = bpf(MAP_CREATE, &MapCreate { kind: MAP_TYPE_ARRAY, key: 4, value: 4, entries: 1 })?;
    let instructions = program(frame, device, connections, next);
    let loaded = bpf(
        PROG_LOAD,
        &ProgLoad {
            kind: PROG_TYPE_XDP,
            count: instructions.len() as u32,
            instructions: instructions.as_ptr() as u64,
            license: c"Dual MIT/GPL".as_ptr() as u64,
        },
    )?;
    let run = TestRun {
        program: loaded as u32,
        data_in_bytes: frame.len() as u32,
        data_in: frame.as_ptr() as u64,
        repeat: RUN,
        flags: TEST_XDP_LIVE_FRAMES,
        batch: BATCH,
        ..TestRun::default()
    };
    loop {
        bpf(PROG_TEST_RUN, &run)?;
    }
}

fn bpf<T>(command: i64, attributes: &T) -> io::Result<i32> {
    let attributes = std::ptr::from_ref(attributes);
    // SAFETY: the kernel reads the attributes of this command, and what they point to, which lives as long as the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_host_and_port_is_there_already() {
        let frame = template(60, [2; 6], Ipv4Addr::new(10, 71, 0, 0), Ipv4Addr::new(10, 72, 0, 99));
        let info = tctable::packet::PacketInfo::read(&tctable::packet::Frame {
            time: tctable::time::Instant::ZERO,
            device: tctable::packet::DeviceId(0),
            direction: tctable::packet::FrameDirection::Inbound,
            link: tctable::packet::LinkType::Ethernet,
            wire_len: 60,
            data: &frame,
        })
        .expect("a packet");
        assert_eq!((info.ip_len, info.tuple.protocol), (46, 17));
    }
}

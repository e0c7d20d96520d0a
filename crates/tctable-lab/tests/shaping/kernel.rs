//! The running kernel: datagrams of this thread leave by a device with the tree under test.
//!
//! Both what comes to the tree and what leaves it is seen by one packet socket, with the kernel's own timestamps: what
//! comes is mirrored to a second device just before it is queued. So neither the time at which this process gets to run
//! nor that of a copy matters; that the load is late or lumpy does not either, as it is what the engine gets as well.

use std::io::{self, IoSliceMut, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvmsg, setsockopt,
    socket, sockopt,
};
use nix::sys::time::TimeSpec;

use super::load::{Seen, Stream};

/// The device with the tree.
pub const DEVICE: &str = "shaped";
/// Where what comes to it is mirrored.
const ARRIVALS: &str = "arrivals";
const LINKS: &str = "\
link add shaped type veth peer name shaped-end
link add arrivals type veth peer name arrivals-end
link set dev shaped addrgenmode none arp off mtu 9000 txqueuelen 1000 up
link set dev shaped-end addrgenmode none arp off mtu 9000 up
link set dev arrivals addrgenmode none arp off mtu 9000 up
link set dev arrivals-end addrgenmode none arp off mtu 9000 up
addr add 10.9.0.1/24 dev shaped
";
const MIRROR: &str = "\
qdisc add dev shaped clsact
filter add dev shaped egress protocol ip u32 match u32 0 0 action mirred egress mirror dev arrivals
";
/// The port of class 0.
const PORT: u16 = 10_000;
/// Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;

fn run(command: &str, input: &str) {
    let mut child = Command::new(command)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("a tool that reads");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{command}: {}\n{input}", String::from_utf8_lossy(&output.stderr));
}

/// What the kernel was given, and what it made of that.
pub struct Run {
    pub arrivals: Vec<Seen>,
    pub departures: Vec<Seen>,
}

/// Sends the load through the tree, in a namespace that is gone with the thread that this makes.
///
/// # Errors
/// Where there is no namespace to be had.
pub fn measure(lines: &str, streams: &[Stream], duration: Duration) -> io::Result<Run> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            run("ip", LINKS);
            run("tc", &format!("{MIRROR}{lines}"));
            let mut tap = Tap::open()?;
            send(&mut tap, streams, duration)?;
            Ok(tap.run)
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn send(tap: &mut Tap, streams: &[Stream], duration: Duration) -> io::Result<()> {
    let mut sockets = Vec::new();
    for stream in streams {
        let socket = UdpSocket::bind((Ipv4Addr::new(10, 9, 0, 1), 0))?;
        setsockopt(&socket, sockopt::SndBufForce, &(64 << 20))?;
        if stream.class != 0 {
            setsockopt(&socket, sockopt::Priority, &(1 << 16 | i32::from(stream.class)))?;
        }
        socket.connect((Ipv4Addr::new(10, 9, 0, 2), PORT + stream.class))?;
        sockets.push((socket, stream, 0));
    }
    let payload = [0; 9000];
    let start = Instant::now();
    loop {
        let elapsed = start.elapsed();
        if elapsed >= duration {
            break tap.read();
        }
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for (socket, stream, sent) in &mut sockets {
                if *sent + stream.size as u64 <= stream.due(elapsed) {
                    socket.send(&payload[..stream.size - HEADERS])?;
                    *sent += stream.size as u64;
                    is_done = false;
                }
            }
        }
        tap.read()?;
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Sees what is sent by either device.
struct Tap {
    socket: OwnedFd,
    shaped: usize,
    arrivals: usize,
    run: Run,
}

impl Tap {
    fn open() -> io::Result<Tap> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
        setsockopt(&socket, sockopt::RcvBufForce, &(256 << 20))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Tap {
            socket,
            shaped: if_nametoindex(DEVICE)? as usize,
            arrivals: if_nametoindex(ARRIVALS)? as usize,
            run: Run { arrivals: Vec::new(), departures: Vec::new() },
        })
    }

    fn read(&mut self) -> io::Result<()> {
        let mut bytes = [0; HEADERS];
        let mut control = nix::cmsg_space!(TimeSpec);
        loop {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let flags = MsgFlags::empty();
            let message = match recvmsg::<LinkAddr>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
                Ok(message) => message,
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let time = message.cmsgs()?.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(time) => Some(time),
                _ => None,
            });
            let time = time.expect("a timestamp");
            let device = message.address.expect("a device").ifindex();
            let is_whole = message.bytes == HEADERS;
            // What else the kernel says by itself.
            if !is_whole || bytes[12..14] != [8, 0] || bytes[23] != 17 {
                continue;
            }
            let seen = Seen {
                time: (time.tv_sec() * 1_000_000_000 + time.tv_nsec()) as u64,
                class: u16::from_be_bytes([bytes[36], bytes[37]]) - PORT,
                len: u32::from(u16::from_be_bytes([bytes[16], bytes[17]])) + 14,
                headers: bytes.to_vec(),
            };
            match device {
                device if device == self.arrivals => self.run.arrivals.push(seen),
                device if device == self.shaped => self.run.departures.push(seen),
                // The other ends.
                _ => {}
            }
        }
    }
}

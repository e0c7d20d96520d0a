//! Captures by the packet, and the program run on them.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

use serde_json::Value;
use tctable_lab::generate::{self, Kind, Options};
use tctable_lab::packets::{Tcp, ethertype, flags, ip, link_type, pcap, protocol, tcp_packet, udp_packet};

/// An inside host.
pub const HOST: &str = "192.168.1.2";
/// Another one.
pub const OTHER: &str = "192.168.1.3";
/// An outside host.
pub const SERVER: &str = "93.184.216.34";

/// A second in the unit of pcap times.
pub const SECOND: u64 = 1_000_000;

/// A packet and its time in microseconds.
pub type Timed = (u64, Vec<u8>);

pub fn socket(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// A UDP datagram of 100 bytes, as an IP packet.
pub fn udp(from: &str, to: &str) -> Vec<u8> {
    udp_packet(socket(from, 5000), socket(to, 53), &[0; 72])
}

/// The answer to [`udp`].
pub fn udp_answer(from: &str, to: &str) -> Vec<u8> {
    udp_packet(socket(from, 53), socket(to, 5000), &[0; 72])
}

/// SYN, SYN/ACK, ACK, each of 40 bytes, from port 1234 to port 80.
pub fn handshake(client: &str, server: &str) -> [Vec<u8>; 3] {
    let (client, server) = (socket(client, 1234), socket(server, 80));
    let syn = Tcp { seq: 100, flags: flags::SYN, ..Tcp::default() };
    let syn_ack = Tcp { seq: 900, ack: 101, flags: flags::SYN | flags::ACK, ..Tcp::default() };
    let ack = Tcp { seq: 101, ack: 901, ..Tcp::default() };
    [
        tcp_packet(client, server, &syn, b""),
        tcp_packet(server, client, &syn_ack, b""),
        tcp_packet(client, server, &ack, b""),
    ]
}

/// A GRE packet of 28 bytes.
pub fn gre(from: &str, to: &str) -> Vec<u8> {
    ip(address(from), address(to), protocol::GRE, &[0; 8])
}

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// IPv4 and IPv6, several protocols and directions, at one packet a second from the epoch on.
pub fn mixture() -> Vec<Timed> {
    let mut packets = vec![udp(HOST, SERVER), udp_answer(SERVER, HOST), udp(HOST, OTHER), gre(OTHER, SERVER)];
    packets.extend(handshake(HOST, SERVER));
    packets.extend(handshake("fd00::2", "2001:db8::1"));
    packets.push(udp(SERVER, "8.8.8.8"));
    (0..).map(|second| second * SECOND).zip(packets).collect()
}

/// A pcap file of raw IP packets.
pub fn raw(packets: impl IntoIterator<Item = Timed>) -> Vec<u8> {
    pcap(link_type::RAW, 65_535, packets)
}

/// A generated Ethernet capture over that time.
pub fn generated(kind: Kind, packets: u64, seconds: u64) -> Vec<u8> {
    let options = Options { duration: Duration::from_secs(seconds), ..Options::new(kind, packets, 1) };
    let mut file = Vec::new();
    generate::write(&options, &mut file, |_| ()).unwrap();
    file
}

/// An ethertype's name for the family of an IP packet.
pub fn ethertype_of(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { ethertype::IPV4 } else { ethertype::IPV6 }
}

/// A directory for one test's files, gone with it.
pub struct Files(PathBuf);

impl Files {
    pub fn new(test: &str) -> Files {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Files(path)
    }

    /// The path of a file that need not exist.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What cannot be removed lies in the build directory.
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The output of a run without complaints.
    pub fn clean(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tctable"));
    command.args(args).env_remove("NO_COLOR").env_remove("COLUMNS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program.
pub fn tctable(args: &[&str]) -> Ran {
    with_stdin(args, b"")
}

/// Runs the program with that on its standard input.
pub fn with_stdin(args: &[&str], input: &[u8]) -> Ran {
    let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            // It may have seen enough before the end.
            stdin.write_all(input).unwrap_or_default();
        });
        child.wait_with_output().unwrap()
    });
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Replays a capture that is whole, and gives standard output.
pub fn replay(capture: &[u8], options: &[&str]) -> String {
    let args = [&["replay", "-"], options].concat();
    with_stdin(&args, capture).clean()
}

/// The JSON document of a capture that is whole.
pub fn report(capture: &[u8], options: &[&str]) -> Value {
    serde_json::from_str(&replay(capture, &[&["--format", "json"], options].concat())).unwrap()
}

/// One JSON value for each line.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A host's object in the document.
pub fn host<'a>(report: &'a Value, ip: &str) -> &'a Value {
    let hosts = report["hosts"].as_array().unwrap();
    hosts.iter().find(|host| host["ip"] == ip).unwrap_or_else(|| panic!("no {ip} in {report}"))
}

/// The blocks of a pcapng file, little endian.
#[derive(Clone, Default)]
pub struct PcapNg(Vec<u8>);

impl PcapNg {
    /// With the header of its first section.
    pub fn new() -> PcapNg {
        PcapNg::default().section()
    }

    /// Another section: interfaces are counted from 0 again.
    pub fn section(self) -> PcapNg {
        self.block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat())
    }

    /// An interface with a name.
    pub fn interface(self, link: u16, name: &str) -> PcapNg {
        let mut body = [&link.to_le_bytes()[..], &[0; 6], &[2, 0], &(name.len() as u16).to_le_bytes()].concat();
        body.extend(name.as_bytes());
        body.resize(body.len().next_multiple_of(4), 0);
        self.block(1, &body)
    }

    /// A packet of an interface; times are in microseconds.
    pub fn packet(self, interface: u32, (time, packet): Timed) -> PcapNg {
        let length = packet.len() as u32;
        let words = [interface, (time >> 32) as u32, time as u32, length, length];
        let mut body: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        body.extend(packet);
        body.resize(body.len().next_multiple_of(4), 0);
        self.block(6, &body)
    }

    fn block(mut self, kind: u32, body: &[u8]) -> PcapNg {
        let length = (body.len() as u32 + 12).to_le_bytes();
        self.0.extend([&kind.to_le_bytes()[..], &length, body, &length].concat());
        self
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

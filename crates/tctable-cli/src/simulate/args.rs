//! The options of `tctable simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{Color, LanArg, lan};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  What each class and host would have got:
    tctable simulate evening.pcap --tc shaping.tc
  The lines of a router's own script, whose outside interface is eth0:
    tctable simulate evening.pcap --tc /etc/shaping.tc --device eth0=wan --device br0=lan
  Two shapings side by side, and a picture of both:
    tctable simulate evening.pcap --tc today.tc --compare tomorrow.tc --svg both.svg
  The packets as they would have left:
    tctable simulate evening.pcap --tc shaping.tc --pcap-out shaped.pcap

FILE as lines of tc, as `tc -batch` has them:
  link set dev wan speed 100mbit
  qdisc add dev wan root handle 1: htb default 12
  class add dev wan parent 1: classid 1:1 htb rate 100kbps ceil 100kbps
  class add dev wan parent 1:1 classid 1:10 htb rate 30kbps ceil 100kbps
  hostclass add dev wan parent 1:1 prefix6 64 timeout 60s max 100000 htb rate 1kbps ceil 100kbps
`link` and `hostclass` are not tc's: the one says how fast a line is (and then rates may be shares of it, 30%), the other gives each inside host that no filter puts elsewhere a class of its own, with its first packet, until it had none for the timeout.

FILE as TOML, which says the same in the same words:
  [[link]]
  device = \"wan\"
  speed = \"100mbit\"
  [[qdisc]]
  device = \"wan\"
  root = true
  handle = \"1:\"
  kind = \"htb\"
  default = 12
  [[class]]
  device = \"wan\"
  parent = \"1:\"
  classid = \"1:1\"
  kind = \"htb\"
  rate = \"100kbps\"

A packet from inside to outside leaves by the device wan, one to inside by lan, one that is no IP packet by wan; one from outside to outside is counted apart. It meets the ingress filters of the device that it comes in by first.

A packet has left, and its delay is over, when its last byte has; a line without a speed takes it at once. After the last packet the queues are emptied to the end. Offered rates are told over the time from the first packet to the last, carried ones until all had left. Hosts have what they sent with the device wan, what they received with lan. Percentiles are right to 1 part in 64.

Connections are tracked beside it, as in `replay`, so that filters can ask for their state and their original addresses. Marks are 0 unless an action sets them. IPv4 packets have the priority of their type of service, as forwarded ones have in the kernel.

Exit status:
  0  the capture was read to its end
  1  the capture was cut or corrupt: what could be read is reported
  2  nothing is reported: wrong usage, a file that cannot be used, or output that cannot be written";

/// The options of `tctable simulate`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// The capture: pcap or pcapng, plain or compressed with gzip or zstd; `-` is standard input.
    #[arg(value_name = "CAPTURE")]
    pub(crate) capture: PathBuf,

    /// The shaping: lines of tc, or TOML; `-` is standard input.
    ///
    /// A file with an error is not used at all: the error is told with its line, and nothing is simulated.
    #[arg(long, value_name = "FILE")]
    pub(crate) tc: PathBuf,

    /// Another shaping of the same capture: each class and host is reported with both, and with the difference.
    #[arg(long, value_name = "FILE", conflicts_with = "pcap_out")]
    pub(crate) compare: Option<PathBuf>,

    /// What is inside: a prefix, an address, or the name of a pcapng interface; repeat for more.
    ///
    /// Without this option the private, unique-local and link-local prefixes are inside.
    #[arg(long, value_name = "WHAT", value_parser = lan)]
    pub(crate) lan: Vec<LanArg>,

    /// What FILE calls the inside or the outside device; repeat for more. `lan` and `wan` always name themselves.
    #[arg(long, value_name = "NAME=lan|wan", value_parser = device)]
    pub(crate) device: Vec<(String, Place)>,

    /// How classes and hosts are printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Print so many hosts at most, those with most bytes [default: 20 in a table, otherwise all].
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,

    /// Write the packets as they would have left: pcap with nanoseconds. With `-`, on standard output instead of the report.
    ///
    /// Packets that met congestion and allow to be marked are marked (ECN). Those from outside to outside are not among them.
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap_out: Option<PathBuf>,

    /// Draw what was carried by class over time. With `-`, on standard output instead of the report.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// When to use colours; `auto` looks for a terminal and for NO_COLOR.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// How classes and hosts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One document with everything.
    Json,
    /// RFC 4180 with a header row.
    Csv,
}

/// One `--device`.
fn device(what: &str) -> Result<(String, Place), String> {
    let (name, place) = place::device(what)?;
    match Place::ALL.into_iter().find(|known| known.name() == name) {
        Some(known) if known != place => Err(format!("{name} always names itself")),
        _ => Ok((name, place)),
    }
}

//! The command line.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use tctable::Config;
use tctable_daemon::config::CONTROL;
use tctable_lab::generate::Kind;
use tctable_view::Sort;

use crate::lab::Lab;
use crate::live::{self, Tunables};
use crate::manual::{Completions, Manual};
use crate::replay::RuleArgs;
use crate::rules;
use crate::run;
use crate::simulate::Simulate;
use crate::top::Top;

/// Every host and every connection of your traffic, as a Linux gateway would have counted them.
#[derive(Debug, Parser)]
#[command(name = "tctable", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tctable replay evening.pcap                     the top hosts of a capture
  tctable replay --format json *.pcap.gz          everything, for a program
  tctable replay --connections evening.pcap       the connections that are open at its end
  tctable simulate evening.pcap --tc shaping.tc   the same capture under a shaping: who got what, with what delay
  tctable rules check /etc/iptables/rules.v4      whether a gateway's rules can be loaded
  tctable run --lan eth1 --wan eth0               a gateway between two interfaces
  tctable watch eth1                              every host of a live interface";

const REPLAY_EXAMPLES: &str = "\
Examples:
  The five hosts with the most connections, and what is inside said by hand:
    tctable replay --top 5 --sort connections --lan 203.0.113.0/24 --lan 2001:db8::/32 evening.pcap
  Inside is whatever the interface lan0 received:
    tctable replay --lan lan0 router.pcapng
  Every connection, those that ended and those still open:
    tctable replay --connections --all evening.pcap
  A week into a spreadsheet:
    tctable replay --format csv day-*.pcap.zst > week.csv
  What goes over the line now, until tcpdump is stopped:
    tcpdump -i eth0 -w - | tctable replay -

Exit status:
  0  every file was read to its end
  1  a file was cut or corrupt: what could be read is reported
  2  nothing is reported: wrong usage, a file that is no capture, or output that cannot be written";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read captures and print what a gateway would have counted.
    Replay(Box<Replay>),
    /// Read a capture and print what each class and host would have got under a shaping.
    Simulate(Box<Simulate>),
    /// Check files of rules, and show them.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Read and set tunables of a running gateway; without names print all with their defaults, as `replay --sysctl` takes them.
    Sysctl(Sysctl),
    /// Be a gateway: forward between live interfaces, and count every host and connection. Needs root.
    Run(Box<run::Run>),
    /// Listen to live interfaces, and count every host and connection: nothing is forwarded. Needs root.
    Watch(Box<run::Watch>),
    /// Tell what is wrong with a gateway's configuration and with all files that it names.
    Check(run::Check),
    /// See it at work: clients, gateway and servers in namespaces of this machine, with real traffic. Needs root.
    Lab(Lab),
    /// Print the manual, or write a page for each command.
    Man(Manual),
    /// Print what a shell needs to complete commands and options.
    Completions(Completions),
    /// Print the top hosts of a running gateway.
    Hosts(live::Hosts),
    /// Print a running gateway's connections, as `conntrack -L -o extended` would.
    Connections(live::Connections),
    /// Print the qdiscs and classes of a running gateway with what they sent and what waits.
    Classes(live::Classes),
    /// Print what a running gateway saw, what it did not count and why, and how full its tables are.
    Stats(live::Stats),
    /// Watch a running gateway in the terminal: hosts with their rates, connections, classes, totals.
    Top(Top),
    /// End connections of a running gateway.
    Delete(live::Delete),
    /// Set counters of hosts of a running gateway to zero.
    Zero(live::Zero),
    /// Have a running gateway read its settings anew, without losing a packet, a connection or a counter.
    Reload(live::Reload),
    /// Write a capture of made-up traffic, for tests and benchmarks.
    #[command(hide = true)]
    Generate(Generate),
}

/// The options of `tctable replay`.
#[derive(Args, Debug)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct Replay {
    /// Captures, read one after the other: pcap or pcapng, plain or compressed with gzip or zstd; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// What is inside: a prefix, an address, or the name of a pcapng interface; repeat for more.
    ///
    /// Without this option the private, unique-local and link-local prefixes are inside.
    #[arg(long, value_name = "WHAT", value_parser = lan)]
    pub(crate) lan: Vec<LanArg>,

    /// How the hosts are printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Print so many hosts at most [default: 20 in a table, otherwise all].
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,

    /// What comes first: most of this, or the lowest address.
    #[arg(long, value_parser = sort(), default_value = Sort::default().name())]
    pub(crate) sort: Sort,

    /// Print the connections that are open at the end, to FILE or instead of the hosts.
    ///
    /// Lines are those of `conntrack -L -o extended`, or JSON objects with `--format json`.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) connections: Option<PathBuf>,

    /// Print also the connections that ended, as they end.
    #[arg(long, requires = "connections")]
    pub(crate) all: bool,

    /// Explain every packet: one JSON object to a line. With `-`, on standard output instead of the hosts.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// Connections that are tracked at a time; packets that would open another one are counted apart.
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::new(1 << 24).expect("not zero"))]
    pub(crate) max_connections: NonZeroU32,

    /// Hosts that are kept at a time; packets of others are counted apart.
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::new(1 << 20).expect("not zero"))]
    pub(crate) max_hosts: NonZeroU32,

    /// Seconds without traffic and connections after which a host's entry expires; the report keeps it.
    #[arg(long, value_name = "SECONDS", default_value_t = NonZeroU64::new(900).expect("not zero"))]
    pub(crate) host_timeout: NonZeroU64,

    /// Set a tunable by its kernel name; repeat for more. `tctable sysctl` lists them.
    ///
    /// Such as nf_conntrack_tcp_loose=0, nf_conntrack_checksum=1 or net.ipv4.ipfrag_time=10. Checksums are not verified unless
    /// this says so: a capture on a sending machine has them unset.
    #[arg(long, value_name = "NAME=VALUE", value_parser = sysctl)]
    pub(crate) sysctl: Vec<(String, String)>,

    /// Set tunables from a file in the form of sysctl.conf(5), before any `--sysctl`; repeat for more, `-` is standard input.
    ///
    /// A file with an error is not used at all: the error is told with its line, and nothing is replayed.
    #[arg(long, value_name = "FILE")]
    pub(crate) sysctl_file: Vec<PathBuf>,

    /// Skip what `--sysctl-file` sets and tctable has not, such as kernel.printk.
    #[arg(long, requires = "sysctl_file")]
    pub(crate) sysctl_ignore: bool,

    #[command(flatten)]
    pub(crate) rules: RuleArgs,

    /// When to use colours; `auto` looks for a terminal and for NO_COLOR.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,

    /// Frames that are handed to the engine at once. No output depends on it.
    #[arg(long, value_name = "N", default_value_t = 256, hide = true)]
    pub(crate) burst: usize,
}

const SYSCTL_EXAMPLES: &str = "\
Examples:
  Every tunable with its default:
    tctable sysctl
  What a file makes of them:
    tctable sysctl -p /etc/sysctl.d/gateway.conf
  All as they are in the running gateway:
    tctable sysctl -a
  One of them; and set, from the next packet on:
    tctable sysctl nf_conntrack_max
    tctable sysctl nf_conntrack_max=1000000";

/// The options of `tctable sysctl`.
#[derive(Args, Debug)]
#[command(after_help = SYSCTL_EXAMPLES)]
pub(crate) struct Sysctl {
    /// Print this tunable of the running gateway, or set it first.
    #[arg(value_name = "NAME[=VALUE]", conflicts_with_all = ["load", "all"])]
    pub(crate) names: Vec<String>,

    /// Print all tunables of the running gateway.
    #[arg(short, long, conflicts_with = "load")]
    pub(crate) all: bool,

    /// The control socket of the running gateway.
    #[arg(long, value_name = "PATH", default_value = CONTROL, conflicts_with = "load")]
    pub(crate) control: PathBuf,

    /// Print JSON.
    #[arg(short, long)]
    pub(crate) json: bool,

    /// Load a file in the form of sysctl.conf(5) first; repeat for more, `-` is standard input.
    ///
    /// A file with an error is not used at all: the error is told with its line, and nothing is printed.
    #[arg(short = 'p', long, value_name = "FILE")]
    pub(crate) load: Vec<PathBuf>,

    /// Skip what files set and tctable has not, such as kernel.printk.
    #[arg(short = 'e', long, requires = "load")]
    pub(crate) ignore: bool,
}

impl Sysctl {
    /// What is asked of a running gateway, if anything is.
    pub(crate) fn running(&self) -> Option<Tunables<'_>> {
        match self.names.is_empty() {
            true => self.all.then_some(Tunables::All),
            false => Some(Tunables::These(&self.names)),
        }
    }
}

/// The options of `tctable generate`.
#[derive(Args, Debug)]
pub(crate) struct Generate {
    /// The mix of traffic: office, churn or elephant.
    pub(crate) kind: Kind,

    /// Packets in the capture.
    #[arg(long, value_name = "N")]
    pub(crate) packets: u64,

    /// Where the random numbers start.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Bytes kept of each packet.
    #[arg(long, value_name = "N", default_value_t = 96)]
    pub(crate) snap_len: u32,

    /// The capture; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// How the hosts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One document with everything.
    Json,
    /// RFC 4180 with a header row.
    Csv,
    /// The lines of /proc/net/tc_counter.
    Proc,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// One `--lan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LanArg {
    /// Addresses.
    Prefix(IpNet),
    /// An interface of a capture.
    Name(String),
}

/// One `--sort`.
pub(crate) fn sort() -> impl TypedValueParser<Value = Sort> {
    let values = Sort::ALL.map(|(sort, help)| PossibleValue::new(sort.name()).help(help));
    PossibleValuesParser::new(values).map(|name| name.parse().expect("one of them"))
}

/// One `--sysctl`.
fn sysctl(what: &str) -> Result<(String, String), String> {
    let (name, value) = what.split_once('=').ok_or("no `=` in it")?;
    // Whether there is such a tunable is told before anything is read.
    Config::default().set_sysctl(name, value).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Anything that reads as a prefix or an address is one; everything else is a name.
pub(crate) fn lan(what: &str) -> Result<LanArg, String> {
    if let Ok(prefix) = what.parse::<IpNet>() {
        return Ok(LanArg::Prefix(prefix.trunc()));
    }
    if let Ok(address) = what.parse::<IpAddr>() {
        return Ok(LanArg::Prefix(address.into()));
    }
    match what.split_once('/') {
        _ if what.is_empty() => Err("neither a prefix nor a name".to_owned()),
        // Nobody names an interface so; it would only be missed at the end of a long file.
        Some((address, length)) if address.parse::<IpAddr>().is_ok() => Err(format!("no prefix length: {length}")),
        _ => Ok(LanArg::Name(what.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn lan_takes_prefixes_addresses_and_names() {
        assert_eq!(lan("10.1.2.3/8"), Ok(LanArg::Prefix("10.0.0.0/8".parse().unwrap())));
        assert_eq!(lan("10.1.2.3"), Ok(LanArg::Prefix("10.1.2.3/32".parse().unwrap())));
        assert_eq!(lan("fd00::1"), Ok(LanArg::Prefix("fd00::1/128".parse().unwrap())));
        for name in ["eth0", "br/lan", "10.1.2", "0"] {
            assert_eq!(lan(name), Ok(LanArg::Name(name.to_owned())));
        }
        for wrong in ["", "10.0.0.0/33", "fd00::/", "10.0.0.0/x"] {
            assert!(lan(wrong).is_err(), "{wrong}");
        }
    }
}

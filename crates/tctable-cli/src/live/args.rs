//! The options of commands that speak with a running gateway.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use tctable_daemon::config::CONTROL;
use tctable_view::Sort;

use crate::args::{Color, sort};

const HOSTS_EXAMPLES: &str = "\
Examples:
  Who uses the line most:
    tctable hosts
  The ten that received most, for a program:
    tctable hosts --sort rx --top 10 -j";

const CONNECTIONS_EXAMPLES: &str = "\
Examples:
  What a host does:
    tctable connections --host 192.168.0.7
  Web connections that are not answered:
    tctable connections --protocol tcp --port 443 --state SYN_SENT
  One JSON object to a line, with the key that `tctable delete` takes:
    tctable connections -j --host 192.168.0.0/24";

const CLASSES_EXAMPLES: &str = "\
Examples:
  What each class got, and what waits:
    tctable classes
  Of one interface, for a program:
    tctable classes --device eth0 -j";

const STATS_EXAMPLES: &str = "\
Examples:
  What was seen, what was not counted and why, how full tables are:
    tctable stats
  One number:
    tctable stats -j | jq .tables.connections.count";

const DELETE_EXAMPLES: &str = "\
Examples:
  All connections of a host:
    tctable delete --host 192.168.0.7
  Those to a port:
    tctable delete --protocol tcp --port 25
  One, by the key that `tctable connections -j` tells:
    tctable delete 0.4711.1";

const ZERO_EXAMPLES: &str = "\
Examples:
  A host's counters, printed as they stood:
    tctable zero 192.168.0.7 -j
  Those of all hosts:
    tctable zero --all";

const RELOAD_EXAMPLES: &str = "\
Examples:
  After a change of /etc/tctable/tctable.toml or of what it names:
    tctable check && tctable reload

What is wrong changes nothing, and is told with its file and line.";

/// Which gateway.
#[derive(Args, Debug)]
pub(crate) struct Gateway {
    /// The control socket of the gateway.
    #[arg(long, value_name = "PATH", default_value = CONTROL)]
    pub(crate) control: PathBuf,
}

/// Which gateway, and for whom.
#[derive(Args, Debug)]
pub(crate) struct Asking {
    #[command(flatten)]
    pub(crate) gateway: Gateway,

    /// Print JSON.
    #[arg(short, long)]
    pub(crate) json: bool,
}

/// How tables for people look.
#[derive(Args, Debug)]
pub(crate) struct Looks {
    /// When to use colours; `auto` looks for a terminal and for NO_COLOR.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// The options of `tctable hosts`.
#[derive(Args, Debug)]
#[command(after_help = HOSTS_EXAMPLES)]
pub(crate) struct Hosts {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// So many hosts at most [default: 20 in a table, otherwise all].
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,

    /// What comes first: most of this, or the lowest address.
    #[arg(long, value_parser = sort(), default_value = Sort::default().name())]
    pub(crate) sort: Sort,

    #[command(flatten)]
    pub(crate) looks: Looks,
}

/// Which connections.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// One of its ends is this address, or in this prefix.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,

    /// Its protocol: a name or a number.
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,

    /// Its state (ESTABLISHED), or a word of its status (ASSURED); case does not matter.
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,

    /// One of its ports.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
}

/// The options of `tctable connections`.
#[derive(Args, Debug)]
#[command(after_help = CONNECTIONS_EXAMPLES)]
pub(crate) struct Connections {
    #[command(flatten)]
    pub(crate) asking: Asking,

    #[command(flatten)]
    pub(crate) which: Which,

    /// So many connections at most.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// The options of `tctable classes`.
#[derive(Args, Debug)]
#[command(after_help = CLASSES_EXAMPLES)]
pub(crate) struct Classes {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// Only of this interface.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    #[command(flatten)]
    pub(crate) looks: Looks,
}

/// The options of `tctable stats`.
#[derive(Args, Debug)]
#[command(after_help = STATS_EXAMPLES)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) asking: Asking,

    #[command(flatten)]
    pub(crate) looks: Looks,
}

/// The options of `tctable delete`.
#[derive(Args, Debug)]
#[command(after_help = DELETE_EXAMPLES)]
pub(crate) struct Delete {
    /// Connections by their keys.
    #[arg(value_name = "KEY", conflicts_with_all = ["host", "protocol", "state", "port", "all"])]
    pub(crate) keys: Vec<String>,

    #[command(flatten)]
    pub(crate) which: Which,

    /// Every connection.
    #[arg(long, conflicts_with_all = ["host", "protocol", "state", "port"])]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// The options of `tctable zero`.
#[derive(Args, Debug)]
#[command(after_help = ZERO_EXAMPLES)]
pub(crate) struct Zero {
    /// Hosts.
    #[arg(value_name = "ADDRESS", required_unless_present = "all")]
    pub(crate) hosts: Vec<IpAddr>,

    /// Every host.
    #[arg(long, conflicts_with = "hosts")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) asking: Asking,

    #[command(flatten)]
    pub(crate) looks: Looks,
}

/// The options of `tctable reload`.
#[derive(Args, Debug)]
#[command(after_help = RELOAD_EXAMPLES)]
pub(crate) struct Reload {
    #[command(flatten)]
    pub(crate) asking: Asking,
}

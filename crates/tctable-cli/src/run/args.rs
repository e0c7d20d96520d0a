//! The options of `tctable run` and its like.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use tctable::Config;
use tctable_daemon::config::{Said, Sources, Tunable};

const RUN_EXAMPLES: &str = "\
Examples:
  A bridge between the clients at eth1 and the line at eth0, with nothing to set up:
    tctable run --lan eth1 --wan eth0
  With a gateway's rules, and what each class and host gets of the line:
    tctable run --lan eth1 --wan eth0 --rules /etc/iptables/rules.v4 --tc /etc/tctable/shaping.tc
  Behind a TUN device, to which the kernel routes what is to be counted:
    tctable run --tun tct0 --inside 192.168.0.0/16
  Two threads, each on a processor of its own:
    tctable run --lan eth1 --wan eth0 --shards 2 --pin 2,3

All of it can stand in /etc/tctable/tctable.toml and in files of /etc/tctable/conf.d, under the names that options have here:
  lan = \"eth1\"
  wan = \"eth0\"
  rules = [\"/etc/iptables/rules.v4\"]
  [sysctl]
  nf_conntrack_max = 1000000
  [[group]]
  name = \"flat 7\"
  members = [\"192.168.7.0/24\", \"02:00:00:00:00:07\"]
  max-connections = 4000

SIGHUP has it read all of that anew: what is wrong changes nothing, and what is right holds from the next packet on. SIGTERM ends it, after what waits has left.";

const WATCH_EXAMPLES: &str = "\
Examples:
  Everything at a switch's mirror port:
    tctable watch eth1
  What is inside said by hand:
    tctable watch eth1 --inside 203.0.113.0/24 --inside 2001:db8::/32";

const CHECK_EXAMPLES: &str = "\
Examples:
  What a restart or a reload would say:
    tctable check /etc/tctable/tctable.toml

Exit status:
  0  all is right
  2  the first thing that is wrong was told, with its file and line";

/// The options of `tctable run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct Run {
    /// The inside interface of a bridge: what it receives comes from inside.
    #[arg(long, value_name = "INTERFACE")]
    lan: Option<String>,

    /// The outside interface of a bridge.
    #[arg(long, value_name = "INTERFACE")]
    wan: Option<String>,

    /// The TUN device that the kernel routes to: what passes goes back to it.
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["lan", "wan"])]
    tun: Option<String>,

    /// Let packets meet these rules: the text of `iptables-save` or `ip6tables-save`; one file for each version of IP.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,

    /// The sets that rules ask for: the text of `ipset save`.
    #[arg(long, value_name = "FILE")]
    sets: Option<PathBuf>,

    /// Traffic control: lines of tc, or the same as TOML, as `simulate --tc` takes them. The devices have their own names, and in
    /// a bridge also lan and wan.
    #[arg(long, value_name = "FILE")]
    tc: Option<PathBuf>,

    /// While the gateway does not forward, have the kernel pass everything on between the two interfaces, and start it again.
    ///
    /// Nothing is counted then. It stays so after the end, until `tc qdisc del dev INTERFACE clsact` on both interfaces.
    #[arg(long, conflicts_with = "tun")]
    fail_open: bool,

    #[command(flatten)]
    common: Common,
}

/// The options of `tctable watch`.
#[derive(Args, Debug)]
#[command(after_help = WATCH_EXAMPLES)]
pub(crate) struct Watch {
    /// The interfaces.
    #[arg(value_name = "INTERFACE", required = true)]
    interfaces: Vec<String>,

    #[command(flatten)]
    common: Common,
}

/// The options of `tctable check`.
#[derive(Args, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct Check {
    /// The configuration; files of `conf.d` beside it belong to it.
    #[arg(value_name = "FILE", default_value = CONFIG)]
    file: PathBuf,
}

const CONFIG: &str = "/etc/tctable/tctable.toml";

/// What both have.
#[derive(Args, Debug)]
struct Common {
    /// The configuration, with `conf.d` beside it; options go before what they say.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,

    /// A prefix or address that is inside; repeat for more [default: what the inside interface receives, else private networks].
    #[arg(long, value_name = "PREFIX", value_parser = prefix)]
    inside: Vec<IpNet>,

    /// Set a tunable by its kernel name; repeat for more. `tctable sysctl` lists them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = sysctl)]
    sysctl: Vec<(String, String)>,

    /// Threads that share the work, each with the connections of its own hosts.
    #[arg(long, value_name = "N")]
    shards: Option<u16>,

    /// The processors that these threads are pinned to, one for each.
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pin: Option<Vec<usize>>,

    /// The control socket [default: /run/tctable/control.sock]; none where it is empty.
    #[arg(long, value_name = "PATH", value_parser = path)]
    control: Option<PathBuf>,

    /// Who may read there: a group, by name or number.
    #[arg(long, value_name = "GROUP")]
    control_group: Option<String>,

    /// Serve metrics there (OpenMetrics).
    #[arg(long, value_name = "ADDRESS", hide = true)]
    metrics: Option<SocketAddr>,

    /// So many hosts in the metrics, those with most bytes [default: 20].
    #[arg(long, value_name = "N", requires = "metrics")]
    metrics_hosts: Option<usize>,

    /// Where hosts and periods are kept over restarts [default: /var/lib/tctable]; nowhere if it is empty.
    #[arg(long, value_name = "DIRECTORY", value_parser = path)]
    state: Option<PathBuf>,

    /// Keep connections too, from an end (SIGTERM) to the next start: they go on as if nothing had been.
    ///
    /// Without it, and after a crash, the next start picks connections up in mid-stream (`nf_conntrack_tcp_loose`).
    #[arg(long)]
    save_connections: bool,

    /// The user that it becomes, with CAP_NET_ADMIN and CAP_NET_RAW only [default: tctable, where there is one].
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Take AF_XDP in the place of packet sockets, where it is built in and the interface can; else it says why not.
    #[arg(long)]
    xdp: bool,
}

impl Common {
    fn sources(&self, form: Said) -> Sources {
        let many = |list: &Vec<IpNet>| (!list.is_empty()).then(|| list.clone());
        let options = Said {
            inside: many(&self.inside),
            sysctl: self.sysctl.iter().map(|(name, value)| (name.clone(), Tunable::Text(value.clone()))).collect(),
            shards: self.shards,
            pin: self.pin.clone(),
            control: self.control.clone(),
            control_group: self.control_group.clone(),
            metrics: self.metrics,
            metrics_hosts: self.metrics_hosts,
            state: self.state.clone(),
            user: self.user.clone(),
            save_connections: self.save_connections.then_some(true),
            xdp: self.xdp.then_some(true),
            ..form
        };
        let needed = self.config != std::path::Path::new(CONFIG);
        Sources { file: Some(self.config.clone()), needed, options }
    }
}

impl Run {
    pub(super) fn sources(&self) -> Sources {
        self.common.sources(Said {
            lan: self.lan.clone(),
            wan: self.wan.clone(),
            tun: self.tun.clone(),
            rules: (!self.rules.is_empty()).then(|| self.rules.clone()),
            sets: self.sets.clone(),
            tc: self.tc.clone(),
            fail_open: self.fail_open.then_some(true),
            ..Said::default()
        })
    }
}

impl Watch {
    pub(super) fn sources(&self) -> Sources {
        self.common.sources(Said { watch: Some(self.interfaces.clone()), ..Said::default() })
    }
}

impl Check {
    pub(super) fn sources(&self) -> Sources {
        Sources { file: Some(self.file.clone()), needed: true, options: Said::default() }
    }
}

/// A path that may be empty.
fn path(what: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(what.into())
}

/// One `--inside`.
fn prefix(what: &str) -> Result<IpNet, String> {
    let address = || what.parse::<std::net::IpAddr>().map(IpNet::from);
    what.parse::<IpNet>().map(|prefix| prefix.trunc()).or_else(|_| address()).map_err(|_| "no prefix".to_owned())
}

/// One `--sysctl`.
fn sysctl(what: &str) -> Result<(String, String), String> {
    let (name, value) = what.split_once('=').ok_or("no `=` in it")?;
    Config::default().set_sysctl(name, value).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::error::ConfigError;
use super::loaded::{LAN, WAN};
use super::said::Said;
use super::shaping::DeviceNames;
use tctable::packet::DeviceId;

/// Where settings come from: kept, so that they can be read anew.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The main file, with `conf.d` beside it.
    pub file: Option<PathBuf>,
    /// Whether it has to be there.
    pub needed: bool,
    /// What the command line says: it goes before all files.
    pub options: Said,
}

/// By which interfaces packets come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A transparent bridge between two interfaces.
    InLine {
        /// The inside one.
        lan: String,
        /// The outside one.
        wan: String,
    },
    /// A TUN device that the kernel routes to.
    Tun {
        /// Its name.
        name: String,
    },
    /// Interfaces that are listened to: nothing is forwarded.
    Watch {
        /// Their names.
        interfaces: Vec<String>,
    },
}

impl Form {
    /// The names of the interfaces; a device's number is its place here.
    pub fn interfaces(&self) -> Vec<&str> {
        match self {
            Form::InLine { lan, wan } => vec![lan, wan],
            Form::Tun { name } => vec![name],
            Form::Watch { interfaces } => interfaces.iter().map(String::as_str).collect(),
        }
    }
}

/// Where the control socket is, if nothing else is said.
pub const CONTROL: &str = "/run/tctable/control.sock";
/// Where hosts and periods are kept, if nothing else is said.
pub const STATE: &str = "/var/lib/tctable";

/// Hosts that metrics tell of where nobody said how many.
const METRICS_HOSTS: usize = 20;
/// The most: each has six time series.
const MOST_METRICS_HOSTS: usize = 1000;

/// Everything that an operator said, as it holds; what it names in turn is [`super::Loaded`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where all of this was said.
    pub sources: Sources,
    /// The interfaces.
    pub form: Form,
    /// The prefixes that are inside; `None`: what the inside interface of a bridge receives, otherwise private networks.
    pub inside: Option<Vec<IpNet>>,
    /// Shards, at least one.
    pub shards: usize,
    /// The processors that they are pinned to, in their order; empty where they are not.
    pub pin: Vec<usize>,
    /// The control socket, if there is to be one.
    pub control: Option<PathBuf>,
    /// Its group.
    pub control_group: Option<String>,
    /// Where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    /// Hosts that metrics tell of: those with most bytes.
    pub metrics_hosts: usize,
    /// The directory where hosts and periods are kept over restarts, if they are.
    pub state: Option<PathBuf>,
    /// Connections are kept there too, from an end to the next start.
    pub save_connections: bool,
    /// AF_XDP where it can be had.
    pub xdp: bool,
    /// The kernel bridges while the gateway does not forward.
    pub fail_open: bool,
    /// The user that it becomes; `None`: `tctable`, where there is one.
    pub user: Option<String>,
    /// What is left for [`super::Loaded`].
    pub(super) said: Said,
}

impl Settings {
    /// Reads files, and puts them together with the command line's options.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(sources: Sources) -> Result<Settings, ConfigError> {
        let files = match &sources.file {
            Some(file) => Said::read_all(file, sources.needed)?,
            None => Said::default(),
        };
        let said = sources.options.clone().after(files);
        Settings::new(sources, said)
    }

    /// The same read anew.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read_again(&self) -> Result<Settings, ConfigError> {
        Settings::read(self.sources.clone())
    }

    /// The files that are read anew at a reload, but for those of [`Settings::sources`].
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let said = &self.said;
        let rules = said.rules.iter().flatten();
        rules.chain(&said.sets).chain(&said.tc).map(PathBuf::as_path)
    }

    /// What devices are called in files of traffic control: by their names, and in a bridge `lan` and `wan` too.
    pub(super) fn device_names(&self) -> DeviceNames {
        let names = self.form.interfaces();
        let mut named: Vec<(String, DeviceId)> =
            (0..).zip(&names).map(|(at, name)| ((*name).to_owned(), DeviceId(at))).collect();
        let mut told = format!("there are: {}", names.join(", "));
        if matches!(self.form, Form::InLine { .. }) {
            named.extend([("lan".to_owned(), LAN), ("wan".to_owned(), WAN)]);
            told += ", and these two as lan and wan";
        }
        DeviceNames::new(named, &told)
    }

    fn new(sources: Sources, said: Said) -> Result<Settings, ConfigError> {
        let form = form(&said)?;
        let shards = usize::from(said.shards.unwrap_or(1));
        let senseless = |what, reason: &str| Err(ConfigError::Senseless { what, reason: reason.to_owned() });
        if shards == 0 || shards > 256 {
            return senseless("shards", "1 to 256");
        }
        if shards > 1 && said.tc.is_some() {
            return senseless("shards", "traffic control needs one shard: each would give out the whole rate");
        }
        if shards > 1 && (said.host_quota.is_some() || said.group.iter().any(|group| group.quota.is_some())) {
            return senseless("shards", "quotas need one shard: each would give out the whole quota");
        }
        if said.metrics_hosts.is_some_and(|hosts| hosts > MOST_METRICS_HOSTS) {
            return senseless("metrics-hosts", "0 to 1000");
        }
        let pin = said.pin.clone().unwrap_or_default();
        if !pin.is_empty() && pin.len() != shards {
            return senseless("pin", &format!("{} processors for {shards} shards", pin.len()));
        }
        if said.fail_open == Some(true) && !matches!(form, Form::InLine { .. }) {
            return senseless("fail-open", "only a bridge can be left to the kernel");
        }
        // An empty one is none.
        let path = |path: &Option<PathBuf>, default: &str| {
            Some(path.clone().unwrap_or_else(|| default.into())).filter(|path| path != Path::new(""))
        };
        let state = path(&said.state, STATE);
        let save_connections = said.save_connections.unwrap_or(false);
        if save_connections && state.is_none() {
            return senseless("save-connections", "there is no directory for state");
        }
        if save_connections && shards > 1 && (said.xdp == Some(true) || matches!(form, Form::Tun { .. })) {
            return senseless("save-connections", "only the shards of packet sockets are known before packets come");
        }
        Ok(Settings {
            sources,
            form,
            inside: said.inside.clone(),
            shards,
            pin,
            control: path(&said.control, CONTROL),
            control_group: said.control_group.clone(),
            metrics: said.metrics,
            metrics_hosts: said.metrics_hosts.unwrap_or(METRICS_HOSTS),
            state,
            save_connections,
            xdp: said.xdp.unwrap_or(false),
            fail_open: said.fail_open.unwrap_or(false),
            user: said.user.clone(),
            said,
        })
    }
}

fn form(said: &Said) -> Result<Form, ConfigError> {
    let form = match (&said.lan, &said.wan, &said.tun, &said.watch) {
        (Some(lan), Some(wan), None, None) => Form::InLine { lan: lan.clone(), wan: wan.clone() },
        (None, None, Some(name), None) => Form::Tun { name: name.clone() },
        (None, None, None, Some(interfaces)) if !interfaces.is_empty() => {
            Form::Watch { interfaces: interfaces.clone() }
        }
        (Some(_), None, None, None) | (None, Some(_), None, None) => return Err(ConfigError::OneSide),
        (None, None, None, _) => return Err(ConfigError::NoInterface),
        _ => return Err(ConfigError::TwoForms),
    };
    let names = form.interfaces();
    for (at, name) in names.iter().enumerate() {
        let odd = |letter: char| letter == '/' || letter.is_whitespace();
        if name.is_empty() || name.len() > 15 || name.contains(odd) {
            return Err(ConfigError::InterfaceName((*name).to_owned()));
        }
        if names[..at].contains(name) {
            return Err(ConfigError::SameInterface((*name).to_owned()));
        }
    }
    Ok(form)
}

//! Rules that the packets of a replay meet.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use tctable::gateway::{Route, UnknownRuleHelper};
use tctable::packet::{DeviceId, Family};
use tctable::ruleset::{Ruleset, Sets};
use tctable::{Config, Gateway};
use tctable_daemon::config::rules_file::{RulesFileError as LoadError, rules as load_rules, sets as load_sets};
use thiserror::Error;

use crate::output::{Output, OutputError};
use crate::place::{self, Place};

/// Numbers that no interface of a capture has.
const LAN: DeviceId = DeviceId(u16::MAX);
const WAN: DeviceId = DeviceId(u16::MAX - 1);

/// The options of `tctable replay` that have to do with rules.
#[derive(Args, Debug)]
pub(crate) struct RuleArgs {
    /// Let the packets meet these rules: the text of `iptables-save` or `ip6tables-save`; one file for each version of IP.
    ///
    /// A packet from inside comes in by the device `lan`, one to inside leaves by it, any other by `wan`; --device names
    /// them. What a rule drops is not counted for a host, and opens no connection.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,

    /// The sets that rules ask for: the text of `ipset save`.
    #[arg(long, value_name = "FILE", requires = "rules")]
    pub(crate) sets: Option<PathBuf>,

    /// Write the rules with the counters that the capture gave, in the form of `iptables-save --counters`.
    ///
    /// With rules for both versions of IP, IPv4's come first.
    #[arg(long, value_name = "FILE", requires = "rules")]
    pub(crate) rules_out: Option<PathBuf>,

    /// What rules call the inside device and the outside device.
    #[arg(long, value_name = "NAME=lan|wan", value_parser = place::device, requires = "rules")]
    pub(crate) device: Vec<(String, Place)>,

    /// An address of the gateway's own: what goes to it meets the chain INPUT, what comes from it OUTPUT; repeat for more.
    #[arg(long, value_name = "ADDRESS", requires = "rules")]
    pub(crate) local: Vec<IpAddr>,
}

/// Why rules cannot be replayed.
#[derive(Debug, Error)]
pub(crate) enum RulesError {
    /// A file is wrong.
    #[error("{0}")]
    Load(LoadError),
    /// Two files for one version of IP.
    #[error("two files of rules for {0}")]
    Twice(Family),
    /// A rule names a helper that there is none of.
    #[error(transparent)]
    Helper(#[from] UnknownRuleHelper),
    /// Two names for one device.
    #[error("two names for the {0} device")]
    TwoNames(&'static str),
}

impl From<LoadError> for RulesError {
    fn from(error: LoadError) -> Self {
        RulesError::Load(error)
    }
}

/// What was loaded.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    v4: Option<Ruleset>,
    v6: Option<Ruleset>,
    sets: Sets,
    /// The names of the inside and of the outside device.
    names: [String; 2],
}

pub(super) fn load(args: &RuleArgs) -> Result<Loaded, RulesError> {
    let mut loaded = Loaded { names: ["lan".to_owned(), "wan".to_owned()], ..Loaded::default() };
    if let Some(file) = &args.sets {
        loaded.sets = load_sets(file)?;
    }
    for file in &args.rules {
        let rules = load_rules(file, None, &loaded.sets)?;
        let family = rules.family;
        let place = if family == Family::V4 { &mut loaded.v4 } else { &mut loaded.v6 };
        if place.replace(rules).is_some() {
            return Err(RulesError::Twice(family));
        }
    }
    for (place, at, word) in [(Place::Lan, 0, "inside"), (Place::Wan, 1, "outside")] {
        let mut names = args.device.iter().filter(|(_, of)| *of == place);
        if let Some((name, _)) = names.next() {
            loaded.names[at].clone_from(name);
        }
        if names.next().is_some() {
            return Err(RulesError::TwoNames(word));
        }
    }
    Ok(loaded)
}

impl Loaded {
    /// Whether packets meet any.
    pub(super) fn any(&self) -> bool {
        self.v4.is_some() || self.v6.is_some()
    }

    /// What the engine is to be told before it begins.
    pub(super) fn configure(&self, args: &RuleArgs, tracing: bool, config: &mut Config) {
        config.local.clone_from(&args.local);
        config.route = Route::Sides { lan: LAN, wan: WAN };
        config.trace = tracing && self.any();
    }

    /// Gives the engine its rules.
    pub(super) fn apply(self, gateway: &mut Gateway) -> Result<(), RulesError> {
        let [lan, wan] = &self.names;
        gateway.name_device(LAN, lan);
        gateway.name_device(WAN, wan);
        if self.any() {
            gateway.set_rules(self.v4, self.v6, &self.sets)?;
        }
        Ok(())
    }
}

/// Writes the rules with their counters.
pub(super) fn write(gateway: &Gateway, file: &Path) -> Result<(), OutputError> {
    let mut output = Output::create(file)?;
    let (v4, v6) = gateway.rules();
    for rules in [v4, v6].into_iter().flatten() {
        output.text += &rules.to_string();
        output.relieve()?;
    }
    output.finish()
}

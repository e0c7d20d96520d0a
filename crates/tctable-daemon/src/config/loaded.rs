use tctable::account::{Inside, UtcOffset};
use tctable::gateway::Route;
use tctable::packet::{DeviceId, Family};
use tctable::ruleset::{Ruleset, Sets};
use tctable::sched::{self, DeviceConfig, Scheduler};
use tctable::time::Instant;
use tctable::{Config, Gateway};

use super::error::ConfigError;
use super::groups::{QuotaSaid, groups};
use super::rules_file;
use super::settings::{Form, Settings};
use super::shaping::Shaping;

/// What settings name, read and checked: ready for engines.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The engine's configuration, but for its secrets.
    pub config: Config,
    /// The rules for IPv4.
    pub v4: Option<Ruleset>,
    /// The rules for IPv6.
    pub v6: Option<Ruleset>,
    /// The sets that rules ask for.
    pub sets: Sets,
    /// Traffic control, if an operator has any.
    pub tc: Option<Shaping>,
}

/// Answers to rejected packets that may wait: a burst's, and some more.
const MAX_TRANSMITS: usize = 1024;

impl Loaded {
    /// Reads what settings name.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing that is wrong.
    pub fn read(settings: &Settings) -> Result<Loaded, ConfigError> {
        let said = &settings.said;
        let mut config = Config {
            max_transmits: MAX_TRANSMITS,
            route: route(&settings.form),
            inside: inside(settings),
            utc_offset: said.utc_offset.unwrap_or(0),
            ..Config::default()
        };
        // Frames from this machine's own stack come with checksums that the card would compute.
        config.conntrack.checksum = false;
        let offset = UtcOffset::from_secs(config.utc_offset);
        config.hosts.utc_offset = offset.ok_or_else(|| ConfigError::Senseless {
            what: "utc-offset",
            reason: "less than a day, in seconds".to_owned(),
        })?;
        config.hosts.rates = true;
        config.hosts.links = true;
        config.hosts.groups = groups(&said.group)?;
        config.hosts.quota = said.host_quota.as_ref().map(QuotaSaid::quota);
        for (name, value) in &said.sysctl {
            config.set_sysctl(name, &value.text())?;
        }
        let sets = said.sets.as_deref().map_or_else(|| Ok(Sets::default()), rules_file::sets)?;
        let mut loaded = Loaded { config, v4: None, v6: None, sets, tc: None };
        for file in said.rules.iter().flatten() {
            let rules = rules_file::rules(file, None, &loaded.sets)?;
            let family = rules.family;
            let place = if family == Family::V4 { &mut loaded.v4 } else { &mut loaded.v6 };
            if place.replace(rules).is_some() {
                return Err(ConfigError::Twice(family));
            }
        }
        // What only an engine can tell: whether it has every helper that a rule names.
        let mut engine = Gateway::new(loaded.config.clone());
        engine.set_rules(loaded.v4.clone(), loaded.v6.clone(), &loaded.sets)?;
        if let Some(file) = &said.tc {
            let shaping = Shaping::load(file, &settings.device_names())?;
            // Whether it can be done at all.
            shaping.apply(Instant::ZERO, &mut scheduler(settings, &[]))?;
            loaded.tc = Some(shaping);
        }
        Ok(loaded)
    }
}

/// Traffic control with the devices of a gateway, as they are without a word from an operator; `mtus` as far as they are known.
pub(crate) fn scheduler(settings: &Settings, mtus: &[u32]) -> Scheduler {
    let mut scheduler = Scheduler::new(sched::Config::default());
    for (at, name) in settings.form.interfaces().into_iter().enumerate() {
        let mtu = mtus.get(at).copied().unwrap_or(DeviceConfig::default().mtu);
        let config = DeviceConfig { name: name.to_owned(), mtu, ..DeviceConfig::default() };
        scheduler.add_device(DeviceId(at as u16), config).expect("a few devices of a kind that is there");
    }
    scheduler
}

/// The first two devices of a bridge.
pub(crate) const LAN: DeviceId = DeviceId(0);
pub(crate) const WAN: DeviceId = DeviceId(1);

fn route(form: &Form) -> Route {
    match form {
        Form::InLine { .. } => Route::Between(LAN, WAN),
        // It goes back by the device that it came in by.
        Form::Tun { .. } => Route::Between(LAN, LAN),
        Form::Watch { .. } => Route::Unknown,
    }
}

fn inside(settings: &Settings) -> Inside {
    match (&settings.inside, &settings.form) {
        (Some(prefixes), _) => Inside::new(prefixes),
        (None, Form::InLine { .. }) => {
            let mut inside = Inside::new(&[]);
            inside.set_device(LAN, true);
            inside
        }
        (None, Form::Tun { .. } | Form::Watch { .. }) => Inside::new(&Inside::default_prefixes()),
    }
}

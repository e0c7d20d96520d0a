//! Other settings for a gateway that runs.

use std::sync::{Arc, PoisonError};

use tctable::time::Instant;
use thiserror::Error;
use tracing::error;

use crate::config::shaping::Shaping;
use crate::config::{ConfigError, Loaded, Settings, scheduler};
use crate::daemon::{Daemon, Holds};
use crate::shard::Shard;

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The parts that are other than before.
    pub changed: Vec<&'static str>,
}

/// Why a reload changed nothing.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The new settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something is other than before that cannot be changed while the gateway runs.
    #[error("{0} cannot be changed while the gateway runs: restart it")]
    Fixed(&'static str),
    /// The gateway ends.
    #[error("the gateway ends")]
    Gone,
}

impl Daemon {
    /// Reads the settings and all that they name anew, and lets them hold in each shard from its next burst on. Connections,
    /// hosts, what waits and the counters of rules that are there again stay.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing is changed then.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let _one_at_a_time = self.reloading.lock().await;
        let old = self.holds();
        let settings = old.settings.read_again()?;
        stays(&old.settings, &settings)?;
        let mut loaded = Loaded::read(&settings)?;
        // What the engines began with, they keep.
        let config = &old.loaded.config;
        (loaded.config.hash_key, loaded.config.seed, loaded.config.mtu) = (config.hash_key, config.seed, config.mtu);
        let changed = differences(&old.loaded, &loaded);
        try_shaping(&settings, &old.loaded, &loaded)?;
        let (before, after) = (old.loaded.clone(), Arc::new(loaded));
        let holds = Holds { settings: Arc::new(settings), loaded: after.clone() };
        if !changed.is_empty() {
            let done = self.shards.ask_all(move |shard| apply(shard, &before, &after)).await;
            if let Some(refused) = done.map_err(|_| ReloadError::Gone)?.into_iter().find_map(Result::err) {
                // All of it was tried before, so this is a mistake of the program's.
                error!("reload: {refused}");
                return Err(refused.into());
            }
        }
        *self.holds.lock().unwrap_or_else(PoisonError::into_inner) = holds;
        Ok(Reloaded { changed })
    }
}

/// Whether all is the same that cannot be changed.
fn stays(old: &Settings, new: &Settings) -> Result<(), ReloadError> {
    let fixed = [
        (old.form == new.form, "the interfaces"),
        (old.shards == new.shards, "shards"),
        (old.pin == new.pin, "pin"),
        (old.control == new.control && old.control_group == new.control_group, "the control socket"),
        (old.metrics == new.metrics, "metrics"),
        (old.state == new.state, "state"),
        (old.xdp == new.xdp, "xdp"),
        (old.fail_open == new.fail_open, "fail-open"),
    ];
    fixed.into_iter().try_for_each(|(same, what)| if same { Ok(()) } else { Err(ReloadError::Fixed(what)) })
}

fn differences(old: &Loaded, new: &Loaded) -> Vec<&'static str> {
    // As they read: these have no other equality, and reloads are rare.
    let text = |loaded: &Loaded| format!("{:?}", loaded.config);
    let parts = [
        (text(old) == text(new), "settings of the engine"),
        (old.v4 == new.v4 && old.v6 == new.v6 && format!("{:?}", old.sets) == format!("{:?}", new.sets), "rules"),
        (old.tc.as_ref().map(Shaping::commands) == new.tc.as_ref().map(Shaping::commands), "traffic control"),
    ];
    parts.into_iter().filter(|(same, _)| !same).map(|(_, what)| what).collect()
}

/// Whether traffic control can be changed so, on a copy in which nothing waits.
fn try_shaping(settings: &Settings, old: &Loaded, new: &Loaded) -> Result<(), ConfigError> {
    let mut copy = scheduler(settings, &[]);
    if let Some(tc) = &old.tc {
        tc.apply(Instant::ZERO, &mut copy)?;
    }
    Ok(Shaping::change(old.tc.as_ref(), new.tc.as_ref(), Instant::ZERO, &mut copy)?)
}

fn apply(shard: &mut Shard, old: &Loaded, new: &Loaded) -> Result<(), ConfigError> {
    shard.gateway.set_config(new.config.clone());
    shard.gateway.set_rules(new.v4.clone(), new.v6.clone(), &new.sets)?;
    Shaping::change(old.tc.as_ref(), new.tc.as_ref(), shard.now, &mut shard.scheduler)?;
    shard.shaped = new.tc.is_some();
    Ok(())
}

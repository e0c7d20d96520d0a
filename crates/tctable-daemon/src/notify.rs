//! What the service manager is told (sd_notify(3)), where there is one.

use std::time::Duration;

use sd_notify::NotifyState;

/// Says it; without a service manager nobody hears, and one that does not listen is no reason to stop.
fn say(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// The gateway forwards, or has the new settings.
pub fn ready() {
    say(&[NotifyState::Ready]);
}

/// The gateway reads its settings anew; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(_) => say(&[NotifyState::Reloading]),
    }
}

/// The gateway ends.
pub fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// All shards are alive.
pub fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is to be said: twice in the time after which the service manager would restart the gateway; `None` where it does
/// not watch.
pub fn interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

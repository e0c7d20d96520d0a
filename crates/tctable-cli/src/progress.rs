//! The progress bar: on standard error, if that is a terminal, and gone when the work is done.

use std::fmt;
use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::report::units;

/// Drawn at most so many times a second.
const RATE: u8 = 10;

/// A bar, or nothing.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// None at all.
    pub(crate) fn none() -> Progress {
        Progress(None)
    }

    /// A bar for that many bytes.
    pub(crate) fn bytes(total: u64) -> Progress {
        let template = "{wide_bar} {done} of {all}, {rate}/s, {eta} left";
        Progress::bar(total, template, |amount, f| write!(f, "{}", units::Bytes(amount)))
    }

    /// A bar for that many packets.
    pub(crate) fn packets(total: u64) -> Progress {
        let template = "{wide_bar} {done} of {all} packets, {rate}/s, {eta} left";
        Progress::bar(total, template, |amount, f| write!(f, "{}", units::Count(amount)))
    }

    fn bar(total: u64, template: &str, amount: fn(u64, &mut dyn fmt::Write) -> fmt::Result) -> Progress {
        if !stderr().is_terminal() {
            return Progress::none();
        }
        // A figure that cannot be shown is left out of the bar.
        let show = move |value: fn(&ProgressState) -> u64| {
            move |state: &ProgressState, f: &mut dyn fmt::Write| amount(value(state), f).unwrap_or_default()
        };
        let style = ProgressStyle::with_template(template)
            .expect("the template is well formed")
            .with_key("done", show(ProgressState::pos))
            .with_key("all", show(|state| state.len().unwrap_or_default()))
            .with_key("rate", show(|state| state.per_sec() as u64));
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(RATE));
        Progress(Some(bar.with_style(style)))
    }

    /// So much is done.
    pub(crate) fn set(&self, done: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(done);
        }
    }

    /// Writes a line to standard error, above the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

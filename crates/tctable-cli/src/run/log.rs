//! What a gateway says while it runs: a line on standard error for each event, as journald takes it.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// From now on events are told.
pub(crate) fn begin() {
    // The journal has the time and who says it.
    let lines = fmt::layer().with_writer(std::io::stderr).without_time().with_target(false).with_ansi(false);
    // Only once in a process; a second time would change nothing.
    let _ = tracing_subscriber::registry().with(lines).with(LevelFilter::INFO).try_init();
}

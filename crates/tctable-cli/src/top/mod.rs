//! `tctable top`: a running gateway, watched in a terminal.

mod app;
mod fetch;
mod graph;
mod model;
#[cfg(test)]
mod tests;
mod view;

use std::io::{self, IsTerminal, stdin, stdout};
use std::time::Duration;

use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use thiserror::Error;

use self::app::{App, Outcome};
use self::fetch::Fetcher;
use self::view::Looks;
use crate::args::Color;
use crate::live;
use crate::live::client::{Client, ClientError};
use crate::report::colored;

const EXAMPLES: &str = "\
Examples:
  Who uses the line now:
    tctable top
  Over a slow line, a look every five seconds:
    tctable top --interval 5

Keys: `?` tells them.";

/// How often keys and answers are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The options of `tctable top`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Top {
    #[command(flatten)]
    gateway: live::Gateway,

    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=60))]
    interval: u64,

    /// When to use colours; `auto` looks for NO_COLOR.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

/// Why there is nothing to watch.
#[derive(Debug, Error)]
pub(crate) enum TopError {
    /// The gateway does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The output is no terminal.
    #[error("this needs a terminal: `tctable hosts` prints the same to anything")]
    NoTerminal,
    /// The terminal does not work.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Runs the command.
pub(crate) fn run(args: &Top) -> Result<(), TopError> {
    // What is wrong is told before the screen is taken.
    let client = Client::new(&args.gateway.control)?;
    client.get("/health/live")?;
    if !stdout().is_terminal() || !stdin().is_terminal() {
        return Err(TopError::NoTerminal);
    }
    let looks = Looks { colored: colored(args.color), unicode: speaks_unicode() };
    let fetcher = Fetcher::start(client, Duration::from_secs(args.interval));
    let mut terminal = ratatui::try_init()?;
    let done = watch(&mut terminal, &fetcher, looks);
    ratatui::restore();
    Ok(done?)
}

fn watch(terminal: &mut DefaultTerminal, fetcher: &Fetcher, looks: Looks) -> io::Result<()> {
    let mut app = App::default();
    let mut is_stale = true;
    loop {
        for (sample, at) in fetcher.samples() {
            app.take(sample, at);
            is_stale = true;
        }
        if is_stale {
            terminal.draw(|frame| view::draw(frame, &mut app, looks))?;
            is_stale = false;
        }
        let mut wait = TICK;
        while event::poll(wait)? {
            is_stale = true;
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
                && app.key(key) == Outcome::Quit
            {
                return Ok(());
            }
            // What was typed at once is shown at once.
            wait = Duration::ZERO;
        }
        fetcher.want(app.wanted());
    }
}

/// As C programs decide it: by the first of these that is set.
fn speaks_unicode() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

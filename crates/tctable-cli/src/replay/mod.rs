//! `tctable replay`: captures through the engine, and out again as a report.

mod connections;
mod inputs;
mod lan;
mod ledger;
mod rules;
mod trace;

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use tctable::conntrack::{Changes, Counter};
use tctable::gateway::{EventMask, SysctlError};
use tctable::time::{Duration, Instant};
use tctable::{Config, Event, Gateway, HashKey, account, conntrack};
use tctable_io::capture::{Capture, ReadError};
use thiserror::Error;

use crate::args::{Format, Replay};
use crate::output::{Output, OutputError, is_stdout};
use crate::progress::Progress;
use crate::report::{self, Report};
use crate::sysctl::{self, LoadError};
use connections::Connections;
pub(crate) use inputs::{Damage, FileSummary, Input, InputError, are_same, check};
pub(crate) use lan::{Lan, LanError};
use ledger::Ledger;
pub(crate) use ledger::{Entry, sort};
pub(crate) use rules::{RuleArgs, RulesError};
use trace::Trace;

/// Bursts between two looks at the progress bar: a few milliseconds of work.
const BURSTS_PER_LOOK: u32 = 64;

/// How a replay ended that printed its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every file was read to its end.
    Whole,
    /// A file was cut or corrupt, or held packets that could not be read.
    Damaged,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub(crate) enum ReplayError {
    /// An input cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// An output cannot be used.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An interface that was asked for does not exist.
    #[error(transparent)]
    Lan(#[from] LanError),
    /// A file of tunables cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A tunable cannot be set so.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// Two things were to be printed on standard output instead of the hosts.
    #[error("--trace and --connections cannot both be printed on standard output: name a file for one of them")]
    TwoOutputs,
    /// Two things were to be read from standard input.
    #[error("a capture and --sysctl-file cannot both be read from standard input: name a file for one of them")]
    TwoInputs,
    /// An output would overwrite an input.
    #[error("{0}: is read, and cannot be written too")]
    Overwritten(String),
}

/// Runs the command.
pub(crate) fn run(args: &Replay) -> Result<Outcome, ReplayError> {
    let on_stdout = |path: &Option<_>| path.as_deref().is_some_and(is_stdout);
    if on_stdout(&args.connections) && on_stdout(&args.trace) {
        return Err(ReplayError::TwoOutputs);
    }
    // `-` is standard input here.
    let from_stdin = |paths: &[PathBuf]| paths.iter().filter(|path| is_stdout(path)).count();
    if from_stdin(&args.sysctl_file) + from_stdin(&args.files) > 1 && from_stdin(&args.sysctl_file) > 0 {
        return Err(ReplayError::TwoInputs);
    }
    for output in [&args.connections, &args.trace].into_iter().flatten() {
        // As in `--trace monday.pcap tuesday.pcap`, where a file for the trace was forgotten.
        if !is_stdout(output) && args.files.iter().any(|file| are_same(file, output)) {
            return Err(ReplayError::Overwritten(output.display().to_string()));
        }
    }
    let report_wanted = !on_stdout(&args.connections) && !on_stdout(&args.trace);
    let inputs = check(&args.files)?;
    let lan = Lan::new(&args.lan);
    lan.check(&inputs)?;
    let streams_to_stdout = on_stdout(&args.trace) || (on_stdout(&args.connections) && args.all);
    let progress = match inputs.iter().map(Input::size).sum::<Option<u64>>() {
        Some(total) if !streams_to_stdout => Progress::bytes(total),
        _ => Progress::none(),
    };
    let mut replay = Replayer::new(args, lan, progress)?;
    for input in inputs {
        replay.file(input)?;
    }
    replay.finish(args, report_wanted)
}

/// A replay under way.
struct Replayer {
    gateway: Gateway,
    lan: Lan,
    ledger: Ledger,
    trace: Option<Trace>,
    connections: Option<Connections>,
    files: Vec<FileSummary>,
    first: Option<Instant>,
    burst: usize,
    progress: Progress,
    /// Bytes of the files before the present one.
    bytes_before: u64,
}

impl Replayer {
    fn new(args: &Replay, lan: Lan, progress: Progress) -> Result<Replayer, ReplayError> {
        let mut config = Config {
            conntrack: conntrack::Config {
                max: args.max_connections.get(),
                checksum: false,
                ..conntrack::Config::default()
            },
            hosts: account::Config {
                max: args.max_hosts.get(),
                timeout: Duration::from_secs(args.host_timeout.get()),
                ..account::Config::default()
            },
            inside: lan.inside(),
            hash_key: hash_key(),
            events: EventMask {
                connections: if args.all { Changes::DESTROY } else { Changes::NONE },
                expectations: false,
                host_expired: true,
                ..EventMask::default()
            },
            // They are taken after every burst.
            max_events: usize::MAX,
            ..Config::default()
        };
        let rules = rules::load(&args.rules)?;
        rules.configure(&args.rules, args.trace.is_some(), &mut config);
        sysctl::load(&args.sysctl_file, args.sysctl_ignore, &mut config)?;
        for (name, value) in &args.sysctl {
            config.set_sysctl(name, value)?;
        }
        // Nothing is overwritten before all that was asked for is known to make sense.
        let output = |path: &Option<_>| path.as_deref().map(|path: &Path| Output::create(path)).transpose();
        let json = args.format == Format::Json;
        let connections = output(&args.connections)?.map(|output| Connections::new(output, json, args.all));
        let mut gateway = Gateway::new(config);
        rules.apply(&mut gateway)?;
        Ok(Replayer {
            gateway,
            lan,
            ledger: Ledger::default(),
            trace: output(&args.trace)?.map(Trace::new),
            connections,
            files: Vec::new(),
            first: None,
            burst: args.burst,
            progress,
            bytes_before: 0,
        })
    }

    /// Reads one file to its end, or as far as it can be read.
    fn file(&mut self, input: Input) -> Result<(), OutputError> {
        let (name, size) = (input.name().to_owned(), input.size());
        let before = self.gateway.totals().frames;
        let summary = match input.open() {
            Ok(mut capture) => {
                let damage = self.read(&mut capture)?;
                FileSummary::new(name, &capture, since(before, self.gateway.totals().frames), damage)
            }
            // It was there a moment ago.
            Err(error) => FileSummary::vanished(name, error),
        };
        for complaint in summary.complaints() {
            self.progress.say(&format!("tctable: {complaint}"));
        }
        self.files.push(summary);
        self.bytes_before += size.unwrap_or_default();
        Ok(())
    }

    fn read(&mut self, capture: &mut Capture) -> Result<Option<Damage>, OutputError> {
        self.lan.begin_file(capture.interfaces(), &mut self.gateway);
        let mut bursts = 0;
        loop {
            match self.next_burst(capture) {
                Ok(true) => self.drain()?,
                Ok(false) => return Ok(None),
                Err(error) => return Ok(Some(error.into())),
            }
            bursts += 1;
            if bursts == BURSTS_PER_LOOK {
                bursts = 0;
                self.progress.set(self.bytes_before + capture.bytes_read());
            }
        }
    }

    /// Hands one burst to the engine; `false` at the end of the file.
    fn next_burst(&mut self, capture: &mut Capture) -> Result<bool, ReadError> {
        let Some(burst) = capture.next_burst(self.burst)? else { return Ok(false) };
        if self.first.is_none() {
            self.first = burst.frames().next().map(|frame| frame.time);
        }
        self.lan.learn(burst.interfaces(), &mut self.gateway);
        match &mut self.trace {
            None => self.gateway.receive(burst.frames()),
            Some(trace) => self.gateway.receive_observed(burst.frames(), trace),
        }
        Ok(true)
    }

    /// Takes what the engine has to say, and writes what became ready.
    fn drain(&mut self) -> Result<(), OutputError> {
        while let Some(event) = self.gateway.poll_event() {
            match event {
                Event::HostExpired(host) => self.ledger.expired(&host),
                Event::ConnectionEnded { owner, ended, .. } => {
                    if let Some(connections) = &mut self.connections {
                        connections.ended(owner, &ended.connection, ended.at, ended.reason);
                    }
                }
                // Nobody asked for these, and `events_lost` tells of the last.
                Event::Connection { .. }
                | Event::Expectation { .. }
                | Event::QuotaMark(_)
                | Event::Log(_)
                | Event::Refused { .. }
                | Event::Lost(_) => {}
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.output.relieve()?;
        }
        match &mut self.connections {
            Some(connections) => connections.output.relieve(),
            None => Ok(()),
        }
    }

    fn finish(mut self, args: &Replay, report_wanted: bool) -> Result<Outcome, ReplayError> {
        let end = self.gateway.now();
        self.gateway.handle_timeout(end);
        self.drain()?;
        drop(self.progress);
        self.lan.missing()?;
        if let Some(trace) = self.trace {
            trace.output.finish()?;
        }
        if let Some(connections) = self.connections {
            connections.finish(&self.gateway)?;
        }
        if let Some(file) = &args.rules.rules_out {
            rules::write(&self.gateway, file)?;
        }
        if report_wanted {
            let report = Report {
                files: &self.files,
                first: self.first,
                gateway: &self.gateway,
                open: self.gateway.conntrack().count() as u64,
                lan: &self.lan,
                entries: self.ledger.entries(&self.gateway),
            };
            report::print(report, args)?;
        }
        let whole = self.files.iter().all(|file| file.complaints().next().is_none());
        Ok(if whole { Outcome::Whole } else { Outcome::Damaged })
    }
}

/// Whoever sent the packets of a capture must not know how the tables hash them. No answer depends on the key, so that
/// it need not be the same next time.
fn hash_key() -> HashKey {
    HashKey([RandomState::new().hash_one(0), RandomState::new().hash_one(1)])
}

fn since(before: Counter, after: Counter) -> Counter {
    Counter { packets: after.packets - before.packets, bytes: after.bytes - before.bytes }
}

//! `tctable simulate`: what would each class and host have got under a shaping?

mod args;
mod book;
mod delays;
mod feed;
mod report;
mod series;
mod shaped;
mod simulation;
mod svg;
mod tally;

use std::path::Path;

use tctable::gateway::EventMask;
use tctable::packet::LinkType;
use tctable::{Config, Gateway, conntrack};
use tctable_daemon::config::shaping::{DeviceNames, Shaping, ShapingError};
use tctable_io::capture::{Capture, ReadError};
use thiserror::Error;

pub(crate) use args::Simulate;
use feed::{Burst, Feed, Totals};
use report::Report;
use shaped::Shaped;
use simulation::Simulation;

use crate::output::{Output, OutputError, is_stdout};
use crate::place::Place;
use crate::progress::Progress;
use crate::replay::{Damage, FileSummary, Input, InputError, Lan, LanError, Outcome, are_same, check};

/// Frames that are handed to the engine at once.
const BURST: usize = 256;
/// Bursts between two looks at the progress bar.
const BURSTS_PER_LOOK: u32 = 16;
/// Connections that are tracked at a time, as in a replay.
const MAX_CONNECTIONS: u32 = 1 << 24;

/// Why there is no report.
#[derive(Debug, Error)]
pub(crate) enum SimulateError {
    /// The capture cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// An output cannot be used.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An interface that was asked for does not exist.
    #[error(transparent)]
    Lan(#[from] LanError),
    /// A shaping cannot be used.
    #[error(transparent)]
    Shaping(#[from] ShapingError),
    /// Two things were to be read from standard input.
    #[error("only one of the capture, --tc and --compare can be read from standard input")]
    TwoInputs,
    /// Two things were to be printed on standard output instead of the report.
    #[error("--svg and --pcap-out cannot both be printed on standard output: name a file for one of them")]
    TwoOutputs,
    /// An output would overwrite an input, or another output.
    #[error("{0}: is used otherwise, and cannot be written too")]
    Overwritten(String),
    /// One device, two names for it: one of lan and one of wan.
    #[error("--device {0}: one name for both devices")]
    TwoPlaces(String),
}

/// Runs the command.
pub(crate) fn run(args: &Simulate) -> Result<Outcome, SimulateError> {
    check_paths(args)?;
    for (at, (name, place)) in args.device.iter().enumerate() {
        if args.device[..at].iter().any(|(other, of)| other == name && of != place) {
            return Err(SimulateError::TwoPlaces(name.clone()));
        }
    }
    let mut inputs = check(std::slice::from_ref(&args.capture))?;
    let lan = Lan::new(&args.lan);
    lan.check(&inputs)?;
    let files = [Some(&args.tc), args.compare.as_ref()];
    let own = Place::ALL.into_iter().map(|place| (place.name().to_owned(), place.id()));
    let named = args.device.iter().map(|(name, place)| (name.clone(), place.id()));
    let told = "devices are lan and wan, and what --device {}=lan|wan names";
    let devices = DeviceNames::new(own.chain(named).collect(), told);
    let mut simulations = Vec::new();
    for file in files.into_iter().flatten() {
        simulations.push(Simulation::new(&Shaping::load(file, &devices)?)?);
    }
    let input = inputs.pop().expect("one path, one input");
    let progress = input.size().map_or_else(Progress::none, Progress::bytes);
    // Nothing is overwritten before all that was asked for is known to make sense.
    let svg = args.svg.as_deref().map(Output::create).transpose()?;
    let run = Run {
        gateway: gateway(&lan),
        feed: Feed {
            simulations,
            out: None,
            inside: lan.inside(),
            by_interface: !lan.names.is_empty(),
            totals: Totals::default(),
            failed: None,
        },
        lan,
        progress,
    };
    run.finish(input, args, svg)
}

/// Whether no file is used twice that cannot be.
fn check_paths(args: &Simulate) -> Result<(), SimulateError> {
    let inputs = [Some(&args.capture), Some(&args.tc), args.compare.as_ref()];
    let outputs = [args.svg.as_ref(), args.pcap_out.as_ref()];
    // `-` is standard input of the one, and standard output of the other.
    let ours = |paths: &[Option<&std::path::PathBuf>]| paths.iter().flatten().filter(|path| is_stdout(path)).count();
    if ours(&inputs) > 1 {
        return Err(SimulateError::TwoInputs);
    }
    if ours(&outputs) > 1 {
        return Err(SimulateError::TwoOutputs);
    }
    let is_same = |one: &Path, other: &Path| !is_stdout(one) && (one == other || are_same(one, other));
    for (at, output) in outputs.iter().enumerate().filter_map(|(at, output)| Some((at, output.as_ref()?))) {
        let others = outputs[..at].iter().chain(&inputs).flatten();
        for other in others {
            if is_same(output, other) {
                return Err(SimulateError::Overwritten(output.display().to_string()));
            }
        }
    }
    Ok(())
}

/// What tracks connections, so that filters can ask for them.
fn gateway(lan: &Lan) -> Gateway {
    Gateway::new(Config {
        conntrack: conntrack::Config { max: MAX_CONNECTIONS, checksum: false, ..conntrack::Config::default() },
        inside: lan.inside(),
        events: EventMask {
            connections: conntrack::Changes::NONE,
            expectations: false,
            host_expired: false,
            ..EventMask::default()
        },
        ..Config::default()
    })
}

/// A simulation under way.
struct Run {
    gateway: Gateway,
    feed: Feed,
    lan: Lan,
    progress: Progress,
}

impl Run {
    /// Reads the capture to its end, or as far as it can be read, and reports.
    fn finish(mut self, input: Input, args: &Simulate, svg: Option<Output>) -> Result<Outcome, SimulateError> {
        let name = input.name().to_owned();
        let file = match input.open() {
            Ok(mut capture) => {
                let damage = self.read(&mut capture, args)?;
                let Totals { frames, .. } = self.feed.totals;
                let frames = conntrack::Counter { packets: frames.packets, bytes: frames.bytes };
                FileSummary::new(name, &capture, frames, damage)
            }
            // It was there a moment ago.
            Err(error) => FileSummary::vanished(name, error),
        };
        for complaint in file.complaints() {
            self.progress.say(&format!("tctable: {complaint}"));
        }
        let Feed { mut simulations, mut out, mut totals, .. } = self.feed;
        for simulation in &mut simulations {
            simulation.drain(&mut out)?;
        }
        drop(self.progress);
        self.lan.missing()?;
        // A capture without packets is written as one without packets.
        if let (None, Some(path)) = (&out, &args.pcap_out) {
            out = Some(Shaped::create(path, LinkType::Ethernet)?);
        }
        if let Some(out) = out {
            out.finish()?;
        }
        let first = *totals.first.get_or_insert(totals.last);
        let times = simulations.iter().map(|simulation| simulation.times(first, totals.last)).collect();
        let report = Report { file: &file, totals: &totals, lan: &self.lan, simulations: &simulations, times };
        if let Some(mut svg) = svg {
            svg::write(&report, &mut svg.text);
            svg.finish()?;
        }
        let on_stdout = |path: &Option<_>| path.as_deref().is_some_and(is_stdout);
        if !on_stdout(&args.svg) && !on_stdout(&args.pcap_out) {
            report::print(&report, args)?;
        }
        let is_whole = file.complaints().next().is_none();
        Ok(if is_whole { Outcome::Whole } else { Outcome::Damaged })
    }

    fn read(&mut self, capture: &mut Capture, args: &Simulate) -> Result<Option<Damage>, OutputError> {
        self.lan.begin_file(capture.interfaces(), &mut self.gateway);
        let mut bursts = 0;
        loop {
            match self.burst(capture, args)? {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Ok(Some(error.into())),
            }
            bursts += 1;
            if bursts == BURSTS_PER_LOOK {
                bursts = 0;
                self.progress.set(capture.bytes_read());
            }
        }
    }

    /// Lets one burst come in; `false` at the end of the file.
    fn burst(&mut self, capture: &mut Capture, args: &Simulate) -> Result<Result<bool, ReadError>, OutputError> {
        let burst = match capture.next_burst(BURST) {
            Ok(Some(burst)) => burst,
            Ok(None) => return Ok(Ok(false)),
            Err(error) => return Ok(Err(error)),
        };
        self.lan.learn(burst.interfaces(), &mut self.gateway);
        if let (None, Some(path), Some(first)) = (&self.feed.out, &args.pcap_out, burst.frames().next()) {
            self.feed.out = Some(Shaped::create(path, first.link)?);
        }
        let mut observer = Burst { feed: &mut self.feed, frames: burst.frames() };
        self.gateway.receive_observed(burst.frames(), &mut observer);
        // Nobody asked for these.
        while self.gateway.poll_event().is_some() {}
        self.feed.failed.take().map_or(Ok(Ok(true)), Err)
    }
}

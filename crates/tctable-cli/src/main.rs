//! `tctable`: every host and every connection of a capture, as a Linux gateway would have counted them.
#![forbid(unsafe_code)]

mod args;
mod generate;
mod lab;
mod live;
mod manual;
mod output;
mod place;
mod progress;
mod replay;
mod report;
mod rules;
mod run;
mod simulate;
mod sysctl;
mod top;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use lab::LabError;
use live::LiveError;
use manual::ManualError;
use output::OutputError;
use replay::{Outcome, ReplayError};
use run::Failed;
use simulate::SimulateError;
use thiserror::Error;
use top::TopError;

/// A file was cut or corrupt; the report was printed.
const DAMAGED: u8 = 1;
/// There is no report.
const FAILED: u8 = 2;

/// Why a command failed.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    #[error(transparent)]
    Run(#[from] Failed),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    Top(#[from] TopError),
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Manual(#[from] ManualError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args).map_err(Failure::from),
        Command::Simulate(args) => simulate::run(&args).map_err(Failure::from),
        Command::Rules(command) => match rules::run(&command) {
            Ok(true) => Ok(Outcome::Whole),
            // What is wrong with a file was told.
            Ok(false) => return ExitCode::from(FAILED),
            Err(error) => Err(Failure::Live(error)),
        },
        Command::Sysctl(args) => match args.running() {
            Some(which) => live::sysctls(&args.control, which, args.json).map_err(Failure::from),
            None => sysctl::run(&args).map_err(Failure::from),
        }
        .map(|()| Outcome::Whole),
        Command::Run(args) => run::run(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Watch(args) => run::watch(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Check(args) => run::check(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Hosts(args) => live::hosts(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Connections(args) => live::connections(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Classes(args) => live::classes(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Stats(args) => live::stats(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Top(args) => top::run(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Delete(args) => live::delete(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Zero(args) => live::zero(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Reload(args) => live::reload(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Lab(args) => lab::run(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Man(args) => manual::man(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Completions(args) => manual::completions(&args).map(|()| Outcome::Whole).map_err(Failure::from),
        Command::Generate(args) => generate::run(&args).map(|()| Outcome::Whole).map_err(Failure::from),
    };
    match result {
        Ok(Outcome::Whole) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(DAMAGED),
        // Whoever reads the output has seen enough: `tctable replay ... | head` is no failure.
        Err(Failure::Replay(ReplayError::Output(OutputError::Closed)))
        | Err(Failure::Simulate(SimulateError::Output(OutputError::Closed)))
        | Err(Failure::Live(LiveError::Output(OutputError::Closed)))
        | Err(Failure::Lab(LabError::Output(OutputError::Closed)))
        | Err(Failure::Manual(ManualError::Output(OutputError::Closed)))
        | Err(Failure::Output(OutputError::Closed)) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tctable: {error}");
            ExitCode::from(FAILED)
        }
    }
}

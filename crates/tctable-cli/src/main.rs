//! `tctable`: every host and every connection of a capture, as a Linux gateway would have counted them.
#![forbid(unsafe_code)]

mod args;
mod generate;
mod json;
mod output;
mod progress;
mod replay;
mod report;
mod rules;
mod sysctl;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use output::OutputError;
use replay::{Outcome, ReplayError};

/// A file was cut or corrupt; the report was printed.
const DAMAGED: u8 = 1;
/// There is no report.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
        Command::Rules(command) => match rules::run(&command) {
            Ok(true) => Ok(Outcome::Whole),
            // What is wrong with a file was told.
            Ok(false) => return ExitCode::from(FAILED),
            Err(error) => Err(error.into()),
        },
        Command::Sysctl(args) => sysctl::run(&args).map(|()| Outcome::Whole),
        Command::Generate(args) => generate::run(&args).map(|()| Outcome::Whole).map_err(ReplayError::from),
    };
    match result {
        Ok(Outcome::Whole) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(DAMAGED),
        // Whoever reads the output has seen enough: `tctable replay ... | head` is no failure.
        Err(ReplayError::Output(OutputError::Closed)) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tctable: {error}");
            ExitCode::from(FAILED)
        }
    }
}

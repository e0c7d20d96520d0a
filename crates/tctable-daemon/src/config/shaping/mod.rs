//! Files of traffic control: lines of tc, or the same as TOML.

mod change;
mod tables;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::path::Path;

use tctable::packet::DeviceId;
use tctable::sched::text::{Command, Line, ParseError, Problem, Reader, Statement, lines};
use tctable::sched::{Handle, Rate, Scheduler};
use tctable::time::Instant;
use thiserror::Error;

/// Why a file is not used.
#[derive(Debug, Error)]
pub enum ShapingError {
    /// It cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Read {
        /// Its name.
        file: String,
        /// What the operating system said.
        reason: io::Error,
    },
    /// It is no TOML.
    #[error("{file}:{line}:{column}: {reason}")]
    Toml {
        /// Its name.
        file: String,
        /// Where.
        line: u32,
        /// The character of the line.
        column: u32,
        /// What is wrong.
        reason: String,
    },
    /// A word of it is wrong.
    #[error("{file}:{reason}{}", hint(.reason, .key, .devices))]
    Word {
        /// Its name.
        file: String,
        /// Where and what.
        reason: Box<ParseError>,
        /// The TOML key that it is of.
        key: Option<String>,
        /// Which devices there are.
        devices: String,
    },
    /// What a command says cannot be.
    #[error("{file}:{line}:{column}: {reason}: {command}")]
    Refused {
        /// Its name.
        file: String,
        /// Where it stands.
        line: u32,
        /// The character of the line.
        column: u32,
        /// Why not.
        reason: String,
        /// The command, in words of tc.
        command: String,
    },
}

/// The TOML key, and how a device gets a name.
fn hint(reason: &ParseError, key: &Option<String>, devices: &str) -> String {
    let key = key.as_ref().map(|key| format!(" (in {key})")).unwrap_or_default();
    match reason.problem {
        Problem::Unknown { what: "device", nearest: None } => {
            format!("{key}; {}", devices.replace("{}", &reason.found))
        }
        _ => key,
    }
}

/// What devices are called in files.
#[derive(Clone, Debug, Default)]
pub struct DeviceNames {
    names: Vec<(String, DeviceId)>,
    told: String,
}

impl DeviceNames {
    /// Names and what they stand for: the first one of a device is the one that it is told by. `told` says in an error which
    /// there are, with `{}` for the unknown one.
    pub fn new(names: Vec<(String, DeviceId)>, told: &str) -> DeviceNames {
        DeviceNames { names, told: told.to_owned() }
    }

    fn of(&self, device: DeviceId) -> &str {
        self.names.iter().find(|(_, of)| *of == device).map_or("?", |(name, _)| name)
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Shaping {
    /// Its name.
    pub name: String,
    statements: Vec<Statement>,
    devices: DeviceNames,
}

impl Shaping {
    /// Reads a file; `-` is standard input.
    pub fn load(path: &Path, devices: &DeviceNames) -> Result<Shaping, ShapingError> {
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let text = read(path, is_stdin).map_err(|reason| ShapingError::Read { file: name.clone(), reason })?;
        let is_toml = path.extension().is_some_and(|extension| extension == "toml") || looks_like_toml(&text);
        let mut reader = Reader::new();
        for (name, device) in &devices.names {
            reader.name_device(name, *device);
        }
        let (lines, keys) = match is_toml {
            true => tables::lines(&text).map_err(|error| error.of_file(&name))?,
            false => {
                let lines = lines(&text);
                let devices = devices.told.clone();
                let wrong =
                    |reason| ShapingError::Word { file: name.clone(), reason: Box::new(reason), key: None, devices };
                (lines.map_err(wrong)?, tables::Keys::default())
            }
        };
        let read = |line: &Line<'_>| {
            let wrong = |reason: ParseError| {
                let key = keys.find(reason.line, reason.column);
                ShapingError::Word { file: name.clone(), reason: Box::new(reason), key, devices: devices.told.clone() }
            };
            reader.read_line(line).map_err(wrong)
        };
        let statements = lines.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Shaping { name, statements, devices: devices.clone() })
    }

    /// Sets devices up as the file says. The links' speeds are told.
    pub fn apply(&self, now: Instant, scheduler: &mut Scheduler) -> Result<Vec<(DeviceId, Rate)>, ShapingError> {
        let mut speeds = Vec::new();
        for statement in &self.statements {
            if let Command::SetSpeed(device, speed) = &statement.command {
                speeds.push((*device, *speed));
            }
            self.command(now, scheduler, statement, &statement.command)?;
        }
        Ok(speeds)
    }

    /// What it says, in its order.
    pub fn commands(&self) -> Vec<&Command> {
        self.statements.iter().map(|statement| &statement.command).collect()
    }

    /// Does what a command says, which comes of a statement.
    fn command(
        &self,
        now: Instant,
        scheduler: &mut Scheduler,
        Statement { line, column, .. }: &Statement,
        command: &Command,
    ) -> Result<(), ShapingError> {
        carry_out(now, scheduler, command).map_err(|reason| ShapingError::Refused {
            file: self.name.clone(),
            line: *line,
            column: *column,
            reason,
            command: command.text(|device| self.devices.of(device)).to_string(),
        })
    }
}

/// Does what a command says; gives the reason why not.
fn carry_out(now: Instant, scheduler: &mut Scheduler, command: &Command) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    match command {
        Command::SetSpeed(..) => Ok(()),
        Command::SetHostClasses(device, options) => {
            let qdisc = Handle::new(options.parent.major, 0);
            scheduler.set_host_classes(now, *device, qdisc, Some(options)).map_err(|error| told(&error))
        }
        Command::DeleteHostClasses(device, qdisc) => {
            scheduler.set_host_classes(now, *device, *qdisc, None).map_err(|error| told(&error))
        }
        Command::SetFilter(request, flags) => {
            scheduler.set_filter(now, request, *flags).map(drop).map_err(|error| told(&error))
        }
        Command::DeleteFilter(query) => scheduler.delete_filter(now, query).map_err(|error| told(&error)),
        Command::SetQdisc(request, flags) => scheduler.set_qdisc(now, request, *flags).map_err(|error| told(&error)),
        Command::DeleteQdisc(request) => scheduler.delete_qdisc(now, request).map_err(|error| told(&error)),
        Command::SetClass(request, flags) => scheduler.set_class(now, request, *flags).map_err(|error| told(&error)),
        Command::DeleteClass(request) => scheduler.delete_class(now, request).map_err(|error| told(&error)),
    }
}

fn read(path: &Path, is_stdin: bool) -> io::Result<String> {
    if !is_stdin {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

/// The first thing in TOML is a table; no line of tc begins so.
fn looks_like_toml(text: &str) -> bool {
    let first = text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with('['))
}

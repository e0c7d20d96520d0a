//! What a FILE says: read whole before anything is simulated.

use std::io::{self, Read};
use std::path::Path;

use tctable::packet::DeviceId;
use tctable::sched::text::{Command, Line, ParseError, Reader, Statement, lines};
use tctable::sched::{Handle, Rate, Scheduler};
use tctable::time::Instant;
use thiserror::Error;

use super::tables;
use crate::place::Place;

/// Why a file is not used.
#[derive(Debug, Error)]
pub(crate) enum ShapingError {
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
        column: u32,
        /// What is wrong.
        reason: String,
    },
    /// A word of it is wrong.
    #[error("{file}:{reason}{}", hint(.reason, .key))]
    Word {
        /// Its name.
        file: String,
        /// Where and what.
        reason: ParseError,
        /// The TOML key that it is of.
        key: Option<String>,
    },
    /// What a command says cannot be.
    #[error("{file}:{line}:{column}: {reason}: {command}")]
    Refused {
        /// Its name.
        file: String,
        /// Where it stands.
        line: u32,
        column: u32,
        /// Why not.
        reason: String,
        /// The command, in words of tc.
        command: String,
    },
}

/// The TOML key, and how a device gets a name.
fn hint(reason: &ParseError, key: &Option<String>) -> String {
    use tctable::sched::text::Problem;
    let key = key.as_ref().map(|key| format!(" (in {key})")).unwrap_or_default();
    match reason.problem {
        Problem::Unknown { what: "device", nearest: None } => {
            format!("{key}; devices are lan and wan, and what --device {}=lan|wan names", reason.found)
        }
        _ => key,
    }
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Shaping {
    /// Its name.
    pub(crate) name: String,
    statements: Vec<Statement>,
}

impl Place {
    /// The engine's number for it.
    pub(super) fn id(self) -> DeviceId {
        DeviceId(self as u16)
    }

    /// The device of that number.
    pub(super) fn of(device: DeviceId) -> Place {
        if device == Place::Lan.id() { Place::Lan } else { Place::Wan }
    }
}

impl Shaping {
    /// Reads a file; `-` is standard input.
    pub(super) fn load(path: &Path, devices: &[(String, Place)]) -> Result<Shaping, ShapingError> {
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let text = read(path, is_stdin).map_err(|reason| ShapingError::Read { file: name.clone(), reason })?;
        let is_toml = path.extension().is_some_and(|extension| extension == "toml") || looks_like_toml(&text);
        let mut reader = Reader::new();
        for place in Place::ALL {
            reader.name_device(place.name(), place.id());
        }
        for (device, place) in devices {
            reader.name_device(device, place.id());
        }
        let (lines, keys) = match is_toml {
            true => tables::lines(&text).map_err(|error| error.of_file(&name))?,
            false => {
                let lines = lines(&text);
                let wrong = |reason| ShapingError::Word { file: name.clone(), reason, key: None };
                (lines.map_err(wrong)?, tables::Keys::default())
            }
        };
        let read = |line: &Line<'_>| {
            let wrong = |reason: ParseError| {
                let key = keys.find(reason.line, reason.column);
                ShapingError::Word { file: name.clone(), reason, key }
            };
            reader.read_line(line).map_err(wrong)
        };
        let statements = lines.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Shaping { name, statements })
    }

    /// Sets devices up as the file says. The links' speeds are told.
    pub(super) fn apply(&self, scheduler: &mut Scheduler) -> Result<[Option<Rate>; 2], ShapingError> {
        let mut speeds = [None; 2];
        for Statement { line, column, command } in &self.statements {
            let device = Place::of(command.device());
            let done = match command {
                Command::SetSpeed(_, speed) => {
                    speeds[device as usize] = Some(*speed);
                    Ok(())
                }
                Command::SetHostClasses(device, options) => {
                    let qdisc = Handle::new(options.parent.major, 0);
                    let done = scheduler.set_host_classes(Instant::ZERO, *device, qdisc, Some(options));
                    done.map_err(|error| error.to_string())
                }
                Command::DeleteHostClasses(device, qdisc) => {
                    let done = scheduler.set_host_classes(Instant::ZERO, *device, *qdisc, None);
                    done.map_err(|error| error.to_string())
                }
                Command::SetFilter(request, flags) => {
                    let done = scheduler.set_filter(Instant::ZERO, request, *flags);
                    done.map(|_| ()).map_err(|error| error.to_string())
                }
                Command::DeleteFilter(query) => {
                    scheduler.delete_filter(Instant::ZERO, query).map_err(|error| error.to_string())
                }
                Command::SetQdisc(request, flags) => {
                    scheduler.set_qdisc(Instant::ZERO, request, *flags).map_err(|error| error.to_string())
                }
                Command::DeleteQdisc(request) => {
                    scheduler.delete_qdisc(Instant::ZERO, request).map_err(|error| error.to_string())
                }
                Command::SetClass(request, flags) => {
                    scheduler.set_class(Instant::ZERO, request, *flags).map_err(|error| error.to_string())
                }
                Command::DeleteClass(request) => {
                    scheduler.delete_class(Instant::ZERO, request).map_err(|error| error.to_string())
                }
            };
            done.map_err(|reason| ShapingError::Refused {
                file: self.name.clone(),
                line: *line,
                column: *column,
                reason,
                command: command.text(|device| Place::of(device).name()).to_string(),
            })?;
        }
        Ok(speeds)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_is_known_by_its_first_table() {
        for (text, is_toml) in [
            ("# shaping\n\n [[link]]\n", true),
            ("[[qdisc]]", true),
            ("# [x]\nqdisc add dev lan root htb\n", false),
            ("", false),
        ] {
            assert_eq!(looks_like_toml(text), is_toml, "{text:?}");
        }
    }
}

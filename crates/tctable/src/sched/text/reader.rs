use super::args::Args;
use super::command::{self, Command, Devices};
use super::filter;
use super::hosts;
use super::lines::{Line, lines};
use crate::packet::DeviceId;
use crate::words::ParseError;

/// A command, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The line, the first being 1.
    pub line: u32,
    /// The character of the line, the first being 1.
    pub column: u32,
    /// What it says.
    pub command: Command,
}

/// Reads lines of tc, one after the other: what one says of a link's speed holds for those behind it.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    devices: Devices,
}

impl Reader {
    /// A reader that knows no device.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Lets lines call a device so. It may have several names.
    pub fn name_device(&mut self, name: &str, device: DeviceId) {
        self.devices.name(name, device);
    }

    /// Reads a text as `tc -batch` would.
    ///
    /// # Errors
    /// [`ParseError`] for the first thing that is wrong: a word that is not known, a value that cannot be, a device without
    /// a name here. What depends on the tree (a parent that is not there) is not asked.
    pub fn read(&mut self, text: &str) -> Result<Vec<Statement>, ParseError> {
        lines(text)?.iter().map(|line| self.read_line(line)).collect()
    }

    /// Reads one command.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read_line(&mut self, line: &Line<'_>) -> Result<Statement, ParseError> {
        let mut args = Args::new(line.words());
        // As lines stand in a shell script.
        args.take("tc");
        let object = args.value("a command behind it")?;
        let command = match object.keyword(&OBJECTS) {
            "qdisc" => command::qdisc(&mut args, &self.devices)?,
            "class" => command::class(&mut args, &self.devices)?,
            "filter" => filter::filter(&mut args, &self.devices)?,
            "hostclass" => hosts::hosts(&mut args, &self.devices)?,
            "link" => command::link(&mut args, &mut self.devices)?,
            _ => return Err(object.unknown("object", OBJECTS)),
        };
        Ok(Statement { line: object.line, column: object.column, command })
    }
}

/// What lines are about.
const OBJECTS: [&str; 5] = ["qdisc", "class", "filter", "hostclass", "link"];

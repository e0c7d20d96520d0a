//! One command: what it says of a qdisc or a class.

use std::fmt::{self, Display};

use super::args::Args;
use super::filter;
use super::hosts;
use super::kinds;
use super::units;
use crate::packet::DeviceId;
use crate::sched::{
    ClassRequest, FilterQuery, FilterRequest, Flags, Handle, HostClassOptions, QdiscRequest, QdiscSpec, Rate,
};
use crate::words::{ParseError, Word};

/// What a line of tc asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `qdisc add`, `change`, `replace`, `link`.
    SetQdisc(QdiscRequest, Flags),
    /// `qdisc delete`.
    DeleteQdisc(QdiscRequest),
    /// `class add`, `change`, `replace`.
    SetClass(ClassRequest, Flags),
    /// `class delete`.
    DeleteClass(ClassRequest),
    /// `filter add`, `change`, `replace`.
    SetFilter(FilterRequest, Flags),
    /// `filter delete`.
    DeleteFilter(FilterQuery),
    /// `hostclass add`, `change`, `replace`: what classes of hosts are like. tc has no such line.
    SetHostClasses(DeviceId, HostClassOptions),
    /// `hostclass delete`: the classes of hosts below that qdisc go.
    DeleteHostClasses(DeviceId, Handle),
    /// `link set dev DEVICE speed RATE`: what the device's link carries. tc has no such line.
    SetSpeed(DeviceId, Rate),
}

impl Command {
    /// The device that it is about.
    pub fn device(&self) -> DeviceId {
        match self {
            Command::SetQdisc(request, _) | Command::DeleteQdisc(request) => request.device,
            Command::SetClass(request, _) | Command::DeleteClass(request) => request.device,
            Command::SetFilter(request, _) => request.device,
            Command::DeleteFilter(query) => query.device,
            Command::SetHostClasses(device, _)
            | Command::DeleteHostClasses(device, _)
            | Command::SetSpeed(device, _) => *device,
        }
    }

    /// The line that says so, with these names of devices.
    pub fn text<'n>(&self, name: impl Fn(DeviceId) -> &'n str) -> impl Display {
        let device = name(self.device());
        fmt::from_fn(move |f| match self {
            Command::SetQdisc(request, flags) => write_qdisc(request, verb(*flags), device, f),
            Command::DeleteQdisc(request) => write_qdisc(request, "delete", device, f),
            Command::SetClass(request, flags) => write_class(request, verb(*flags), device, f),
            Command::DeleteClass(request) => write_class(request, "delete", device, f),
            Command::SetFilter(request, flags) => filter::write_request(request, verb(*flags), &name, f),
            Command::DeleteFilter(query) => filter::write_query(query, device, f),
            Command::SetHostClasses(_, options) => hosts::write_set(options, device, f),
            Command::DeleteHostClasses(_, qdisc) => {
                write!(f, "hostclass delete dev {device} parent {}", class_text(*qdisc))
            }
            Command::SetSpeed(_, speed) => write!(f, "link set dev {device} speed {}", units::write_rate(*speed)),
        })
    }
}

/// What is to become of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Set(Flags),
    Delete,
}

impl Verb {
    /// Reads one of those that an object has.
    pub(super) fn read(args: &mut Args<'_, '_>, known: &[&'static str]) -> Result<Verb, ParseError> {
        let word = args.value("what is to be done: add, change, replace or delete")?;
        Ok(match word.keyword(known) {
            "add" => Verb::Set(Flags::ADD),
            "change" => Verb::Set(Flags::CHANGE),
            "replace" => Verb::Set(Flags::REPLACE),
            "link" => Verb::Set(Flags::LINK),
            "delete" => Verb::Delete,
            _ => return Err(word.unknown("command", known.iter().copied())),
        })
    }
}

fn verb(flags: Flags) -> &'static str {
    match flags {
        Flags { create: true, exclusive: true, .. } => "add",
        Flags { create: true, .. } => "replace",
        Flags { replace: true, .. } => "link",
        _ => "change",
    }
}

/// The devices that lines can name, and how fast their links are.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices(Vec<Known>);

#[derive(Clone, Debug)]
struct Known {
    name: String,
    device: DeviceId,
    speed: Option<Rate>,
}

impl Devices {
    pub(super) fn name(&mut self, name: &str, device: DeviceId) {
        let speed = self.0.iter().find(|known| known.device == device).and_then(|known| known.speed);
        self.0.push(Known { name: name.to_owned(), device, speed });
    }

    fn set_speed(&mut self, device: DeviceId, speed: Rate) {
        self.0.iter_mut().filter(|known| known.device == device).for_each(|known| known.speed = Some(speed));
    }

    /// Reads what belongs to `dev`: the device that the line is about.
    pub(super) fn read(&self, args: &mut Args<'_, '_>) -> Result<DeviceId, ParseError> {
        let known = self.known(args)?;
        args.speed = known.speed;
        Ok(known.device)
    }

    /// Reads the name of any device.
    pub(super) fn find(&self, args: &mut Args<'_, '_>) -> Result<DeviceId, ParseError> {
        Ok(self.known(args)?.device)
    }

    fn known(&self, args: &mut Args<'_, '_>) -> Result<&Known, ParseError> {
        let word = args.value("a device behind it")?;
        let known = self.0.iter().find(|known| known.name == word.text);
        known.ok_or_else(|| word.unknown("device", self.0.iter().map(|known| known.name.as_str())))
    }
}

/// Keeps a value that may be given once.
pub(super) fn once<T>(place: &mut Option<T>, value: T, word: &Word<'_>) -> Result<(), ParseError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(word.misplaced("stands here a second time, or with another word that says the same")),
    }
}

/// Reads what follows `qdisc`.
pub(super) fn qdisc(args: &mut Args<'_, '_>, devices: &Devices) -> Result<Command, ParseError> {
    let object = args.last();
    let verb = Verb::read(args, &["add", "change", "replace", "link", "delete"])?;
    let (mut device, mut parent, mut handle, mut spec) = (None, None, None, QdiscSpec::Any);
    while let Some(word) = args.next() {
        match &*word.text {
            "dev" => once(&mut device, devices.read(args)?, word)?,
            "handle" => once(&mut handle, args.qdisc()?, word)?,
            "root" => once(&mut parent, Handle::ROOT, word)?,
            "parent" => once(&mut parent, args.class()?, word)?,
            "stab" => return Err(word.not_handled("say overhead, mpu and linklayer where the rate is")),
            "est" | "estimator" => return Err(word.not_handled("rates are not estimated")),
            "ingress_block" | "egress_block" => return Err(word.not_handled("devices share no filters")),
            kind => {
                if let "ingress" | "clsact" = kind {
                    once(&mut parent, Handle::INGRESS, word)?;
                    handle = Some(INGRESS);
                }
                let options = kinds::qdisc(word, args)?;
                spec = if verb == Verb::Delete { QdiscSpec::Kind(kind.to_owned()) } else { options.into() };
            }
        }
    }
    let device = device.ok_or_else(|| object.missing("a device: dev NAME"))?;
    let (parent, handle) = (parent.unwrap_or(Handle::UNSPEC), handle.unwrap_or(Handle::UNSPEC));
    let request = QdiscRequest { device, parent, handle, spec };
    Ok(match verb {
        Verb::Set(flags) => Command::SetQdisc(request, flags),
        Verb::Delete => Command::DeleteQdisc(request),
    })
}

/// The handle of a device's `ingress` or `clsact`.
const INGRESS: Handle = Handle::new(0xffff, 0);

/// Reads what follows `class`.
pub(super) fn class(args: &mut Args<'_, '_>, devices: &Devices) -> Result<Command, ParseError> {
    let object = args.last();
    let verb = Verb::read(args, &["add", "change", "replace", "delete"])?;
    let (mut device, mut parent, mut class, mut options) = (None, None, None, None);
    while let Some(word) = args.next() {
        match &*word.text {
            "dev" => once(&mut device, devices.read(args)?, word)?,
            "classid" => once(&mut class, args.class()?, word)?,
            "root" => once(&mut parent, Handle::ROOT, word)?,
            "parent" => once(&mut parent, args.class()?, word)?,
            "est" | "estimator" => return Err(word.not_handled("rates are not estimated")),
            _ => {
                let read = kinds::class(word, args)?;
                options = (verb != Verb::Delete).then_some(read);
            }
        }
    }
    let device = device.ok_or_else(|| object.missing("a device: dev NAME"))?;
    let (parent, class) = (parent.unwrap_or(Handle::UNSPEC), class.unwrap_or(Handle::UNSPEC));
    let request = ClassRequest { device, parent, class, options };
    Ok(match verb {
        Verb::Set(flags) => Command::SetClass(request, flags),
        Verb::Delete => Command::DeleteClass(request),
    })
}

/// Reads what follows `link`.
pub(super) fn link(args: &mut Args<'_, '_>, devices: &mut Devices) -> Result<Command, ParseError> {
    let object = args.last();
    let verb = args.value("what is to be done: set")?;
    if verb.text != "set" {
        return Err(verb.unknown("command", ["set"]));
    }
    let (mut device, mut speed) = (None, None);
    while let Some(word) = args.next() {
        match &*word.text {
            "dev" => once(&mut device, devices.read(args)?, word)?,
            "speed" => {
                // Not as a share of itself.
                args.speed = None;
                once(&mut speed, args.rate()?, word)?;
                if speed == Some(Rate(0)) {
                    return Err(args.last().invalid("a speed of at least 8 bit a second"));
                }
            }
            _ => return Err(word.unknown("word of link", ["dev", "speed"])),
        }
    }
    let device = device.ok_or_else(|| object.missing("a device: dev NAME"))?;
    let speed = speed.ok_or_else(|| object.missing("a speed"))?;
    devices.set_speed(device, speed);
    Ok(Command::SetSpeed(device, speed))
}

fn write_qdisc(request: &QdiscRequest, verb: &str, device: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let QdiscRequest { parent, handle, ref spec, .. } = *request;
    write!(f, "qdisc {verb} dev {device}")?;
    // The kinds that hang there say so, and have their handle.
    let is_said = matches!(spec.kind(), Some("ingress" | "clsact"));
    match parent {
        Handle::UNSPEC => {}
        Handle::ROOT => f.write_str(" root")?,
        Handle::INGRESS if is_said => {}
        parent => write!(f, " parent {}", class_text(parent))?,
    }
    if handle != Handle::UNSPEC && !is_said {
        write!(f, " handle {:x}:", handle.major())?;
    }
    match spec {
        QdiscSpec::Any => Ok(()),
        QdiscSpec::Kind(kind) => write!(f, " {kind}"),
        QdiscSpec::Options(options) => write!(f, " {}", kinds::write_qdisc(options)),
    }
}

fn write_class(request: &ClassRequest, verb: &str, device: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "class {verb} dev {device}")?;
    match request.parent {
        Handle::UNSPEC => {}
        Handle::ROOT => f.write_str(" root")?,
        parent => write!(f, " parent {}", class_text(parent))?,
    }
    if request.class != Handle::UNSPEC {
        write!(f, " classid {}", class_text(request.class))?;
    }
    match &request.options {
        None => Ok(()),
        Some(options) => write!(f, " {}", kinds::write_class(options)),
    }
}

/// A class as lines name it: by numbers.
pub(super) fn class_text(class: Handle) -> impl Display {
    fmt::from_fn(move |f| match (class.major(), class.minor()) {
        (major, 0) => write!(f, "{major:x}:"),
        (0, minor) => write!(f, ":{minor:x}"),
        (major, minor) => write!(f, "{major:x}:{minor:x}"),
    })
}

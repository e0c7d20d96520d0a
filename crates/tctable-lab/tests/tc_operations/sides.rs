//! The kernel and the engine beside each other.

use std::fmt::{self, Write as _};
use std::io;
use std::process::Command;

use nix::libc::{EINVAL, ENOENT};
use tctable::packet::DeviceId;
use tctable::sched::{
    Change, ClassDump, Config, DeviceConfig, FilterDump, FilterEntry, Handle, Notification, Object, QdiscDump,
    QdiscOptions, Scheduler,
};
use tctable::time::Instant;

use super::netlink::{self, Message, Rtnetlink};
use super::operation::{Operation, What, class_request, filter_request, qdisc_request};
use super::random::There;

/// The engine's name for the device.
const DEVICE: DeviceId = DeviceId(0);
/// The kernel's.
const NAME: &str = "left";
/// From here on numbers are allocated.
const ALLOCATED: u16 = 0x8000;

/// A qdisc, or a class, as far as it is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    is_class: bool,
    id: Handle,
    parent: Handle,
    kind: String,
    /// A class's leaf.
    leaf: Option<Handle>,
    /// A filter's handle, priority and protocol.
    filter: Option<(u32, u16, u16)>,
}

impl Line {
    /// `ingress` has one place for filters, whose name in the kernel is what some request called it.
    fn normal(mut self) -> Line {
        if let Some((handle, ..)) = &mut self.filter {
            *handle &= !TABLE;
        }
        if self.filter.is_some() && self.parent.major() == u16::MAX && self.parent.minor() != 0xfff3 {
            self.parent = Handle::new(0xffff, 0xfff2);
        }
        self
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { is_class, id, parent, kind, leaf, filter } = self;
        match (filter, is_class) {
            (Some((handle, priority, protocol)), _) => {
                write!(f, "filter parent {parent} prio {priority} protocol {protocol:x} handle {handle:x} {kind}")
            }
            (None, true) => write!(f, "class {kind} {id} parent {parent} leaf {leaf:?}"),
            (None, false) => write!(f, "qdisc {kind} {id} parent {parent}"),
        }
    }
}

/// A notification as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    what: Change,
    line: Line,
}

pub struct Sides {
    kernel: Rtnetlink,
    index: u32,
    engine: Scheduler,
    /// Allocated handles, the kernel's and the engine's.
    pairs: Vec<(Handle, Handle)>,
    /// The kernel's filters as they were last listed, with its handles.
    filters: Vec<Line>,
    now: Instant,
}

/// The part of a u32 filter's handle that says which table it is in. The kernel counts the tables of all filters of a
/// qdisc, those at its classes included; the engine those of one place.
const TABLE: u32 = 0xfff0_0000;

fn engine() -> Scheduler {
    let config =
        Config { default_leaf: QdiscOptions::Pfifo { limit: None }, max_notifications: 100, ..Config::default() };
    let mut engine = Scheduler::new(config);
    engine.add_device(DEVICE, DeviceConfig { name: NAME.to_owned(), ..DeviceConfig::default() }).expect("a device");
    engine
}

/// The operations, to be read.
pub fn told(operations: &[Operation]) -> String {
    operations.iter().fold(String::new(), |mut text, operation| {
        let _ = match operation {
            Operation::Qdisc { what, parent, handle, kind } => {
                writeln!(text, "qdisc {what:?} parent {parent} handle {handle} {kind:?}")
            }
            Operation::Filter { what, parent, priority, protocol, handle, class } => writeln!(
                text,
                "filter {what:?} parent {parent} prio {priority} protocol {protocol} handle {handle:x} u32 classid {class}"
            ),
            Operation::Class { what, parent, class, rate } => {
                writeln!(text, "class {what:?} parent {parent} classid {class} {rate:?}")
            }
        };
        text
    })
}

impl Sides {
    pub fn open() -> io::Result<Sides> {
        let link = Command::new("ip").args(["-o", "link", "show", NAME]).output()?;
        let link = String::from_utf8_lossy(&link.stdout).into_owned();
        let index = link.split(':').next().and_then(|index| index.trim().parse().ok());
        let index = index.ok_or_else(|| io::Error::other(format!("no device: {link:?}")))?;
        Ok(Sides {
            kernel: Rtnetlink::open()?,
            index,
            engine: engine(),
            pairs: Vec::new(),
            filters: Vec::new(),
            now: Instant::from_secs(1),
        })
    }

    /// Both sides as they are at first.
    pub fn clear(&mut self) {
        for parent in [Handle::ROOT, Handle::INGRESS] {
            let operation = Operation::Qdisc { what: What::Delete, parent, handle: Handle::UNSPEC, kind: None };
            let errno = self.kernel.request(&operation.message(self.index, |handle| handle)).expect("an answer");
            assert!([0, 2].contains(&errno), "{errno}");
        }
        self.kernel.heard().expect("notifications");
        self.pairs.clear();
        self.filters.clear();
        self.engine = engine();
    }

    /// What the engine has now.
    pub fn there(&mut self) -> There {
        let [qdiscs, classes] = self.handles();
        let mut filters = Vec::new();
        for place in self.places() {
            let listed = self.engine.dump_filters(&mut FilterDump::new(DEVICE, place), usize::MAX);
            filters.extend(listed.into_iter().map(|FilterEntry { parent, view, .. }| {
                (parent, view.key.priority, view.key.protocol, view.key.handle)
            }));
        }
        There { qdiscs, classes, filters }
    }

    /// The engine's qdiscs and classes.
    fn handles(&self) -> [Vec<Handle>; 2] {
        let qdiscs = self.engine.dump_qdiscs(&mut QdiscDump::new(None), usize::MAX).into_iter().map(|view| view.handle);
        let classes = self.engine.dump_classes(&mut ClassDump::new(DEVICE), usize::MAX);
        [
            qdiscs.filter(|handle| *handle != Handle::UNSPEC).collect(),
            classes.into_iter().filter_map(|entry| entry.view.id.handle()).collect(),
        ]
    }

    /// The operation without what is known to differ.
    fn adapted(&self, operation: Operation) -> Operation {
        match operation {
            // What hangs at the root and below classes by default is of one kind here, and of two in the kernel.
            Operation::Qdisc {
                what: what @ (What::Get | What::Delete),
                parent: Handle::ROOT,
                handle,
                kind: Some(kind),
            } if ["pfifo", "pfifo_fast"].contains(&kind.name) => {
                Operation::Qdisc { what, parent: Handle::ROOT, handle, kind: None }
            }
            // The kernel lets another qdisc have the handle that these have.
            Operation::Qdisc { what, parent: Handle::INGRESS, kind, .. } => {
                Operation::Qdisc { what, parent: Handle::INGRESS, handle: Handle::new(0xffff, 0), kind }
            }
            Operation::Qdisc { what, parent, handle, kind } => {
                let parent = if self.is_tbf(parent.major()) { Handle::new(parent.major(), 1) } else { parent };
                Operation::Qdisc { what, parent, handle, kind }
            }
            // The one place of `ingress` is what some request called it.
            Operation::Filter { what, parent, priority, protocol, handle, class }
                if parent == Handle::new(0xffff, 0xfff3) && self.hooks() == Some("ingress") =>
            {
                let parent = Handle::new(0xffff, 0xfff2);
                Operation::Filter { what, parent, priority, protocol, handle, class }
            }
            operation @ Operation::Filter { .. } => operation,
            Operation::Class { what, parent, class, rate } => {
                let major = match (class.major(), parent) {
                    (0, Handle::ROOT | Handle::UNSPEC) => 0,
                    (0, parent) => parent.major(),
                    (major, _) => major,
                };
                // The kernel shows a class of `ingress` or `clsact` to whom asks for one, though it never lists any.
                let what = match what {
                    What::Get if major == u16::MAX => What::Delete,
                    what => what,
                };
                let class = if self.is_tbf(major) { Handle::new(class.major(), 1) } else { class };
                Operation::Class { what, parent, class, rate }
            }
        }
    }

    /// Whether the qdisc of that number is a tbf, or the root where there is no number: its class is called 1 here, and
    /// answers to any number in the kernel.
    fn is_tbf(&self, major: u16) -> bool {
        let all = self.engine.dump_qdiscs(&mut QdiscDump::new(None), usize::MAX);
        all.iter().any(|view| {
            let is_meant = if major == 0 { view.parent == Handle::ROOT } else { view.handle.major() == major };
            is_meant && view.options.kind() == "tbf"
        })
    }

    /// Tells both sides: the error number of both, or how they differ.
    pub fn step(&mut self, operation: Operation) -> Result<i32, String> {
        let operation = self.adapted(operation);
        let pairs = self.pairs.clone();
        let to_kernel = |handle: Handle| {
            let pair = pairs.iter().find(|(_, ours)| ours.major() == handle.major());
            pair.map_or(handle, |(kernels, _)| Handle::new(kernels.major(), handle.minor()))
        };
        let theirs = self
            .kernel
            .request(&self.with_kernels_table(operation).message(self.index, to_kernel))
            .map_err(|e| e.to_string())?;
        let ours = self.ours(operation);
        if theirs != ours && !is_known(operation, theirs, ours) {
            return Err(format!("the kernel answers {theirs}, the engine {ours}"));
        }
        let (theirs_tree, ours_tree) = (self.kernels_tree().map_err(|e| e.to_string())?, self.engines_tree());
        if theirs_tree != ours_tree {
            let only = |these: &[Line], those: &[Line]| -> Vec<Line> {
                these.iter().filter(|line| !those.contains(line)).cloned().collect()
            };
            let (theirs, ours) = (only(&theirs_tree, &ours_tree), only(&ours_tree, &theirs_tree));
            return Err(format!("only the kernel has {theirs:?}, only the engine {ours:?}"));
        }
        let heard = self.kernel.heard().map_err(|e| e.to_string())?;
        let mut heard: Vec<Told> = heard
            .iter()
            .filter(|message| message.what < netlink::NEW_CHAIN)
            .map(|message| self.read(message).normal())
            .collect();
        // What hangs below a class by default is not told of, in the kernel not always.
        heard.retain(|Told { line, .. }| {
            line.is_class || line.filter.is_some() || line.id != Handle::UNSPEC || line.parent == Handle::ROOT
        });
        let told: Vec<Told> = std::iter::from_fn(|| self.engine.poll_notification()).map(told_of).collect();
        for (heard, told) in heard.iter_mut().zip(&told) {
            // The kernel names the parent as the request did, which need not be the one where the qdisc hangs.
            let parent = heard.line.parent;
            if parent == Handle::UNSPEC || parent.major() == u16::MAX && told.line.parent == Handle::INGRESS {
                heard.line.parent = told.line.parent;
            }
        }
        // The kernel tells all who listen also what somebody asked for.
        let is_question =
            matches!(operation, Operation::Qdisc { what: What::Get, .. } | Operation::Class { what: What::Get, .. });
        if heard != told && !is_question || !told.is_empty() && is_question {
            return Err(format!("the kernel tells {heard:?}, the engine {told:?}"));
        }
        Ok(ours)
    }

    /// The operation with the kernel's number for a filter's table.
    fn with_kernels_table(&self, operation: Operation) -> Operation {
        let Operation::Filter { what, parent, priority, protocol, handle, class } = operation else { return operation };
        let same = |line: &&Line| {
            let is_it =
                |(theirs, number, _)| theirs & TABLE != 0 && number == priority && theirs & !TABLE == handle & !TABLE;
            line.parent == parent && line.filter.is_some_and(is_it)
        };
        let line = self.filters.iter().filter(|_| handle & TABLE != 0).find(same);
        let handle = line.and_then(|line| line.filter).map_or(handle, |(handle, ..)| handle);
        Operation::Filter { what, parent, priority, protocol, handle, class }
    }

    /// The engine's error number.
    fn ours(&mut self, operation: Operation) -> i32 {
        let Sides { engine, now, .. } = self;
        let errno = match operation {
            Operation::Qdisc { what, parent, handle, kind } => {
                let request = qdisc_request(DEVICE, parent, handle, kind);
                match what {
                    What::New(flags) => engine.set_qdisc(*now, &request, flags).err().map(|error| error.errno()),
                    What::Delete => engine.delete_qdisc(*now, &request).err().map(|error| error.errno()),
                    What::Get => engine.qdisc(&request).err().map(|error| error.errno()),
                }
            }
            Operation::Filter { what, .. } => {
                let (request, query) = filter_request(operation, DEVICE).expect("an operation on filters");
                match what {
                    What::New(flags) => engine.set_filter(*now, &request, flags).err().map(|error| error.errno()),
                    What::Delete => engine.delete_filter(*now, &query).err().map(|error| error.errno()),
                    What::Get => engine.filter(&query).err().map(|error| error.errno()),
                }
            }
            Operation::Class { what, parent, class, rate } => {
                let request = class_request(DEVICE, parent, class, rate);
                match what {
                    What::New(flags) => engine.set_class(*now, &request, flags).err().map(|error| error.errno()),
                    What::Delete => engine.delete_class(*now, &request).err().map(|error| error.errno()),
                    What::Get => engine.class(&request).err().map(|error| error.errno()),
                }
            }
        };
        errno.map_or(0, |errno| errno.0.into())
    }

    /// The kernel's tree with the engine's handles.
    fn kernels_tree(&mut self) -> io::Result<Vec<Line>> {
        let mut messages = self.kernel.dump(netlink::GET_QDISC, self.index, 0)?;
        messages.extend(self.kernel.dump(netlink::GET_CLASS, self.index, 0)?);
        self.pair(&messages);
        let places: Vec<Handle> = self.places();
        for place in places {
            let to_kernel = self.pairs.iter().find(|(_, ours)| ours.major() == place.major());
            let place = to_kernel.map_or(place, |(kernels, _)| Handle::new(kernels.major(), place.minor()));
            messages.extend(self.kernel.dump(netlink::GET_FILTER, self.index, place.0)?);
        }
        let lines: Vec<Line> = messages.iter().map(|message| self.read(message).line).collect();
        self.filters = lines.iter().filter(|line| line.filter.is_some()).cloned().collect();
        let mut lines: Vec<Line> = lines.into_iter().map(Line::normal).collect();
        lines.sort();
        Ok(lines)
    }

    /// Finds out which handle that the kernel allocated is which of the engine's: both hang at the same place.
    fn pair(&mut self, messages: &[Message]) {
        let engines = self.engine.dump_qdiscs(&mut QdiscDump::new(None), usize::MAX);
        for message in messages.iter().filter(|message| message.what == netlink::NEW_QDISC) {
            let handle = Handle(message.handle);
            let is_known = self.pairs.iter().any(|(kernels, _)| *kernels == handle);
            if handle.major() < ALLOCATED || handle.major() == u16::MAX || is_known {
                continue;
            }
            let parent = self.translated(Handle(message.parent));
            if let Some(view) = engines.iter().find(|view| view.parent == parent && view.handle.major() > ALLOCATED) {
                self.pairs.retain(|(_, ours)| *ours != view.handle);
                self.pairs.push((handle, view.handle));
            }
        }
    }

    /// The engine's handle for a kernel's.
    fn translated(&self, handle: Handle) -> Handle {
        if [Handle::ROOT, Handle::INGRESS].contains(&handle) {
            return handle;
        }
        let pair = self.pairs.iter().find(|(kernels, _)| kernels.major() == handle.major());
        pair.map_or(handle, |(_, ours)| Handle::new(ours.major(), handle.minor()))
    }

    fn read(&self, message: &Message) -> Told {
        let what = match message.what {
            netlink::NEW_QDISC | netlink::NEW_CLASS if message.is_replacement() => Change::Placed,
            netlink::NEW_QDISC | netlink::NEW_CLASS | netlink::NEW_FILTER => Change::New,
            _ => Change::Deleted,
        };
        let is_class = [netlink::NEW_CLASS, netlink::DELETE_CLASS].contains(&message.what);
        let leaf = Some(self.translated(Handle(message.info))).filter(|leaf| is_class && *leaf != Handle::UNSPEC);
        let is_filter = [netlink::NEW_FILTER, netlink::DELETE_FILTER].contains(&message.what);
        let protocol = u16::from_be(message.info as u16);
        let line = Line {
            is_class,
            filter: is_filter.then_some((message.handle, (message.info >> 16) as u16, protocol)),
            id: if is_filter { Handle::UNSPEC } else { self.translated(Handle(message.handle)) },
            parent: self.translated(Handle(message.parent)),
            kind: message.kind().unwrap_or_default(),
            leaf,
        };
        Told { what, line }
    }

    /// The kind of what looks at incoming packets.
    fn hooks(&self) -> Option<&'static str> {
        let all = self.engine.dump_qdiscs(&mut QdiscDump::new(None), usize::MAX);
        all.into_iter().find(|view| view.parent == Handle::INGRESS).map(|view| view.options.kind())
    }

    /// Where filters may hang.
    fn places(&self) -> Vec<Handle> {
        let [qdiscs, classes] = self.handles();
        let hooks = [0xfff2, 0xfff3].map(|minor| Handle::new(0xffff, minor));
        // `ingress` has one place, whatever it is called.
        let hooks = match self.hooks() {
            None => &[][..],
            Some("clsact") => &hooks,
            Some(_) => &hooks[..1],
        };
        qdiscs
            .into_iter()
            .filter(|qdisc| qdisc.major() != u16::MAX)
            .chain(classes)
            .chain(hooks.iter().copied())
            .collect()
    }

    fn engines_tree(&mut self) -> Vec<Line> {
        let qdiscs = self.engine.dump_qdiscs(&mut QdiscDump::new(Some(DEVICE)), usize::MAX);
        let classes = self.engine.dump_classes(&mut ClassDump::new(DEVICE), usize::MAX);
        let qdiscs = qdiscs.into_iter().map(|view| line_of(Object::Qdisc(view)));
        let mut lines: Vec<Line> =
            qdiscs.chain(classes.into_iter().map(|entry| line_of(Object::Class(entry)))).collect();
        for place in self.places() {
            let filters = self.engine.dump_filters(&mut FilterDump::new(DEVICE, place), usize::MAX);
            lines.extend(filters.into_iter().map(|entry| line_of(Object::Filter(entry)).normal()));
        }
        lines.sort();
        lines
    }
}

/// Whether answers differ that depend, in the kernel, on what was there long before.
fn is_known(operation: Operation, theirs: i32, ours: i32) -> bool {
    let Operation::Qdisc { what: what @ (What::Get | What::Delete), parent, handle, .. } = operation else {
        return false;
    };
    match parent {
        Handle::ROOT => false,
        // Nothing looks at incoming packets: whether anything ever did.
        parent if parent.major() == u16::MAX => ours == ENOENT && [0, EINVAL].contains(&theirs),
        // What hangs below a class by default: whether it is the first that does.
        _ => what == What::Get && handle == Handle::UNSPEC && (theirs, ours) == (0, EINVAL),
    }
}

impl Told {
    fn normal(self) -> Told {
        Told { line: self.line.normal(), ..self }
    }
}

fn told_of(Notification { what, object }: Notification) -> Told {
    Told { what, line: line_of(object).normal() }
}

fn line_of(object: Object) -> Line {
    match object {
        Object::Qdisc(view) => Line {
            is_class: false,
            id: view.handle,
            parent: view.parent,
            kind: match view.handle {
                Handle::UNSPEC => "pfifo_fast",
                _ => view.options.kind(),
            }
            .to_owned(),
            leaf: None,
            filter: None,
        },
        Object::Filter(FilterEntry { parent, view, .. }) => Line {
            is_class: false,
            id: Handle::UNSPEC,
            parent,
            kind: view.kind.into(),
            leaf: None,
            filter: Some((view.key.handle, view.key.priority, view.key.protocol.0)),
        },
        Object::Class(entry) => Line {
            is_class: true,
            id: entry.view.id.handle().expect("a class with a name"),
            parent: match entry.view.parent.handle().expect("a parent with a name") {
                // htb names no parent at the top.
                top if top.minor() == 0 && entry.kind == "htb" => Handle::ROOT,
                parent => parent,
            },
            kind: entry.kind.to_owned(),
            leaf: entry.view.leaf,
            filter: None,
        },
    }
}

//! Which networks and interfaces are inside.

use std::collections::BTreeSet;

use ipnet::IpNet;
use tctable::Gateway;
use tctable::account::Inside;
use tctable::packet::DeviceId;
use tctable_io::capture::{Format, Interface};
use thiserror::Error;

use super::inputs::Input;
use crate::args::LanArg;

/// An interface was named that no file has.
#[derive(Debug, Error)]
#[error("--lan {name}: no file has an interface of that name; {}", describe(.known))]
pub(crate) struct LanError {
    name: String,
    known: BTreeSet<String>,
}

fn describe(known: &BTreeSet<String>) -> String {
    match known.len() {
        0 => "none has a name".to_owned(),
        _ => format!("there are: {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    }
}

/// What is inside, as the user said it or by default.
///
/// Interfaces are matched by name while a file is read, since a pcapng file may describe them at any place before
/// their first packet. The engine numbers devices within one file: they are cleared where another one begins.
#[derive(Debug)]
pub(crate) struct Lan {
    /// The prefixes.
    pub(crate) prefixes: Vec<IpNet>,
    /// The names of interfaces.
    pub(crate) names: Vec<String>,
    /// Nothing was said.
    pub(crate) is_default: bool,
    /// Every name that occurred, kept only where names matter.
    known: BTreeSet<String>,
    /// Interfaces of the present file that were looked at.
    looked_at: usize,
    /// Those of them that are inside.
    devices: Vec<DeviceId>,
}

impl Lan {
    /// From the command line.
    pub(crate) fn new(args: &[LanArg]) -> Lan {
        let (mut prefixes, mut names) = (Vec::new(), Vec::new());
        for arg in args {
            match arg {
                LanArg::Prefix(prefix) => prefixes.push(*prefix),
                LanArg::Name(name) => names.push(name.clone()),
            }
        }
        if args.is_empty() {
            prefixes = Inside::default_prefixes();
        }
        Lan { prefixes, names, is_default: args.is_empty(), known: BTreeSet::new(), looked_at: 0, devices: Vec::new() }
    }

    /// What is inside before any interface is known.
    pub(crate) fn inside(&self) -> Inside {
        Inside::new(&self.prefixes)
    }

    /// Whether names can be found at all: a pcap file never names its interface.
    pub(crate) fn check(&self, inputs: &[Input]) -> Result<(), LanError> {
        let known = inputs.iter().flat_map(|input| &input.interfaces).filter_map(|each| each.name.clone()).collect();
        match self.names.first() {
            Some(name) if inputs.iter().all(|input| input.format == Format::Pcap) => {
                Err(LanError { name: name.clone(), known })
            }
            _ => Ok(()),
        }
    }

    /// Whether every name was found in some file.
    pub(crate) fn missing(&self) -> Result<(), LanError> {
        match self.names.iter().find(|name| !self.known.contains(*name)) {
            Some(name) => Err(LanError { name: name.clone(), known: self.known.clone() }),
            None => Ok(()),
        }
    }

    /// Another file, whose devices are numbered from zero again.
    pub(crate) fn begin_file(&mut self, interfaces: &[Interface], gateway: &mut Gateway) {
        for device in self.devices.drain(..) {
            gateway.inside_mut().set_device(device, false);
        }
        self.looked_at = 0;
        self.learn(interfaces, gateway);
    }

    /// Tells the engine of the present file's interfaces that were not looked at yet.
    pub(crate) fn learn(&mut self, interfaces: &[Interface], gateway: &mut Gateway) {
        if self.names.is_empty() || self.looked_at == interfaces.len() {
            return;
        }
        for (number, interface) in interfaces.iter().enumerate().skip(self.looked_at) {
            let Some(name) = &interface.name else { continue };
            self.known.insert(name.clone());
            if let (true, Ok(number)) = (self.names.contains(name), u16::try_from(number)) {
                self.devices.push(DeviceId(number));
                gateway.inside_mut().set_device(DeviceId(number), true);
            }
        }
        self.looked_at = interfaces.len();
    }
}

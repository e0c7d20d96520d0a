//! `tctable lab`: a small network in namespaces, a gateway in it at work, and what it counted beside what the interfaces count.

mod args;
mod cpu;
mod gateway;
mod hosts;
mod kernel;
mod report;
mod screen;
mod tools;
mod traffic;

use std::io::{IsTerminal, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tctable_lab::live::network::INTERFACE;
use tctable_lab::live::{Counters, Error, Form, Network, Size};
use thiserror::Error as ThisError;

pub(crate) use self::args::Lab;
use self::cpu::Processors;
use self::gateway::Tctable;
use self::hosts::{HostCounts, Hosts};
use self::kernel::KernelGateway;
use self::report::Report;
use self::traffic::Traffic;
use crate::output::{Output, OutputError};

/// Why there was no lab.
#[derive(Debug, ThisError)]
pub(crate) enum LabError {
    /// A namespace, a tool or a socket failed.
    #[error("lab: {0}")]
    Live(#[from] Error),
    /// The gateway did not come up, or does not say what it counts.
    #[error("lab: {0}")]
    Gateway(String),
    /// There is nothing to show it on.
    #[error("lab: this needs a terminal: `tctable lab --once` prints what came of it to anything")]
    NoTerminal,
    /// The terminal does not work.
    #[error("lab: the terminal: {0}")]
    Terminal(std::io::Error),
    /// Signals cannot be caught.
    #[error("lab: signals: {0}")]
    Signals(std::io::Error),
    /// Told to end.
    #[error("lab: interrupted; everything was taken down")]
    Interrupted,
    /// The report cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Who forwards.
enum Gateway {
    Kernel(KernelGateway),
    Tctable(Tctable),
}

impl Gateway {
    fn start(args: &Lab, network: &Network) -> Result<Gateway, LabError> {
        Ok(match args.kernel {
            true => Gateway::Kernel(KernelGateway::start(network)?),
            false => Gateway::Tctable(Tctable::start(args, network)?),
        })
    }

    /// What is counted by now.
    fn hosts(&mut self) -> Result<Hosts, LabError> {
        match self {
            Gateway::Kernel(gateway) => gateway.hosts(),
            Gateway::Tctable(gateway) => gateway.hosts(),
        }
    }

    /// The process that forwards.
    fn process(&self) -> Option<u32> {
        match self {
            Gateway::Kernel(_) => None,
            Gateway::Tctable(gateway) => Some(gateway.process()),
        }
    }
}

/// How long counters may take to come to rest after the last packet.
const REST: Duration = Duration::from_secs(3);

/// Builds everything, runs it, and takes it down: nothing of it has a name, so it is gone when this process is, however that ends.
pub(crate) fn run(args: &Lab) -> Result<(), LabError> {
    let has_terminal = stdout().is_terminal() && stdin().is_terminal();
    if !args.once && !has_terminal {
        return Err(LabError::NoTerminal);
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, stop.clone()).map_err(LabError::Signals)?;
    }
    let form = if args.kernel { Form::Routed } else { Form::InLine };
    let size = Size { clients: args.clients, ..Size::default() };
    let network = Network::build(size, form)?;
    let mut gateway = Gateway::start(args, &network)?;
    if !args.once {
        return watch(&network, &mut gateway, &stop);
    }
    let before = interfaces(&network)?;
    let busy = Processors::read(gateway.process());
    let traffic = Traffic::start(&network, Some(Duration::from_secs(args.seconds.get())), stop.clone())?;
    let traffic = traffic.finish()?;
    let busy = Processors::read(gateway.process()).since(&busy);
    let tools = tools::run(&network, &stop)?;
    if stop.load(Ordering::Relaxed) {
        return Err(LabError::Interrupted);
    }
    let (hosts, interfaces) = rest(&network, &mut gateway, &before)?;
    let report = Report { args, network: &network, hosts, interfaces, traffic, busy, tools };
    let mut output = Output::stdout();
    report.write(&mut output.text);
    Ok(output.finish()?)
}

/// What the clients' interfaces count.
fn interfaces(network: &Network) -> Result<Vec<Counters>, LabError> {
    Ok(network.clients.iter().map(|host| host.namespace.counters(INTERFACE)).collect::<Result<_, _>>()?)
}

/// What both sides have counted once nothing changes any more.
fn rest(
    network: &Network,
    gateway: &mut Gateway,
    before: &[Counters],
) -> Result<(Vec<HostCounts>, Vec<Counters>), LabError> {
    let since = Instant::now();
    let mut last = None;
    loop {
        let hosts = gateway.hosts()?;
        let counted: Vec<_> = network.clients.iter().map(|client| hosts.of(&client.addresses())).collect();
        let passed = interfaces(network)?.into_iter().zip(before).map(|(now, before)| now - *before).collect();
        let now = (counted, passed);
        if last.as_ref() == Some(&now) || since.elapsed() > REST {
            return Ok(now);
        }
        last = Some(now);
        thread::sleep(Duration::from_millis(100));
    }
}

/// Traffic without end, and a view of it.
fn watch(network: &Network, gateway: &mut Gateway, stop: &Arc<AtomicBool>) -> Result<(), LabError> {
    let traffic = Traffic::start(network, None, stop.clone())?;
    eprintln!("lab: the gateway's namespace is {}: nsenter --net={0} ip link", network.gateway.path());
    let seen = match gateway {
        Gateway::Tctable(gateway) => gateway.top(stop),
        Gateway::Kernel(gateway) => screen::watch(network, gateway, stop),
    };
    stop.store(true, Ordering::Relaxed);
    let ended = traffic.finish();
    seen?;
    ended.map(drop)
}

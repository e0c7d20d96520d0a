//! tctable as the gateway: this very program, started in the gateway's namespace.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tctable_lab::live::network::{LAN, WAN};
use tctable_lab::live::{Namespace, Network};
use tempfile::TempDir;

use super::LabError;
use super::args::Lab;
use super::hosts::{Counter, Hosts};

/// How long it may take to come up, and to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running gateway; it ends when this is dropped.
pub(super) struct Tctable {
    child: Child,
    control: PathBuf,
    namespace: Namespace,
    /// The control socket is in it, and what it says.
    directory: TempDir,
}

/// This program.
const SELF: &str = "/proc/self/exe";

impl Tctable {
    pub(super) fn start(args: &Lab, network: &Network) -> Result<Tctable, LabError> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: std::io::Error| LabError::Gateway(format!("{what}: {error}"))
        };
        let directory = tempfile::Builder::new().prefix("tctable-lab-").tempdir().map_err(failed("a directory"))?;
        let control = directory.path().join("control.sock");
        let mut command = Command::new(SELF);
        command
            .args(["run", "--lan", LAN, "--wan", WAN, "--shards", &args.shards.to_string(), "--control"])
            .arg(&control);
        // What is kept from another gateway's life has no place here, nor has the machine's own configuration.
        command.arg("--state").arg(directory.path().join("state")).args(["--config", "/dev/null"]);
        if args.xdp {
            command.arg("--xdp");
        }
        let log = directory.path().join("log");
        command.stdin(Stdio::null()).stderr(std::fs::File::create(&log).map_err(failed("a log"))?);
        let child = network.gateway.run(|| command.spawn()).map_err(failed("tctable run"))?;
        let mut gateway = Tctable { child, control, namespace: network.gateway.clone(), directory };
        gateway.wait()?;
        Ok(gateway)
    }

    /// Until it answers.
    fn wait(&mut self) -> Result<(), LabError> {
        let since = Instant::now();
        loop {
            let Err(error) = self.hosts() else { return Ok(()) };
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                return Err(LabError::Gateway(format!("tctable run ended: {status}\n{log}")));
            }
            if since.elapsed() > PATIENCE {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it counted, over its control socket.
    pub(super) fn hosts(&self) -> Result<Hosts, LabError> {
        let control = self.control.display().to_string();
        let text = self.namespace.command(SELF, &["hosts", "-j", "--control", &control])?;
        read(&text).ok_or_else(|| LabError::Gateway("what `tctable hosts -j` says is not understood".to_owned()))
    }

    /// The live view, until it is left or `stop` is set.
    pub(super) fn top(&self, stop: &AtomicBool) -> Result<(), LabError> {
        let failed = |error: std::io::Error| LabError::Gateway(format!("tctable top: {error}"));
        let mut top = Command::new(SELF).args(["top", "--control"]).arg(&self.control).spawn().map_err(failed)?;
        loop {
            if let Some(status) = top.try_wait().map_err(failed)? {
                // What ends the lab may have ended it first, such as a terminal that is gone.
                let is_well = status.success() || stop.load(Ordering::Relaxed);
                return if is_well { Ok(()) } else { Err(LabError::Gateway(format!("tctable top ended: {status}"))) };
            }
            if stop.load(Ordering::Relaxed) {
                end(&mut top);
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tctable {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Asks a process to end, and makes it end if it does not.
fn end(child: &mut Child) {
    let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
    let since = Instant::now();
    while let Ok(None) = child.try_wait() {
        if since.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What `hosts -j` says: the sum of all classes of a host.
fn read(text: &str) -> Option<Hosts> {
    let all: Value = serde_json::from_str(text).ok()?;
    let mut hosts = Hosts::default();
    let counter =
        |value: &Value| Some(Counter { packets: value["packets"].as_u64()?, bytes: value["bytes"].as_u64()? });
    for host in all["hosts"].as_array()? {
        let address = host["ip"].as_str()?.parse().ok()?;
        for class in host.as_object()?.values().filter(|value| value.get("tx").is_some()) {
            hosts.add(address, counter(&class["tx"])?, counter(&class["rx"])?);
        }
    }
    Some(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read() {
        let text = r#"{"hosts":[{"ip":"fd00::1","tcp":{"tx":{"packets":1,"bytes":60},"rx":{"packets":0,"bytes":0},"connections":1},
            "udp":{"tx":{"packets":2,"bytes":100},"rx":{"packets":3,"bytes":9},"connections":0},"connections_opened":1}]}"#;
        let host = read(text).expect("hosts").of(&["fd00::1".parse().expect("an address")]);
        assert_eq!((host.tx.packets, host.tx.bytes, host.rx.packets, host.rx.bytes), (3, 160, 3, 9));
        assert!(read("{}").is_none());
    }
}

//! `iperf3` and `curl`, where they are installed: programs that know nothing of tctable.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tctable_lab::live::{Error, Network, http};

use super::LabError;

/// What they said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tools {
    /// Bits in a second to the client, by iperf3.
    pub(super) iperf3: Option<u64>,
    /// Bits in a second of a download, by curl.
    pub(super) curl: Option<u64>,
}

const DOWNLOAD: usize = 100_000_000;
const PORT: &str = "5201";

/// Runs those that there are, one after the other.
pub(super) fn run(network: &Network, stop: &AtomicBool) -> Result<Tools, LabError> {
    let mut tools = Tools::default();
    if !stop.load(Ordering::Relaxed) {
        tools.iperf3 = installed(iperf3(network))?;
    }
    if !stop.load(Ordering::Relaxed) {
        tools.curl = installed(curl(network))?;
    }
    Ok(tools)
}

/// What is not installed says nothing.
fn installed(said: Result<Option<u64>, Error>) -> Result<Option<u64>, LabError> {
    match said {
        Err(Error::NoTool { .. }) => Ok(None),
        said => Ok(said?),
    }
}

fn iperf3(network: &Network) -> Result<Option<u64>, Error> {
    let (client, server) = (&network.clients[0], &network.servers[0]);
    server.namespace.command("iperf3", &["--version"])?;
    let address = server.v4.to_string();
    let namespace = server.namespace.clone();
    let bind = address.clone();
    // It ends after one client, or without one.
    let listening = thread::spawn(move || {
        namespace.command("iperf3", &["--server", "--one-off", "--idle-timeout", "5", "--bind", &bind, "--port", PORT])
    });
    let arguments = ["--client", &address, "--port", PORT, "--reverse", "--time", "2", "--json"];
    let mut rate = None;
    // It may not listen yet.
    for _ in 0..40 {
        let said = client.namespace.command("iperf3", &arguments).unwrap_or_default();
        let said: Value = serde_json::from_str(&said).unwrap_or_default();
        rate = said["end"]["sum_received"]["bits_per_second"].as_f64();
        if rate.is_some() || listening.is_finished() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let _ = listening.join();
    Ok(rate.map(|rate| rate as u64))
}

fn curl(network: &Network) -> Result<Option<u64>, Error> {
    let (client, server) = (&network.clients[0], &network.servers[0]);
    let _http = http::Server::start(&server.namespace)?;
    let url = format!("http://[{}]/{DOWNLOAD}", server.v6);
    let written = "%{size_download} %{speed_download}";
    let arguments = ["--silent", "--show-error", "--fail", "--max-time", "20", "-o", "/dev/null", "-w", written, &url];
    let said = client.namespace.command("curl", &arguments)?;
    let (size, speed) = said.split_once(' ').unwrap_or_default();
    if size.parse() != Ok(DOWNLOAD) {
        return Err(Error::Command { command: "curl".to_owned(), output: format!("{size} of {DOWNLOAD} bytes came") });
    }
    Ok(speed.parse::<f64>().ok().map(|bytes| (bytes * 8.0) as u64))
}

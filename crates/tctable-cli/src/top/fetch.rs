//! Asks the gateway, on a thread of its own, so that keys are never waited for.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::live::client::{Client, ClientError, query};
use crate::live::documents::{Classes, Connections, Hosts, Stats};

/// Hosts that are asked for at once.
const HOSTS: usize = 5000;
/// Connections of a host.
const CONNECTIONS: usize = 1000;
/// Looks after which all hosts are asked for, so that those that expired go.
const ALL: u32 = 30;

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Hosts.
    #[default]
    Hosts,
    /// The connections of that one.
    Host(String),
    /// Classes.
    Classes,
    /// Totals.
    Totals,
}

/// What the gateway answered.
#[derive(Debug)]
pub(super) enum Sample {
    /// Hosts: all, or those that counted something since the last time.
    Hosts { document: Box<Hosts>, all: bool },
    /// Connections of a host.
    Host(String, Connections),
    /// Classes.
    Classes(Classes),
    /// Totals.
    Totals(Box<Stats>),
    /// Nothing, and why.
    Failed(String),
}

/// The thread that asks.
pub(super) struct Fetcher {
    wanted: Arc<(Mutex<Wanted>, Condvar)>,
    samples: Receiver<(Sample, Instant)>,
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetcher {
    /// Begins to ask, for hosts at first. It ends after the fetcher has gone.
    pub(super) fn start(client: Client, interval: Duration) -> Fetcher {
        let wanted = Arc::new((Mutex::new(Wanted::default()), Condvar::new()));
        let (sender, samples) = mpsc::channel();
        let asked = Arc::clone(&wanted);
        thread::spawn(move || ask(&client, interval, &asked, &sender));
        Fetcher { wanted, samples }
    }

    /// What came.
    pub(super) fn samples(&self) -> impl Iterator<Item = (Sample, Instant)> {
        self.samples.try_iter()
    }

    /// Asks for something else, at once.
    pub(super) fn want(&self, wanted: Wanted) {
        let mut asked = lock(&self.wanted.0);
        if *asked != wanted {
            *asked = wanted;
            self.wanted.1.notify_one();
        }
    }
}

fn ask(client: &Client, interval: Duration, asked: &(Mutex<Wanted>, Condvar), samples: &Sender<(Sample, Instant)>) {
    let mut since = None;
    let mut looks = 0_u32;
    let mut next = Instant::now();
    loop {
        // Hosts' rates go on whatever is shown.
        let hosts = look(|| hosts(client, since, looks));
        if let Sample::Hosts { document, .. } = &hosts {
            since = Some(document.capture.last);
            looks = looks.wrapping_add(1);
        }
        if samples.send((hosts, Instant::now())).is_err() {
            return;
        }
        next = (next + interval).max(Instant::now());
        loop {
            let wanted = lock(&asked.0).clone();
            if let Some(sample) = details(client, &wanted)
                && samples.send((sample, Instant::now())).is_err()
            {
                return;
            }
            let left = next.saturating_duration_since(Instant::now());
            let changed = asked.1.wait_timeout_while(lock(&asked.0), left, |now| *now == wanted);
            let changed = changed.unwrap_or_else(PoisonError::into_inner);
            if changed.1.timed_out() {
                break;
            }
        }
    }
}

fn look(ask: impl FnOnce() -> Result<Sample, ClientError>) -> Sample {
    ask().unwrap_or_else(|error| Sample::Failed(error.to_string()))
}

fn hosts(client: &Client, since: Option<f64>, looks: u32) -> Result<Sample, ClientError> {
    let since = since.filter(|_| !looks.is_multiple_of(ALL));
    let asked = [("limit", Some(HOSTS.to_string())), ("since", since.map(|since| since.to_string()))];
    let document = client.read(&format!("/hosts{}", query(&asked)))?;
    Ok(Sample::Hosts { document: Box::new(document), all: since.is_none() })
}

/// What is asked for beside hosts.
fn details(client: &Client, wanted: &Wanted) -> Option<Sample> {
    match wanted {
        Wanted::Hosts => None,
        Wanted::Host(host) => {
            let asked = [("host", Some(host.clone())), ("limit", Some(CONNECTIONS.to_string()))];
            Some(look(|| Ok(Sample::Host(host.clone(), client.read(&format!("/connections{}", query(&asked)))?))))
        }
        Wanted::Classes => Some(look(|| Ok(Sample::Classes(client.read("/classes")?)))),
        Wanted::Totals => Some(look(|| Ok(Sample::Totals(Box::new(client.read("/stats")?))))),
    }
}

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::sched::{self, Scheduler};
use tctable::time::Instant;
use tctable::{Config, Gateway};
use tctable_lab::packets::udp_packet;

use super::*;
use crate::shard::Inbox;

/// A shard's thread without ports.
struct Thread {
    end: Arc<AtomicBool>,
    handle: Option<std::thread::JoinHandle<()>>,
}

impl Thread {
    fn start(inbox: Inbox, book: &HostBook) -> Thread {
        let mut gateway = Gateway::new(Config::default());
        if book.taken_at() != Instant::ZERO {
            gateway.restore_hosts(&book.snapshot()).expect("it was saved so");
        }
        let mut shard = Shard::new(0, gateway, Scheduler::new(sched::Config::default()));
        let end = Arc::new(AtomicBool::new(false));
        let ends = end.clone();
        let handle = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                inbox.work(&mut shard);
                std::thread::yield_now();
            }
        });
        Thread { end, handle: Some(handle) }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(handle) = self.handle.take() {
            handle.join().expect("no panic");
        }
    }
}

fn send(gateway: &mut Gateway, second: u64, host: u8) {
    let data = udp_packet(([192, 168, 0, host], 1000).into(), ([198, 51, 100, 1], 53).into(), b"x");
    gateway.receive([Frame {
        time: Instant::from_secs(second),
        device: DeviceId(0),
        direction: FrameDirection::Inbound,
        link: LinkType::Raw,
        wire_len: data.len() as u32,
        data: &data,
    }]);
}

/// Packets that each host sent.
fn sent(gateway: &Gateway) -> Vec<(u8, u64)> {
    let mut hosts: Vec<(u8, u64)> = gateway
        .hosts()
        .iter()
        .map(|host| match host.address() {
            std::net::IpAddr::V4(address) => (address.octets()[3], host.class(tctable::account::Class::Udp).tx.packets),
            other => panic!("{other}"),
        })
        .collect();
    hosts.sort_unstable();
    hosts
}

/// Opens the directory with one shard, does something with it, and lets go of it as if it were killed.
fn live<T: Send + 'static>(directory: &Path, work: impl AsyncFnOnce(&mut State, &Shards) -> T) -> T {
    let (shards, mut inboxes) = Shards::new(1).expect("descriptors");
    let (mut state, kept) = State::open(directory, 1).expect("a directory");
    let _thread = Thread::start(inboxes.pop().expect("one"), &kept.books[0]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work(&mut state, &shards))
}

async fn at(shards: &Shards, second: u64, hosts: &'static [u8]) {
    shards
        .ask(0, move |shard| hosts.iter().for_each(|host| send(&mut shard.gateway, second, *host)))
        .await
        .expect("there");
}

async fn counts(shards: &Shards) -> Vec<(u8, u64)> {
    shards.ask(0, |shard| sent(&shard.gateway)).await.expect("there")
}

#[test]
fn what_was_saved_goes_on_and_what_was_not_is_missing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state");
    live(&path, async |state, shards| {
        at(shards, 1_000, &[1, 2, 2]).await;
        state.save(shards, false).await;
        at(shards, 1_001, &[2, 3]).await;
        state.save(shards, false).await;
        // Killed before this is saved.
        at(shards, 1_002, &[3, 4]).await;
    });
    live(&path, async |state, shards| {
        assert_eq!(counts(shards).await, [(1, 1), (2, 3), (3, 1)]);
        // Zeroed, deleted, and one that comes.
        at(shards, 1_003, &[5]).await;
        let changed = shards.ask(0, |shard| {
            shard.gateway.zero_host([192, 168, 0, 2].into()).expect("there");
            shard.gateway.delete_host([192, 168, 0, 1].into()).expect("there");
        });
        changed.await.expect("there");
        state.save(shards, false).await;
    });
    for _ in 0..2 {
        live(&path, async |_, shards| assert_eq!(counts(shards).await, [(2, 0), (3, 1), (5, 1)]));
    }
}

#[test]
fn a_torn_page_is_not_believed_and_hides_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    live(directory.path(), async |state, shards| {
        at(shards, 1_000, &[1]).await;
        state.save(shards, false).await;
    });
    let file = file(directory.path());
    let whole = std::fs::read(&file).expect("a file");
    for cut in [1, 10, whole.len() - 1] {
        let mut torn = std::fs::OpenOptions::new().append(true).open(&file).expect("a file");
        torn.write_all(&whole[..cut]).expect("written");
        live(directory.path(), async |state, shards| {
            assert_eq!(counts(shards).await[0], (1, 1));
            at(shards, 1_000 + cut as u64, &[2]).await;
            state.save(shards, false).await;
        });
        live(directory.path(), async |_, shards| assert!(counts(shards).await.contains(&(1, 1))));
    }
    live(directory.path(), async |_, shards| assert_eq!(counts(shards).await, [(1, 1), (2, 3)]));
}

/// The file of the only shard.
fn file(directory: &Path) -> PathBuf {
    directory.join("hosts-0-of-1.log")
}

/// What was counted, as a start finds it: by host.
fn found(directory: &Path, shards: usize) -> Vec<(u8, u64)> {
    let (_state, kept) = State::open(directory, shards).expect("a directory");
    assert_eq!(kept.books.len(), shards);
    let mut all = std::collections::BTreeMap::new();
    for book in kept.books.iter().filter(|book| book.taken_at() != Instant::ZERO) {
        let mut gateway = Gateway::new(Config::default());
        gateway.restore_hosts(&book.snapshot()).expect("it was saved so");
        for (host, packets) in sent(&gateway) {
            *all.entry(host).or_insert(0) += packets;
        }
    }
    all.into_iter().collect()
}

#[test]
fn a_directory_is_one_gateways() {
    let directory = tempfile::tempdir().expect("a directory");
    let (state, _) = State::open(directory.path(), 2).expect("a directory");
    assert!(matches!(State::open(directory.path(), 2), Err(StateError::Taken(_))));
    drop(state);
    assert!(State::open(directory.path(), 2).is_ok());
    std::fs::write(directory.path().join("shards"), "many").expect("written");
    assert!(matches!(State::open(directory.path(), 2), Err(StateError::Shards(_))));
}

/// How long a file was, and what each host had sent by then.
type Told = (usize, Vec<(u8, u64)>);

/// A file of several passes, and what is to be found where each of its pages ends.
fn several_passes(directory: &Path) -> (Vec<u8>, Vec<Told>) {
    let states = live(directory, async |state, shards| {
        let mut states = Vec::new();
        for second in 0..5 {
            at(shards, 1_000 + second, [&[1, 2][..], &[2, 2, 3], &[4], &[1, 1, 1, 5], &[6, 2]][second as usize]).await;
            state.save(shards, false).await;
            let len = std::fs::metadata(state.logs[0].path()).expect("a file").len();
            states.push((len as usize, counts(shards).await));
        }
        states
    });
    let bytes = std::fs::read(file(directory)).expect("a file");
    assert_eq!(bytes.len(), states.last().expect("some").0);
    (bytes, states)
}

/// What was there before the page that a byte is in.
fn before(states: &[Told], byte: usize) -> Vec<(u8, u64)> {
    let whole = states.iter().rev().find(|(end, _)| *end <= byte);
    whole.map(|(_, state)| state.clone()).unwrap_or_default()
}

#[test]
fn a_file_that_is_cut_anywhere_is_a_whole_earlier_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let (bytes, states) = several_passes(directory.path());
    let file = file(directory.path());
    for cut in 0..=bytes.len() {
        std::fs::write(&file, &bytes[..cut]).expect("written");
        assert_eq!(found(directory.path(), 1), before(&states, cut), "{cut} bytes");
        // What is not whole is gone, so what is written next can be read.
        assert!(std::fs::metadata(&file).expect("a file").len() <= cut as u64);
    }
}

#[test]
fn a_file_with_a_flipped_bit_is_a_whole_earlier_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let (bytes, states) = several_passes(directory.path());
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(file(directory.path()), &flipped).expect("written");
        assert_eq!(found(directory.path(), 1), before(&states, at), "byte {at}");
    }
}

#[test]
fn any_number_of_shards_goes_on_from_any_other() {
    let directory = tempfile::tempdir().expect("a directory");
    live(directory.path(), async |state, shards| {
        at(shards, 1_000, &[1, 2, 2, 3]).await;
        state.save(shards, true).await;
    });
    let all = vec![(1, 1), (2, 2), (3, 1)];
    assert_eq!(found(directory.path(), 4), all);
    // What other shards counted of the same hosts.
    for (shard, host) in [(1, 2), (2, 7), (3, 2), (3, 3)] {
        let mut gateway = Gateway::new(Config::default());
        send(&mut gateway, 2_000 + shard, host);
        let path = directory.path().join(format!("hosts-{shard}-of-4.log"));
        let (mut log, book) = Log::open(path).expect("a file");
        let mut book = book;
        let mut pass = gateway.begin_host_pass(true);
        let mut more = HostBook::default();
        while let Some(page) = gateway.host_page(&mut pass, PAGE) {
            more.apply(&page).expect("a page");
        }
        book.add(more);
        log.begin().expect("possible");
        log.append(&book.page()).expect("written");
        log.finish().expect("written");
    }
    let all = vec![(1, 1), (2, 4), (3, 2), (7, 1)];
    for shards in [4, 2, 3, 1, 5, 1] {
        assert_eq!(found(directory.path(), shards), all, "{shards} shards");
        let files = std::fs::read_dir(directory.path()).expect("a directory");
        let names = files.map(|entry| entry.expect("a file").file_name().into_string().expect("text"));
        assert_eq!(names.filter(|name| name.starts_with("hosts-")).count(), shards);
    }
}

#[test]
fn a_step_to_other_shards_may_end_anywhere() {
    let directory = tempfile::tempdir().expect("a directory");
    live(directory.path(), async |state, shards| {
        at(shards, 1_000, &[1, 2, 2, 3]).await;
        state.save(shards, true).await;
    });
    let all = vec![(1, 1), (2, 2), (3, 1)];
    let keep = |name: &str| std::fs::read(directory.path().join(name)).expect("a file");
    let (log, number) = (keep("hosts-0-of-1.log"), keep("shards"));
    assert_eq!(found(directory.path(), 2), all);
    let other = keep("hosts-0-of-2.log");
    // Before the number was written: both are there, and one counts.
    std::fs::write(file(directory.path()), &log).expect("written");
    std::fs::write(directory.path().join("shards"), &number).expect("written");
    assert_eq!(found(directory.path(), 1), all);
    std::fs::write(directory.path().join("hosts-0-of-2.log"), &other[..other.len() / 2]).expect("written");
    assert_eq!(found(directory.path(), 2), all);
    // After it, before the old files were removed.
    std::fs::write(file(directory.path()), &log).expect("written");
    assert_eq!(found(directory.path(), 2), all);
    assert_eq!(found(directory.path(), 1), all);
}

#[test]
fn connections_are_another_starts_once_and_only_if_they_are_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    live(directory.path(), async |state, shards| {
        at(shards, 1_000, &[1, 2, 3]).await;
        state.save(shards, true).await;
        state.save_connections(shards).await;
    });
    for _ in 0..2 {
        // A start that did not come to forwarding.
        let (_, kept) = State::open(directory.path(), 1).expect("a directory");
        assert_eq!((kept.connections.len(), kept.taken_at()), (3, Instant::from_secs(1_000)));
    }
    let path = directory.path().join("connections-0");
    let bytes = std::fs::read(&path).expect("a file");
    for cut in 0..bytes.len() {
        std::fs::write(&path, &bytes[..cut]).expect("written");
        let (_, kept) = State::open(directory.path(), 1).expect("a directory");
        assert!(kept.connections.is_empty(), "{cut}");
    }
    std::fs::write(&path, &bytes).expect("written");
    let (mut state, kept) = State::open(directory.path(), 1).expect("a directory");
    assert_eq!(kept.connections.len(), 3);
    state.begins();
    drop(state);
    let (_, kept) = State::open(directory.path(), 1).expect("a directory");
    assert!(kept.connections.is_empty() && !path.exists());
}

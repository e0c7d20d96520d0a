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
    let (mut state, books) = State::open(directory, 1).expect("a directory");
    let _thread = Thread::start(inboxes.pop().expect("one"), &books[0]);
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
    let file = file(directory.path(), 0);
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

#[test]
fn a_directory_is_one_gateways_and_its_shards_are_not_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let (state, _) = State::open(directory.path(), 2).expect("a directory");
    assert!(matches!(State::open(directory.path(), 2), Err(StateError::Taken(_))));
    drop(state);
    std::fs::write(file(directory.path(), 1), b"").expect("written");
    assert!(State::open(directory.path(), 1).is_ok());
    live(directory.path(), async |state, shards| {
        at(shards, 1, &[1]).await;
        state.save(shards, true).await;
    });
    std::fs::copy(file(directory.path(), 0), file(directory.path(), 1)).expect("copied");
    assert!(matches!(State::open(directory.path(), 1), Err(StateError::MoreShards { .. })));
}

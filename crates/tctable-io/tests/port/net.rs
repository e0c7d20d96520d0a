//! A namespace for a test.

use std::os::fd::BorrowedFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use tctable_io::port::{Arrival, Port, PortError};
use tctable_lab::kernel::not_tested;

/// How long anything may take before a test has failed.
pub const BOUND: Duration = Duration::from_secs(10);

/// Runs a test in a new namespace, in a thread of its own; says so where that cannot be.
pub fn in_namespace(test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let work = scope.spawn(|| {
            if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
                return not_tested(format!("ports: a network namespace: {error}"));
            }
            // Nothing is on the wire but what tests send.
            std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").expect("a tunable");
            std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").expect("a tunable");
            test();
        });
        if let Err(panic) = work.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Runs a tool in this thread's namespace.
pub fn run(words: &str) {
    let mut words = words.split_whitespace();
    let tool = words.next().expect("a tool");
    let output = Command::new(tool).args(words).output().unwrap_or_else(|error| panic!("{tool}: {error}"));
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two devices that are one another's ends, both up.
pub fn veth(near: &str, far: &str) {
    run(&format!("ip link add {near} type veth peer name {far}"));
    run(&format!("ip link set {near} up"));
    run(&format!("ip link set {far} up"));
    ready(&[near, far]);
}

/// Waits until devices have a carrier and their queues: until then the kernel drops what is to leave by them.
pub fn ready(devices: &[&str]) {
    let deadline = Instant::now() + BOUND;
    for device in devices {
        let up = || {
            let shown = Command::new("ip").args(["-o", "link", "show", "dev", device]).output().expect("ip");
            String::from_utf8_lossy(&shown.stdout).contains("state UP")
        };
        while !up() {
            assert!(Instant::now() < deadline, "{device} is not up");
        }
    }
}

/// Waits until the descriptor is readable, but not for ever.
pub fn wait(fd: BorrowedFd<'_>, deadline: Instant) {
    let left = deadline.checked_duration_since(Instant::now()).expect("it came in time");
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout).expect("poll");
}

/// Receives until `enough` says so of what has come.
pub fn receive_until<T>(
    port: &mut dyn Port,
    copy: impl Fn(&Arrival<'_>) -> T,
    enough: impl Fn(&[T]) -> bool,
) -> Vec<T> {
    let deadline = Instant::now() + BOUND;
    let mut came = Vec::new();
    while !enough(&came) {
        let shown = port.receive(tctable::time::Instant::ZERO, 64, &mut |burst| came.extend(burst.iter().map(&copy)));
        if shown.expect("the port works") == 0 {
            wait(port.readable(), deadline);
        }
    }
    came
}

/// Receives that many frames' bytes.
pub fn receive_bytes(port: &mut dyn Port, count: usize) -> Vec<Vec<u8>> {
    receive_until(port, |arrival| arrival.frame.data.to_vec(), |came| came.len() >= count)
}

/// Receives until the port says that its device is down.
pub fn down(port: &mut dyn Port) {
    let deadline = Instant::now() + BOUND;
    loop {
        match port.receive(tctable::time::Instant::ZERO, 64, &mut |_| ()) {
            Ok(_) => wait(port.readable(), deadline),
            Err(error) => return assert!(matches!(error, PortError::Down { .. }), "{error}"),
        }
    }
}

/// Asks until the port works again; nothing but being down keeps it from that.
pub fn until_up(port: &mut dyn Port) {
    let deadline = Instant::now() + BOUND;
    while let Err(error) = port.reopen() {
        assert!(matches!(error, PortError::Down { .. } | PortError::NoDevice { .. }), "{error}");
        assert!(Instant::now() < deadline, "{error}");
        thread::yield_now();
    }
}

//! Whether the machine ran at all while the kernel was measured.
//!
//! A class that has packets and tokens and cannot send for longer than its burst takes at its rate loses tokens: the kernel
//! then carries less than its rate, and is right. On a virtual machine that happens when the processor is given to another one. A
//! thread on each processor that sleeps and looks how late it wakes sees the same.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// One load at a time: they would be late for each other.
static MACHINE: Mutex<()> = Mutex::new(());
const NAP: Duration = Duration::from_micros(500);

/// Runs something, alone; tells how late the machine was at worst meanwhile.
pub fn watched<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let _alone = MACHINE.lock().unwrap_or_else(|failed| failed.into_inner());
    let done = &AtomicBool::new(false);
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("this thread's processors");
    let processors: Vec<usize> =
        (0..CpuSet::count()).filter(|processor| allowed.is_set(*processor).unwrap_or(false)).collect();
    thread::scope(|scope| {
        let watchers: Vec<_> =
            processors.into_iter().map(|processor| scope.spawn(move || latest(processor, done))).collect();
        let result = run();
        done.store(true, Ordering::Relaxed);
        let lateness = watchers.into_iter().map(|watcher| watcher.join().expect("no panic").expect("a processor"));
        (result, lateness.max().unwrap_or_default())
    })
}

/// How late naps on a processor ended at worst.
fn latest(processor: usize, done: &AtomicBool) -> io::Result<Duration> {
    let mut only = CpuSet::new();
    only.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    let mut worst = Duration::ZERO;
    while !done.load(Ordering::Relaxed) {
        let begun = Instant::now();
        thread::sleep(NAP);
        worst = worst.max(begun.elapsed().saturating_sub(NAP));
    }
    Ok(worst)
}

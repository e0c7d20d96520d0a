use std::fs;
use std::time::{Duration, Instant};

/// How much processor time was spent until now, by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processors {
    at: Instant,
    process: Option<Duration>,
    machine: Duration,
}

/// How much of a processor was used over some time: 1 is one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy {
    /// By the gateway's process.
    pub(super) process: Option<f64>,
    /// By everything on this machine.
    pub(super) machine: f64,
}

/// `USER_HZ` is 100 wherever Linux runs today.
const TICK: Duration = Duration::from_millis(10);

impl Processors {
    /// Unknown is nothing: `/proc` is there where namespaces are.
    pub(super) fn read(process: Option<u32>) -> Processors {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let process = process.map(|process| {
            let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            TICK * of_process(&text).unwrap_or(0)
        });
        Processors { at: Instant::now(), process, machine: TICK * of_machine(&text).unwrap_or(0) }
    }

    /// What was used since an earlier time.
    pub(super) fn since(&self, before: &Processors) -> Busy {
        let span = (self.at - before.at).as_secs_f64();
        let used = |now: Duration, before: Duration| now.saturating_sub(before).as_secs_f64() / span;
        Busy {
            process: self.process.zip(before.process).map(|(now, before)| used(now, before)),
            machine: used(self.machine, before.machine),
        }
    }
}

/// user, nice, system, irq, softirq and steal of the first line; the fourth and fifth are idle and waiting.
fn of_machine(text: &str) -> Option<u32> {
    let numbers = text.lines().next()?.strip_prefix("cpu")?.split_ascii_whitespace();
    numbers
        .take(8)
        .enumerate()
        .filter(|(at, _)| !matches!(at, 3 | 4))
        .map(|(_, number)| number.parse::<u32>().ok())
        .sum()
}

/// utime and stime, the 14th and 15th; the name before them may have blanks and brackets.
fn of_process(text: &str) -> Option<u32> {
    let (_, numbers) = text.rsplit_once(')')?;
    numbers.split_ascii_whitespace().skip(11).take(2).map(|number| number.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found() {
        assert_eq!(of_machine("cpu  1 2 4 1000 1000 8 16 32 64 64\ncpu0 9"), Some(63));
        assert_eq!(of_process("7 (a) b) R 1 2 3 4 5 6 7 8 9 10 40 2 9 9"), Some(42));
        assert_eq!(of_process("7"), None);
    }
}

use tctable::time::{Duration, Instant};

use super::case::Case;
use super::record::Field;

/// A difference that is documented: its connection is left out of the comparison from there on.
#[derive(Clone, Copy)]
pub struct Known {
    /// The title of its row in ARCHITECTURE.md, "Where we differ from the kernel, and why".
    pub title: &'static str,
    /// Whether a difference is this one.
    pub matches: fn(&Case<'_>) -> bool,
}

/// All known differences.
pub const KNOWN: &[Known] = &[Known { title: "clock", matches: clock }];

/// Two ticks of a kernel clock of 100 Hz, the slowest: one at the packet that started a timer, one now.
const TICKS: Duration = Duration::from_millis(20);

/// After this a UDP connection whose packets go both ways is a stream.
const STREAM_AFTER: Duration = Duration::from_secs(2);

/// The kernel's clock may tick between our look at it and conntrack's: within a tick or two of a deadline the two sides may
/// not agree on whether it has passed.
fn clock(case: &Case<'_>) -> bool {
    let Some(before) = case.before else { return false };
    let near = |instant: Instant| case.now.since(instant).max(instant.since(case.now)) <= TICKS;
    let udp = [case.kernel.original, case.engine.original].iter().flatten().any(|tuple| tuple.protocol == 17);
    let stream = udp && case.fields.iter().all(|field| matches!(field, Field::Status | Field::Timeout));
    near(before.deadline) || stream && near(before.first + STREAM_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::{Before, Record};

    #[test]
    fn only_what_is_near_a_deadline_is_put_down_to_the_clock() {
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let before = Some(Before { first: at(0), deadline: at(30_000) });
        let fields = [Field::State];
        let case =
            Case { step: None, now: at(0), fields: &fields, kernel: &Record::EMPTY, engine: &Record::EMPTY, before };
        let known = |millis| clock(&Case { now: at(millis), ..case });
        assert!(known(29_990) && known(30_010));
        assert!(!known(29_900) && !known(30_100) && !known(2_001));
        assert!(!clock(&Case { now: at(30_000), before: None, ..case }));
    }
}

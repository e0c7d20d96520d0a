use crate::sched::rate::RateSpec;
use crate::time::Duration;

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// A token bucket. Tokens are counted in billionths of a byte: then a rate in bytes a second is so many tokens a nanosecond,
/// and nothing is ever rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Its rate is not 0.
    spec: RateSpec,
    /// What it holds at most: the packet of that length that is the longest to be sent at once.
    depth: u64,
    tokens: u64,
}

impl Bucket {
    /// A full one that is so many bytes deep. `None` at a rate of 0.
    pub(super) fn new(spec: RateSpec, burst: u32) -> Option<Bucket> {
        // At most 5.8e9 bytes: 48 become 53, and an overhead comes on top.
        let depth = spec.taken(burst).saturating_mul(SECOND);
        (spec.rate.0 > 0).then_some(Bucket { spec, depth, tokens: depth })
    }

    /// One with another rate or depth that has what this one has, as far as it has room.
    pub(super) fn hand_on(&self, to: &mut Bucket) {
        to.tokens = self.tokens.min(to.depth);
    }

    pub(super) fn spec(&self) -> RateSpec {
        self.spec
    }

    /// Time passed.
    pub(super) fn fill(&mut self, span: Duration) {
        let more = self.spec.rate.0.saturating_mul(span.as_nanos());
        self.tokens = self.tokens.saturating_add(more).min(self.depth);
    }

    /// What a packet costs. One that is longer than was ever allowed was let in before that was changed: it takes all.
    fn cost(&self, len: u32) -> u64 {
        self.spec.taken(len).saturating_mul(SECOND).min(self.depth)
    }

    /// How long a packet has to wait.
    pub(super) fn wait(&self, len: u32) -> Duration {
        Duration::from_nanos(self.cost(len).saturating_sub(self.tokens).div_ceil(self.spec.rate.0))
    }

    /// A packet is sent.
    pub(super) fn pay(&mut self, len: u32) {
        self.tokens = self.tokens.saturating_sub(self.cost(len));
    }
}

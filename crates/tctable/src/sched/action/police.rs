use super::estimator::Average;
use super::options::PoliceOptions;
use crate::sched::qdisc::OptionsError;
use crate::sched::rate::RateSpec;
use crate::time::Instant;

/// The longest packet where `tc` is not told: 255 cells of its rate table's 8 bytes.
const TC_MTU: u32 = 2040;

/// Whether a packet is within its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Conforms,
    Exceeds,
}

/// Token buckets that judge packets and delay none.
#[derive(Debug)]
pub(super) struct Police {
    options: PoliceOptions,
    /// The longest packet that conforms.
    mtu: u32,
    rate: Option<Bucket>,
    peak: Option<Bucket>,
    average: Option<Average>,
    /// When the buckets were last filled.
    filled: Instant,
}

/// Tokens in billionths of a byte: what a nanosecond adds is then a whole number, and nothing is ever rounded.
#[derive(Debug)]
struct Bucket {
    spec: RateSpec,
    most: i128,
    tokens: i128,
}

/// Billionths of a byte in a byte.
const BYTE: i128 = 1_000_000_000;

impl Bucket {
    fn new(spec: RateSpec, burst: u32) -> Bucket {
        let most = i128::from(burst) * BYTE;
        Bucket { spec, most, tokens: most }
    }

    /// What is left after `nanos` more and a packet; below zero where it cannot go.
    fn left(&self, nanos: u64, len: u32) -> i128 {
        let gained = u128::from(nanos) * u128::from(self.spec.rate.0);
        let filled = self.tokens.saturating_add(i128::try_from(gained).unwrap_or(i128::MAX)).min(self.most);
        filled - i128::from(self.spec.taken(len)) * BYTE
    }
}

impl Police {
    pub(super) fn new(options: PoliceOptions, now: Instant) -> Result<Police, OptionsError> {
        let PoliceOptions { rate, burst, mtu, peak_rate, average_rate, estimator, conform, .. } = options;
        super::not_a_fallback(conform)?;
        if rate.is_none() && average_rate.is_none() && mtu.is_none() {
            return Err(OptionsError::Invalid("a police has a rate, an average rate or an mtu"));
        }
        if [rate, peak_rate].iter().flatten().any(|spec| spec.rate.0 == 0) {
            return Err(OptionsError::Invalid("a rate is at least one byte a second"));
        }
        if rate.is_some() && burst == 0 {
            return Err(OptionsError::Invalid("a rate needs a burst"));
        }
        if peak_rate.is_some() && (rate.is_none() || mtu.is_none()) {
            return Err(OptionsError::Invalid("a peak rate needs a rate and an mtu"));
        }
        if average_rate.is_some() && estimator.is_none() {
            return Err(OptionsError::Invalid("an average rate needs an estimator"));
        }
        let unlimited = if rate.is_some() { TC_MTU } else { u32::MAX };
        // As in the kernel, an mtu of 0 says nothing.
        let mtu = mtu.filter(|mtu| *mtu > 0).unwrap_or(unlimited);
        Ok(Police {
            options,
            mtu,
            rate: rate.map(|spec| Bucket::new(spec, burst)),
            peak: peak_rate.map(|spec| Bucket::new(spec, mtu)),
            average: estimator.map(|estimator| Average::new(estimator, now)).transpose()?,
            filled: now,
        })
    }

    pub(super) fn options(&self) -> &PoliceOptions {
        &self.options
    }

    pub(super) fn run(&mut self, now: Instant, len: u32) -> Judgement {
        if let Some(average) = &mut self.average {
            average.count(now, len);
            if self.options.average_rate.is_some_and(|limit| average.rate() >= limit) {
                return Judgement::Exceeds;
            }
        }
        if len > self.mtu {
            return Judgement::Exceeds;
        }
        let nanos = (now - self.filled).as_nanos();
        let left = |bucket: &Option<Bucket>| bucket.as_ref().map_or(0, |bucket| bucket.left(nanos, len));
        let (tokens, peak_tokens) = (left(&self.rate), left(&self.peak));
        if tokens < 0 || peak_tokens < 0 {
            return Judgement::Exceeds;
        }
        for (bucket, tokens) in [(&mut self.rate, tokens), (&mut self.peak, peak_tokens)] {
            if let Some(bucket) = bucket {
                bucket.tokens = tokens;
            }
        }
        self.filled = now;
        Judgement::Conforms
    }
}

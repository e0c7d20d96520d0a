//! What `tc` and the kernel make of a class's options that are not given.

use super::class::{PRIORITIES, Resolved};
use crate::sched::options::HtbClassOptions;
use crate::sched::qdisc::OptionsError;
use crate::sched::rate::{Rate, RateSpec};

/// The `HZ` by which `tc` reckons bursts: it is that of the kernel's high resolution timers in `/proc/net/psched`.
const HZ: u64 = 1_000_000_000;
/// Quanta that follow from rates lie between these.
const QUANTA: (u64, u64) = (1_000, 200_000);

impl Resolved {
    pub(super) fn new(options: &HtbClassOptions, r2q: u32) -> Result<Resolved, OptionsError> {
        let ceil = options.ceil.unwrap_or(options.rate);
        if options.rate.rate.0 == 0 || ceil.rate.0 == 0 {
            return Err(OptionsError::Invalid("a rate of 0"));
        }
        let burst = |rate: Rate| u32::try_from(rate.0 / HZ).unwrap_or(u32::MAX).saturating_add(options.mtu);
        let by_rate = (options.rate.rate.0 / u64::from(r2q.max(1))).clamp(QUANTA.0, QUANTA.1) as u32;
        // 0 is how the kernel's messages say that it is not given.
        let quantum = options.quantum.filter(|quantum| *quantum != 0).unwrap_or(by_rate);
        let quantum = i32::try_from(quantum).map_err(|_| OptionsError::Invalid("a quantum of 2 GiB or more"))?;
        let options = HtbClassOptions {
            rate: options.rate,
            ceil: Some(ceil),
            burst: Some(options.burst.unwrap_or_else(|| burst(options.rate.rate))),
            cburst: Some(options.cburst.unwrap_or_else(|| burst(ceil.rate))),
            prio: options.prio.min(PRIORITIES as u8 - 1),
            quantum: Some(quantum.unsigned_abs()),
            mtu: options.mtu,
        };
        Ok(Resolved { options, quantum })
    }

    pub(super) fn rate(&self) -> RateSpec {
        self.options.rate
    }

    pub(super) fn ceil(&self) -> RateSpec {
        self.options.ceil.unwrap_or(self.options.rate)
    }

    pub(super) fn burst(&self) -> u32 {
        self.options.burst.unwrap_or_default()
    }

    pub(super) fn cburst(&self) -> u32 {
        self.options.cburst.unwrap_or_default()
    }
}

use tctable::packet::Family;
use tctable::ruleset::Ruleset;

use super::counters;
use super::difference::{Difference, Outcome};
use super::engine::Engine;
use super::pair::{self, Pair};
use super::tally::Tally;
use crate::differential::clock::Clock;
use crate::kernel::{Error, Kernel};
use crate::rules::{Iptables, Variant};
use crate::step::Step;

/// Packets between two looks at all counters.
const BATCH: usize = 1_000;

/// The kernel with its tables, beside the engine.
pub struct RulesDifferential {
    kernel: Kernel,
    variant: Variant,
    with_sets: bool,
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was compared.
    pub tally: Tally,
    /// The first difference, where the run stopped.
    pub difference: Option<Difference>,
}

impl RulesDifferential {
    /// Both sides; the kernel's with that program of iptables.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be used.
    pub fn new(mut kernel: Kernel, variant: Variant) -> Result<Self, Error> {
        kernel.look_at_bytes()?;
        Ok(RulesDifferential { kernel, variant, with_sets: false })
    }

    /// Gives the kernel the sets that the engine has: `hosts`, `halves` and `nets` of IPv4, `hosts6` and `nets6` of IPv6.
    ///
    /// # Errors
    /// [`Error::Command`] where ipset is missing or refuses them.
    pub fn load_sets(&mut self) -> Result<(), Error> {
        self.with_sets = true;
        self.kernel.feed("ipset", &["-exist", "restore"], pair::SETS)
    }

    /// Loads rules into both sides, which know no connection at first, and sends packets through. Stops at the first
    /// difference.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be used, or refuses the rules.
    pub fn run(&mut self, rules: &Pair, steps: &[Step]) -> Result<Run, Error> {
        self.kernel.reset()?;
        if self.with_sets {
            self.load_sets()?;
        }
        // A table of hashlimit lives on where the next rules have one of its name.
        for ruleset in Pair::read("", "").both().into_iter().chain(rules.both()) {
            let text = ruleset.to_string();
            let said = self.iptables(ruleset.family).restore(&text)?;
            said.map_err(|said| Error::Command { command: "iptables-restore", output: format!("{said}\n{text}") })?;
        }
        let mut engine = Engine::new(rules);
        let mut tally = Tally { rule_sets: 1, ..Tally::default() };
        let clock = Clock::start_now()?;
        for (nth, batch) in steps.chunks(BATCH).enumerate() {
            for (within, step) in batch.iter().enumerate() {
                let kernel = self.send(step)?;
                let engine = normal(engine.send(clock.now()?, step), step);
                tally.packets += 1;
                tally.forwarded += u64::from(kernel.forwarded.is_some());
                tally.answers += kernel.answers.len() as u64;
                if kernel != engine {
                    let number = nth * BATCH + within;
                    let difference = Difference::Packet { number, step: step.clone(), kernel, engine };
                    return Ok(Run { tally, difference: Some(difference) });
                }
            }
            let packets = nth * BATCH + batch.len();
            if let Some(difference) = self.counters(&engine, packets)? {
                return Ok(Run { tally, difference: Some(difference) });
            }
        }
        let (v4, v6) = engine.gateway.rules();
        [v4, v6].into_iter().flatten().for_each(|rules| tally.count_rules(rules));
        Ok(Run { tally, difference: None })
    }

    fn iptables(&self, family: Family) -> Iptables {
        Iptables { variant: self.variant, family }
    }

    fn send(&mut self, step: &Step) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        for came in self.kernel.pass(step.side, &step.packet)? {
            if came.side == step.side {
                outcome.answers.push(came.packet);
            } else {
                outcome.forwarded = Some(came.packet);
            }
        }
        Ok(normal(outcome, step))
    }

    fn counters(&mut self, engine: &Engine, packets: usize) -> Result<Option<Difference>, Error> {
        let (v4, v6) = engine.gateway.rules();
        for ours in [v4, v6].into_iter().flatten() {
            let theirs = self.saved(ours.family)?;
            if let Some((place, kernel, engine)) = counters::differ(&theirs, ours) {
                return Ok(Some(Difference::Counter { packets, place, kernel, engine }));
            }
        }
        Ok(None)
    }

    fn saved(&self, family: Family) -> Result<Ruleset, Error> {
        let text = self.iptables(family).save()?;
        Ruleset::parse(family, &text, &pair::sets())
            .map_err(|error| Error::Command { command: "iptables-save", output: format!("{error}\n{text}") })
    }
}

/// An outcome without what cannot be compared: the bytes of a datagram that came in pieces, and goes so, and the number that
/// the kernel gives an IPv4 packet.
fn normal(mut outcome: Outcome, step: &Step) -> Outcome {
    if crate::kernel::is_fragment(&step.packet) {
        outcome.forwarded.iter_mut().for_each(Vec::clear);
    }
    for answer in &mut outcome.answers {
        if answer.first().is_some_and(|first| first >> 4 == 4) {
            [4, 5, 10, 11].into_iter().filter_map(|at| answer.get_mut(at).map(|byte| *byte = 0)).count();
        }
    }
    outcome
}

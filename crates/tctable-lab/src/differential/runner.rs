use std::collections::{BTreeMap, HashMap, HashSet};

use tctable::Config;
use tctable::time::{Duration, Instant};

use super::case::{Before, Case, Difference};
use super::clock::Clock;
use super::engine::{Engine, Told, name};
use super::known::Known;
use super::record::{Field, Record, digest};
use super::tally::Tally;
use crate::kernel::{Error, Kernel, Statistics, Tuple};
use crate::step::Step;

/// The kernel and the engine, ready for runs.
pub struct Differential {
    kernel: Kernel,
    config: Config,
    known: &'static [Known],
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was compared.
    pub tally: Tally,
    /// The first difference that is not known, where the run stopped.
    pub difference: Option<Difference>,
}

/// Two ticks of a kernel clock of 100 Hz, the slowest.
const PATIENCE: Duration = Duration::from_millis(20);

/// What is remembered within a run.
#[derive(Default)]
struct Memory {
    tally: Tally,
    /// Connections with a known difference, by their names.
    left_out: HashSet<Tuple>,
    /// What had happened among the expected connections when they were last compared.
    expectation_changes: u64,
    /// What the engine knew of each connection after its last packet.
    before: HashMap<Tuple, Before>,
}

impl Differential {
    /// Both sides, to be made with the same settings: `config` must say what the kernel's sysctls say.
    pub fn new(kernel: Kernel, config: Config, known: &'static [Known]) -> Self {
        Differential { kernel, config, known }
    }

    /// The kernel's side, for its sysctls and helpers.
    pub fn kernel_mut(&mut self) -> &mut Kernel {
        &mut self.kernel
    }

    pub(super) fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Sends packets through both sides, which know no connection at first, and compares after each, and all connections
    /// at the end. Stops at the first difference that is not known.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be used; that is no difference.
    pub fn run(&mut self, steps: &[Step]) -> Result<Run, Error> {
        self.kernel.reset()?;
        let mut engine = Engine::new(self.config.clone());
        let mut memory = Memory::default();
        let before = self.kernel.statistics()?;
        let clock = Clock::start()?;
        for (number, step) in steps.iter().enumerate() {
            let now = clock.now()?;
            if let Some(mut difference) = self.step(&mut engine, &mut memory, &clock, now, step)? {
                difference.step = Some((number, step.clone()));
                return Ok(Run { tally: memory.tally, difference: Some(difference) });
            }
        }
        let difference = match self.end(&mut engine, &mut memory, &clock)? {
            Some(difference) => Some(difference),
            None => self.statistics(&engine, &mut memory, before)?,
        };
        Ok(Run { tally: memory.tally, difference })
    }

    /// One packet through both sides.
    fn step(
        &mut self,
        engine: &mut Engine,
        memory: &mut Memory,
        clock: &Clock,
        now: Instant,
        step: &Step,
    ) -> Result<Option<Difference>, Error> {
        let fate = self.kernel.send(step.side, &step.packet)?;
        let Some(mut told) = engine.send(now, step) else { return Ok(None) };
        if told.name.is_some_and(|name| memory.left_out.contains(&name)) {
            memory.tally.left_out += 1;
            return Ok(None);
        }
        let mut kernel = Record::of_kernel(fate);
        // What was refused or dropped has no connection of its own, so there is none to ask for; but where the two do not
        // agree on that, it helps to see it.
        if let Some(tuple) = told.tuple.filter(|_| told.attached || kernel.state != told.record.state) {
            kernel = kernel.with_kernel_connection(self.kernel.connection(&tuple)?.as_ref());
        }
        memory.tally.packets += 1;
        if engine.expectation_changes() != memory.expectation_changes {
            memory.expectation_changes = engine.expectation_changes();
            self.compare_expectations(engine, memory, clock, &mut kernel, &mut told.record)?;
        }
        let fields = memory.tally.compare(&kernel, &told.record);
        let before = told.name.and_then(|name| match told.known {
            Some(known) => memory.before.insert(name, known),
            None => memory.before.remove(&name),
        });
        if fields.is_empty() {
            return Ok(None);
        }
        let Told { record, name, .. } = told;
        let case = Case { step: Some(step), now, fields: &fields, kernel: &kernel, engine: &record, before };
        Ok(self.judge(memory, name, case))
    }

    /// Looks at the expected connections of both sides. A connection that was left out may have expected others. Where
    /// they differ they are looked at again for two ticks of the kernel's clock: one's time may have been over just now.
    fn compare_expectations(
        &mut self,
        engine: &Engine,
        memory: &Memory,
        clock: &Clock,
        kernel: &mut Record,
        told: &mut Record,
    ) -> Result<(), Error> {
        if !memory.left_out.is_empty() {
            return Ok(());
        }
        let patience = clock.now()? + PATIENCE;
        loop {
            let now = clock.now()?;
            kernel.expectations = Some(digest(&self.kernel.expectations()?));
            told.expectations = Some(digest(&engine.expectations(now)));
            if kernel.expectations == told.expectations || now > patience {
                return Ok(());
            }
        }
    }

    /// All connections of both sides.
    fn end(&mut self, engine: &mut Engine, memory: &mut Memory, clock: &Clock) -> Result<Option<Difference>, Error> {
        let now = clock.now()?;
        let mut both: BTreeMap<Tuple, [Record; 2]> = BTreeMap::new();
        let missing = [Record { tracked: Some(false), ..Record::EMPTY }; 2];
        for connection in self.kernel.connections()? {
            let name = name([connection.original, connection.reply]);
            both.entry(name).or_insert(missing)[0] = Record::EMPTY.with_kernel_connection(Some(&connection));
        }
        let after = clock.now()?;
        let (mut kernel, mut told) = (Record::EMPTY, Record::EMPTY);
        self.compare_expectations(engine, memory, clock, &mut kernel, &mut told)?;
        let fields = memory.tally.compare(&kernel, &told);
        if !fields.is_empty() {
            return Ok(Some(Difference { step: None, fields, kernel, engine: told }));
        }
        for (name, record, before) in engine.connections(now) {
            both.entry(name).or_insert(missing)[1] = record;
            memory.before.insert(name, before);
        }
        for (name, [kernel, engine]) in both {
            if memory.left_out.contains(&name) {
                continue;
            }
            memory.tally.connections += 1;
            let fields = memory.tally.compare(&kernel, &engine);
            if fields.is_empty() {
                continue;
            }
            let before = memory.before.get(&name).copied();
            if kernel.tracked == Some(false) && before.is_some_and(|before| before.deadline <= after) {
                // It ended while the kernel was being asked.
                continue;
            }
            let case = Case { step: None, now, fields: &fields, kernel: &kernel, engine: &engine, before };
            if let Some(difference) = self.judge(memory, Some(name), case) {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    /// What was counted in the whole run, unless something was left out of it.
    fn statistics(
        &mut self,
        engine: &Engine,
        memory: &mut Memory,
        before: Statistics,
    ) -> Result<Option<Difference>, Error> {
        if !memory.left_out.is_empty() {
            return Ok(None);
        }
        let counted = |statistics| Record { statistics: Some(statistics), ..Record::EMPTY };
        let kernel = counted(self.kernel.statistics()? - before);
        let engine = counted(engine.statistics());
        let fields = memory.tally.compare(&kernel, &engine);
        Ok((!fields.is_empty()).then_some(Difference { step: None, fields, kernel, engine }))
    }

    /// Leaves a connection out if its difference is known, else gives the difference.
    fn judge(&self, memory: &mut Memory, name: Option<Tuple>, case: Case<'_>) -> Option<Difference> {
        match self.known.iter().find(|known| (known.matches)(&case)) {
            Some(known) => {
                *memory.tally.known.entry(known.title).or_default() += 1;
                memory.left_out.extend(name);
                None
            }
            None => {
                let fields: Vec<Field> = case.fields.to_vec();
                Some(Difference { step: None, fields, kernel: *case.kernel, engine: *case.engine })
            }
        }
    }
}

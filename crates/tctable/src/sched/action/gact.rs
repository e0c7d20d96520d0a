use super::options::{ActionVerdict, GactChoice, GactOptions};
use crate::sched::context::Context;
use crate::sched::qdisc::OptionsError;

/// A verdict, and perhaps another one for some packets.
#[derive(Debug)]
pub(super) struct Gact {
    options: GactOptions,
    /// Packets that a deterministic choice counted.
    counted: u32,
}

impl Gact {
    pub(super) fn new(options: GactOptions) -> Result<Gact, OptionsError> {
        if let Some(random) = options.random {
            super::not_a_fallback(random.verdict)?;
        }
        Ok(Gact { options, counted: 0 })
    }

    pub(super) fn options(&self) -> GactOptions {
        self.options
    }

    pub(super) fn run(&mut self, context: &mut Context<'_>) -> ActionVerdict {
        let Some(random) = self.options.random else { return self.options.verdict };
        let one_in = u32::from(random.one_in.max(1));
        let is_chosen = match random.choice {
            GactChoice::Random => context.random.below(one_in) == 0,
            GactChoice::Deterministic => {
                self.counted = self.counted.wrapping_add(1);
                self.counted.is_multiple_of(one_in)
            }
        };
        if is_chosen { random.verdict } else { self.options.verdict }
    }
}

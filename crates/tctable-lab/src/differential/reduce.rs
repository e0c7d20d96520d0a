use super::case::Difference;
use super::runner::Differential;
use crate::kernel::Error;
use crate::step::Step;
use crate::talks;

/// A difference with the packets that show it.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// The packets, as few as were found to do.
    pub steps: Vec<Step>,
    /// The difference that they show.
    pub difference: Difference,
    /// Whether it showed again when the packets up to it were sent a second time. One that depends on the time between
    /// packets may not; nothing was taken away then.
    pub shows_again: bool,
}

impl Differential {
    /// Takes away packets of a run as long as one like `difference`, which it showed, still shows.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be used.
    pub fn reduce(&mut self, mut steps: Vec<Step>, difference: Difference) -> Result<Reduced, Error> {
        if let Some((number, _)) = difference.step {
            steps.truncate(number + 1);
        }
        let shows = |differential: &mut Differential, steps: &[Step]| {
            let again = differential.run(steps)?.difference;
            Ok(again.filter(|again| again.is_like(&difference)))
        };
        if shows(self, &steps)?.is_none() {
            return Ok(Reduced { steps, difference, shows_again: false });
        }
        let mut failed = None;
        let steps = talks::shrink(steps, |steps| {
            shows(self, steps)
                .unwrap_or_else(|error: Error| {
                    failed.get_or_insert(error);
                    None
                })
                .is_some()
        });
        match failed {
            Some(error) => Err(error),
            None => {
                let last = shows(self, &steps)?;
                let shows_again = last.is_some();
                Ok(Reduced { steps, difference: last.unwrap_or(difference), shows_again })
            }
        }
    }
}

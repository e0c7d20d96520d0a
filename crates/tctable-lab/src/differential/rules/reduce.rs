use super::difference::Difference;
use super::pair::Pair;
use super::runner::RulesDifferential;
use crate::kernel::Error;
use crate::step::Step;
use crate::talks;

/// A difference with the packets and rules that show it.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// The rules, as few as were found to do.
    pub rules: Pair,
    /// The packets, as few as were found to do.
    pub steps: Vec<Step>,
    /// The difference that they show.
    pub difference: Difference,
    /// Whether it showed again when the same was done a second time; nothing was taken away otherwise.
    pub shows_again: bool,
}

impl RulesDifferential {
    /// Takes away packets, then rules, as long as a difference like the one that they showed still shows.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be used.
    pub fn reduce(&mut self, rules: Pair, mut steps: Vec<Step>, difference: Difference) -> Result<Reduced, Error> {
        steps.truncate(difference.packets());
        let shows = |both: &mut Self, rules: &Pair, steps: &[Step]| -> Result<Option<Difference>, Error> {
            Ok(both.run(rules, steps)?.difference.filter(|again| again.is_like(&difference)))
        };
        if shows(self, &rules, &steps)?.is_none() {
            return Ok(Reduced { rules, steps, difference, shows_again: false });
        }
        let mut failed = None;
        let mut test = |both: &mut Self, rules: &Pair, steps: &[Step]| match shows(both, rules, steps) {
            Ok(found) => found.is_some(),
            Err(error) => {
                failed.get_or_insert(error);
                false
            }
        };
        let steps = talks::shrink(steps, |steps| test(self, &rules, steps));
        let rules = fewer(rules, |rules| test(self, rules, &steps));
        // With fewer rules fewer packets may do.
        let steps = talks::shrink(steps, |steps| test(self, &rules, steps));
        if let Some(error) = failed {
            return Err(error);
        }
        let last = shows(self, &rules, &steps)?;
        let shows_again = last.is_some();
        Ok(Reduced { rules, steps, difference: last.unwrap_or(difference), shows_again })
    }
}

/// Takes away rules as long as `fails` says so: all of a chain, then single ones, from the end; then what a rule asks.
fn fewer(mut rules: Pair, mut fails: impl FnMut(&Pair) -> bool) -> Pair {
    loop {
        let mut changed = false;
        for (family, table, chain) in chains(&rules) {
            let count = chain_of(&mut rules, family, table, chain).len();
            let mut without = rules.clone();
            chain_of(&mut without, family, table, chain).clear();
            if count > 1 && fails(&without) {
                (rules, changed) = (without, true);
                continue;
            }
            for nth in (0..count).rev() {
                let mut without = rules.clone();
                chain_of(&mut without, family, table, chain).remove(nth);
                if fails(&without) {
                    (rules, changed) = (without, true);
                    continue;
                }
                for asked in (0..chain_of(&mut rules, family, table, chain)[nth].matches.len()).rev() {
                    let mut without = rules.clone();
                    chain_of(&mut without, family, table, chain)[nth].matches.remove(asked);
                    if fails(&without) {
                        (rules, changed) = (without, true);
                    }
                }
            }
        }
        if !changed {
            return rules;
        }
    }
}

fn chains(rules: &Pair) -> Vec<(usize, usize, usize)> {
    let mut chains = Vec::new();
    for (family, rules) in rules.both().into_iter().enumerate() {
        for (table, own) in rules.tables.iter().enumerate() {
            chains.extend((0..own.chains.len()).map(|chain| (family, table, chain)));
        }
    }
    chains
}

fn chain_of(rules: &mut Pair, family: usize, table: usize, chain: usize) -> &mut Vec<tctable::ruleset::Rule> {
    let [v4, v6] = rules.both_mut();
    &mut [v4, v6][family].tables[table].chains[chain].rules
}

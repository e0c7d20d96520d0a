//! Options: which there are, and which were given.

use crate::words::ParseError;
use crate::words::Word;

/// An option of a match or a target, under one of its names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opt {
    /// Without the two dashes.
    pub(super) name: &'static str,
    /// What it is called in the program: the same for each of its names.
    pub(super) key: &'static str,
    /// How many words follow.
    pub(super) values: usize,
    /// Whether `!` may stand before it.
    pub(super) negatable: bool,
}

/// An option with one value and one name.
pub(super) const fn value(name: &'static str) -> Opt {
    Opt { name, key: name, values: 1, negatable: false }
}

/// An option without a value.
pub(super) const fn flag(name: &'static str) -> Opt {
    Opt { name, key: name, values: 0, negatable: false }
}

impl Opt {
    /// It may have a `!`.
    pub(super) const fn or_not(self) -> Opt {
        Opt { negatable: true, ..self }
    }

    /// It is another name of an option.
    pub(super) const fn is(self, key: &'static str) -> Opt {
        Opt { key, ..self }
    }

    pub(super) const fn two_values(self) -> Opt {
        Opt { values: 2, ..self }
    }
}

/// An option that was given.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    pub(super) key: &'static str,
    /// As it was written.
    pub(super) word: Word<'a>,
    pub(super) negated: bool,
    values: Vec<Word<'a>>,
}

impl<'a> Given<'a> {
    pub(super) fn new(opt: &Opt, word: Word<'a>, negated: bool, values: Vec<Word<'a>>) -> Self {
        Given { key: opt.key, word, negated, values }
    }

    /// Its value; for an option without one the option itself.
    pub(super) fn value(&self) -> &Word<'a> {
        self.values.first().unwrap_or(&self.word)
    }

    /// Its second value.
    pub(super) fn second(&self) -> &Word<'a> {
        self.values.get(1).unwrap_or(&self.word)
    }
}

/// The options that were given to one match or target.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    /// The name of the match or target.
    pub(super) owner: Word<'a>,
    given: Vec<Given<'a>>,
}

impl<'a> Options<'a> {
    pub(super) fn new(owner: Word<'a>) -> Self {
        Options { owner, given: Vec::new() }
    }

    pub(super) fn give(&mut self, given: Given<'a>) -> Result<(), ParseError> {
        if self.get(given.key).is_some() {
            return Err(given.word.misplaced("is given twice"));
        }
        self.given.push(given);
        Ok(())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| given.key == key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The option that must be there.
    pub(super) fn require(&self, key: &str, what: &'static str) -> Result<&Given<'a>, ParseError> {
        self.get(key).ok_or_else(|| self.owner.missing(what))
    }

    /// The one of those options that is there.
    pub(super) fn one_of(&self, keys: &[&str]) -> Result<Option<&Given<'a>>, ParseError> {
        let mut given = self.given.iter().filter(|given| keys.contains(&given.key));
        let first = given.next();
        match given.next() {
            Some(second) => Err(second.word.misplaced("cannot stand with another option of its kind")),
            None => Ok(first),
        }
    }

    /// The one of those options that must be there.
    pub(super) fn just_one_of(&self, keys: &[&str], what: &'static str) -> Result<&Given<'a>, ParseError> {
        self.one_of(keys)?.ok_or_else(|| self.owner.missing(what))
    }

    /// An option that is not the one.
    pub(super) fn first_but(&self, key: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| given.key != key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }
}

/// What a long option's name stands for: in the first of some lists that has it; else, as `getopt_long` has it, the only
/// option in any list whose name begins so. Returns the number of the list.
pub(super) fn find(name: &str, lists: &[&'static [Opt]]) -> Option<(usize, &'static Opt)> {
    let all = || lists.iter().enumerate().flat_map(|(list, opts)| opts.iter().map(move |opt| (list, opt)));
    if let Some(exact) = all().find(|(_, opt)| opt.name == name) {
        return Some(exact);
    }
    let mut begins = all().filter(|(_, opt)| opt.name.starts_with(name));
    let first = begins.next()?;
    begins.all(|(list, opt)| list == first.0 && opt.key == first.1.key).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_shortened_while_it_says_one_thing() {
        const A: &[Opt] = &[value("source").is("s"), value("src").is("s"), value("mark")];
        const B: &[Opt] = &[value("mark"), value("dport").is("d"), value("destination-port").is("d")];
        let found = |name| find(name, &[A, B]).map(|(list, opt)| (list, opt.key));
        assert_eq!(found("mark"), Some((0, "mark")));
        assert_eq!(found("mar"), None);
        assert_eq!(found("s"), Some((0, "s")));
        assert_eq!(found("d"), Some((1, "d")));
        assert_eq!(found("dports"), None);
    }
}

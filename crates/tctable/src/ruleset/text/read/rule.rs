//! A line of a table: one command of iptables.

use super::addresses::{device, masked};
use super::check::{self, Hooks};
use super::matches::{Extension, MATCHES, Scope, of_protocol};
use super::numbers::{number, protocol};
use super::options::{Given, Opt, Options, find, flag, value};
use super::targets::TARGETS;
use crate::conntrack::Counter;
use crate::hook::Hook;
use crate::packet::Family;
use crate::ruleset::matches::Match;
use crate::ruleset::rule::{DevicePattern, Header, Masked, Not, Rule, TableName};
use crate::ruleset::target::Target;
use crate::words::ParseError;
use crate::words::Word;

/// The most rules that one line with lists of addresses makes.
const MOST_RULES: usize = 4096;

/// The options of iptables itself.
const GENERAL: &[Opt] = &[
    value("append"),
    value("insert"),
    value("new-chain"),
    value("policy").two_values(),
    flag("flush"),
    value("source").or_not(),
    value("src").is("source").or_not(),
    value("destination").or_not(),
    value("dst").is("destination").or_not(),
    value("in-interface").or_not(),
    value("out-interface").or_not(),
    value("protocol").or_not(),
    flag("fragments").or_not(),
    value("match"),
    value("jump"),
    value("goto"),
    value("set-counters").two_values(),
    flag("ipv4"),
    flag("ipv6"),
    flag("delete").is("other"),
    flag("check").is("other"),
    flag("replace").is("other"),
    flag("list").is("other"),
    flag("list-rules").is("other"),
    flag("zero").is("other"),
    flag("delete-chain").is("other"),
    flag("rename-chain").is("other"),
    flag("table").is("other"),
    flag("verbose").is("other"),
    flag("wait").is("other"),
    flag("numeric").is("other"),
    flag("exact").is("other"),
    flag("line-numbers").is("other"),
];

/// The letters of iptables' own options.
const LETTERS: [(&str, &str); 30] = [
    ("A", "append"),
    ("I", "insert"),
    ("N", "new-chain"),
    ("P", "policy"),
    ("F", "flush"),
    ("s", "source"),
    ("d", "destination"),
    ("i", "in-interface"),
    ("o", "out-interface"),
    ("p", "protocol"),
    ("f", "fragments"),
    ("m", "match"),
    ("j", "jump"),
    ("g", "goto"),
    ("c", "set-counters"),
    ("4", "ipv4"),
    ("6", "ipv6"),
    ("D", "delete"),
    ("C", "check"),
    ("R", "replace"),
    ("L", "list"),
    ("S", "list-rules"),
    ("Z", "zero"),
    ("X", "delete-chain"),
    ("E", "rename-chain"),
    ("t", "table"),
    ("v", "verbose"),
    ("w", "wait"),
    ("n", "numeric"),
    ("x", "exact"),
];

/// What a line does.
pub(super) enum Command<'a> {
    /// Rules at a chain's end, or before the one with a number, the first being 1.
    Rules { chain: Word<'a>, before: Option<Word<'a>>, rules: Vec<Draft> },
    /// A new chain of the user.
    NewChain(Word<'a>),
    /// What a built-in chain does at its end.
    Policy(Word<'a>, Word<'a>),
    /// A chain without its rules; without a name, every chain.
    Flush(Option<Word<'a>>),
    /// It is for the other version of IP.
    Nothing,
}

/// A rule, and what is to be asked of it when all chains are known.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) hooks: Vec<Hooks>,
    /// The word that names the chain that it goes to.
    pub(super) jump: Option<Word<'static>>,
}

/// What is known of the table in which a line stands.
pub(super) trait Chains {
    fn table(&self) -> TableName;
    /// The number of a chain, and whether it is built-in.
    fn find(&self, name: &str) -> Option<(u16, bool)>;
    fn names(&self) -> impl Iterator<Item = &str>;
}

/// Reads a line's words.
pub(super) fn command<'a>(
    words: Vec<Word<'a>>,
    counter: Option<(Word<'a>, Counter)>,
    chains: &impl Chains,
    scope: Scope<'_>,
) -> Result<Command<'a>, ParseError> {
    let Some(first) = words.first().cloned() else { return Ok(Command::Nothing) };
    let mut line = Line::new(scope);
    let mut words = words.into_iter().peekable();
    let mut not: Option<Word<'_>> = None;
    while let Some(word) = words.next() {
        if word.text == "!" {
            if not.is_some() {
                return Err(word.misplaced("stands twice"));
            }
            not = Some(word);
            continue;
        }
        let (owner, opt) = line.option(&word)?;
        let negated = match not.take() {
            Some(not) if !opt.negatable => return Err(not.misplaced("cannot stand before that option")),
            not => not.is_some(),
        };
        let mut values = Vec::with_capacity(opt.values);
        for _ in 0..opt.values {
            values.push(words.next().ok_or_else(|| word.missing("a value behind it"))?);
        }
        if matches!(opt.key, "insert" | "flush") && owner == Owner::Iptables {
            values.extend(words.next_if(|word| !word.text.starts_with(['-', '!'])));
        }
        match (opt.key, scope.family) {
            // iptables stops reading here.
            ("ipv6", Family::V4) | ("ipv4", Family::V6) if owner == Owner::Iptables => return Ok(Command::Nothing),
            _ => line.give(owner, Given::new(opt, word, negated, values))?,
        }
    }
    if let Some(not) = not {
        return Err(not.missing("an option behind it"));
    }
    line.finish(&first, counter, chains)
}

/// Whose option it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Iptables,
    Match(usize),
    Target,
}

/// A match or a target of a line, with the options that were given to it.
type Loaded<'a, T> = (&'static Extension<T>, Options<'a>);

/// A line as far as it was read.
struct Line<'a, 's> {
    scope: Scope<'s>,
    general: Options<'a>,
    matches: Vec<Loaded<'a, Match>>,
    target: Option<Loaded<'a, Target>>,
    /// Matches and target in the order of the text.
    owners: Vec<Owner>,
    protocol: Option<Not<u8>>,
    /// The match of `-p` came along by itself, which it does once.
    came_along: bool,
}

impl<'a, 's> Line<'a, 's> {
    fn new(scope: Scope<'s>) -> Self {
        Line {
            scope,
            general: Options::new(Word::new("", 0, 0)),
            matches: Vec::new(),
            target: None,
            owners: Vec::new(),
            protocol: None,
            came_along: false,
        }
    }

    /// The option that a word names.
    fn option(&mut self, word: &Word<'a>) -> Result<(Owner, &'static Opt), ParseError> {
        let text = &*word.text;
        let Some(dashed) = text.strip_prefix('-') else {
            return Err(word.misplaced("is not expected here"));
        };
        let Some(long) = dashed.strip_prefix('-') else {
            let key = LETTERS.iter().find(|(letter, _)| *letter == dashed).map(|(_, key)| *key);
            let opt = key.and_then(|key| GENERAL.iter().find(|opt| opt.name == key));
            return opt.map(|opt| (Owner::Iptables, opt)).ok_or_else(|| self.unknown(word));
        };
        if let Some(found) = self.find(long) {
            return Ok(found);
        }
        let protocol = self.protocol.filter(|_| !self.came_along);
        if let Some(extension) = protocol.and_then(|protocol| of_protocol(protocol.value, self.scope.family)) {
            self.came_along = true;
            // It stands where its first option does.
            self.load(extension, word.clone());
            if let Some(found) = self.find(long) {
                return Ok(found);
            }
        }
        Err(self.unknown(word))
    }

    fn find(&self, name: &str) -> Option<(Owner, &'static Opt)> {
        // The newest comes first, after iptables' own.
        let owners = || std::iter::once(Owner::Iptables).chain(self.owners.iter().rev().copied());
        let lists: Vec<&'static [Opt]> = owners().map(|owner| self.options_of(owner)).collect();
        let (list, opt) = find(name, &lists)?;
        Some((owners().nth(list)?, opt))
    }

    fn options_of(&self, owner: Owner) -> &'static [Opt] {
        match owner {
            Owner::Iptables => GENERAL,
            Owner::Match(at) => self.matches.get(at).map_or(&[], |(extension, _)| extension.options),
            Owner::Target => self.target.as_ref().map_or(&[], |(extension, _)| extension.options),
        }
    }

    fn unknown(&self, word: &Word<'a>) -> ParseError {
        let elsewhere = MATCHES.iter().filter(|of| of.is_for(self.scope.family)).flat_map(|of| of.options);
        if let Some(name) = word.text.strip_prefix("--")
            && elsewhere.clone().any(|opt| opt.name == name)
        {
            return word.misplaced("is an option of a match that is not named before it (-m, or -p)");
        }
        let here = self.owners.iter().chain([&Owner::Iptables]).flat_map(|owner| self.options_of(*owner));
        let names: Vec<String> = here.chain(elsewhere).map(|opt| format!("--{}", opt.name)).collect();
        // A letter is like every other letter.
        let names = if word.text.len() > 2 { &names[..] } else { &[] };
        word.unknown("option", names.iter().map(|name| &**name))
    }

    fn load(&mut self, extension: &'static Extension<Match>, word: Word<'a>) {
        self.owners.push(Owner::Match(self.matches.len()));
        self.matches.push((extension, Options::new(word)));
    }

    /// Takes an option to where it belongs.
    fn give(&mut self, owner: Owner, given: Given<'a>) -> Result<(), ParseError> {
        match owner {
            Owner::Iptables => self.give_general(given),
            Owner::Match(at) => self.matches.get_mut(at).map_or(Ok(()), |(_, options)| options.give(given)),
            Owner::Target => self.target.as_mut().map_or(Ok(()), |(_, options)| options.give(given)),
        }
    }

    fn give_general(&mut self, given: Given<'a>) -> Result<(), ParseError> {
        let family = self.scope.family;
        let name = given.value();
        match given.key {
            "match" => {
                let extension = extension(&MATCHES, name, family, "match")?;
                let extension = extension.ok_or_else(|| {
                    name.unknown("match", MATCHES.iter().filter(|of| of.is_for(family)).map(|of| of.name))
                })?;
                self.load(extension, name.clone());
                return Ok(());
            }
            "protocol" => self.protocol = Some(given.not(protocol)?),
            "jump" => {
                if let Some(extension) = extension(&TARGETS, name, family, "target")? {
                    self.owners.push(Owner::Target);
                    self.target = Some((extension, Options::new(name.clone())));
                }
            }
            "other" => return Err(given.word.not_handled("rules are added only: -A, -I, -N, -P and -F")),
            "fragments" if family == Family::V6 => {
                return Err(given.word.misplaced("is for IPv4: IPv6's header does not tell a fragment"));
            }
            _ => {}
        }
        self.general.give(given)
    }

    fn finish(
        self,
        first: &Word<'a>,
        counter: Option<(Word<'a>, Counter)>,
        chains: &impl Chains,
    ) -> Result<Command<'a>, ParseError> {
        let command = self.general.one_of(&["append", "insert", "new-chain", "policy", "flush"])?;
        let command = command.ok_or_else(|| first.missing("a command: -A, -I, -N, -P or -F"))?;
        let name = command.value().clone();
        let plain = match command.key {
            "append" => None,
            "insert" => {
                // Without a number it comes first.
                let first = Word::new("1", name.line, name.column);
                let before = Some(command.second().clone()).filter(|word| word.column != command.word.column);
                let before = Some(before.unwrap_or(first));
                return self.rules(&name, counter, chains).map(|rules| Command::Rules { chain: name, before, rules });
            }
            "new-chain" => Some(Command::NewChain(name.clone())),
            "policy" => Some(Command::Policy(name.clone(), command.second().clone())),
            _ => Some(Command::Flush(Some(name.clone()).filter(|name| name.column != command.word.column))),
        };
        match plain {
            None => self.rules(&name, counter, chains).map(|rules| Command::Rules { chain: name, before: None, rules }),
            Some(_) if self.general.first_but(command.key).is_some() || !self.owners.is_empty() => {
                Err(command.word.misplaced("takes no rule"))
            }
            Some(plain) => Ok(plain),
        }
    }

    /// The rules that it makes: one for each source and destination.
    fn rules(
        &self,
        chain: &Word<'a>,
        counter: Option<(Word<'a>, Counter)>,
        chains: &impl Chains,
    ) -> Result<Vec<Draft>, ParseError> {
        let Some((_, built_in)) = chains.find(&chain.text) else {
            return Err(chain.unknown("chain", chains.names()));
        };
        let [sources, destinations] = [self.addresses("source")?, self.addresses("destination")?];
        let negated =
            ["source", "destination"].iter().filter_map(|key| self.general.get(key)).find(|given| given.negated);
        if let Some(given) = negated.filter(|_| sources.len() > 1 || destinations.len() > 1) {
            return Err(given.word.misplaced("cannot have a ! where there is a list of addresses"));
        }
        if sources.len().saturating_mul(destinations.len()) > MOST_RULES {
            return Err(chain.misplaced("gets too many rules from one line: 4096 are the most"));
        }
        let header = self.header(chain, built_in)?;
        let (mut matches, mut hooks) = (Vec::new(), Vec::new());
        for (extension, options) in &self.matches {
            let of = (extension.build)(options, self.scope)?;
            hooks.extend(check::of_match(&options.owner, &of, &header, self.scope.family)?);
            matches.push(of);
        }
        let (target, jump) = self.target(chains)?;
        if let Some((_, options)) = &self.target {
            hooks.extend(check::of_target(&options.owner, &target, chains.table(), &header, &matches)?);
        }
        let rule = Rule { header, matches, target, counter: self.counter(counter)?, line: chain.line };
        let draft = Draft { rule, hooks, jump };
        let pairs = sources.iter().flat_map(|source| destinations.iter().map(move |other| (source, other)));
        let rules = pairs.map(|(source, destination)| {
            let mut draft = draft.clone();
            (draft.rule.header.source, draft.rule.header.destination) = (*source, *destination);
            draft
        });
        Ok(rules.collect())
    }

    fn counter(&self, counter: Option<(Word<'a>, Counter)>) -> Result<Counter, ParseError> {
        let Some(given) = self.general.get("set-counters") else {
            return Ok(counter.map_or_else(Counter::default, |(_, counter)| counter));
        };
        if counter.is_some() {
            return Err(given.word.misplaced("stands beside [packets:bytes]"));
        }
        let count = |word: &Word<'_>| number(&word.text).ok_or_else(|| word.invalid("a number of 64 bits"));
        Ok(Counter { packets: count(given.value())?, bytes: count(given.second())? })
    }

    fn header(&self, chain: &Word<'a>, built_in: bool) -> Result<Header, ParseError> {
        let device = |key| -> Result<Option<Not<DevicePattern>>, ParseError> {
            let given = self.general.get(key).map(|given| given.not(device)).transpose()?;
            // Every device's name begins with nothing.
            Ok(given.filter(|pattern| pattern.negated || !pattern.value.wildcard || !pattern.value.name.is_empty()))
        };
        let never = [
            ("in-interface", [Hook::LocalOut, Hook::PostRouting], "has no place in OUTPUT and POSTROUTING"),
            ("out-interface", [Hook::LocalIn, Hook::PreRouting], "has no place in INPUT and PREROUTING"),
        ];
        for (key, hooks, why) in never {
            if let Some(given) = self.general.get(key)
                && built_in
                && hooks.iter().any(|hook| hook.chain() == chain.text)
            {
                return Err(given.word.misplaced(why));
            }
        }
        if let Some(given) = self.general.get("protocol")
            && self.protocol.is_some_and(|protocol| protocol.negated && protocol.value == 0)
        {
            return Err(given.word.misplaced("leaves no packet"));
        }
        Ok(Header {
            source: None,
            destination: None,
            input: device("in-interface")?,
            output: device("out-interface")?,
            protocol: self.protocol.filter(|protocol| protocol.value != 0),
            fragment: self.general.get("fragments").map(|given| !given.negated),
        })
    }

    /// The addresses of a list; none stands for every address.
    fn addresses(&self, key: &str) -> Result<Vec<Option<Not<Masked>>>, ParseError> {
        let Some(given) = self.general.get(key) else { return Ok(vec![None]) };
        let word = given.value();
        let each = word.split(',').map(|part| {
            let value = masked(&part, self.scope.family)?;
            let is_all = !given.negated && value.mask == Default::default();
            Ok((!is_all).then_some(Not { negated: given.negated, value }))
        });
        each.collect()
    }

    /// What is done, and the word that names the chain that it goes to.
    fn target(&self, chains: &impl Chains) -> Result<(Target, Option<Word<'static>>), ParseError> {
        if let Some((extension, options)) = &self.target {
            if let Some(goto) = self.general.get("goto") {
                return Err(goto.word.misplaced("stands beside -j"));
            }
            return (extension.build)(options, self.scope).map(|target| (target, None));
        }
        let Some(given) = self.general.one_of(&["jump", "goto"])? else { return Ok((Target::None, None)) };
        let word = given.value();
        match chains.find(&word.text) {
            Some((_, true)) => Err(word.misplaced("is a built-in chain, to which no rule leads")),
            Some((chain, false)) if given.key == "goto" => Ok((Target::Goto(chain), Some(word.clone().into_owned()))),
            Some((chain, false)) => Ok((Target::Jump(chain), Some(word.clone().into_owned()))),
            None if given.key == "goto" => Err(word.unknown("chain", chains.names())),
            None => {
                let targets = TARGETS.iter().filter(|of| of.is_for(self.scope.family)).map(|of| of.name);
                Err(word.unknown("target or chain", targets.chain(chains.names())))
            }
        }
    }
}

/// The match or target of a name; an error where it is one of the other version of IP.
fn extension<T>(
    known: &'static [Extension<T>],
    name: &Word<'_>,
    family: Family,
    what: &'static str,
) -> Result<Option<&'static Extension<T>>, ParseError> {
    let named = known.iter().find(|of| of.name == name.text);
    match named {
        Some(of) if !of.is_for(family) => Err(name.misplaced(match (what, family) {
            ("match", Family::V4) => "is a match of IPv6",
            ("match", Family::V6) => "is a match of IPv4",
            (_, Family::V4) => "is a target of IPv6",
            (_, Family::V6) => "is a target of IPv4",
        })),
        named => Ok(named),
    }
}

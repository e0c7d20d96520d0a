//! Names with wildcards, as glob(7) has them for files: a wildcard never goes beyond its part of the name.

/// Whether a name is a pattern.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Whether a pattern fits a name; both have dots between their parts.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('.'), name.split('.'));
    loop {
        match (patterns.next(), names.next()) {
            (Some(pattern), Some(name)) if part_fits(pattern.as_bytes(), name.as_bytes()) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Where the letter or class at the head of a pattern ends, and whether it fits a letter.
fn head(pattern: &[u8], letter: u8) -> Option<(&[u8], bool)> {
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some((rest, true)),
        b'[' => Some(class(rest, letter).unwrap_or((rest, letter == b'['))),
        first => Some((rest, *first == letter)),
    }
}

/// The same for what is behind a `[`; `None` where no `]` ends it.
fn class(pattern: &[u8], letter: u8) -> Option<(&[u8], bool)> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut found, mut first) = (false, true);
    loop {
        // A `]` that comes first is one of the letters.
        let (low, high, after) = match rest {
            [b']', after @ ..] if !first => return Some((after, found != negated)),
            [low, b'-', high, after @ ..] if *high != b']' => (low, high, after),
            [low, after @ ..] => (low, low, after),
            [] => return None,
        };
        found |= (low..=high).contains(&&letter);
        (rest, first) = (after, false);
    }
}

/// Whether a pattern fits a part of a name. Only the last star is ever tried again, so this takes no longer than the product
/// of their lengths.
fn part_fits(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // Behind the last star, and where what comes there was last tried.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            star = Some((rest, name));
            pattern = rest;
            continue;
        }
        match (pattern, name) {
            ([], []) => return true,
            (_, [letter, after @ ..]) if let Some((rest, true)) = head(pattern, *letter) => {
                (pattern, name) = (rest, after);
                continue;
            }
            _ => {}
        }
        // The star takes one letter more.
        let Some((rest, [_, after @ ..])) = star else { return false };
        star = Some((rest, after));
        (pattern, name) = (rest, after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_as_glob_does() {
        for (pattern, name) in [
            ("net.netfilter.nf_*_max", "net.netfilter.nf_conntrack_max"),
            ("net.*.nf_conntrack_max", "net.netfilter.nf_conntrack_max"),
            ("*", "a"),
            ("*", ""),
            ("**", "abc"),
            ("a*b*c", "abxbbc"),
            ("*a", "aaa"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[^a]", "b"),
            ("[]a]", "]"),
            ("[a-]", "-"),
            ("[a", "[a"),
            ("a[b]*[d]", "abccd"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*", "a.b"),
            ("*.*", "a"),
            ("net.*", "net.netfilter.nf_conntrack_max"),
            ("a?c", "a.c"),
            ("a?", "a"),
            ("a*b", "a"),
            ("[a-c]", "d"),
            ("[!a]", "a"),
            ("[!a]", ""),
            ("{a,b}", "a"),
            ("", "a"),
            ("a", "A"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_are_no_trouble() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!fits(&pattern, &"a".repeat(5_000)));
    }
}

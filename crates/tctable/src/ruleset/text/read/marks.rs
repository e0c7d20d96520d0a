//! The targets `MARK` and `CONNMARK`.

use super::matches::Scope;
use super::numbers::{bits, masked_bits};
use super::options::{Given, Opt, Options, flag, value};
use crate::ruleset::target::{ConnmarkTarget, MarkChange, Target};
use crate::words::ParseError;

/// What changes a mark.
const CHANGES: [&str; 5] = ["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

pub(super) const MARK: &[Opt] =
    &[value("set-xmark"), value("set-mark"), value("and-mark"), value("or-mark"), value("xor-mark")];

pub(super) fn mark(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    let given = options.just_one_of(&CHANGES, "--set-xmark, --set-mark, --and-mark, --or-mark or --xor-mark")?;
    change(given).map(Target::Mark)
}

/// The change that an option says: all of them are of one form.
fn change(given: &Given<'_>) -> Result<MarkChange, ParseError> {
    let word = given.value();
    Ok(match given.key {
        "set-xmark" => {
            let (value, mask) = masked_bits(word)?;
            MarkChange { value, mask }
        }
        "set-mark" => {
            let (value, mask) = masked_bits(word)?;
            MarkChange { value, mask: mask | value }
        }
        "and-mark" => MarkChange { value: 0, mask: !bits(word)? },
        "or-mark" => {
            let bits = bits(word)?;
            MarkChange { value: bits, mask: bits }
        }
        _ => MarkChange { value: bits(word)?, mask: 0 },
    })
}

pub(super) const CONNMARK: &[Opt] = &[
    value("set-xmark"),
    value("set-mark"),
    value("and-mark"),
    value("or-mark"),
    value("xor-mark"),
    flag("save-mark"),
    flag("restore-mark"),
    value("mask"),
    value("ctmask"),
    value("nfmask"),
    value("left-shift-mark"),
    value("right-shift-mark"),
];

pub(super) fn connmark(options: &Options<'_>, _: Scope<'_>) -> Result<Target, ParseError> {
    for shift in ["left-shift-mark", "right-shift-mark"] {
        if let Some(given) = options.get(shift) {
            return Err(given.word.not_handled("marks are not shifted"));
        }
    }
    let [set, and, or, xor, plain] = CHANGES;
    let keys = [set, and, or, xor, plain, "save-mark", "restore-mark"];
    let given = options.just_one_of(&keys, "--set-xmark, --save-mark or --restore-mark")?;
    let mask = |key| options.one_of(&["mask", key])?.map_or(Ok(u32::MAX), |given| bits(given.value()));
    let (ct_mask, nf_mask) = (mask("ctmask")?, mask("nfmask")?);
    Ok(Target::Connmark(match given.key {
        "save-mark" => ConnmarkTarget::Save { ct_mask, nf_mask },
        "restore-mark" => ConnmarkTarget::Restore { ct_mask, nf_mask },
        _ => match options.get("mask").or(options.get("ctmask")).or(options.get("nfmask")) {
            Some(mask) => return Err(mask.word.misplaced("belongs to --save-mark or --restore-mark")),
            None => ConnmarkTarget::Set(change(given)?),
        },
    }))
}

//! What each kind of qdisc and class can be told: a file for each family of kinds, read and written.

mod cbq;
mod codel;
mod fifo;
mod htb;
mod link;
mod prio;
mod red;
mod sfq;
mod tbf;

pub(super) use link::{Link, burst, write as write_link};

use std::fmt::{self, Display};

use super::args::Args;
use crate::sched::{ClassOptions, QdiscOptions};
use crate::words::{ParseError, Word};

/// The kinds of qdiscs.
const QDISCS: [&str; 15] = [
    "htb",
    "pfifo",
    "bfifo",
    "pfifo_head_drop",
    "pfifo_fast",
    "prio",
    "tbf",
    "sfq",
    "fq_codel",
    "codel",
    "red",
    "cbq",
    "ingress",
    "clsact",
    "noqueue",
];

/// The kinds of qdiscs with classes that can be made.
const CLASSES: [&str; 2] = ["htb", "cbq"];

/// Reads the options behind a qdisc's kind, to the end of the line.
pub(super) fn qdisc(kind: &Word<'_>, args: &mut Args<'_, '_>) -> Result<QdiscOptions, ParseError> {
    Ok(match &*kind.text {
        "htb" => QdiscOptions::Htb(htb::qdisc(args)?),
        "pfifo" => QdiscOptions::Pfifo { limit: fifo::limit(args)? },
        "bfifo" => QdiscOptions::Bfifo { limit: fifo::limit(args)? },
        "pfifo_head_drop" => QdiscOptions::PfifoHeadDrop { limit: fifo::limit(args)? },
        "prio" => QdiscOptions::Prio(prio::read(args)?),
        "tbf" => QdiscOptions::Tbf(tbf::read(args)?),
        "sfq" => QdiscOptions::Sfq(sfq::read(args)?),
        "fq_codel" => QdiscOptions::FqCodel(codel::fq_codel(args)?),
        "codel" => QdiscOptions::Codel(codel::codel(args)?),
        "red" => QdiscOptions::Red(red::read(args)?),
        "cbq" => QdiscOptions::Cbq(cbq::qdisc(args)?),
        "pfifo_fast" => none(args, QdiscOptions::PfifoFast)?,
        "ingress" => none(args, QdiscOptions::Ingress)?,
        "clsact" => none(args, QdiscOptions::Clsact)?,
        "noqueue" => none(args, QdiscOptions::Noqueue)?,
        _ => return Err(kind.unknown("kind of qdisc", QDISCS)),
    })
}

/// Reads the options behind a class's kind, to the end of the line.
pub(super) fn class(kind: &Word<'_>, args: &mut Args<'_, '_>) -> Result<ClassOptions, ParseError> {
    Ok(match &*kind.text {
        "htb" => ClassOptions::Htb(htb::class(args)?),
        "cbq" => ClassOptions::Cbq(cbq::class(args)?),
        name if QDISCS.contains(&name) => {
            return Err(kind.misplaced("has no classes that can be made: htb and cbq have"));
        }
        _ => return Err(kind.unknown("kind of class", CLASSES)),
    })
}

fn none(args: &mut Args<'_, '_>, options: QdiscOptions) -> Result<QdiscOptions, ParseError> {
    match args.next() {
        None => Ok(options),
        Some(word) => Err(word.misplaced("stands behind a kind that has no options")),
    }
}

/// A qdisc's kind and options, as they are read.
pub(super) fn write_qdisc(options: &QdiscOptions) -> impl Display {
    fmt::from_fn(move |f| {
        f.write_str(options.kind())?;
        match options {
            QdiscOptions::Htb(options) => htb::write_qdisc(options, f),
            QdiscOptions::Pfifo { limit } | QdiscOptions::PfifoHeadDrop { limit } => fifo::write_packets(*limit, f),
            QdiscOptions::Bfifo { limit } => fifo::write_bytes(*limit, f),
            QdiscOptions::Prio(options) => prio::write(options, f),
            QdiscOptions::Tbf(options) => tbf::write(options, f),
            QdiscOptions::Sfq(options) => sfq::write(options, f),
            QdiscOptions::FqCodel(options) => codel::write_fq_codel(options, f),
            QdiscOptions::Codel(options) => codel::write_codel(options, f),
            QdiscOptions::Red(options) => red::write(options, f),
            QdiscOptions::Cbq(options) => cbq::write_qdisc(options, f),
            QdiscOptions::PfifoFast | QdiscOptions::Ingress | QdiscOptions::Clsact | QdiscOptions::Noqueue => Ok(()),
        }
    })
}

/// A class's kind and options, as they are read.
pub(super) fn write_class(options: &ClassOptions) -> impl Display {
    fmt::from_fn(move |f| {
        f.write_str(options.kind())?;
        match options {
            ClassOptions::Htb(options) => htb::write_class(options, f),
            ClassOptions::Cbq(options) => cbq::write_class(options, f),
        }
    })
}

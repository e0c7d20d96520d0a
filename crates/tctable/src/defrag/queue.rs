use super::blocks::Chain;
use super::outcome::Cause;
use super::part::{Ecn, Header, Key, Kind, Part};
use super::runs::Runs;
use super::seams::Seams;
use super::{ipv4, ipv6};
use crate::packet::Family;
use crate::time::{Instant, TimerPosition};

/// A datagram that is not whole yet.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) key: Key,
    pub(super) deadline: Instant,
    pub(super) timer: TimerPosition,
    pub(super) chain: Chain,
    /// What the chain and the runs take.
    pub(super) memory: u32,
    /// The source's place among the peers, and its count of fragments when the last one of this datagram came.
    pub(super) peer: Option<(u32, u32)>,
    so_far: SoFar,
}

/// What is known of a datagram from its fragments.
#[derive(Clone, Debug, Default)]
struct SoFar {
    runs: Runs,
    /// The payload's length, as far as it is known: where the last fragment ended, or the one that lies highest.
    len: u32,
    /// Whether the last fragment told its end.
    last_in: bool,
    /// Bytes of the payload that have come.
    meat: u32,
    /// Where the first byte belongs that has come, but that the capture had not kept.
    hole: Option<i32>,
    ecn: Ecn,
    first: Option<First>,
    /// The longest packet, and the longest with the IPv4 "don't fragment" bit: a datagram was split by its sender, and
    /// has the bit again, if they are equally long.
    max_size: u32,
    max_df_size: u32,
}

#[derive(Clone, Copy, Debug)]
struct First {
    header_len: u32,
    kind: Kind,
}

/// What a fragment that is not taken does to its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it was, and only the fragment is dropped.
    Stays(Cause),
    /// It is dropped with the fragment.
    Dies(Cause),
    /// It is dropped, and the fragment goes on as it is.
    DiesAndPassed,
}

/// How a whole datagram is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    header_len: u32,
    total: u32,
    kept: u32,
    ecn: u8,
    dont_fragment: bool,
    kind: Kind,
    longest: u32,
}

impl Queue {
    pub(super) fn new(key: Key, deadline: Instant, peer: Option<(u32, u32)>) -> Self {
        Queue {
            key,
            deadline,
            timer: TimerPosition::NONE,
            chain: Chain::default(),
            memory: 0,
            peer,
            so_far: SoFar::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.so_far.runs.is_empty()
    }

    /// Forgets what has come; the chain is the caller's.
    pub(super) fn reset(&mut self) -> Chain {
        self.so_far = SoFar::default();
        self.memory = 0;
        std::mem::take(&mut self.chain)
    }

    /// Takes note of a fragment. The order of the checks is the kernel's: what an earlier one has noted stays noted.
    pub(super) fn take(&mut self, part: &Part<'_>) -> Result<(), Fate> {
        let so_far = &mut self.so_far;
        let family = part.key.tuple.family;
        let (fate, too_long): (fn(Cause) -> Fate, bool) = match family {
            Family::V4 => (Fate::Dies, false),
            Family::V6 => (Fate::Stays, part.end > ipv6::MAX_PAYLOAD_LEN),
        };
        if too_long {
            return Err(Fate::Stays(Cause::TooLong));
        }
        if part.more {
            // IPv4's have been rounded down.
            if part.end & 7 != 0 {
                return Err(Fate::DiesAndPassed);
            }
            if part.end > so_far.len && so_far.last_in {
                return Err(fate(Cause::Length));
            }
            so_far.len = so_far.len.max(part.end);
        } else {
            if part.end < so_far.len || so_far.last_in && part.end != so_far.len {
                return Err(fate(Cause::Length));
            }
            (so_far.last_in, so_far.len) = (true, part.end);
        }
        if part.end == part.offset {
            return Err(fate(Cause::Length));
        }
        so_far.runs.insert(part.offset, part.end).map_err(|cause| match cause {
            Cause::Duplicate => Fate::Stays(cause),
            _ => Fate::Dies(cause),
        })?;
        so_far.note(part);
        Ok(())
    }

    /// Whether all of it has come: to be asked when a fragment was taken. One that was not does not make it whole.
    pub(super) fn is_whole(&self) -> bool {
        self.so_far.first.is_some() && self.so_far.last_in && self.so_far.meat == self.so_far.len
    }

    /// What the whole datagram is to look like.
    pub(super) fn layout(&self) -> Result<Layout, Cause> {
        let so_far = &self.so_far;
        let First { header_len, kind } = so_far.first.ok_or(Cause::Length)?;
        let ecn = so_far.ecn.joined().ok_or(Cause::Ecn)?;
        let total = header_len + so_far.len;
        let longest = match kind {
            Kind::V4 { .. } => ipv4::MAX_LEN,
            Kind::V6 { .. } => ipv6::HEADER_LEN + ipv6::MAX_PAYLOAD_LEN,
        };
        if total > longest {
            return Err(Cause::TooLong);
        }
        // The bytes before the hole, headers included; the first fragment's header may have a hole too.
        let kept = so_far.hole.map_or(total, |hole| header_len.saturating_add_signed(hole));
        let dont_fragment = so_far.max_df_size == so_far.max_size;
        Ok(Layout { header_len, total, kept, ecn, dont_fragment, kind, longest: so_far.max_size })
    }
}

impl SoFar {
    fn note(&mut self, part: &Part<'_>) {
        let Header { bytes, len: header_len, kind } = part.header;
        self.meat += part.end - part.offset;
        self.ecn.insert(part.ecn);
        if part.offset == 0 {
            self.first = Some(First { header_len, kind });
            if bytes.len() < header_len as usize {
                self.hole_at(bytes.len() as i32 - header_len as i32);
            }
        }
        if (part.payload.len() as u32) < part.end - part.offset {
            self.hole_at(part.offset as i32 + part.payload.len() as i32);
        }
        let size = header_len + (part.end - part.offset);
        match kind {
            Kind::V4 { dont_fragment } => {
                self.max_size = self.max_size.max(size);
                self.max_df_size = if dont_fragment { self.max_df_size.max(size) } else { self.max_df_size };
            }
            Kind::V6 { .. } => self.max_size = self.max_size.max(size + ipv6::FRAGMENT_HEADER_LEN),
        }
    }

    fn hole_at(&mut self, place: i32) {
        self.hole = Some(self.hole.map_or(place, |hole| hole.min(place)));
    }
}

impl Layout {
    /// The place of the datagram's first byte.
    pub(super) fn origin(&self) -> i32 {
        -(self.header_len as i32)
    }

    /// Where it was put together.
    pub(super) fn seams(&self, family: Family, identification: u32) -> Seams {
        let number_at = if let Kind::V6 { at, .. } = self.kind { at } else { 0 };
        Seams { family, longest: self.longest, identification, before: self.header_len, number_at }
    }

    /// The datagram's length.
    pub(super) fn total(&self) -> u32 {
        self.total
    }

    /// How much of it is known from the beginning on.
    pub(super) fn kept(&self) -> u32 {
        self.kept
    }

    /// Turns the first fragment's headers into the datagram's.
    pub(super) fn finish(&self, datagram: &mut [u8]) {
        match self.kind {
            Kind::V4 { .. } => ipv4::finish(datagram, self.header_len, self.total, self.ecn, self.dont_fragment),
            Kind::V6 { at, next_header } => ipv6::finish(datagram, self.total, self.ecn, at, next_header),
        }
    }
}

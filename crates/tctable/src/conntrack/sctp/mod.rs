//! SCTP: an association's state follows the chunks of both sides, and verification tags tell its packets from others
//! (RFC 9260 section 8.5). Addresses beyond the first pair are connections of their own, which begin with a HEARTBEAT.

mod saved;
mod state;
#[cfg(test)]
mod tests;

use super::connection::Direction;
use super::status::Status;
use super::timeouts::Millis;
use super::verdict::Verdict;
use crate::packet::{Chunk, Chunks, SctpHeader};

pub use state::SctpState;

/// Chunk types (RFC 9260 section 3.2).
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const INIT_ACK: u8 = 2;
    pub(super) const HEARTBEAT: u8 = 4;
    pub(super) const HEARTBEAT_ACK: u8 = 5;
    pub(super) const ABORT: u8 = 6;
    pub(super) const SHUTDOWN: u8 = 7;
    pub(super) const SHUTDOWN_ACK: u8 = 8;
    pub(super) const ERROR: u8 = 9;
    pub(super) const COOKIE_ECHO: u8 = 10;
    pub(super) const COOKIE_ACK: u8 = 11;
    pub(super) const SHUTDOWN_COMPLETE: u8 = 14;
}

/// The T bit of ABORT and SHUTDOWN COMPLETE: the sender has no association, and sends the tag that it was sent.
const REFLECTED_TAG: u8 = 1;

/// The chunk types that a packet has, of the first sixteen.
#[derive(Clone, Copy, Default)]
struct Kinds(u16);

impl Kinds {
    /// Those of a packet. `None` where its chunks cannot stand together: there is none, one has no length, INIT, INIT ACK
    /// or SHUTDOWN COMPLETE is not alone, or a COOKIE ECHO or COOKIE ACK is not the first.
    fn of(chunks: Chunks<'_>) -> Option<Kinds> {
        let mut kinds = Kinds::default();
        let mut alone = false;
        for (nth, chunk) in chunks.enumerate() {
            alone |= matches!(chunk.kind, kind::INIT | kind::INIT_ACK | kind::SHUTDOWN_COMPLETE);
            let first = alone || matches!(chunk.kind, kind::COOKIE_ECHO | kind::COOKIE_ACK);
            if (first && nth != 0) || chunk.length == 0 {
                return None;
            }
            kinds.0 |= 1u16.checked_shl(chunk.kind.into()).unwrap_or(0);
        }
        { chunks }.next().is_some().then_some(kinds)
    }

    fn any(self, of: &[u8]) -> bool {
        of.iter().any(|kind| self.0 & 1 << kind != 0)
    }
}

/// What a chunk does.
enum Step {
    /// The association is in that state.
    To(SctpState),
    /// A HEARTBEAT with another tag: the answer will show whether the peer has begun anew.
    Doubtful,
    /// It does not belong here, nor does what follows it.
    Refused,
}

/// What the tracker keeps of an association.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sctp {
    /// The verification tag that packets of each direction carry; zero while it is not known.
    tags: [u32; 2],
    state: SctpState,
    /// Each direction had an INIT that no COOKIE ACK followed.
    init: [bool; 2],
    /// The direction of the last HEARTBEAT with another tag, until a HEARTBEAT or its answer shows what it was worth.
    doubtful: Option<Direction>,
}

const _: () = assert!(size_of::<Sctp>() <= 16);

impl Sctp {
    /// The tracker's state for a first packet. `None` where no association begins with it: with data, or with chunks that
    /// answer what was never sent (RFC 9260 section 8.4).
    pub(super) fn begin(header: &SctpHeader, chunks: Chunks<'_>) -> Option<Sctp> {
        if Kinds::of(chunks)?.any(&[kind::ABORT, kind::SHUTDOWN_COMPLETE, kind::COOKIE_ACK]) {
            return None;
        }
        let mut tags = [0; 2];
        let mut init = [false; 2];
        for chunk in chunks {
            SctpState::None.after(Direction::Original, chunk.kind).filter(|state| *state != SctpState::None)?;
            match chunk.kind {
                kind::INIT if header.verification_tag != 0 => return None,
                kind::INIT => {
                    tags[Direction::Reply as usize] = chunk.initiate_tag()?;
                    init[Direction::Original as usize] = true;
                }
                kind::HEARTBEAT => tags[Direction::Original as usize] = header.verification_tag,
                // Out of the blue: the SHUTDOWN COMPLETE that answers it carries the same tag (RFC 9260 section 8.4).
                kind::SHUTDOWN_ACK => tags[Direction::Reply as usize] = header.verification_tag,
                _ => {}
            }
        }
        Some(Sctp { tags, state: SctpState::None, init, doubtful: None })
    }

    pub(super) fn state(&self) -> SctpState {
        self.state
    }

    /// The verification tag that packets of that direction carry; zero while it is not known.
    pub(super) fn tag(&self, direction: Direction) -> u32 {
        self.tags[direction as usize]
    }

    /// Judges a packet and follows it. `timeouts` are by [`SctpState`]; that of NONE is not used.
    ///
    /// A packet that is refused for one of its chunks has been followed up to that chunk, as in the kernel.
    pub(super) fn packet(
        &mut self,
        status: &mut Status,
        direction: Direction,
        header: &SctpHeader,
        chunks: Chunks<'_>,
        timeouts: &[Millis; 9],
    ) -> Verdict {
        let tag = header.verification_tag;
        let Some(kinds) = Kinds::of(chunks) else { return Verdict::Invalid };
        // Chunks that have rules of their own for the tag.
        const RULED: [u8; 7] = [
            kind::INIT,
            kind::SHUTDOWN_COMPLETE,
            kind::COOKIE_ECHO,
            kind::ABORT,
            kind::SHUTDOWN_ACK,
            kind::HEARTBEAT,
            kind::HEARTBEAT_ACK,
        ];
        if !kinds.any(&RULED) && tag != self.tag(direction) {
            return Verdict::Invalid;
        }
        let mut counts = true;
        for chunk in chunks {
            let old = self.state;
            // Neither data nor a second chunk of that kind can come with a doubtful one.
            let may_doubt = counts && !kinds.any(&[kind::DATA]);
            match self.chunk(direction, tag, &chunk, may_doubt) {
                // An INIT again: whoever tries the same ports over and over does not keep them.
                Step::To(SctpState::Closed) if old == SctpState::Closed && chunk.kind == kind::INIT => counts = false,
                Step::To(SctpState::Established) if old != SctpState::Established => {
                    self.state = SctpState::Established;
                    status.insert(Status::ASSURED);
                }
                Step::To(state) => self.state = state,
                Step::Doubtful => counts = false,
                Step::Refused => return Verdict::Invalid,
            }
        }
        if counts { Verdict::Accept(timeouts[self.state as usize]) } else { Verdict::Ignore }
    }

    /// Holds a chunk against the tags and the state, and learns tags from it.
    fn chunk(&mut self, direction: Direction, tag: u32, chunk: &Chunk<'_>, may_doubt: bool) -> Step {
        let (own, peer) = (direction as usize, direction.opposite() as usize);
        match chunk.kind {
            kind::INIT if tag != 0 => return Step::Refused,
            kind::ABORT | kind::SHUTDOWN_COMPLETE => {
                let expected = if chunk.flags & REFLECTED_TAG == 0 { own } else { peer };
                if tag != self.tags[expected] {
                    return Step::Refused;
                }
            }
            kind::COOKIE_ECHO if tag != self.tags[own] => return Step::Refused,
            kind::COOKIE_ACK => self.init = [false; 2],
            kind::HEARTBEAT | kind::HEARTBEAT_ACK if self.tags[own] == 0 => self.tags[own] = tag,
            kind::HEARTBEAT | kind::HEARTBEAT_ACK if tag == self.tags[own] => self.doubtful = None,
            kind::HEARTBEAT if may_doubt => {
                self.doubtful = Some(direction);
                return Step::Doubtful;
            }
            // The answer to a doubtful one: the peer did begin anew, and its other tag is still to come.
            kind::HEARTBEAT_ACK if may_doubt && self.doubtful == Some(direction.opposite()) => {
                self.doubtful = None;
                self.tags[own] = tag;
                self.tags[peer] = 0;
            }
            kind::HEARTBEAT | kind::HEARTBEAT_ACK => return Step::Refused,
            _ => {}
        }
        let Some(state) = self.state.after(direction, chunk.kind) else { return Step::Refused };
        match chunk.kind {
            kind::INIT => {
                let Some(initiate) = chunk.initiate_tag() else { return Step::Refused };
                // One that says again what is known may be an old one, or somebody's who read that tag: as in the kernel
                // it is let through, but says nothing about who has begun.
                if initiate != self.tags[peer] {
                    self.init[peer] &= !self.init[own];
                    self.init[own] = true;
                    self.tags[peer] = initiate;
                }
            }
            kind::INIT_ACK => {
                let Some(initiate) = chunk.initiate_tag() else { return Step::Refused };
                let known = self.tags[peer];
                // It answers an INIT that was seen, and so may bring any tag; unless both sides sent an INIT, or none did:
                // then it says again what is known.
                let may_tell = if self.init[peer] { !self.init[own] } else { known == 0 };
                if initiate != known && !may_tell {
                    return Step::Refused;
                }
                self.tags[peer] = initiate;
            }
            _ => {}
        }
        Step::To(state)
    }
}

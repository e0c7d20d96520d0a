//! What is kept of an association, as bytes.

use super::{Sctp, SctpState};
use crate::conntrack::connection::Direction;
use crate::conntrack::saved::{Reader, Writer};

impl Sctp {
    pub(in crate::conntrack) fn save(&self, to: &mut Writer) {
        let Sctp { tags, state, init, doubtful } = self;
        tags.iter().for_each(|tag| to.u32(*tag));
        to.u8(*state as u8);
        init.iter().for_each(|init| to.u8((*init).into()));
        to.u8(doubtful.map_or(2, |direction| direction as u8));
    }

    /// What [`Sctp::save`] wrote; `None` where it cannot be.
    pub(in crate::conntrack) fn restored(from: &mut Reader<'_>) -> Option<Sctp> {
        let tags = [from.u32()?, from.u32()?];
        let state = SctpState::ALL.get(usize::from(from.u8()?)).copied()?;
        let init = [from.bool()?, from.bool()?];
        let doubtful = match from.u8()? {
            0 => Some(Direction::Original),
            1 => Some(Direction::Reply),
            2 => None,
            _ => return None,
        };
        Some(Sctp { tags, state, init, doubtful })
    }
}

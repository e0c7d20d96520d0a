//! What is kept of a TCP connection, as bytes.

use super::flags::Kind;
use super::state::TcpState;
use super::window::Side;
use super::{Last, Scales, Tcp};
use crate::conntrack::connection::Direction;
use crate::conntrack::saved::{Reader, Writer};

impl Tcp {
    pub(in crate::conntrack) fn save(&self, to: &mut Writer) {
        let Tcp { sides, last, flags, scales, state } = self;
        for Side { end, max_end, max_window, max_ack } in sides {
            [end, max_end, max_window, max_ack].into_iter().for_each(|number| to.u32(*number));
        }
        let Last { sequence, acknowledgment, end, window, kind, direction, flags: last_flags, scale, repeated } = last;
        [sequence, acknowledgment, end].into_iter().for_each(|number| to.u32(*number));
        to.u16(*window);
        [*kind as u8, *direction as u8, *last_flags, *scale, *repeated].into_iter().for_each(|byte| to.u8(byte));
        [flags[0], flags[1], scales.0, *state as u8].into_iter().for_each(|byte| to.u8(byte));
    }

    /// What [`Tcp::save`] wrote; `None` where it cannot be.
    pub(in crate::conntrack) fn restored(from: &mut Reader<'_>) -> Option<Tcp> {
        let mut side =
            || Some(Side { end: from.u32()?, max_end: from.u32()?, max_window: from.u32()?, max_ack: from.u32()? });
        let sides = [side()?, side()?];
        let last = Last {
            sequence: from.u32()?,
            acknowledgment: from.u32()?,
            end: from.u32()?,
            window: from.u16()?,
            kind: kind(from.u8()?)?,
            direction: if from.bool()? { Direction::Reply } else { Direction::Original },
            flags: from.u8()?,
            scale: from.u8().filter(|scale| *scale <= MAX_SCALE)?,
            repeated: from.u8()?,
        };
        let flags = [from.u8()?, from.u8()?];
        let scales = Scales(from.u8()?);
        if scales.get(0).max(scales.get(1)) > MAX_SCALE {
            return None;
        }
        let state = TcpState::ALL.get(usize::from(from.u8()?)).copied()?;
        (state != TcpState::None).then_some(Tcp { sides, last, flags, scales, state })
    }
}

/// RFC 7323 section 2.3.
const MAX_SCALE: u8 = 14;

fn kind(number: u8) -> Option<Kind> {
    [Kind::Syn, Kind::SynAck, Kind::Fin, Kind::Ack, Kind::Rst, Kind::None]
        .into_iter()
        .find(|kind| *kind as u8 == number)
}

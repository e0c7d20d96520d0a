//! What connections announced: expectations, and the keys of GRE connections.

use super::Name;
use super::bytes::{Reader, Writer};
use super::row::{name, read_name};
use crate::conntrack::expect::{Expectation, Flags, Known, Mask};
use crate::conntrack::{ConnectionId, Conntrack, Direction};
use crate::packet::Tuple;
use crate::time::Instant;

/// An expectation that was saved.
#[derive(Debug)]
pub(crate) struct SavedExpectation {
    pub(crate) master: Name,
    /// Name and transport protocol of the helper that read the announcement.
    helper: (Box<str>, u8),
    class: u8,
    tuple: Tuple,
    mask: Mask,
    flags: Flags,
    attach: Option<Box<str>>,
    direction: Direction,
    either_way: bool,
    zone: u16,
    deadline: Instant,
}

impl SavedExpectation {
    fn write(to: &mut Writer, expectation: &Expectation) {
        let Expectation { tuple, mask, master, helper, helper_protocol, class, .. } = expectation;
        let Expectation { flags, attach, direction, either_way, zone, deadline, policy: _, .. } = expectation;
        name(to, *master);
        to.bytes(helper.as_bytes());
        to.u8(*helper_protocol);
        to.u8(*class);
        to.tuple(tuple);
        to.address(mask.source);
        to.u16(mask.source_port);
        to.u8(flags.bits());
        to.option(*attach, |to, attach| to.bytes(attach.as_bytes()));
        to.u8(*direction as u8);
        to.u8((*either_way).into());
        to.u16(*zone);
        to.instant(*deadline);
    }

    pub(super) fn read(table: u32, from: &mut Reader<'_>) -> Option<SavedExpectation> {
        Some(SavedExpectation {
            master: read_name(table, from)?,
            helper: (from.text()?.into(), from.u8()?),
            class: from.u8()?,
            tuple: from.tuple()?,
            mask: Mask { source: from.address(crate::packet::Family::V6)?, source_port: from.u16()? },
            flags: Flags::restored(from.u8()?)?,
            attach: from.option(|from| from.text().map(Into::into))?,
            direction: from.direction()?,
            either_way: from.bool()?,
            zone: from.u16()?,
            deadline: from.instant()?,
        })
    }
}

/// A GRE key that was saved.
#[derive(Debug)]
pub(crate) struct SavedKey {
    pub(crate) master: Name,
    direction: Direction,
    tuple: Tuple,
}

impl SavedKey {
    pub(super) fn read(table: u32, from: &mut Reader<'_>) -> Option<SavedKey> {
        Some(SavedKey { master: read_name(table, from)?, direction: from.direction()?, tuple: from.tuple()? })
    }
}

impl Conntrack {
    /// Each master's expectations are in the order in which they came, since the oldest goes first where there are too many;
    /// and so are keys, of which the oldest counts.
    pub(super) fn write_announced(&self, to: &mut Writer) {
        let mut expectations: Vec<&Expectation> = Vec::new();
        for place in self.extensions.keys() {
            let from = expectations.len();
            expectations.extend(self.expectations.of_master(self.id(*place)));
            expectations[from..].reverse();
        }
        to.u32(expectations.len() as u32);
        expectations.into_iter().for_each(|expectation| SavedExpectation::write(to, expectation));
        let keys = self.keymap.in_order();
        to.u32(keys.len() as u32);
        for (master, direction, tuple) in keys {
            name(to, master);
            to.u8(direction as u8);
            to.tuple(tuple);
        }
    }

    /// Takes in what a connection expected; tells whether it could.
    pub(crate) fn adopt_expectation(&mut self, now: Instant, saved: SavedExpectation, master: ConnectionId) -> bool {
        let SavedExpectation { helper: (helper, helper_protocol), class, tuple, mask, flags, .. } = saved;
        let SavedExpectation { attach, direction, either_way, zone, deadline, .. } = saved;
        let Some(helper) = self.helpers.find(&helper, tuple.family, helper_protocol) else { return false };
        let Some(policy) = helper.policies().get(usize::from(class)).copied() else { return false };
        let attach = match attach {
            Some(name) => match self.helper_name(&name, tuple.family, tuple.protocol) {
                Some(name) => Some(name),
                None => return false,
            },
            None => None,
        };
        let helper = helper.name();
        let expectation = Expectation {
            tuple,
            mask,
            master,
            helper,
            helper_protocol,
            class,
            policy,
            flags,
            attach,
            direction,
            either_way,
            zone,
            deadline,
        };
        deadline > now && self.expectations.insert(now, expectation, Known::OfMaster).is_ok()
    }

    /// Takes in a GRE key; tells whether it could.
    pub(crate) fn adopt_key(&mut self, saved: &SavedKey, master: ConnectionId) -> bool {
        self.keymap.insert(master, saved.direction, &saved.tuple).is_ok()
    }
}

use super::options::{Cmp, CmpLayer, CmpOperator, Ematch, Meta, MetaKey, MetaValue, Nbyte};
use crate::sched::filter::seen::Seen;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;
use crate::table::Random;

/// Expressions within expressions (`CONFIG_NET_EMATCH_STACK`).
const DEEPEST: usize = 32;

/// What matches read.
pub(super) struct Subject<'s, 'd> {
    pub(super) skb: &'s Skb<'d>,
    pub(super) seen: &'s Seen,
    pub(super) random: &'s mut Random,
}

impl Ematch {
    /// Whether an expression can be evaluated.
    pub(super) fn check(&self, depth: usize) -> Result<(), OptionsError> {
        if depth == DEEPEST {
            return Err(OptionsError::Invalid("expressions nest at most 32 times"));
        }
        match self {
            Ematch::And(all) | Ematch::Or(all) => all.iter().try_for_each(|one| one.check(depth + 1)),
            Ematch::Not(one) => one.check(depth + 1),
            Ematch::Cmp(cmp) if !matches!(cmp.align, 1 | 2 | 4) => {
                Err(OptionsError::Invalid("cmp compares 1, 2 or 4 bytes"))
            }
            Ematch::Cmp(_) | Ematch::U32(_) | Ematch::Nbyte(_) | Ematch::Meta(_) => Ok(()),
        }
    }

    pub(super) fn holds(&self, subject: &mut Subject<'_, '_>) -> bool {
        match self {
            Ematch::And(all) => all.iter().all(|one| one.holds(subject)),
            Ematch::Or(all) => all.iter().any(|one| one.holds(subject)),
            Ematch::Not(one) => !one.holds(subject),
            Ematch::Cmp(cmp) => cmp.holds(subject),
            Ematch::U32(u32) => {
                let word = subject.seen.word(subject.skb.data, u32.key.at.into());
                word.is_some_and(|word| (word ^ u32.key.value) & u32.key.mask == 0)
            }
            Ematch::Nbyte(nbyte) => nbyte.holds(subject),
            Ematch::Meta(meta) => meta.holds(subject),
        }
    }
}

impl CmpOperator {
    fn holds(self, left: u32, right: u32) -> bool {
        match self {
            CmpOperator::Equal => left == right,
            CmpOperator::Less => left < right,
            CmpOperator::Greater => left > right,
        }
    }
}

/// Where a layer's header begins, in bytes from the network header on.
fn begin(layer: CmpLayer, subject: &Subject<'_, '_>) -> Option<i64> {
    match layer {
        CmpLayer::Link => Some(-subject.seen.link_len()),
        CmpLayer::Network => Some(0),
        CmpLayer::Transport => {
            let info = subject.skb.info?;
            Some(i64::from(info.transport_offset) - subject.seen.network as i64)
        }
    }
}

impl Cmp {
    fn holds(&self, subject: &Subject<'_, '_>) -> bool {
        let Some(value) = self.read(subject) else { return false };
        let value = if self.mask == 0 { value } else { value & self.mask };
        self.operator.holds(value, self.value)
    }

    fn read(&self, subject: &Subject<'_, '_>) -> Option<u32> {
        let at = begin(self.layer, subject)? + i64::from(self.at);
        let data = subject.skb.data;
        let swapped = self.is_little_endian;
        Some(match self.align {
            1 => subject.seen.bytes::<1>(data, at)?[0].into(),
            2 => subject.seen.half(data, at).map(|half| if swapped { half.swap_bytes() } else { half })?.into(),
            4 => subject.seen.word(data, at).map(|word| if swapped { word.swap_bytes() } else { word })?,
            _ => return None,
        })
    }
}

impl Nbyte {
    fn holds(&self, subject: &Subject<'_, '_>) -> bool {
        let Some(begin) = begin(self.layer, subject) else { return false };
        let mut places = begin + i64::from(self.at)..;
        let is_there = |byte: &u8| {
            let found = places.next().and_then(|at| subject.seen.bytes::<1>(subject.skb.data, at));
            found == Some([*byte])
        };
        self.needle.iter().all(is_there)
    }
}

impl Meta {
    fn holds(&self, subject: &mut Subject<'_, '_>) -> bool {
        match (self.left.read(subject), self.right.read(subject)) {
            (Some(left), Some(right)) => self.operator.holds(left, right),
            _ => false,
        }
    }
}

impl MetaValue {
    fn read(&self, subject: &mut Subject<'_, '_>) -> Option<u32> {
        let (key, shift, mask) = match *self {
            MetaValue::Number(number) => return Some(number),
            MetaValue::Key { key, shift, mask } => (key, shift, mask),
        };
        let value = match key {
            MetaKey::Random => subject.random.bits(),
            MetaKey::Mark => subject.skb.mark,
            MetaKey::Priority => subject.skb.priority,
            MetaKey::Length => subject.skb.len,
            MetaKey::LinkLength => subject.seen.link_len() as u32,
            MetaKey::Vlan => subject.seen.tag?.1.into(),
        };
        let shifted = value.checked_shr(shift.into()).unwrap_or(0);
        Some(if mask == 0 { shifted } else { shifted & mask })
    }
}

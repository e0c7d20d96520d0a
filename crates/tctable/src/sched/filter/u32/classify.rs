use arrayvec::ArrayVec;

use super::node::Node;
use crate::sched::action::ActionVerdict;
use crate::sched::context::Context;
use crate::sched::filter::classifier::{FilterContext, Match};
use crate::sched::filter::seen::Seen;
use crate::sched::handle::Handle;
use crate::sched::skb::Skb;

/// Links that a packet follows, one from the other (`TC_U32_MAXDEPTH`).
const MOST_LINKS: usize = 8;
/// Nodes that are asked for one packet: tables that link to one another in all ways have more ways than anybody can go.
/// The kernel goes them all.
const MOST_NODES: u32 = 1 << 20;

/// A node: the place of its table, its bucket, its place there.
#[derive(Clone, Copy)]
struct At {
    table: u16,
    bucket: u8,
    node: usize,
}

/// Whether a node's keys match.
enum Judgement {
    Matches,
    Differs,
    /// The packet has not got what they ask for: no other node is asked either.
    TooShort,
}

pub(super) fn classify(root: u16, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
    let FilterContext { context, tables, seen } = context;
    let mut stack = ArrayVec::<(At, i64), MOST_LINKS>::new();
    let mut at = At { table: root, bucket: 0, node: 0 };
    // Where keys count from, in bytes from the network header, and how far the next header is from there.
    let mut header = 0i64;
    let mut next_header = 0i64;
    for _ in 0..MOST_NODES {
        let nodes = tables.get_mut(at.table)?.bucket_mut(at.bucket)?;
        let Some(node) = nodes.get_mut(at.node) else {
            // Back to the node that linked here.
            (at, header) = stack.pop()?;
            let node = tables.get_mut(at.table)?.bucket_mut(at.bucket)?.get_mut(at.node)?;
            if let Some(found) = node.end(context, skb) {
                return Some(found);
            }
            at.node += 1;
            continue;
        };
        match node.judge(skb, seen, header, next_header) {
            Judgement::TooShort => return None,
            Judgement::Differs => {
                at.node += 1;
                continue;
            }
            Judgement::Matches => {}
        }
        if let Some(link) = node.link {
            if stack.is_full() {
                return None;
            }
            let mask = tables.get_mut(link)?.mask;
            let node = tables.get_mut(at.table)?.bucket_mut(at.bucket)?.get_mut(at.node)?;
            let bucket = match mask {
                0 => 0,
                mask => mask & node.hash(seen.word(skb.data, header + i64::from(node.hash_at))?),
            };
            let mut below = header;
            if let Some(length) = node.header_length(seen, skb.data, header) {
                next_header = length?;
            }
            if node.eat {
                below += next_header;
                next_header = 0;
            }
            let moves = node.eat || node.offset.is_some();
            if !moves || below + (seen.network as i64) < i64::from(skb.len) {
                stack.push((at, header));
                at = At { table: link, bucket, node: 0 };
                header = below;
                continue;
            }
        }
        let node = tables.get_mut(at.table)?.bucket_mut(at.bucket)?.get_mut(at.node)?;
        if let Some(found) = node.end(context, skb) {
            return Some(found);
        }
        at.node += 1;
    }
    None
}

impl Node {
    #[inline]
    fn judge(&mut self, skb: &Skb<'_>, seen: &Seen, header: i64, next_header: i64) -> Judgement {
        self.seen += 1;
        if skb.mark & self.mark.mask != self.mark.value {
            return Judgement::Differs;
        }
        self.marked += 1;
        for key in &mut self.keys {
            let offset = header + i64::from(key.key.at) + (next_header & i64::from(key.key.offset_mask));
            let Some(word) = seen.word(skb.data, offset) else { return Judgement::TooShort };
            if (word ^ key.key.value) & key.key.mask != 0 {
                return Judgement::Differs;
            }
            key.matched += 1;
        }
        Judgement::Matches
    }

    fn hash(&self, word: u32) -> u8 {
        ((word & self.hash_mask) >> self.hash_shift) as u8
    }

    /// How far the next header is, where it says anything of that; `Some(None)` where the packet ends before it is told.
    fn header_length(&self, seen: &Seen, data: &[u8], header: i64) -> Option<Option<i64>> {
        let offset = self.offset?;
        let mut length = i64::from(offset.fixed) + 3;
        if let Some(variable) = offset.variable {
            let Some(half) = seen.half(data, header + i64::from(variable.at)) else { return Some(None) };
            length += i64::from(u32::from(half & variable.mask).wrapping_shr(variable.shift.into()));
        }
        Some(Some(length & !3))
    }

    /// A packet that matches ends here, if this is a terminal.
    #[inline]
    fn end(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Option<Match> {
        if !self.is_terminal || self.input.is_some() && self.input != skb.input {
            return None;
        }
        self.matched += 1;
        let verdict = self.actions.run(context, skb);
        let class = self.class.unwrap_or(Handle::UNSPEC);
        (verdict != ActionVerdict::Continue).then_some(Match { class, verdict })
    }
}

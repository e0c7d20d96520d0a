//! Fragments to datagrams: what the kernel's `nf_defrag_ipv4` and `nf_defrag_ipv6` do before connection tracking.
//!
//! A fragment comes in, is kept, and leaves with the rest of its datagram as one packet, when the last of them has
//! come. Lengths come from the headers, so datagrams of a capture that kept only the beginning of each frame become
//! whole too, as far as they are known.
//!
//! A queue in `table` is a datagram that is not whole yet; `queue` judges each fragment, `runs` tells duplicates from
//! overlaps, `blocks` keeps the bytes, `ipv4` and `ipv6` read a fragment's headers and make the datagram's, `seams` cuts it
//! again.
//!
//! What a fragment costs does not depend on how many wait: a search in a hash table, one in a tree of its datagram's
//! runs where it comes out of order, and a copy. Nothing is evicted. While fragments take more memory than they may,
//! further ones are refused before anything is searched for.

mod blocks;
mod config;
mod ipv4;
mod ipv6;
mod outcome;
mod part;
mod peers;
mod queue;
mod runs;
mod seams;
mod statistics;
mod table;

use table::{Table, Taken};

pub use config::Config;
pub use outcome::{Cause, Outcome};
pub use seams::Seams;
pub use statistics::Statistics;

use crate::packet::{Family, Frame, LinkType, Packet};
use crate::table::HashKey;
use crate::time::{Instant, Promptness};

/// The datagrams that are not whole yet.
#[derive(Debug)]
pub struct Defrag {
    v4: Table,
    v6: Table,
    /// The latest whole datagram.
    whole: Vec<u8>,
}

impl Defrag {
    /// Nothing waits yet. The key changes no answer.
    pub fn new(config: &Config, key: HashKey) -> Self {
        Defrag { v4: Table::new(config.v4(), key), v6: Table::new(config.v6(), key), whole: Vec::new() }
    }

    /// Other limits, from the next fragment on. A datagram that waits already keeps its time.
    pub fn set_config(&mut self, config: &Config) {
        (self.v4.limits, self.v6.limits) = (config.v4(), config.v6());
    }

    /// Takes a fragment in: any packet whose [`crate::packet::PacketInfo::fragment`] is not
    /// [`crate::packet::Fragment::None`]. `now` never goes back.
    pub fn push(&mut self, now: Instant, packet: Packet<'_>) -> Outcome<'_> {
        let Packet { frame, info } = packet;
        let start = usize::from(info.network_offset);
        let end = frame.data.len().min(start + info.ip_len as usize);
        let kept = frame.data.get(start..end).unwrap_or_default();
        let (table, part) = match info.tuple.family {
            Family::V4 => (&mut self.v4, ipv4::read(kept, info.ip_len)),
            Family::V6 => (&mut self.v6, ipv6::read(kept, info.ip_len, frame.device)),
        };
        // Nothing is put together of pieces from two zones.
        let part = part.map(|part| part.in_zone(info.tuple.zone));
        let identification = part.as_ref().map_or(0, |part| part.key.identification());
        let (place, layout) = match table.take(now, part) {
            Taken::Held => return Outcome::Held,
            Taken::Refused(cause) => return Outcome::Refused(cause),
            Taken::Passed => return Outcome::Passed,
            Taken::Whole(place, layout) => (place, layout),
        };
        let kept = layout.kept() as usize;
        if self.whole.len() < kept {
            self.whole.resize(kept, 0);
        }
        let data = &mut self.whole[..kept];
        table.finish(place, &layout, data);
        let whole = Frame { direction: info.direction, link: LinkType::Raw, wire_len: layout.total(), data, ..*frame };
        table.count_cut(&whole);
        Outcome::Whole(whole, layout.seams(info.tuple.family, identification))
    }

    /// Drops datagrams that took too long: as promptly as is asked for. No fragment ever finds a datagram whose time is over, but only here
    /// memory gets free.
    pub fn expire(&mut self, now: Instant, promptness: Promptness) {
        self.v4.expire(now, promptness);
        self.v6.expire(now, promptness);
    }

    /// When [`Defrag::expire`] has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        [self.v4.next_timeout(), self.v6.next_timeout()].into_iter().flatten().min()
    }

    /// What happened so far, and what waits.
    pub fn statistics(&self, family: Family) -> &Statistics {
        match family {
            Family::V4 => &self.v4.statistics,
            Family::V6 => &self.v6.statistics,
        }
    }
}

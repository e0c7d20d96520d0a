use std::ops::Range;

use tctable::Gateway;
use tctable::gateway::{Observer, Seen};
use tctable::hook::Verdict;
use tctable::packet::Frame;
use tctable::sched::{CtInfo, HostKey};
use tctable_io::port::{Arrival, Offload};

use super::{answer, unfinished};
use crate::shard::Shard;

/// What the engine says of a burst: what goes on, in its order, and what goes back.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) items: Vec<Item>,
    pub(super) answers: Vec<Item>,
    /// Bytes that did not come so.
    bytes: Vec<u8>,
}

/// A frame that is to leave.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The frame that it comes of, by its place in the burst.
    pub(super) at: u16,
    /// Its bytes, where they are not those that came.
    bytes: Option<Range<usize>>,
    pub(super) offload: Offload,
    pub(super) meta: Meta,
}

/// What an operator's traffic control goes by, beside the frame itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meta {
    pub(super) mark: u32,
    pub(super) priority: u32,
    pub(super) ct: Option<CtInfo>,
    pub(super) host: Option<HostKey>,
}

impl Verdicts {
    /// The bytes of a frame that leaves.
    pub(super) fn data<'b>(&'b self, item: &Item, arrivals: &[Arrival<'b>]) -> &'b [u8] {
        match &item.bytes {
            Some(range) => self.bytes.get(range.clone()).unwrap_or_default(),
            None => arrivals[usize::from(item.at)].frame.data,
        }
    }

    fn clear(&mut self) {
        self.items.clear();
        self.answers.clear();
        self.bytes.clear();
    }

    /// Shows frames to the engine, and drops all that comes of it: they are somebody else's.
    pub(super) fn watch(&mut self, shard: &mut Shard, arrivals: &[Arrival<'_>]) {
        let now = shard.now;
        shard.gateway.receive(arrivals.iter().map(|arrival| Frame { time: now, ..arrival.frame }));
        for arrival in arrivals {
            shard.counts.watched.count(arrival.frame.data.len() as u32);
        }
        while shard.gateway.poll_transmit().is_some() {}
    }

    /// Shows frames to the engine and notes what becomes of them; with what traffic control is to know, if `shaped`.
    pub(super) fn judge(&mut self, shard: &mut Shard, arrivals: &[Arrival<'_>], shaped: bool) {
        self.clear();
        let Shard { gateway, counts, now, .. } = shard;
        let mut judge = Judge { verdicts: self, counts, arrivals, at: 0, shaped, answered: gateway.transmits() };
        // One clock for all ports, which never goes back.
        let frames = arrivals.iter().map(|arrival| Frame { time: *now, ..arrival.frame });
        gateway.receive_observed(frames, &mut judge);
        let mut answers = std::mem::take(&mut self.answers);
        answers.retain_mut(|answer| {
            let Some(transmit) = gateway.poll_transmit() else { return false };
            let begins = self.bytes.len();
            let frame = &arrivals[usize::from(answer.at)].frame;
            let is_made = answer::frame(&transmit, frame, &mut self.bytes);
            answer.bytes = Some(begins..self.bytes.len());
            match is_made {
                true => counts.answers.count((self.bytes.len() - begins) as u32),
                false => counts.unanswerable += 1,
            }
            is_made
        });
        self.answers = answers;
    }
}

/// Takes note of verdicts, one frame after the other.
struct Judge<'j, 'a> {
    verdicts: &'j mut Verdicts,
    counts: &'j mut super::Counts,
    arrivals: &'j [Arrival<'a>],
    /// The frame whose turn it is.
    at: usize,
    shaped: bool,
    /// Answers that waited before it.
    answered: usize,
}

impl Observer for Judge<'_, '_> {
    fn seen(&mut self, gateway: &Gateway, seen: &Seen<'_>) {
        let Some(arrival) = self.arrivals.get(self.at) else { return };
        let at = self.at as u16;
        self.at += 1;
        let len = arrival.frame.data.len() as u32;
        let answers = gateway.transmits();
        if answers > self.answered {
            let answer = Item { at, bytes: None, offload: Offload::default(), meta: Meta::default() };
            self.verdicts.answers.extend((self.answered..answers).map(|_| answer.clone()));
            self.answered = answers;
        }
        if seen.verdict == Verdict::Stolen {
            return self.counts.held.count(len);
        }
        if seen.verdict != Verdict::Accept {
            return self.counts.dropped.count(len);
        }
        let meta = if self.shaped { meta(seen, arrival) } else { Meta::default() };
        if seen.whole.is_some() {
            self.counts.held.count(len);
            return self.cut(at, arrival, seen, meta);
        }
        self.counts.passed.count(len);
        if seen.packet.is_err() {
            self.counts.not_ip.count(len);
        }
        let edited = seen.passed.filter(|passed| passed.packet.is_edited());
        let (bytes, offload) = match edited {
            Some(passed) => {
                let begins = self.verdicts.bytes.len();
                self.verdicts.bytes.extend_from_slice(passed.packet.data());
                if let (true, Some(frame)) = (arrival.offload.needs_checksum(), self.verdicts.bytes.get_mut(begins..)) {
                    unfinished::renew(frame, passed.packet.info(), &arrival.offload);
                }
                (Some(begins..self.verdicts.bytes.len()), arrival.offload)
            }
            None => (None, arrival.offload),
        };
        self.verdicts.items.push(Item { at, bytes, offload, meta });
    }
}

impl Judge<'_, '_> {
    /// A datagram goes on in pieces no longer than those that it came in, with the link header of the last one.
    fn cut(&mut self, at: u16, arrival: &Arrival<'_>, seen: &Seen<'_>, meta: Meta) {
        let (Some(whole), Ok(last)) = (seen.whole, tctable::packet::PacketInfo::read(&arrival.frame)) else { return };
        let header = arrival.frame.data.get(..usize::from(last.network_offset)).unwrap_or_default();
        let Verdicts { items, bytes, .. } = &mut *self.verdicts;
        let datagram = whole.data.get(usize::from(whole.info.network_offset)..).unwrap_or_default();
        whole.seams.cut(datagram, |piece| {
            let begins = bytes.len();
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(piece);
            self.counts.pieces.count((bytes.len() - begins) as u32);
            items.push(Item { at, bytes: Some(begins..bytes.len()), offload: Offload::default(), meta });
        });
    }
}

fn meta(seen: &Seen<'_>, arrival: &Arrival<'_>) -> Meta {
    Meta {
        mark: seen.mark(),
        priority: seen.priority(&arrival.frame),
        ct: seen.ct(),
        host: seen.host.map(|host| HostKey::Address(host.into(), host.into())),
    }
}

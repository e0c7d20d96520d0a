//! Who sends next: a heap of the conversations that are under way, by the time of their next packet.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, Write},
};

use super::{frame::Frame, rng::Rng, sink::Sink, talk::Talk};

/// The heap's entry that opens the next conversation.
const OPEN: u32 = u32::MAX;

/// A mix of traffic: decides what is opened, and when.
pub(super) trait Mix {
    /// Opens a conversation; returns it and the microseconds until the next opening, if there is one.
    fn open(&mut self, rng: &mut Rng) -> (Talk, Option<u64>);
}

/// Runs conversations from `mix` until the capture is full.
pub(super) fn run<W: Write, P: FnMut(u64)>(
    mut mix: impl Mix,
    rng: &mut Rng,
    mut frame: Frame,
    sink: &mut Sink<W, P>,
) -> io::Result<()> {
    let mut talks: Vec<Option<Talk>> = Vec::new();
    let mut free: Vec<u32> = Vec::new();
    // The slot breaks ties, so the order is total and the same on every machine.
    let mut next = BinaryHeap::from([Reverse((0, OPEN))]);
    while let Some(Reverse((now, entry))) = next.pop() {
        if sink.is_full() {
            break;
        }
        let slot = if entry == OPEN {
            let (talk, wait) = mix.open(rng);
            if talk.is_connection() {
                sink.connection();
            }
            if let Some(wait) = wait {
                next.push(Reverse((now + wait, OPEN)));
            }
            let slot = free.pop().unwrap_or_else(|| {
                talks.push(None);
                talks.len() as u32 - 1
            });
            talks[slot as usize] = Some(talk);
            slot
        } else {
            entry
        };
        let Some(talk) = &mut talks[slot as usize] else { continue };
        let wait = talk.step(now, rng, &mut frame);
        sink.record(now, &frame)?;
        match wait {
            Some(wait) => next.push(Reverse((now + wait, slot))),
            None => {
                talks[slot as usize] = None;
                free.push(slot);
            }
        }
    }
    Ok(())
}

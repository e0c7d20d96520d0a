use super::codel::Codel;
use super::fifo::Fifo;

/// No place.
const NONE: u32 = u32::MAX;

/// All flows that fq_codel queues of one engine have at work: lists run through them. A queue without packets needs none
/// of its own, and a flow that comes and goes allocates nothing.
#[derive(Debug)]
pub(crate) struct Flows {
    flows: Vec<Flow>,
    /// The first free place; the others follow by `next`.
    free: u32,
}

/// Packets that share a hash bucket of one qdisc.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(crate) fifo: Fifo,
    pub(crate) codel: Codel,
    /// Bytes that it may still send before it is another's turn.
    pub(crate) deficit: i64,
    /// Its number in its qdisc.
    pub(crate) bucket: u32,
    /// Which of its qdisc's lists it is in.
    pub(crate) turn: Turn,
    next: u32,
    previous: u32,
}

/// When a flow has its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    /// First: it had no packets lately.
    #[default]
    New,
    /// After those.
    Old,
    /// Not at all: it is empty, and only its CoDel state is kept.
    Kept,
}

/// A list of flows. Its owner must empty it before it goes.
#[derive(Debug)]
pub(crate) struct FlowList {
    /// The others follow by `next`, round to the first.
    first: u32,
    len: u32,
}

impl Flows {
    pub(crate) fn new() -> Flows {
        Flows { flows: Vec::new(), free: NONE }
    }

    /// As many as were ever at work at once.
    #[cfg(test)]
    pub(crate) fn places(&self) -> usize {
        self.flows.len()
    }

    /// A flow by the place that a list has for it.
    pub(crate) fn get(&self, place: u32) -> Option<&Flow> {
        self.flows.get(place as usize)
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut Flow> {
        self.flows.get_mut(place as usize)
    }

    /// A new flow, in no list yet. `None` where 2^32 - 1 of them are at work.
    pub(crate) fn make(&mut self, bucket: u32) -> Option<u32> {
        let flow = Flow { bucket, ..Flow::default() };
        if let Some(free) = self.flows.get_mut(self.free as usize) {
            let place = self.free;
            self.free = free.next;
            *free = flow;
            return Some(place);
        }
        let place = u32::try_from(self.flows.len()).ok().filter(|place| *place != NONE)?;
        self.flows.push(flow);
        Some(place)
    }

    /// Gives an empty flow's place back, which is in no list.
    pub(crate) fn free(&mut self, place: u32) {
        self.flows[place as usize].next = self.free;
        self.free = place;
    }
}

impl FlowList {
    pub(crate) const fn new() -> FlowList {
        FlowList { first: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The first flow's place.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        (self.len > 0).then_some(self.first)
    }

    /// Appends a flow.
    pub(crate) fn push(&mut self, flows: &mut Flows, place: u32) {
        if self.len == 0 {
            self.first = place;
        }
        let next = self.first;
        let previous = if self.len == 0 { place } else { flows.flows[next as usize].previous };
        flows.flows[previous as usize].next = place;
        flows.flows[next as usize].previous = place;
        let flow = &mut flows.flows[place as usize];
        (flow.next, flow.previous) = (next, previous);
        self.len += 1;
    }

    /// Takes a flow out that is in this list.
    pub(crate) fn remove(&mut self, flows: &mut Flows, place: u32) {
        let Flow { next, previous, .. } = flows.flows[place as usize];
        flows.flows[previous as usize].next = next;
        flows.flows[next as usize].previous = previous;
        if self.first == place {
            self.first = next;
        }
        self.len -= 1;
    }

    /// The first flow goes to the end.
    pub(crate) fn turn(&mut self, flows: &Flows) {
        if let Some(flow) = flows.get(self.first) {
            self.first = flow.next;
        }
    }

    /// The places of its flows, in their order.
    pub(crate) fn places<'a>(&self, flows: &'a Flows) -> impl Iterator<Item = u32> + use<'a> {
        let mut next = self.first;
        (0..self.len).map(move |_| {
            let place = next;
            next = flows.flows[place as usize].next;
            place
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn lists_of_flows_are_what_deques_are(steps in proptest::collection::vec((0usize..2, 0u8..5, 0usize..8), 0..200)) {
            let mut flows = Flows::new();
            let mut lists = [FlowList::new(), FlowList::new()];
            let mut models: [VecDeque<u32>; 2] = Default::default();
            for (which, what, index) in steps {
                let (list, model) = (&mut lists[which], &mut models[which]);
                match what {
                    0 | 1 => {
                        let place = flows.make(7).unwrap();
                        list.push(&mut flows, place);
                        model.push_back(place);
                    }
                    2 | 3 if !model.is_empty() => {
                        let place = model.remove(index % model.len()).unwrap();
                        list.remove(&mut flows, place);
                        flows.free(place);
                    }
                    _ => {
                        list.turn(&flows);
                        model.rotate_left(1.min(model.len()));
                    }
                }
                for (list, model) in lists.iter().zip(&models) {
                    prop_assert_eq!(list.len() as usize, model.len());
                    prop_assert_eq!(list.first(), model.front().copied());
                    prop_assert_eq!(list.places(&flows).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                }
            }
        }
    }
}

use tctable::conntrack::CtState;
use tctable::gateway::{Observer, Seen};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, Packet, Transport, quoted_tuple};
use tctable::time::Instant;
use tctable::{Config, Gateway, text};

use super::case::Before;
use super::record::Record;
use crate::kernel::{Statistics, Tuple};
use crate::step::Step;

/// What the engine made of one packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) record: Record,
    /// A tuple of the connection that the packet belongs to, or would belong to; `None` where none can be read.
    pub(super) tuple: Option<Tuple>,
    /// The same name for the tuples of both directions.
    pub(super) name: Option<Tuple>,
    /// What is known of the connection, for later packets.
    pub(super) known: Option<Before>,
    /// Whether the packet can have a connection: it was neither refused nor dropped.
    pub(super) attached: bool,
}

/// The engine's side of a run.
pub(super) struct Engine {
    gateway: Gateway,
}

impl Engine {
    pub(super) fn new(config: Config) -> Self {
        Engine { gateway: Gateway::new(config) }
    }

    pub(super) fn send(&mut self, now: Instant, step: &Step) -> Option<Told> {
        let frame = frame(step, now);
        let mut look = Look { frame: &frame, told: None };
        self.gateway.receive_observed([frame], &mut look);
        look.told
    }

    /// The engine itself.
    pub(super) fn gateway_mut(&mut self) -> &mut Gateway {
        &mut self.gateway
    }

    /// Counts what happened among the expected connections: where it stands still, nothing did.
    pub(super) fn expectation_changes(&self) -> u64 {
        let statistics = self.gateway.conntrack().expectations().statistics();
        statistics.create + statistics.delete
    }

    /// All expected connections, as [`crate::kernel::Kernel::expectations`] gives them.
    pub(super) fn expectations(&self, now: Instant) -> Vec<String> {
        let lines = self.gateway.conntrack().expectations().iter();
        let lines = lines
            .filter(|expected| expected.deadline > now)
            .map(|expected| text::expectation(expected, now).to_string());
        let mut lines: Vec<String> =
            lines.filter_map(|line| line.split_once(' ').map(|(_, rest)| rest.to_owned())).collect();
        lines.sort_unstable();
        lines
    }

    /// What was counted so far, as the kernel would tell it.
    pub(super) fn statistics(&self) -> Statistics {
        let statistics = self.gateway.conntrack().statistics();
        Statistics {
            invalid: statistics.invalid as u32,
            insert_failed: statistics.insert_failed as u32,
            drop: statistics.drop as u32,
            early_drop: statistics.early_drop as u32,
            error: statistics.error as u32,
        }
    }

    /// The connections that are open at `now`, by their names.
    pub(super) fn connections(&mut self, now: Instant) -> impl Iterator<Item = (Tuple, Record, Before)> {
        self.gateway.handle_timeout(now);
        self.gateway.conntrack().iter().map(move |(_, connection)| {
            let name = name([connection.original().into(), (&connection.reply()).into()]);
            let before = Before { first: connection.first_seen(), deadline: connection.deadline() };
            (name, Record::EMPTY.with_engine_connection(now, Some(connection)), before)
        })
    }
}

/// A step's frame as the engine takes it in.
fn frame(step: &Step, time: Instant) -> Frame<'_> {
    Frame {
        time,
        device: DeviceId(step.side as u16),
        direction: FrameDirection::Inbound,
        link: LinkType::Raw,
        wire_len: step.packet.len() as u32,
        data: &step.packet,
    }
}

/// One name for the two tuples of a connection.
pub(super) fn name([original, reply]: [Tuple; 2]) -> Tuple {
    original.min(reply)
}

struct Look<'a> {
    frame: &'a Frame<'a>,
    told: Option<Told>,
}

impl Observer for Look<'_> {
    fn seen(&mut self, _: &Gateway, seen: &Seen<'_>) {
        let attached = matches!(seen.ct_state, Some(CtState::New | CtState::Established | CtState::Related));
        let connection = seen.connection.map(|(connection, _)| connection);
        let tuple = match (connection, seen.packet) {
            (Some(connection), _) => Some(*connection.original()),
            (None, Ok(info)) if info.transport == Transport::IcmpError => {
                quoted_tuple(Packet { frame: self.frame, info })
            }
            (None, Ok(info)) => Some(info.tuple),
            (None, Err(_)) => None,
        };
        let record = Record::of_engine(seen);
        self.told = Some(Told {
            record: if attached { record.with_engine_connection(seen.time, connection) } else { record },
            tuple: tuple.as_ref().map(Tuple::from),
            name: tuple.map(|tuple| name([(&tuple).into(), (&tuple.inverted().unwrap_or(tuple)).into()])),
            known: connection
                .map(|connection| Before { first: connection.first_seen(), deadline: connection.deadline() }),
            attached,
        });
    }
}

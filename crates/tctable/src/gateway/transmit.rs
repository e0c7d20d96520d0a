//! Packets that the gateway itself sends: answers to what a rule rejects, and what a program let go on.

use std::collections::VecDeque;

use super::engine::Gateway;
use crate::hook::PacketBuf;
use crate::packet::{DeviceId, LinkType};

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// By that device; `None` where nobody knows.
    pub device: Option<DeviceId>,
    /// What `data` begins with.
    pub link: LinkType,
    /// The bytes.
    pub data: Vec<u8>,
}

/// Packets that wait to be sent.
#[derive(Debug)]
pub(super) struct Transmits {
    waiting: VecDeque<Transmit>,
    max: usize,
}

impl Transmits {
    pub(super) fn new(max: usize) -> Self {
        Transmits { waiting: VecDeque::new(), max }
    }
}

impl Gateway {
    /// Keeps a packet for who sends it, if anybody does.
    pub(super) fn transmit(&mut self, packet: &PacketBuf<'_>) {
        let Transmits { waiting, max } = &mut self.transmits;
        if waiting.len() < *max {
            let (device, link) = (packet.output(), packet.packet().frame.link);
            waiting.push_back(Transmit { device, link, data: packet.data().to_vec() });
        } else if *max != 0 {
            self.totals.transmits_lost += 1;
        }
    }

    /// How many packets wait for [`Gateway::poll_transmit`]: what a frame adds are the answers to it.
    pub fn transmits(&self) -> usize {
        self.transmits.waiting.len()
    }

    /// The next packet that the gateway itself sends: an answer to what was rejected, or a packet that waited for a program
    /// and goes on.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.waiting.pop_front()
    }
}

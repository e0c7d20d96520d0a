//! Protocols that announce connections: the talk that announces, and what was announced.

mod datagrams;
mod ftp;
mod irc;
mod pptp;
mod sip;
mod tftp;

use super::{
    Talk,
    tape::Tape,
    tcp::{Line, Message},
};
use crate::{rng::Rng, talks::places::End};

/// A talk of any of the protocols.
pub(super) fn begin(rng: &mut Rng) -> Box<dyn Talk> {
    match rng.below(10) {
        0..4 => Box::new(ftp::begin(rng)),
        4 => Box::new(tftp::begin(rng)),
        5 => Box::new(irc::begin(rng)),
        6..8 => sip::begin(rng),
        _ => Box::new(pptp::begin(rng)),
    }
}

/// Something that was announced, and after how many messages.
struct Announced {
    after: usize,
    talk: Box<dyn Talk>,
}

/// A control connection with what it announces.
struct Control {
    control: Line,
    over: bool,
    announced: Vec<Announced>,
    running: Vec<Box<dyn Talk>>,
}

impl Control {
    fn new(rng: &mut Rng, ends: [End; 2], script: Vec<Message>, announced: Vec<Announced>) -> Self {
        Self { control: Line::scripted(rng, ends, script), over: false, announced, running: Vec::new() }
    }
}

impl Talk for Control {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        // Mostly what was announced comes after the announcement; seldom it is there before.
        let (handed, quiet) = (self.control.handed(), self.control.is_quiet());
        let due = |announced: &Announced| announced.after < handed || announced.after == handed && quiet;
        if let Some(at) = self.announced.iter().position(|announced| self.over || due(announced))
            && rng.one_in(3)
        {
            self.running.push(self.announced.remove(at).talk);
        } else if !self.announced.is_empty() && rng.one_in(400) {
            self.running.push(self.announced.remove(0).talk);
        }
        if !self.running.is_empty() && (self.over || rng.one_in(2)) {
            let at = rng.below(self.running.len() as u64) as usize;
            if !self.running[at].step(rng, tape) {
                self.running.swap_remove(at);
            }
        } else if !self.over {
            self.over = !self.control.step(rng, tape);
        }
        !(self.over && self.announced.is_empty() && self.running.is_empty())
    }
}

/// What goes over a connection that was announced: something, and both ends close.
fn transfer(rng: &mut Rng, ends: [End; 2]) -> Box<dyn Talk> {
    let who = rng.below(2) as usize;
    let len = rng.pick(&[0, 10, 1_000]);
    let script = vec![Message::Data(who, rng.bytes(len)), Message::Close(who), Message::Close(1 - who)];
    Box::new(Line::scripted(rng, ends, script))
}

/// One end says a line.
fn say(script: &mut Vec<Message>, who: usize, line: impl Into<String>) {
    script.push(Message::Data(who, line.into().into_bytes()));
}

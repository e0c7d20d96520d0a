//! Frames come in bursts: headers first, then the cache lines of their connections, then each in its turn.

use arrayvec::ArrayVec;

use super::engine::Gateway;
use super::observer::{Observer, Unobserved};
use crate::account::{Class, Owner};
use crate::packet::{Frame, NotIp, PacketInfo, Tuple};
use crate::table::{Hash, Line};

/// Frames that are looked at together. Their headers are read and their connections' cache lines asked for before the
/// first of them is judged, so that a table larger than the caches costs one memory latency for many packets.
const BURST: usize = 64;

/// Connections from which on looking ahead pays: fewer fit in the caches with their index.
const LOOK_AHEAD_FROM: usize = 4096;

/// What is known of a burst's frames before the first of them is judged.
#[derive(Debug)]
pub(super) struct Burst([Ahead; BURST]);

/// What is known of one frame.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) info: PacketInfo,
    pub(super) read: Result<(), NotIp>,
    /// Where looking ahead needed it.
    pub(super) hash: Option<Hash>,
    /// A guess at the place of the connection.
    pub(super) likely: Option<u32>,
    /// A guess at the place of the host that it will belong to, where it begins a connection.
    pub(super) host: Option<u32>,
}

impl Ahead {
    const NOTHING: Ahead = Ahead { info: PacketInfo::EMPTY, read: Ok(()), hash: None, likely: None, host: None };
}

impl Default for Burst {
    fn default() -> Self {
        Burst([Ahead::NOTHING; BURST])
    }
}

impl Gateway {
    /// Takes frames in, in the order in which they were seen.
    pub fn receive<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>) {
        self.receive_observed(frames, &mut Unobserved);
    }

    /// Takes frames in and shows each to `observer` right after it has passed.
    pub fn receive_observed<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>, observer: &mut impl Observer) {
        let mut frames = frames.into_iter();
        let mut burst = self.burst.take().unwrap_or_default();
        let mut waiting = ArrayVec::<Frame<'a>, BURST>::new();
        loop {
            waiting.clear();
            waiting.extend(frames.by_ref().take(BURST));
            if waiting.is_empty() {
                break;
            }
            self.read(&waiting, &mut burst);
            if self.conntrack.count() >= LOOK_AHEAD_FROM {
                self.look_ahead(waiting.len(), &mut burst);
            } else {
                for ahead in burst.0.iter_mut().take(waiting.len()) {
                    (ahead.hash, ahead.likely, ahead.host) = (None, self.conntrack.recent(&ahead.info.tuple), None);
                }
            }
            let plain = self.hooks.are_plain();
            for (frame, ahead) in waiting.iter().zip(&burst.0) {
                match ahead.read {
                    Ok(()) if plain => self.pass(frame, ahead, observer),
                    Ok(()) => self.pass_hooked(frame, ahead, observer),
                    Err(why) => self.set_aside(frame, why, observer),
                }
            }
        }
        self.burst = Some(burst);
    }

    /// Reads the headers of a burst.
    #[inline(never)]
    fn read(&self, frames: &[Frame<'_>], burst: &mut Burst) {
        for (frame, ahead) in frames.iter().zip(&mut burst.0) {
            ahead.read = ahead.info.fill(frame);
            ahead.info.tuple.zone = self.zones.of(frame.device);
        }
    }

    /// Asks for the cache lines of a burst's connections and hosts. Only guesses come of it, so the outcome does not
    /// depend on how the frames were cut into bursts.
    #[inline(never)]
    fn look_ahead(&self, count: usize, burst: &mut Burst) {
        let burst = &mut burst.0;
        // A loop of its own: the keys of the hash stay in registers.
        let mut hashes = ArrayVec::<Hash, BURST>::new();
        hashes.extend(burst.iter_mut().take(count).map(|ahead| {
            ahead.host = None;
            *ahead.hash.insert(self.conntrack.hash(&ahead.info.tuple))
        }));
        // Each loop asks for what the next one reads.
        let mut lines = ArrayVec::<Line<'_>, BURST>::new();
        lines.extend(hashes.iter().map(|hash| self.conntrack.prefetch_index(*hash)));
        // Which packets begin a connection cannot be foreseen: each packet is taken down as either, and no branch hangs on it.
        let (mut known, mut strangers) = (Picked::new((0, Class::Other)), Picked::new(0_usize));
        for ((at, line), ahead) in (0..).zip(&lines).zip(&mut *burst) {
            let (found, place) = line.guess();
            ahead.likely = found.then_some(place);
            known.push_if(found, (place, Class::of(ahead.info.tuple.protocol)));
            strangers.push_if(!found, at);
        }
        for (place, _) in known.iter() {
            self.conntrack.prefetch(place);
        }
        // Few entries have passed their home.
        let mut passed = Picked::new(0_usize);
        for at in strangers.iter() {
            passed.push_if(lines.get(at).is_some_and(Line::is_passed), at);
        }
        let mut behind = ArrayVec::<(usize, Line<'_>), BURST>::new();
        behind.extend(passed.iter().filter_map(|at| Some((at, lines.get(at)?.behind()?))));
        let mut hosts = ArrayVec::<Line<'_>, BURST>::new();
        for at in strangers.iter() {
            let Tuple { family, source, destination, .. } = burst[at % BURST].info.tuple;
            let inside = self.config.inside.has_address(family, source);
            let hash = self.hosts.hash(family, if inside { source } else { destination });
            self.conntrack.prefetch_upcoming(hosts.len());
            hosts.push(self.hosts.prefetch_index(hash));
        }
        for (at, line) in behind {
            let Some(place) = line.likely() else { continue };
            burst[at % BURST].likely = Some(place);
            self.conntrack.prefetch(place);
        }
        for (place, class) in known.iter() {
            if let Some(owner) = Owner::from_cookie(self.conntrack.cookie(place)) {
                self.hosts.prefetch_class(owner.place, class);
            }
        }
        for (at, line) in strangers.iter().zip(hosts) {
            let ahead = &mut burst[at % BURST];
            ahead.host = line.likely().or_else(|| line.behind()?.likely());
            if let Some(place) = ahead.host {
                self.hosts.prefetch(place);
                self.hosts.prefetch_class(place, Class::of(ahead.info.tuple.protocol));
            }
        }
    }
}

/// What was picked from a burst, one thing for a frame.
struct Picked<T> {
    things: [T; BURST],
    count: usize,
}

impl<T: Copy> Picked<T> {
    #[inline(always)]
    fn new(nothing: T) -> Self {
        Picked { things: [nothing; BURST], count: 0 }
    }

    #[inline(always)]
    fn push_if(&mut self, picked: bool, thing: T) {
        self.things[self.count % BURST] = thing;
        self.count += usize::from(picked);
    }

    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = T> {
        self.things.iter().take(self.count).copied()
    }
}

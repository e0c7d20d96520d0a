use arrayvec::ArrayVec;

use super::keymap::{KeyError, Keymap};
use super::{Helper, Outcome};
use crate::conntrack::expect::{Expectation, Expectations, Flags, InsertError, Known, Mask};
use crate::conntrack::{ConnectionId, Direction};
use crate::packet::{Address, Tuple};
use crate::time::{Duration, Instant};

/// What a packet asks of whoever keeps the connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consequences {
    /// The master's new timeout, unless its timeout is fixed.
    pub timeout: Option<Duration>,
    /// Connections of these tuples end now (at most both directions of one call); where there is none, it is expected no
    /// longer.
    pub end: ArrayVec<Tuple, 2>,
}

/// A connection that a helper expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The number of its class among the helper's policies.
    pub class: u8,
    /// Its transport protocol.
    pub protocol: u8,
    /// Where it comes from; `None` for anywhere.
    pub source: Option<Address>,
    /// The port that it comes from, or its GRE key; `None` for any.
    pub source_port: Option<u16>,
    /// Where it goes.
    pub destination: Address,
    /// The port that it goes to, or its GRE key.
    pub destination_port: u16,
    /// Which way it goes, seen from the master.
    pub direction: Direction,
    /// What is special about it.
    pub flags: Flags,
    /// Whether it gets the master's helper.
    pub attach: bool,
    /// See [`Expectation::either_way`].
    pub either_way: bool,
}

impl Wanted {
    /// A connection of the first class from any port, and nothing special about it.
    pub fn new(
        protocol: u8,
        source: Option<Address>,
        destination: Address,
        destination_port: u16,
        direction: Direction,
    ) -> Self {
        Wanted {
            class: 0,
            protocol,
            source,
            source_port: None,
            destination,
            destination_port,
            direction,
            flags: Flags::default(),
            attach: false,
            either_way: false,
        }
    }
}

/// What a helper may do for one connection, its master.
#[derive(Debug)]
pub struct Requests<'a> {
    pub(super) now: Instant,
    pub(super) master: ConnectionId,
    pub(super) zone: u16,
    pub(super) helper: &'a dyn Helper,
    /// The master's original tuple: what the tuples of expectations are made from.
    pub(super) original: Tuple,
    pub(super) expectations: &'a mut Expectations,
    pub(super) keymap: &'a mut Keymap,
    pub(super) consequences: Consequences,
}

impl Requests<'_> {
    /// The tuple of a wanted connection; zero where any source will do.
    fn tuple(&self, wanted: &Wanted) -> Tuple {
        let mut tuple = self.original;
        tuple.protocol = wanted.protocol;
        tuple.source = wanted.source.unwrap_or_default();
        tuple.source_port = wanted.source_port.unwrap_or_default();
        tuple.destination = wanted.destination;
        tuple.destination_port = wanted.destination_port;
        tuple
    }

    /// Expects a connection for as long as its class's policy says.
    ///
    /// # Errors
    /// [`InsertError`]. A class that the helper does not have is [`InsertError::Full`]: nothing of it may be expected.
    pub fn expect(&mut self, wanted: &Wanted, known: Known) -> Result<(), InsertError> {
        let policy = *self.helper.policies().get(usize::from(wanted.class)).ok_or(InsertError::Full)?;
        let tuple = self.tuple(wanted);
        let mask = Mask {
            source: if wanted.source.is_some() { Mask::whole(tuple.family) } else { Mask::ANY.source },
            source_port: if wanted.source_port.is_some() { u16::MAX } else { Mask::ANY.source_port },
        };
        let expectation = Expectation {
            tuple,
            mask,
            master: self.master,
            helper: self.helper.name(),
            helper_protocol: self.original.protocol,
            class: wanted.class,
            policy,
            flags: wanted.flags,
            attach: wanted.attach.then_some(self.helper.name()),
            direction: wanted.direction,
            either_way: wanted.either_way,
            zone: self.zone,
            deadline: self.now + policy.timeout,
        };
        self.expectations.insert(self.now, expectation, known)
    }

    /// Expects one connection. Where that fails the packet that announced it is dropped, as the kernel does, so that it is
    /// announced once more.
    pub fn expect_or_drop(&mut self, wanted: &Wanted) -> Outcome {
        match self.expect(wanted, Known::OfMaster) {
            Ok(()) => Outcome::Accept,
            Err(_) => Outcome::Drop,
        }
    }

    /// Whether the same helper expects such a connection in the same class for another master.
    pub fn others_expect(&self, wanted: &Wanted) -> bool {
        let found = self.expectations.find(self.now, &self.tuple(wanted), self.zone);
        found.is_some_and(|other| {
            let same_helper = (other.helper, other.helper_protocol) == (self.helper.name(), self.original.protocol);
            other.master != self.master && same_helper && other.class == wanted.class
        })
    }

    /// No longer expects such a connection.
    pub fn cancel(&mut self, wanted: &Wanted) {
        let tuple = self.tuple(wanted);
        self.expectations.remove(&tuple, self.zone);
    }

    /// No longer expects those of the master for which `which` holds.
    pub fn cancel_all(&mut self, which: impl Fn(&Expectation) -> bool) {
        self.expectations.remove_of_master(self.master, which);
    }

    /// Lets the master's newest expectation for which `which` holds last that much longer than now, and activates it;
    /// tells whether there was one.
    pub fn renew(&mut self, timeout: Duration, which: impl Fn(&Expectation) -> bool) -> bool {
        self.expectations.renew(self.master, self.now + timeout, which)
    }

    /// Tells the GRE tracker the source's key of a wanted GRE connection.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn add_key(&mut self, wanted: &Wanted) -> Result<(), KeyError> {
        let tuple = self.tuple(wanted);
        self.keymap.insert(self.master, wanted.direction, &tuple)
    }

    /// Takes the master's GRE keys back.
    pub fn flush_keys(&mut self) {
        self.keymap.remove_master(self.master);
    }

    /// The master lasts that long from now on.
    pub fn refresh_master(&mut self, timeout: Duration) {
        self.consequences.timeout = Some(timeout);
    }

    /// Ends a connection that was expected, and no longer expects it where it has not come.
    pub fn end(&mut self, wanted: &Wanted) {
        let tuple = self.tuple(wanted);
        // Two directions fit; a helper that asks for more has its later ones ignored.
        let _ = self.consequences.end.try_push(tuple);
    }
}

//! GRE: as soon as packets went both ways a connection is a "stream" (longer timeout, assured).
//!
//! The two timeouts are the connection's own: those of the table, unless a helper that expected it gave it others, as the
//! one of PPTP does.

use super::status::Status;
use super::timeouts::Millis;

/// What the tracker keeps of a connection: how long it lives without an answer, and with one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gre {
    unreplied: Millis,
    stream: Millis,
}

impl Gre {
    /// The tracker's state for a first packet; any may begin a connection. `timeouts` are those without an answer and
    /// with one.
    pub(super) fn begin([unreplied, stream]: [Millis; 2]) -> Gre {
        Gre { unreplied, stream }
    }

    /// How long the connection lives without an answer, and with one.
    pub(super) fn timeouts(&self) -> [Millis; 2] {
        [self.unreplied, self.stream]
    }

    /// Follows a packet, and tells how long the connection lives from now on.
    #[inline]
    pub(super) fn packet(&self, status: &mut Status) -> Millis {
        if status.contains(Status::SEEN_REPLY) {
            status.insert(Status::ASSURED);
            self.stream
        } else {
            self.unreplied
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_after_an_answer_makes_a_stream() {
        let gre = Gre::begin([Millis(30_000), Millis(180_000)]);
        let mut status = Status::default();
        // The answer itself: that there was one is noted after it was judged.
        for _ in 0..2 {
            assert_eq!(gre.packet(&mut status), Millis(30_000));
            assert!(!status.contains(Status::ASSURED));
        }
        status.insert(Status::SEEN_REPLY);
        assert_eq!(gre.packet(&mut status), Millis(180_000));
        assert!(status.contains(Status::ASSURED));
    }

    #[test]
    fn each_connection_keeps_its_own_timeouts() {
        let gre = Gre::begin([Millis(600_000), Millis(18_000_000)]);
        let mut status = Status::default();
        assert_eq!(gre.packet(&mut status), Millis(600_000));
        status.insert(Status::SEEN_REPLY);
        assert_eq!(gre.packet(&mut status), Millis(18_000_000));
    }
}

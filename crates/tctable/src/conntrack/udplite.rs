//! UDP-Lite: with UDP's two timeouts, but a "stream" (longer timeout, assured) as soon as packets went both ways. UDP
//! waits two seconds for that.

use super::status::Status;
use super::timeouts::Millis;

/// Follows a packet, and tells how long the connection lives from now on. `timeouts` are UDP's: without an answer, and of
/// a stream.
#[inline]
pub(super) fn packet(status: &mut Status, [unreplied, stream]: [Millis; 2]) -> Millis {
    if status.contains(Status::SEEN_REPLY) {
        status.insert(Status::ASSURED);
        stream
    } else {
        unreplied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_after_an_answer_makes_a_stream() {
        let timeouts = [Millis(30_000), Millis(120_000)];
        let mut status = Status::default();
        // The answer itself: that there was one is noted after it was judged.
        for _ in 0..2 {
            assert_eq!(packet(&mut status, timeouts), Millis(30_000));
            assert!(!status.contains(Status::ASSURED));
        }
        status.insert(Status::SEEN_REPLY);
        assert_eq!(packet(&mut status, timeouts), Millis(120_000));
        assert!(status.contains(Status::ASSURED));
    }
}

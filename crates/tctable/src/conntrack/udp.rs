//! UDP: a connection is "unreplied" until an answer comes, and a "stream" (longer timeout, assured) once packets
//! still go both ways two seconds after its first one.

use super::connection::Connection;
use super::status::Status;
use super::timeouts::{Millis, Ready};
use crate::time::{Duration, Instant};

const STREAM_AFTER: Duration = Duration::from_secs(2);

#[inline(always)]
pub(super) fn packet(connection: &mut Connection, now: Instant, timeouts: &Ready) -> Millis {
    let stream = connection.status.contains(Status::SEEN_REPLY) && now > connection.first + STREAM_AFTER;
    if stream {
        connection.status.insert(Status::ASSURED);
        timeouts.udp_stream
    } else {
        timeouts.udp
    }
}

//! TFTP (RFC 1350): the server answers a request from another port.

use super::{Helper, Outcome, Payload, Requests, Session, Wanted};
use crate::conntrack::Direction;
use crate::conntrack::expect::Policy;
use crate::packet::protocol;
use crate::time::Duration;

const READ_REQUEST: u16 = 1;
const WRITE_REQUEST: u16 = 2;

const POLICIES: [Policy; 1] = [Policy { name: "", max_expected: 1, timeout: Duration::from_secs(300) }];

/// The helper for TFTP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tftp;

impl Helper for Tftp {
    fn name(&self) -> &'static str {
        "tftp"
    }

    fn protocol(&self) -> u8 {
        protocol::UDP
    }

    fn default_ports(&self) -> &[u16] {
        &[69]
    }

    fn policies(&self) -> &[Policy] {
        &POLICIES
    }

    fn attach(&self) -> Box<dyn Session> {
        Box::new(Tftp)
    }
}

impl Session for Tftp {
    fn packet(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Outcome {
        let Some(opcode) = payload.bytes.first_chunk() else { return Outcome::Accept };
        match u16::from_be_bytes(*opcode) {
            READ_REQUEST | WRITE_REQUEST => {
                let reply = &payload.tuples[Direction::Reply as usize];
                requests.expect_or_drop(&Wanted::new(
                    protocol::UDP,
                    Some(reply.source),
                    reply.destination,
                    reply.destination_port,
                    Direction::Reply,
                ))
            }
            _ => Outcome::Accept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::conntrack::CtState;
    use crate::packet::Family;

    #[test]
    fn requests_are_answered_from_any_port() {
        let cases: [(&[u8], bool); 7] = [
            (b"\0\x01file\0octet\0", true),
            (b"\0\x02file\0", true),
            (b"\0\x01", true),
            (b"\0\x03\0\x01data", false),
            (b"\0\x05\0\x01x", false),
            (b"\0", false),
            (b"", false),
        ];
        let lines = [
            (Family::V4, "300 l3proto = 2 proto=17 src=10.2.0.1 dst=10.1.0.1 sport=0 dport=20000 tftp"),
            (
                Family::V6,
                "300 l3proto = 10 proto=17 src=fd02:0000:0000:0000:0000:0000:0000:0001 \
                 dst=fd01:0000:0000:0000:0000:0000:0000:0001 sport=0 dport=20000 tftp",
            ),
        ];
        for (family, line) in lines {
            for (bytes, expects) in cases {
                let mut tables = Tables::new();
                let mut talk = Talk::new(Tftp, family, &mut tables);
                talk.state = CtState::New;
                assert_eq!(talk.say(&mut tables, Original, bytes), Outcome::Accept);
                let expected: &[&str] = if expects { &[line] } else { &[] };
                assert_eq!(tables.expected(NOW), expected, "{bytes:?}");
            }
        }
    }

    #[test]
    fn the_same_request_once_more_lasts_longer() {
        let mut tables = Tables::new();
        let mut talk = Talk::new(Tftp, Family::V4, &mut tables);
        talk.say(&mut tables, Original, b"\0\x01");
        talk.wait(&mut tables, Duration::from_secs(100));
        talk.say(&mut tables, Original, b"\0\x01");
        assert_eq!(tables.expectations.next_timeout(), Some(NOW + Duration::from_secs(400)));
        assert_eq!(tables.expectations.len(), 1);
    }
}

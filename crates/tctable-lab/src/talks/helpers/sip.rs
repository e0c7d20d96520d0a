//! SIP (RFC 3261): calls with their media streams, and registrations.

use std::net::IpAddr;

use super::{Announced, Control, datagrams::Datagrams, say};
use crate::{
    rng::Rng,
    talks::{
        Talk,
        places::{self, End},
        tcp::Message,
        udp::Udp,
    },
};

pub(super) fn begin(rng: &mut Rng) -> Box<dyn Talk> {
    let [client, server] = places::two(rng);
    let ends = [client.port(rng.pick(&[5060, 5060, 1025])), server.port(5060)];
    let over_tcp = rng.one_in(3);
    let call = Call { ends, transport: if over_tcp { "TCP" } else { "UDP" }, id: rng.below(1_000) };
    let media = [0, 1].map(|who: usize| {
        let place = if rng.one_in(12) { ends[who].place().neighbour(rng) } else { ends[who].place() };
        place.port(8_000 + 2 * rng.below(10) as u16)
    });
    let lines = if rng.one_in(4) { call.registration(rng) } else { call.invitation(rng, media) };
    let second = |end: End| end.place().port(end.address.port() + 1);
    let streams = [media, media.map(second)];
    if over_tcp {
        let mut script = Vec::new();
        lines.into_iter().for_each(|(who, text)| say(&mut script, who, text));
        script.extend([Message::Close(0), Message::Close(1)]);
        let announced = streams.map(|ends| Announced { after: 4, talk: Box::new(Udp::between(ends, rng)) });
        return Box::new(Control::new(rng, ends, script, announced.into()));
    }
    let mut talk = Datagrams::default();
    for (at, (who, text)) in lines.into_iter().enumerate() {
        talk.push(ends[who], ends[1 - who], text);
        if at >= 2 {
            for _ in 0..rng.below(3) {
                let [mut from, mut to] = rng.pick(&streams);
                if rng.one_in(2) {
                    std::mem::swap(&mut from, &mut to);
                }
                // The beginning of an RTP header (RFC 3550 section 5.1), and sound.
                talk.push(from, to, [[0x80, 0].as_slice(), &[0; 30]].concat());
            }
        }
    }
    Box::new(talk)
}

/// An address as it stands in a URI.
fn host(end: &End) -> String {
    match end.address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

struct Call {
    ends: [End; 2],
    transport: &'static str,
    id: u64,
}

impl Call {
    /// A message from one end: its first line, its method, what is special about it, its body.
    fn message(&self, rng: &mut Rng, first: &str, method: &str, special: &str, body: &str) -> String {
        let Self { ends: [client, server], transport, id } = self;
        let (from, to, port) = (host(client), host(server), client.address.port());
        // Compact names of headers are as good (section 7.3.3).
        let [via, call_id, length] = match rng.one_in(6) {
            true => ["v", "i", "l"],
            false => ["Via", "Call-ID", "Content-Length"],
        };
        let claimed = if rng.one_in(15) { rng.below(2_000) as usize } else { body.len() };
        format!(
            "{first}\r\n{via}: SIP/2.0/{transport} {from}:{port};branch=z9hG4bK{id}\r\nMax-Forwards: 70\r\n\
             From: <sip:alice@{from}>;tag=a{id}\r\nTo: <sip:bob@{to}>\r\n{call_id}: {id}@{from}\r\n\
             CSeq: {cseq} {method}\r\n{special}{length}: {claimed}\r\n\r\n{body}",
            cseq = if method == "BYE" { 2 } else { 1 },
        )
    }

    fn description(&self, rng: &mut Rng, media: &End) -> String {
        let (family, ip) =
            if media.address.is_ipv4() { ("IP4", media.address.ip()) } else { ("IP6", media.address.ip()) };
        let port = rng.weighted(&[(15, media.address.port()), (1, 0), (1, 1)]);
        let line = format!("c=IN {family} {ip}\r\n");
        // The address stands once for all streams, or at each.
        let (all, each) = if rng.one_in(3) { ("", line.as_str()) } else { (line.as_str(), "") };
        format!("v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\n{all}t=0 0\r\nm=audio {port} RTP/AVP 0\r\n{each}")
    }

    /// INVITE, and what follows until the end of the call.
    fn invitation(&self, rng: &mut Rng, media: [End; 2]) -> Vec<(usize, String)> {
        let uri = format!("sip:bob@{}", host(&self.ends[1]));
        let contact = format!("Contact: <sip:alice@{}:{}>\r\n", host(&self.ends[0]), self.ends[0].address.port());
        let sdp = format!("{contact}Content-Type: application/sdp\r\n");
        let bodies = [0, 1].map(|who| self.description(rng, &media[who]));
        let answer = rng.pick(&["200 OK", "200 OK", "200 OK", "183 Session Progress", "486 Busy Here"]);
        let mut lines = vec![
            (0, self.message(rng, &format!("INVITE {uri} SIP/2.0"), "INVITE", &sdp, &bodies[0])),
            (1, self.message(rng, "SIP/2.0 100 Trying", "INVITE", "", "")),
            (1, self.message(rng, "SIP/2.0 180 Ringing", "INVITE", "", "")),
            (1, self.message(rng, &format!("SIP/2.0 {answer}"), "INVITE", &sdp, &bodies[1])),
            (0, self.message(rng, &format!("ACK {uri} SIP/2.0"), "ACK", "", "")),
        ];
        if rng.one_in(4) {
            lines.push((0, self.message(rng, &format!("INVITE {uri} SIP/2.0"), "INVITE", &sdp, &bodies[0])));
            lines.push((1, self.message(rng, "SIP/2.0 200 OK", "INVITE", &sdp, &bodies[1])));
        }
        lines.push((0, self.message(rng, &format!("BYE {uri} SIP/2.0"), "BYE", "", "")));
        lines.push((1, self.message(rng, "SIP/2.0 200 OK", "BYE", "", "")));
        lines
    }

    /// REGISTER, its answer, a call that comes in because of it, and often the end of the registration.
    fn registration(&self, rng: &mut Rng) -> Vec<(usize, String)> {
        let to = host(&self.ends[1]);
        let port = rng.weighted(&[(4, self.ends[0].address.port()), (1, 5070)]);
        let mut lines = Vec::new();
        for expires in rng.pick(&[vec![3_600], vec![60, 0], vec![0], vec![10, 3_600]]) {
            let contact = match rng.one_in(2) {
                true => format!("Contact: <sip:alice@{}:{port}>;expires={expires}\r\n", host(&self.ends[0])),
                false => format!("Contact: <sip:alice@{}:{port}>\r\nExpires: {expires}\r\n", host(&self.ends[0])),
            };
            lines.push((0, self.message(rng, &format!("REGISTER sip:{to} SIP/2.0"), "REGISTER", &contact, "")));
            let answer = rng.pick(&["200 OK", "200 OK", "401 Unauthorized", "100 Trying"]);
            lines.push((1, self.message(rng, &format!("SIP/2.0 {answer}"), "REGISTER", &contact, "")));
            lines.push((1, self.message(rng, "OPTIONS sip:alice SIP/2.0", "OPTIONS", "", "")));
            lines.push((0, self.message(rng, "SIP/2.0 200 OK", "OPTIONS", "", "")));
        }
        lines
    }
}

//! IRC: a client offers a direct connection (DCC) to another.

use super::{Announced, Control, say, transfer};
use crate::{
    rng::Rng,
    talks::{places, tcp::Message},
};

pub(super) fn begin(rng: &mut Rng) -> Control {
    let v6 = rng.one_in(8);
    let [client, server] = places::two_of(rng, v6);
    let ends = [client.port(1024 + rng.below(6) as u16), server.port(6667)];
    let mut script = Vec::new();
    let mut announced = Vec::new();
    say(&mut script, 0, "NICK alice\r\nUSER alice 0 * :Alice\r\n");
    say(&mut script, 1, ":server 001 alice :Welcome\r\n");
    for _ in 0..rng.range(1, 3) {
        let unused = 5_000 + rng.below(20) as u16;
        let port = rng.weighted(&[(12, unused), (1, 0), (1, 80)]);
        let named = match if rng.one_in(8) { client.neighbour(rng).ip } else { client.ip } {
            std::net::IpAddr::V4(ip) => ip.to_bits(),
            std::net::IpAddr::V6(_) => 0,
        };
        let offer = rng.pick(&[
            format!("SEND file.txt {named} {port} 1234"),
            format!("CHAT chat {named} {port}"),
            format!("MOVE file.txt {named} {port}"),
            format!("SCHAT chat {named} {port}"),
            format!("TSEND file.txt {named} {port} 9"),
            format!("XMIT {named} {port}"),
        ]);
        let end = rng.weighted(&[(8, "\x01\r\n"), (1, "\x01\n"), (1, "\r\n")]);
        say(&mut script, 0, format!("PRIVMSG bob :\x01DCC {offer}{end}"));
        let connects = if rng.one_in(2) { server } else { server.neighbour(rng) };
        let ends = [connects.port(1024 + rng.below(6) as u16), client.port(port)];
        announced.push(Announced { after: script.len(), talk: transfer(rng, ends) });
        say(&mut script, 1, ":bob PRIVMSG alice :thanks\r\n");
    }
    script.extend([Message::Close(0), Message::Close(1)]);
    Control::new(rng, ends, script, announced)
}

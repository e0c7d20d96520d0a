//! FTP (RFC 959, RFC 2428): data connections by PORT, PASV, EPRT and EPSV.

use std::net::IpAddr;

use super::{Announced, Control, say, transfer};
use crate::{
    rng::Rng,
    talks::{
        places::{self, Place},
        tcp::Message,
    },
};

/// How a data connection is agreed on.
#[derive(Clone, Copy)]
enum Mode {
    Port,
    Pasv,
    Eprt,
    Epsv,
}

pub(super) fn begin(rng: &mut Rng) -> Control {
    let [client, server] = places::two(rng);
    let ends = [client.port(1024 + rng.below(6) as u16), server.port(21)];
    let mut script = Vec::new();
    let mut announced = Vec::new();
    say(&mut script, 1, "220 Service ready\r\n");
    say(&mut script, 0, "USER anonymous\r\n");
    say(&mut script, 1, "331 Who are you?\r\n");
    say(&mut script, 0, "PASS guest\r\n");
    say(&mut script, 1, "230-Welcome\r\n230 Logged in\r\n");
    for _ in 0..rng.range(1, 3) {
        let mode = match client.ip.is_ipv4() {
            true => rng.pick(&[Mode::Port, Mode::Port, Mode::Pasv, Mode::Pasv, Mode::Eprt, Mode::Epsv]),
            false => rng.pick(&[Mode::Eprt, Mode::Epsv]),
        };
        agree(rng, [client, server], mode, &mut script, &mut announced);
        say(&mut script, 0, "RETR file\r\n");
        say(&mut script, 1, "150 Here it comes\r\n");
        say(&mut script, 1, "226 Done\r\n");
    }
    say(&mut script, 0, "QUIT\r\n");
    say(&mut script, 1, "221 Bye\r\n");
    script.extend([Message::Close(1), Message::Close(0)]);
    Control::new(rng, ends, script, announced)
}

/// The command and its reply, with mistakes, and the connection that follows.
fn agree(
    rng: &mut Rng,
    [client, server]: [Place; 2],
    mode: Mode,
    script: &mut Vec<Message>,
    announced: &mut Vec<Announced>,
) {
    let unused = 5_000 + rng.below(20) as u16;
    let port = rng.weighted(&[(20, unused), (1, 0), (1, 80)]);
    let listens = if matches!(mode, Mode::Port | Mode::Eprt) { client } else { server };
    // Seldom the address is somebody else's.
    let named = if rng.one_in(10) { listens.neighbour(rng).ip } else { listens.ip };
    let commas = match named {
        IpAddr::V4(ip) => ip.octets().map(|byte| byte.to_string()).join(","),
        IpAddr::V6(_) => "0,0,0,0".to_owned(),
    };
    let six = format!("{commas},{},{}", port >> 8, port & 0xff);
    let six = if rng.one_in(15) { rng.pick(&[format!("{six}0"), format!("256,{six}"), commas]) } else { six };
    let family = if named.is_ipv4() { 1 } else { 2 };
    let bar = rng.weighted(&[(9, '|'), (1, '!')]);
    let line = match mode {
        Mode::Port => format!("PORT {six}\r\n"),
        Mode::Eprt => format!("EPRT {bar}{family}{bar}{named}{bar}{port}{bar}\r\n"),
        Mode::Pasv => {
            say(script, 0, "PASV\r\n");
            rng.pick(&[format!("227 Entering Passive Mode ({six}).\r\n"), format!("227 Use {six}\r\n")])
        }
        Mode::Epsv => {
            say(script, 0, rng.pick(&["EPSV\r\n", "epsv\r\n", "EPSV 1\r\n"]));
            format!("229 Entering Extended Passive Mode ({bar}{bar}{bar}{port}{bar})\r\n")
        }
    };
    let line = match rng.below(12) {
        0 => line.to_lowercase(),
        1 => line.replace("\r\n", "\n"),
        2 => line.replace("\r\n", ""),
        _ => line,
    };
    let speaks = if listens == client { 0 } else { 1 };
    if rng.one_in(10) {
        // The line comes in two segments.
        let (front, back) = line.split_at(1 + rng.below(line.len() as u64 - 1) as usize);
        say(script, speaks, front);
        say(script, speaks, back);
    } else {
        say(script, speaks, line);
    }
    let after = script.len();
    if speaks == 0 {
        say(script, 1, "200 As you wish\r\n");
    }
    let connects = if listens == client { server } else { client };
    let connects = if rng.one_in(12) { connects.neighbour(rng) } else { connects };
    let from = if listens == client && rng.one_in(2) { 20 } else { 1024 + rng.below(6) as u16 };
    let to = if rng.one_in(10) { port.wrapping_add(1) } else { port };
    announced.push(Announced { after, talk: transfer(rng, [connects.port(from), listens.port(to)]) });
}

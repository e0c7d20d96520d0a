use super::super::testing::*;
use super::*;
use crate::conntrack::CtState;

/// What the kernel expects for a line of the client 10.1.0.1, which is 167837697.
const LINES: [(&str, Option<u16>); 37] = [
    ("PRIVMSG bob :\x01DCC SEND file 167837697 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC CHAT file 167837697 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC MOVE file 167837697 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC TSEND file 167837697 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC SCHAT file 167837697 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC RESUME file 167837697 1025 100\x01\r\n", None),
    ("PRIVMSG bob :\x01DCC send file 167837697 1025 100\x01\r\n", None),
    ("privmsg bob :\x01DCC SEND file 167837697 1025 100\x01\r\n", Some(1025)),
    ("NOTICE bob :\x01DCC SEND file 167837697 1025 100\x01\r\n", None),
    ("  \r\nPRIVMSG bob :\x01DCC SEND file 167837697 1025 100\x01\r\n", Some(1025)),
    ("\tPRIVMSG  :\x01DCC CHAT t 167837697 10\n", None),
    ("PING x\r\nPRIVMSG bob :\x01DCC SEND file 167837697 1025 100\x01\r\n", None),
    ("PRIVMSG bob :hello \x01DCC SEND file 167837697 1025 100\x01\r\n", None),
    ("PRIVMSG bob :hello\r\nPRIVMSG bob :\x01DCC SEND file 167837697 1025 100\x01\r\n", None),
    ("PRIVMSG bob :\x01DCC XXXX :\x01DCC SEND file 167837697 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC SEND CHAT x 167837697 1025 100\x01\r\n", None),
    ("PRIVMSG a :\x01DCC CHAT t 1 10 :\x01DCC CHAT t 167837697 10\n", None),
    ("PRIVMSG bob :\x01DCC SEND file 167837697 1025 100\x01", None),
    ("PRIVMSG bob :\x01DCC SEND \"a b\" 167837697 1025 100\x01\r\n", None),
    ("PRIVMSG bob :\x01DCC SEND file 10.1.0.1 1025 100\x01\r\n", None),
    ("PRIVMSG bob :\x01DCC SEND file 167837954 1025 100\x01\r\n", None),
    ("PRIVMSG bob :\x01DCC SEND file 4462804993 1025 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC SEND file 167837697 0 100\x01\r\n", None),
    ("PRIVMSG bob :\x01DCC SEND file 167837697 66561 100\x01\r\n", Some(1025)),
    ("PRIVMSG bob :\x01DCC SEND file 167837697   1025\n", Some(1025)),
    ("PRIVMSG a :\x01DCC CHAT t 167837697x 10\n", None),
    ("PRIVMSG a :\x01DCC CHAT t 167837697  +10\n", None),
    ("PRIVMSG a :\x01DCC CHAT t  167837697 10\n", None),
    ("PRIVMSG b :\x01DCC CHAT t 167837697 1\n", None),
    ("PRIVMSG b :\x01DCC CHAT tt 167837697 1\n", Some(1)),
    ("PRIVMSG b :\x01DCC CHAT tttttttttttttttttttttttttttttt\n", None),
    ("PRIVMSG :\x01DCC CHAT t 167837697 10\n", None),
    ("PRIVMSG  :\x01DCC CHAT t 167837697 10\n", Some(10)),
    ("PRIVMSG a : :\x01DCC CHAT t 167837697 10\n", None),
    ("PRIVMSG a\r\n\r\n :\x01DCC CHAT t 167837697 10\n", Some(10)),
    ("PRIVMSG", None),
    ("", None),
];

fn lines(ports: &[u16]) -> Vec<String> {
    tcp_lines("irc", "0.0.0.0", CLIENT, ports)
}

#[test]
fn lines_are_understood_as_the_kernel_does() {
    for (line, port) in LINES {
        let mut tables = Tables::new();
        let mut talk = Talk::new(Irc::default(), Family::V4, &mut tables);
        assert_eq!(talk.say(&mut tables, Original, line), Outcome::Accept);
        assert_eq!(tables.expected(NOW), lines(port.as_slice()), "{line:?}");
        let found = tables.expectations.iter().next().map(|expectation| expectation.mask.source_port);
        assert_eq!(found, port.map(|_| 0));
    }
}

#[test]
fn only_clients_that_were_answered_are_listened_to() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Irc::default(), Family::V4, &mut tables);
    talk.say(&mut tables, Reply, "PRIVMSG bob :\x01DCC SEND file 167903233 1025 100\x01\r\n");
    talk.state = CtState::New;
    talk.say(&mut tables, Original, LINES[0].0);
    assert_eq!(tables.expected(NOW), lines(&[]));
}

#[test]
fn the_oldest_of_too_many_goes() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Irc::default(), Family::V4, &mut tables);
    for port in 1025..1035 {
        let line = format!("PRIVMSG bob :\x01DCC SEND file 167837697 {port} 100\x01\r\n");
        assert_eq!(talk.say(&mut tables, Original, line), Outcome::Accept);
    }
    assert_eq!(tables.expected(NOW), lines(&[1027, 1028, 1029, 1030, 1031, 1032, 1033, 1034]));
}

#[test]
fn an_offer_whose_port_was_cut_off_is_not_believed() {
    let line = "PRIVMSG bob :\x01DCC SEND file 167837697 1025 1";
    for (kept, port) in [(line.len(), Some(1025)), (line.len() - 2, None)] {
        let mut tables = Tables::new();
        let mut talk = Talk::new(Irc::default(), Family::V4, &mut tables);
        talk.say_cut(&mut tables, Original, &line[..kept], 20);
        assert_eq!(tables.expected(NOW), lines(port.as_slice()));
    }
}

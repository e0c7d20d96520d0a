mod call;
mod registration;
mod stream;

use super::super::testing::*;
use super::*;
use crate::conntrack::helper::Outcome::{Accept, Drop};
use crate::packet::{Family, protocol};

const TO_CLIENT: &str = "l3proto = 2 proto=17 src=10.2.0.1 dst=10.1.0.1";
const TO_SERVER: &str = "l3proto = 2 proto=17 src=10.1.0.1 dst=10.2.0.1";
const TO_CLIENT6: &str = "l3proto = 10 proto=17 src=fd02:0000:0000:0000:0000:0000:0000:0001 \
                          dst=fd01:0000:0000:0000:0000:0000:0000:0001";

fn udp() -> Sip {
    Sip::new(Transport::Udp)
}

/// Header lines and an empty one.
fn lines(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\r\n"]).chain(["\r\n"]).collect()
}

/// A REGISTER with these headers beside the usual ones.
fn register(headers: &[&str]) -> String {
    lines(&[&["REGISTER sip:10.2.0.1 SIP/2.0", "Via: SIP/2.0/UDP 10.1.0.1:5062"], headers].concat())
}

const CONTACT: &str = "Contact: <sip:u@10.1.0.1:5062>";

/// A message with a body.
fn with_body(start: &str, headers: &[&str], body: &str) -> String {
    let length = format!("Content-Length: {}", body.len());
    lines(&[&[start], headers, &[&length]].concat()) + body
}

/// A session description of 10.1.0.1 with these lines.
fn description(described: &[&str]) -> String {
    ["v=0", "o=- 1 1 IN IP4 10.1.0.1", "s=x"].iter().chain(described).flat_map(|line| [line, "\r\n"]).collect()
}

fn invite(described: &[&str]) -> String {
    with_body("INVITE sip:x@10.2.0.1 SIP/2.0", &["CSeq: 1 INVITE"], &description(described))
}

/// Lines of media expectations: class, ports.
fn media(to: &str, class: &str, ports: &[u16]) -> Vec<String> {
    ports.iter().map(|port| format!("180 {to} sport=0 dport={port} sip/{class}")).collect()
}

//! `--trace`: one line explains one packet.

use serde_json::json;
use tctable_lab::packets::{Tcp, icmp_echo, icmp_error, ip, link_type, pcap, protocol, tcp_packet};

use crate::support::*;

fn trace(capture: &[u8]) -> Vec<serde_json::Value> {
    lines(&replay(capture, &["--trace", "-"]))
}

/// A packet's state, direction and connection state.
fn judged(line: &serde_json::Value) -> [Option<&str>; 3] {
    [&line["ctstate"], &line["direction"], &line["connection"]["state"]].map(serde_json::Value::as_str)
}

#[test]
fn a_handshake_is_told_step_by_step() {
    let [syn, syn_ack, ack] = handshake(HOST, SERVER);
    let capture = raw([(1, syn), (2, syn_ack), (3, ack)]);
    let text = replay(&capture, &["--trace", "-"]);
    assert_eq!(
        text.lines().next().unwrap(),
        "{\"packet\":1,\"time\":0.000001,\"ctstate\":\"NEW\",\"direction\":\"original\",\"host\":\"192.168.1.2\",\
         \"connection\":{\"id\":1,\"protocol\":\"tcp\",\"state\":\"SYN_SENT\",\"timeout\":120,\"status\":[\"CONFIRMED\"],\
         \"original\":{\"src\":\"192.168.1.2\",\"dst\":\"93.184.216.34\",\"sport\":1234,\"dport\":80,\
         \"packets\":1,\"bytes\":40},\
         \"reply\":{\"src\":\"93.184.216.34\",\"dst\":\"192.168.1.2\",\"sport\":80,\"dport\":1234,\
         \"packets\":0,\"bytes\":0}}}"
    );
    let lines = lines(&text);
    assert_eq!(judged(&lines[1]), [Some("ESTABLISHED"), Some("reply"), Some("SYN_RECV")]);
    assert_eq!(lines[1]["connection"]["status"], json!(["SEEN_REPLY", "CONFIRMED"]));
    assert_eq!(judged(&lines[2]), [Some("ESTABLISHED"), Some("original"), Some("ESTABLISHED")]);
    assert_eq!(lines[2]["connection"]["status"], json!(["SEEN_REPLY", "ASSURED", "CONFIRMED"]));
    assert_eq!(lines[2]["connection"]["timeout"], 432_000);
    assert_eq!(lines[2]["connection"]["original"]["packets"], 2);
}

#[test]
fn udp_has_no_state() {
    let lines = trace(&raw([(0, udp(HOST, SERVER)), (SECOND, udp_answer(SERVER, HOST))]));
    assert_eq!(judged(&lines[0]), [Some("NEW"), Some("original"), None]);
    assert_eq!(judged(&lines[1]), [Some("ESTABLISHED"), Some("reply"), None]);
    assert_eq!((&lines[1]["packet"], &lines[1]["host"]), (&2.into(), &HOST.into()));
    assert_eq!(lines[1]["connection"]["reply"]["bytes"], 100);
}

#[test]
fn an_echo_has_type_code_and_id_in_the_place_of_ports() {
    let echo = ip(address(HOST), address(SERVER), protocol::ICMP, &icmp_echo(false, 77, 1, b""));
    let lines = trace(&raw([(0, echo)]));
    let connection = &lines[0]["connection"];
    assert_eq!(connection["protocol"], "icmp");
    assert_eq!(
        connection["original"],
        json!({"src": HOST, "dst": SERVER, "type": 8, "code": 0, "icmp_id": 77, "packets": 1, "bytes": 28})
    );
    assert_eq!(connection["reply"]["type"], 0);
}

#[test]
fn an_error_is_related_to_the_connection_that_it_quotes() {
    let request = udp(HOST, SERVER);
    let error = ip(address("198.51.100.1"), address(HOST), protocol::ICMP, &icmp_error(3, 3, 0, &request[..28]));
    let lines = trace(&raw([(0, request), (1, error)]));
    assert_eq!(judged(&lines[1])[0], Some("RELATED"));
    assert_eq!((&lines[1]["host"], &lines[1]["connection"]["protocol"]), (&HOST.into(), &"udp".into()));
    // It does not count for the connection.
    assert_eq!(lines[1]["connection"]["reply"]["packets"], 0);
}

#[test]
fn an_invalid_packet_has_no_connection_but_counts_for_its_host() {
    let answer = ip(address(SERVER), address(HOST), protocol::ICMP, &icmp_echo(true, 1, 1, b""));
    let flags = Tcp { flags: 0x03, ..Tcp::default() };
    let nonsense = tcp_packet(socket(HOST, 1), socket(SERVER, 2), &flags, b"");
    for line in trace(&raw([(0, answer), (0, nonsense)])) {
        assert_eq!(judged(&line), [Some("INVALID"), None, None]);
        assert_eq!((&line["host"], line.get("connection")), (&HOST.into(), None));
    }
}

#[test]
fn host_and_id_name_the_connection_also_between_two_hosts() {
    let lines = trace(&raw([(0, udp(OTHER, SERVER)), (0, udp(HOST, OTHER)), (1, udp_answer(OTHER, HOST))]));
    for line in &lines[1..] {
        assert_eq!((&line["host"], &line["connection"]["id"]), (&HOST.into(), &1.into()));
    }
}

#[test]
fn other_frames_have_a_number_and_a_time() {
    let arp = [&[2; 12], &[8, 6][..], &[0; 28]].concat();
    assert_eq!(trace(&pcap(link_type::ETHERNET, 65_535, [(5, arp)])), [json!({"packet": 1, "time": 0.000005})]);
}

#[test]
fn a_trace_in_a_file_leaves_the_report_as_it_is() {
    let files = Files::new("trace");
    let capture = raw(mixture());
    let told = replay(&capture, &["--format", "json", "--trace", &files.path("trace.json")]);
    assert_eq!(told, replay(&capture, &["--format", "json"]));
    assert_eq!(files.read("trace.json"), replay(&capture, &["--trace", "-"]));
    assert_eq!(files.read("trace.json").lines().count(), mixture().len());
}

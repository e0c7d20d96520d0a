//! Programs that know nothing of tctable.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tctable_lab::live::{Size, http};

use crate::gateway::Gateway;

const ONE_OF_EACH: Size = Size { clients: 1, servers: 1, mtu: 1500 };

#[test]
fn a_download_by_curl_is_whole() {
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &[]) else { return };
    let (client, server) = gateway.pair();
    let before = gateway.interfaces();
    let _http = http::Server::start(&server.namespace).expect("a server");
    for (version, size) in [(server.v4.to_string(), 100_000_000), (format!("[{}]", server.v6), 1_000_003)] {
        let file = gateway.file("download");
        let (url, to) = (format!("http://{version}/{size}"), file.display().to_string());
        if gateway.tool(client, "curl", &["-sSf", "--max-time", "30", "-o", &to, &url]).is_none() {
            return;
        }
        assert!(fs::read(&file).expect("a file") == http::body(size), "{url} is not what was sent");
    }
    gateway.assert_counted(&before);
}

#[test]
fn iperf3_says_that_nothing_is_lost() {
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &[]) else { return };
    let (client, server) = gateway.pair();
    if gateway.tool(server, "iperf3", &["--version"]).is_none() {
        return;
    }
    let before = gateway.interfaces();
    for (address, options) in [
        (server.v4.to_string(), &["--time", "1"][..]),
        (server.v6.to_string(), &["--time", "1", "--reverse"]),
        (server.v4.to_string(), &["--time", "1", "--udp", "--bitrate", "20M", "--length", "1000"]),
    ] {
        let (namespace, bind) = (server.namespace.clone(), address.clone());
        let listening = thread::spawn(move || {
            namespace.command("iperf3", &["--server", "--one-off", "--idle-timeout", "10", "--bind", &bind])
        });
        let mut arguments = vec!["--client", &address, "--json"];
        arguments.extend(options);
        let mut end = Value::Null;
        for _ in 0..100 {
            let said = client.namespace.command("iperf3", &arguments).unwrap_or_default();
            end = serde_json::from_str::<Value>(&said).unwrap_or_default()["end"].take();
            if end["sum_sent"].is_object() || end["sum"].is_object() {
                break;
            }
            // It may not listen yet.
            thread::sleep(Duration::from_millis(20));
        }
        listening.join().expect("no panic").expect("a server");
        if options.contains(&"--udp") {
            assert_eq!(end["sum"]["lost_packets"].as_u64(), Some(0), "{end}");
            assert!(end["sum"]["packets"].as_u64() > Some(2000), "{end}");
        } else {
            assert!(end["sum_received"]["bytes"].as_u64() > Some(1_000_000), "{end}");
        }
    }
    gateway.assert_counted(&before);
}

#[test]
fn traceroute_arrives_and_its_errors_are_related() {
    let rules = tempfile::NamedTempFile::new().expect("a file");
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                -A FORWARD -p icmp -m conntrack --ctstate RELATED -j ACCEPT\nCOMMIT\n";
    fs::write(rules.path(), text).expect("a file");
    let path = rules.path().display().to_string();
    let Some(gateway) = Gateway::start(ONE_OF_EACH, &["--rules", &path]) else { return };
    let (client, server) = gateway.pair();
    let before = gateway.interfaces();
    let address = server.v4.to_string();
    let Some(said) = gateway.tool(client, "traceroute", &["-n", "-q", "2", "-w", "1", "-m", "3", &address]) else {
        return;
    };
    // A bridge is no hop.
    let hops: Vec<&str> = said.lines().skip(1).collect();
    assert!(hops.len() == 1 && hops[0].contains(&address), "{said}");
    gateway.assert_counted(&before);
    let counted = gateway.ask(&["rules", "show"]).expect("rules");
    let line = counted.lines().find(|line| line.contains("RELATED")).expect("the rule");
    let packets: u64 = line.trim_start_matches('[').split(':').next().and_then(|count| count.parse().ok()).expect(line);
    assert!(packets >= 2, "{line}");
}

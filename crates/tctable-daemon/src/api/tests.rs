use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use super::openapi::DOCUMENT;
use super::{Access, router};
use crate::Daemon;
use crate::testing::{Traffic, office};

/// A gateway that saw the example, and its document.
struct World {
    daemon: Arc<Daemon>,
    router: Router,
    runtime: Runtime,
    document: Value,
}

impl World {
    fn new(shards: usize) -> World {
        let daemon = office(shards, Traffic::Over);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let document = serde_json::from_str(DOCUMENT).unwrap();
        World { router: router(daemon.clone()), daemon, runtime, document }
    }

    fn send(&self, access: Option<Access>, method: Method, path: &str, body: &str) -> (StatusCode, String, String) {
        let mut request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        if let Some(access) = access {
            request.extensions_mut().insert(access);
        }
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.unwrap();
            let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
            let status = answer.status();
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            (status, kind.unwrap_or_default(), String::from_utf8(bytes.to_vec()).unwrap())
        })
    }

    /// Asks as root; the answer is as the document says.
    fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let (status, kind, text) = self.send(Some(Access::Change), method.clone(), path, body);
        assert_eq!(kind, "application/json", "{path}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        self.check(&method, path, status, &answer);
        (status, answer)
    }

    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, "");
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Holds an answer against the document.
    fn check(&self, method: &Method, path: &str, status: StatusCode, answer: &Value) {
        let pointer = match status {
            StatusCode::OK => {
                let path = self.template(path.strip_prefix("/v1").unwrap().split('?').next().unwrap());
                let path = path.replace('~', "~0").replace('/', "~1");
                let method = method.as_str().to_ascii_lowercase();
                format!("#/paths/{path}/{method}/responses/200/content/application~1json/schema")
            }
            _ => "#/components/schemas/Error".to_owned(),
        };
        assert!(self.document.pointer(&pointer[1..]).is_some(), "the document has no {pointer}");
        let mut schema = self.document.clone();
        // As part of a URI it has its braces encoded.
        schema["$ref"] = json!(pointer.replace('{', "%7B").replace('}', "%7D"));
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:#?}\n{answer}");
    }

    /// The document's path for a path.
    fn template(&self, path: &str) -> String {
        let paths = self.document["paths"].as_object().unwrap();
        if paths.contains_key(path) {
            return path.to_owned();
        }
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let template: Vec<&str> = template.split('/').collect();
            template.len() == parts.len()
                && template.iter().zip(&parts).all(|(one, other)| one.starts_with('{') || one == other)
        };
        paths.keys().find(fits).unwrap_or_else(|| panic!("the document has no {path}")).clone()
    }
}

/// Bytes that all hosts together sent and received.
fn bytes(hosts: &Value) -> u64 {
    let sides = |class: &Value| class["tx"]["bytes"].as_u64().unwrap() + class["rx"]["bytes"].as_u64().unwrap();
    let all = |host: &Value| ["tcp", "udp", "icmp", "other"].map(|class| sides(&host[class])).iter().sum::<u64>();
    hosts["hosts"].as_array().unwrap().iter().map(all).sum()
}

#[test]
fn the_document_is_one() {
    let world = World::new(1);
    assert_eq!(world.document["openapi"], "3.1.0");
    let mut paths = world.document["paths"].as_object().unwrap().keys();
    assert!(paths.all(|path| path.starts_with('/')));
    assert_eq!(world.get("/v1/openapi.json"), world.document);
    jsonschema::meta::validate(&json!({ "$defs": world.document["components"]["schemas"] })).unwrap();
}

#[test]
fn hosts_are_sums_over_shards() {
    let one = World::new(1).get("/v1/hosts?sort=ip");
    let three = World::new(3).get("/v1/hosts?sort=ip");
    assert!(one["hosts"].as_array().unwrap().len() > 5);
    let counters = |hosts: &Value| {
        let each =
            |host: &Value| json!([host["ip"], host["tcp"], host["udp"], host["icmp"], host["connections_opened"]]);
        hosts["hosts"].as_array().unwrap().iter().map(each).collect::<Vec<_>>()
    };
    assert_eq!(counters(&one), counters(&three));
    for key in ["packets", "bytes", "tx", "rx", "connections_opened", "hosts"] {
        assert_eq!(one["totals"][key], three["totals"][key], "{key}");
    }
    assert_eq!(one["unaccounted"], three["unaccounted"]);
    let side = |side: &str| one["totals"][side]["bytes"].as_u64().unwrap();
    assert_eq!(bytes(&one), side("tx") + side("rx"));
}

#[test]
fn hosts_are_sorted_and_cut() {
    let world = World::new(2);
    let all = world.get("/v1/hosts");
    let top = world.get("/v1/hosts?limit=3&sort=bytes");
    assert_eq!(top["hosts"].as_array().unwrap()[..], all["hosts"].as_array().unwrap()[..3]);
    assert_eq!(top["totals"]["hosts"], all["totals"]["hosts"]);
    let last = all["capture"]["last"].as_f64().unwrap();
    let recent = world.get(&format!("/v1/hosts?since={}", last - 1.0));
    let expected: Vec<&Value> =
        all["hosts"].as_array().unwrap().iter().filter(|host| host["last"].as_f64().unwrap() >= last - 1.0).collect();
    assert!(!expected.is_empty() && expected.len() < all["hosts"].as_array().unwrap().len());
    assert_eq!(recent["hosts"].as_array().unwrap().iter().collect::<Vec<_>>(), expected);
    assert_eq!(world.get("/v1/hosts?since=9999999999")["hosts"], json!([]));
}

#[test]
fn connections_come_in_parts() {
    for shards in [1, 3] {
        let world = World::new(shards);
        let open = world.get("/v1/stats")["tables"]["connections"]["count"].as_u64().unwrap();
        let whole = world.get("/v1/connections?limit=10000");
        assert_eq!(whole["connections"].as_array().unwrap().len() as u64, open);
        assert_eq!(whole["next"], Value::Null);
        let mut parts = Vec::new();
        let mut cursor = String::new();
        loop {
            let part = world.get(&format!("/v1/connections?limit=7{cursor}"));
            assert!(part["connections"].as_array().unwrap().len() <= 7);
            parts.extend(part["connections"].as_array().unwrap().iter().cloned());
            match part["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(&parts, whole["connections"].as_array().unwrap());
    }
}

#[test]
fn connections_are_filtered() {
    let world = World::new(2);
    let all = world.get("/v1/connections?limit=10000");
    let all = all["connections"].as_array().unwrap();
    let wanted = |query: &str, wants: &dyn Fn(&Value) -> bool| {
        let found = world.get(&format!("/v1/connections?limit=10000&{query}"));
        let expected: Vec<&Value> = all.iter().filter(|connection| wants(connection)).collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{query} makes no difference");
        assert_eq!(found["connections"].as_array().unwrap().iter().collect::<Vec<_>>(), expected, "{query}");
    };
    wanted("protocol=tcp", &|connection| connection["protocol"] == "tcp");
    wanted("protocol=17", &|connection| connection["protocol"] == "udp");
    wanted("state=established", &|connection| connection["state"] == "ESTABLISHED");
    wanted("state=ASSURED", &|connection| connection["status"].as_array().unwrap().contains(&json!("ASSURED")));
    wanted("port=443", &|connection| connection["original"]["dport"] == 443 || connection["original"]["sport"] == 443);
    let host = all[0]["original"]["src"].as_str().unwrap();
    wanted(&format!("host={host}"), &|connection| {
        connection["original"]["src"] == host || connection["original"]["dst"] == host
    });
    let (status, kind, text) = world.send(Some(Access::Read), Method::GET, "/v1/connections?format=text&limit=2", "");
    assert_eq!((status, kind.as_str(), text.lines().count()), (StatusCode::OK, "text/plain; charset=utf-8", 2));
    assert!(text.contains("src=") && text.contains("packets="), "{text}");
}

#[test]
fn connections_are_deleted() {
    let world = World::new(2);
    let count = || world.get("/v1/connections?limit=10000")["connections"].as_array().unwrap().len();
    let all = count();
    let first = world.get("/v1/connections?limit=1")["connections"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/v1/connections/{first}"))["key"], first.as_str());
    let (status, answer) = world.ask(Method::DELETE, &format!("/v1/connections/{first}"), "");
    assert_eq!((status, &answer["deleted"], count()), (StatusCode::OK, &json!(1), all - 1));
    let (status, _) = world.ask(Method::DELETE, &format!("/v1/connections/{first}"), "");
    assert_eq!(status, StatusCode::NOT_FOUND);
    let udp = world.get("/v1/connections?limit=10000&protocol=udp")["connections"].as_array().unwrap().len();
    let (_, answer) = world.ask(Method::DELETE, "/v1/connections?protocol=udp", "");
    assert_eq!((&answer["deleted"], count()), (&json!(udp), all - 1 - udp));
    // Nothing is asked for, or everything and something.
    for path in ["/v1/connections", "/v1/connections?all=true&port=443", "/v1/connections?prot=tcp"] {
        assert_eq!(world.ask(Method::DELETE, path, "").0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(count(), all - 1 - udp);
    world.ask(Method::DELETE, "/v1/connections?all=true", "");
    assert_eq!(count(), 0);
}

#[test]
fn a_host_is_told_with_its_connections_and_zeroed() {
    let world = World::new(3);
    let top = world.get("/v1/hosts?limit=1")["hosts"][0].clone();
    let ip = top["ip"].as_str().unwrap();
    let one = world.get(&format!("/v1/hosts/{ip}"));
    assert_eq!(one["host"], top);
    let mut of_host = one["connections"].as_array().unwrap().iter();
    assert!(of_host.all(|each| each["original"]["src"] == ip || each["original"]["dst"] == ip));
    let (_, zeroed) = world.ask(Method::POST, &format!("/v1/hosts/{ip}/zero"), "");
    assert_eq!(zeroed["host"], top);
    assert_eq!(world.get(&format!("/v1/hosts/{ip}"))["host"]["tcp"]["rx"]["bytes"], 0);
    let before = world.get("/v1/hosts");
    let (_, answer) = world.ask(Method::POST, "/v1/hosts/zero", "");
    assert_eq!(answer["zeroed"], before["totals"]["hosts"]);
    let after = world.get("/v1/hosts");
    assert_eq!((bytes(&after), &after["totals"]["bytes"]), (0, &before["totals"]["bytes"]));
    for (path, status) in [("192.0.2.200", StatusCode::NOT_FOUND), ("nobody", StatusCode::BAD_REQUEST)] {
        assert_eq!(world.ask(Method::GET, &format!("/v1/hosts/{path}"), "").0, status);
        assert_eq!(world.ask(Method::POST, &format!("/v1/hosts/{path}/zero"), "").0, status);
    }
}

#[test]
fn queues_rules_and_statistics() {
    let world = World::new(1);
    let classes = world.get("/v1/classes?device=office");
    assert_eq!(classes["classes"].as_array().unwrap().len(), 3);
    let default = classes["classes"].as_array().unwrap().iter().find(|class| class["class"] == "1:20").unwrap();
    assert_eq!((&default["rate"], &default["ceil"]), (&json!(50_000_000), &json!(100_000_000)));
    assert!(default["packets"].as_u64().unwrap() > 0);
    assert_eq!(world.get("/v1/qdiscs")["qdiscs"][0]["kind"], "htb");
    assert_eq!(world.get("/v1/qdiscs?device=none")["qdiscs"], json!([]));

    let rules = world.get("/v1/rules");
    let packets = |rules: &Value| {
        let tables = rules["rules"][0]["tables"].as_array().unwrap();
        let chains = tables.iter().flat_map(|table| table["chains"].as_array().unwrap());
        let rules = chains.flat_map(|chain| chain["rules"].as_array().unwrap());
        rules.map(|rule| rule["packets"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert!(packets(&rules).iter().all(|count| *count > 0), "{rules}");
    assert_eq!(packets(&World::new(3).get("/v1/rules?family=ipv4")), packets(&rules));
    assert_eq!(world.get("/v1/rules?family=ipv6")["rules"], json!([]));
    let (_, _, text) = world.send(Some(Access::Read), Method::GET, "/v1/rules?format=text", "");
    assert!(text.contains("-A FORWARD -p udp -m udp --dport 53 -j ACCEPT"), "{text}");

    let stats = World::new(2).get("/v1/stats");
    assert_eq!(stats["shards"].as_array().unwrap().len(), 2);
    assert_eq!(stats["ports"][0]["received"], stats["frames"]["received"]["packets"]);
    let link = &stats["links"]["interfaces"][0];
    assert_eq!((&link["name"], &link["mtu"], &link["carrier"]), (&json!("office"), &json!(1500), &json!(true)));
    assert_eq!(link["events"].as_object().map(|events| events.values().all(|count| count == 0)), Some(true));
    assert_eq!(stats["frames"]["seen"], stats["frames"]["received"]);
    assert_eq!(world.get("/v1/health/live"), json!({ "live": true }));
    assert_eq!(world.get("/v1/health/ready"), json!({ "ready": true }));
}

#[test]
fn tunables_are_read_and_set_in_all_shards() {
    let world = World::new(3);
    let count = |name: &str| world.get(&format!("/v1/sysctls/{name}"))["value"].as_u64().unwrap();
    let open = world.get("/v1/stats")["tables"]["connections"]["count"].as_u64().unwrap();
    assert_eq!(count("nf_conntrack_count"), open);
    let (_, set) = world.ask(Method::PUT, "/v1/sysctls/net%2Fnetfilter%2Fnf_conntrack_max", r#"{"value":"0x1000"}"#);
    assert_eq!(set, json!({ "name": "net.netfilter.nf_conntrack_max", "value": 4096 }));
    assert_eq!(world.get("/v1/sysctls")["sysctls"]["net.netfilter.nf_conntrack_max"], 4096);
    let each = world.daemon.shards.ask_all(|shard| shard.gateway.sysctl("nf_conntrack_max"));
    assert_eq!(world.runtime.block_on(each).unwrap(), vec![Ok(4096); 3]);
    for (name, body, status) in [
        ("nf_conntrack_mix", r#"{"value":1}"#, StatusCode::NOT_FOUND),
        ("nf_conntrack_count", r#"{"value":1}"#, StatusCode::CONFLICT),
        ("nf_conntrack_max", r#"{"value":-1}"#, StatusCode::BAD_REQUEST),
        ("nf_conntrack_max", r#"{"value":"many"}"#, StatusCode::BAD_REQUEST),
        ("nf_conntrack_max", r#"{"value":1,"more":2}"#, StatusCode::BAD_REQUEST),
        ("nf_conntrack_max", "{", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(world.ask(Method::PUT, &format!("/v1/sysctls/{name}"), body).0, status, "{name} {body}");
    }
    let large = format!(r#"{{"value":"{}"}}"#, "1".repeat(100_000));
    assert_eq!(world.ask(Method::PUT, "/v1/sysctls/nf_conntrack_max", &large).0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(count("nf_conntrack_max"), 4096);
}

#[test]
fn whatever_is_wrong_is_told_as_json() {
    let world = World::new(1);
    for (method, path, status) in [
        (Method::GET, "/", StatusCode::NOT_FOUND),
        (Method::GET, "/v1", StatusCode::NOT_FOUND),
        (Method::GET, "/v1/nothing", StatusCode::NOT_FOUND),
        (Method::GET, "/v2/hosts", StatusCode::NOT_FOUND),
        (Method::POST, "/v1/hosts", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/v1/reload", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/v1/hosts?sort=size", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/hosts?limit=-1", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/hosts?top=1", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/hosts?since=NaN", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/hosts?since=-1", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/hosts/%ff", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?cursor=7", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?limit=0", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?limit=10001", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?protocol=tpc", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?host=10.0.0.0/33", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?port=65536", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections?format=xml", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections/1", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/connections/9.0.1", StatusCode::NOT_FOUND),
        (Method::DELETE, "/v1/connections/0.4294967295.4294967295", StatusCode::NOT_FOUND),
        (Method::GET, "/v1/rules?family=ipx", StatusCode::BAD_REQUEST),
    ] {
        let (found, answer) = world.ask(method.clone(), path, "");
        assert_eq!(found, status, "{method} {path}: {answer}");
    }
    // A cursor beyond the end, which may come of a table that was larger.
    assert_eq!(world.get("/v1/connections?cursor=0.4294967295")["connections"], json!([]));
    assert_eq!(world.get("/v1/connections?cursor=99.0")["connections"], json!([]));
}

#[test]
fn who_may_not_gets_nothing() {
    let world = World::new(1);
    let status = |access, method, path| world.send(access, method, path, "").0;
    for path in ["/v1/hosts", "/v1/openapi.json", "/v1/nothing", "/"] {
        assert_eq!(status(None, Method::GET, path), StatusCode::FORBIDDEN, "{path}");
        assert_eq!(status(Some(Access::Nothing), Method::GET, path), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(status(Some(Access::Read), Method::GET, "/v1/hosts"), StatusCode::OK);
    let before = world.get("/v1/hosts");
    for (method, path) in [
        (Method::POST, "/v1/hosts/zero"),
        (Method::DELETE, "/v1/connections?all=true"),
        (Method::PUT, "/v1/sysctls/nf_conntrack_max"),
        (Method::POST, "/v1/reload"),
        (Method::PATCH, "/v1/hosts"),
    ] {
        assert_eq!(status(Some(Access::Read), method, path), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(world.get("/v1/hosts"), before);
    assert_eq!(status(Some(Access::Change), Method::POST, "/v1/reload"), StatusCode::OK);
}

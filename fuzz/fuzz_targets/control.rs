//! Arbitrary requests at the control socket's router, with a small engine behind it: never a panic, and every answer that is
//! no success says so as JSON.
#![no_main]

use std::cell::OnceCell;
use std::sync::Arc;

use arbitrary::Arbitrary;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use tctable_daemon::api::{Access, router};
use tctable_daemon::testing::{Traffic, office};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// One request: free text, or made of parts that the router knows.
#[derive(Arbitrary, Debug)]
struct Asked<'a> {
    method: Verb,
    path: Path<'a>,
    query: Vec<(Name<'a>, Value<'a>)>,
    body: &'a [u8],
    access: Option<Who>,
}

#[derive(Arbitrary, Debug)]
enum Verb {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Patch,
    Options,
}

#[derive(Arbitrary, Debug)]
enum Who {
    Nothing,
    Read,
    Change,
}

#[derive(Arbitrary, Debug)]
enum Path<'a> {
    Free(&'a str),
    Known(u8),
    Below(u8, &'a str),
    Zero(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Free(&'a str),
    Known(u8),
}

#[derive(Arbitrary, Debug)]
enum Value<'a> {
    Free(&'a str),
    Known(u8),
    Number(u64),
    Float(f64),
    Pair(u32, u32),
}

const PATHS: [&str; 13] = [
    "openapi.json",
    "health/live",
    "health/ready",
    "hosts",
    "hosts/zero",
    "connections",
    "qdiscs",
    "classes",
    "rules",
    "stats",
    "sysctls",
    "sysctls/nf_conntrack_max",
    "reload",
];
const NAMES: [&str; 13] = [
    "sort", "limit", "since", "host", "protocol", "state", "port", "cursor", "format", "all", "device", "family",
    "value",
];
const VALUES: [&str; 14] = [
    "bytes",
    "ip",
    "text",
    "json",
    "tcp",
    "udp",
    "ESTABLISHED",
    "ASSURED",
    "192.168.0.11",
    "192.168.0.0/16",
    "true",
    "office",
    "ipv4",
    "0.0",
];

fn pick(from: &'static [&'static str], which: u8) -> &'static str {
    from[usize::from(which) % from.len()]
}

impl Asked<'_> {
    fn uri(&self) -> String {
        let mut uri = match &self.path {
            Path::Free(text) => format!("/{text}"),
            Path::Known(which) => format!("/v1/{}", pick(&PATHS, *which)),
            Path::Below(which, text) => format!("/v1/{}/{text}", pick(&PATHS, *which)),
            Path::Zero(text) => format!("/v1/hosts/{text}/zero"),
        };
        for (at, (name, value)) in self.query.iter().enumerate() {
            uri.push(if at == 0 { '?' } else { '&' });
            match name {
                Name::Free(text) => uri.push_str(text),
                Name::Known(which) => uri.push_str(pick(&NAMES, *which)),
            }
            uri.push('=');
            match value {
                Value::Free(text) => uri.push_str(text),
                Value::Known(which) => uri.push_str(pick(&VALUES, *which)),
                Value::Number(number) => uri.push_str(&number.to_string()),
                Value::Float(number) => uri.push_str(&number.to_string()),
                Value::Pair(one, two) => uri.push_str(&format!("{one}.{two}")),
            }
        }
        uri
    }

    /// `None` where it is no HTTP at all.
    fn request(&self) -> Option<Request<Body>> {
        let method = match self.method {
            Verb::Get => Method::GET,
            Verb::Head => Method::HEAD,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Delete => Method::DELETE,
            Verb::Patch => Method::PATCH,
            Verb::Options => Method::OPTIONS,
        };
        let mut request =
            Request::builder().method(method).uri(self.uri()).body(Body::from(self.body.to_vec())).ok()?;
        let access = match self.access.as_ref()? {
            Who::Nothing => Access::Nothing,
            Who::Read => Access::Read,
            Who::Change => Access::Change,
        };
        request.extensions_mut().insert(access);
        Some(request)
    }
}

thread_local! {
    /// The gateway goes on from one input to the next: what one deletes, another does not find.
    static WORLD: OnceCell<(Runtime, Router)> = const { OnceCell::new() };
}

fuzz_target!(|asked: Asked<'_>| {
    let Some(request) = asked.request() else { return };
    let is_head = request.method() == Method::HEAD;
    let may = matches!(asked.access, Some(Who::Read | Who::Change));
    WORLD.with(|world| {
        let (runtime, router) = world.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            (runtime, router(Arc::clone(&office(2, Traffic::Over))))
        });
        runtime.block_on(async {
            let answer = router.clone().oneshot(request).await.expect("always an answer");
            let (head, body) = answer.into_parts();
            let bytes = body.collect().await.expect("a whole body").to_bytes();
            assert!(may || head.status.as_u16() == 403, "{}", head.status);
            if is_head {
                assert!(bytes.is_empty());
                return;
            }
            let is_json = head.headers.get("content-type").is_some_and(|kind| kind == "application/json");
            if !head.status.is_success() {
                assert!(is_json, "{} {}", asked.uri(), head.status);
                let answer: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
                assert!(answer["error"]["code"].is_string() && answer["error"]["message"].is_string(), "{answer}");
            } else if is_json {
                serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).expect("JSON");
            }
        });
    });
});

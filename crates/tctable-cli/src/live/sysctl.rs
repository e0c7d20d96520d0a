use std::collections::BTreeMap;
use std::path::Path;

use hyper::Method;
use serde::Deserialize;
use tctable_view::append;

use super::client::{Client, encoded};
use super::{LiveError, print};

/// Which tunables of a running gateway.
#[derive(Clone, Debug)]
pub(crate) enum Tunables<'a> {
    /// All.
    All,
    /// These: names, and what is to be set (`NAME=VALUE`).
    These(&'a [String]),
}

#[derive(Deserialize)]
struct All {
    sysctls: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct One {
    name: String,
    value: u64,
}

/// `tctable sysctl` of a running gateway.
pub(crate) fn sysctls(control: &Path, which: Tunables<'_>, json: bool) -> Result<(), LiveError> {
    let client = Client::new(control)?;
    let found: Vec<(String, u64)> = match which {
        Tunables::All => client.read::<All>("/sysctls")?.sysctls.into_iter().collect(),
        Tunables::These(these) => these.iter().map(|what| one(&client, what)).collect::<Result<_, _>>()?,
    };
    let mut text = String::new();
    if json {
        tctable_view::Json::object(&mut text, |json| found.iter().for_each(|(name, value)| json.number(name, *value)));
        text.push('\n');
    } else {
        found.iter().for_each(|(name, value)| append(&mut text, format_args!("{name} = {value}\n")));
    }
    print(text)
}

fn one(client: &Client, what: &str) -> Result<(String, u64), LiveError> {
    let One { name, value } = match what.split_once('=') {
        None => client.read(&format!("/sysctls/{}", encoded(what)))?,
        Some((name, value)) => {
            let body = serde_json::json!({ "value": value.trim() }).to_string();
            let answer = client.send(Method::PUT, &format!("/sysctls/{}", encoded(name.trim())), body)?;
            client.parse(&answer.text)?
        }
    };
    Ok((name, value))
}

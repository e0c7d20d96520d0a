use hyper::Method;
use serde::Deserialize;
use tctable_view::{HostRow, Sort};

use super::client::{Client, ClientError, encoded, query};
use super::documents::Host;
use super::{LiveError, args, print};
use crate::report::summary::plural;
use crate::report::table;

#[derive(Deserialize)]
struct Deleted {
    deleted: u64,
}

#[derive(Deserialize)]
struct Zeroed {
    zeroed: u64,
}

#[derive(Deserialize)]
struct ZeroedHost {
    host: Host,
}

#[derive(Deserialize)]
struct Reloaded {
    changed: Vec<String>,
}

/// `tctable delete`
pub(crate) fn delete(args: &args::Delete) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    let mut deleted = 0;
    let mut end = |what: &str| -> Result<(), ClientError> {
        let answer = client.send(Method::DELETE, what, String::new())?;
        deleted += client.parse::<Deleted>(&answer.text)?.deleted;
        Ok(())
    };
    if args.keys.is_empty() {
        let mut asked = args.which.query();
        asked.push(("all", args.all.then(|| "true".to_owned())));
        end(&format!("/connections{}", query(&asked)))?;
    }
    for key in &args.keys {
        end(&format!("/connections/{}", encoded(key)))?;
    }
    print(match args.asking.json {
        true => format!("{{\"deleted\":{deleted}}}\n"),
        false => format!("{} deleted\n", plural(deleted, "connection")),
    })
}

/// `tctable zero`: hosts as they stood.
pub(crate) fn zero(args: &args::Zero) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    if args.all {
        let answer = client.send(Method::POST, "/hosts/zero", String::new())?.text;
        let Zeroed { zeroed } = client.parse(&answer)?;
        return print(if args.asking.json { answer } else { format!("{} zeroed\n", plural(zeroed, "host")) });
    }
    let mut text = String::new();
    let mut rows = Vec::new();
    for host in &args.hosts {
        let answer = zero_one(&client, &host.to_string())?;
        rows.push(HostRow::from(&client.parse::<ZeroedHost>(&answer)?.host));
        text.push_str(&answer);
    }
    if !args.asking.json {
        text.clear();
        table::hosts(&rows, &args.looks.look(Sort::default()), &mut text);
        tctable_view::append(&mut text, format_args!("{} zeroed\n", plural(rows.len() as u64, "host")));
    }
    print(text)
}

fn zero_one(client: &Client, host: &str) -> Result<String, ClientError> {
    Ok(client.send(Method::POST, &format!("/hosts/{}/zero", encoded(host)), String::new())?.text)
}

/// `tctable reload`
pub(crate) fn reload(args: &args::Reload) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    let answer = client.send(Method::POST, "/reload", String::new())?.text;
    if args.asking.json {
        return print(answer);
    }
    let Reloaded { changed } = client.parse(&answer)?;
    print(match changed.is_empty() {
        true => "nothing is other than before\n".to_owned(),
        false => changed.iter().map(|line| format!("{line}\n")).collect(),
    })
}

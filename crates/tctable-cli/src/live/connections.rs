use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::query;
use super::{LiveError, args};
use crate::output::Output;

/// Connections that are asked for at once.
const PAGE: usize = 5000;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    connections: Vec<&'a RawValue>,
    next: Option<String>,
}

impl args::Which {
    /// What asks for them.
    pub(super) fn query(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("host", self.host.clone()),
            ("protocol", self.protocol.clone()),
            ("state", self.state.clone()),
            ("port", self.port.map(|port| port.to_string())),
        ]
    }
}

/// `tctable connections`: the lines of `conntrack -L -o extended`, or JSON objects.
pub(crate) fn connections(args: &args::Connections) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    let mut output = Output::stdout();
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut cursor = None;
    while left > 0 {
        let mut asked = args.which.query();
        asked.push(("limit", Some(left.min(PAGE).to_string())));
        asked.push(("cursor", cursor));
        asked.push(("format", (!args.asking.json).then(|| "text".to_owned())));
        let answer = client.get(&format!("/connections{}", query(&asked)))?;
        let count;
        (cursor, count) = if args.asking.json {
            let page: Page<'_> = client.parse(&answer.text)?;
            for connection in &page.connections {
                output.text.push_str(connection.get());
                output.text.push('\n');
            }
            (page.next, page.connections.len())
        } else {
            output.text.push_str(&answer.text);
            (answer.next, answer.text.lines().count())
        };
        left -= count.min(left);
        output.relieve()?;
        if cursor.is_none() {
            break;
        }
    }
    Ok(output.finish()?)
}

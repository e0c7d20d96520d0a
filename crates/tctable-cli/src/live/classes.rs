use serde_json::value::RawValue;
use tctable_view::Sort;

use super::client::query;
use super::documents::{self, Counter};
use super::{LiveError, args, print};
use crate::report::table;
use crate::report::units::{BitRate, Bytes, Count};

/// `tctable classes`
pub(crate) fn classes(args: &args::Classes) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    let of = query(&[("device", args.device.clone())]);
    let (qdiscs, classes) = (client.get(&format!("/qdiscs{of}"))?.text, client.get(&format!("/classes{of}"))?.text);
    if args.asking.json {
        let both: [std::collections::BTreeMap<String, &RawValue>; 2] =
            [client.parse(&qdiscs)?, client.parse(&classes)?];
        let members: Vec<String> =
            both.iter().flatten().map(|(name, list)| format!("\"{name}\":{}", list.get())).collect();
        return print(format!("{{{}}}\n", members.join(",\n")));
    }
    let look = args.looks.look(Sort::default());
    let documents::Qdiscs { qdiscs } = client.parse(&qdiscs)?;
    let documents::Classes { classes } = client.parse(&classes)?;
    let mut text = String::new();
    let rows: Vec<_> = qdiscs.iter().map(qdisc).collect();
    table::plain(
        &["DEVICE", "QDISC", "KIND", "PARENT", "SENT", "PACKETS", "DROPPED", "WAITING"],
        4,
        &rows,
        &look,
        &mut text,
    );
    if !classes.is_empty() {
        text.push('\n');
        let rows: Vec<_> = classes.iter().map(class).collect();
        let titles = ["DEVICE", "CLASS", "PARENT", "HOST", "RATE", "CEIL", "SENT", "PACKETS", "DROPPED", "WAITING"];
        table::plain(&titles, 4, &rows, &look, &mut text);
    }
    print(text)
}

fn qdisc(qdisc: &documents::Qdisc) -> Vec<String> {
    let mut row = vec![qdisc.device.clone(), qdisc.handle.clone(), qdisc.kind.clone(), qdisc.parent.clone()];
    row.extend(counters(qdisc.sent, qdisc.dropped, qdisc.backlog));
    row
}

fn class(class: &documents::Class) -> Vec<String> {
    let rate = |rate: Option<u64>| rate.map_or_else(|| "-".to_owned(), |rate| BitRate(rate).to_string());
    let host = class.host.map_or_else(|| "-".to_owned(), |host| host.to_string());
    let mut row = vec![class.device.clone(), class.class.clone(), class.parent.clone(), host];
    row.extend([rate(class.rate), rate(class.ceil)]);
    row.extend(counters(class.sent, class.dropped, class.backlog));
    row
}

fn counters(sent: Counter, dropped: u64, backlog: Counter) -> [String; 4] {
    let waiting = match backlog.packets {
        0 => "-".to_owned(),
        packets => format!("{} ({})", Count(packets), Bytes(backlog.bytes)),
    };
    [Bytes(sent.bytes).to_string(), Count(sent.packets).to_string(), Count(dropped).to_string(), waiting]
}

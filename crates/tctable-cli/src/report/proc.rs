//! The lines of /proc/net/tc_counter.

use tctable::account::Class;

use super::Report;
use crate::json::append;
use crate::output::{Output, OutputError};
use crate::replay::Row;

/// Nanoseconds to a jiffy, at a hundred a second.
const JIFFY: u64 = 10_000_000;

/// Writes one line for each host.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    for row in report.rows(top) {
        let last = report.since_first(row.last).as_nanos() / JIFFY;
        line(&row, last, &mut output.text);
        output.relieve()?;
    }
    Ok(())
}

/// One host, whose last packet came in the jiffy `last` of the capture.
fn line(row: &Row, last: u64, text: &mut String) {
    append(text, format_args!("{} {}", row.address, row.left.as_secs()));
    for (class, (counters, open)) in Class::ALL.into_iter().zip(row.classes.iter().zip(row.open)) {
        append(text, format_args!(" {{ {}", class.name()));
        for (side, counter) in [("tx", counters.tx), ("rx", counters.rx)] {
            append(text, format_args!(" [ {side} pcnt={} bcnt={} ]", counter.packets, counter.bytes));
        }
        append(text, format_args!(" conn={open} }}"));
    }
    let users = 1 + row.open_connections();
    append(text, format_args!(" use={users} last={last} next_id={}\n", row.next_id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tctable::account::ClassCounters;
    use tctable::conntrack::Counter;
    use tctable::time::{Duration, Instant};

    #[test]
    fn writes_the_documented_line() {
        let tcp = ClassCounters { tx: Counter { packets: 3, bytes: 144 }, rx: Counter { packets: 16, bytes: 768 } };
        let none = ClassCounters::default();
        let row = Row {
            address: "192.168.199.1".parse().unwrap(),
            classes: [tcp, none, none, none],
            open: [1, 0, 0, 0],
            opened: 2,
            next_id: 3,
            first: Instant::ZERO,
            last: Instant::ZERO,
            left: Duration::from_millis(731_999),
        };
        let mut text = String::new();
        line(&row, 638_178, &mut text);
        assert_eq!(
            text,
            "192.168.199.1 731 { tcp [ tx pcnt=3 bcnt=144 ] [ rx pcnt=16 bcnt=768 ] conn=1 } \
             { udp [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } \
             { icmp [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } \
             { other [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } use=2 last=638178 next_id=3\n"
        );
    }
}

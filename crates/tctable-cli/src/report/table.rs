//! The table of the top hosts.

use anstyle::{AnsiColor, Style};
use tctable::account::{Class, ClassCounters};

use super::summary::Line;
use super::units::{Bytes, Count};
use super::{Look, Report, summary};
use tctable_view::{HostRow, append};

/// Between two columns.
const GAP: usize = 2;
/// The width of the labels below the table.
const LABELS: usize = 13;

const HEADER: Style = Style::new().bold();
const LABEL: Style = Style::new().dimmed();
const WRONG: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))).bold();

/// One column: those with the highest `spare` are dropped first where the terminal is narrow.
struct Column {
    title: &'static str,
    spare: u8,
    cell: fn(&HostRow) -> String,
}

/// From left to right. The first is left-aligned and never dropped.
const COLUMNS: [Column; 10] = [
    Column { title: "HOST", spare: 0, cell: |row| row.address.to_string() },
    Column { title: "RX", spare: 1, cell: |row| Bytes(row.rx().bytes).to_string() },
    Column { title: "TX", spare: 2, cell: |row| Bytes(row.tx().bytes).to_string() },
    Column { title: "PACKETS", spare: 4, cell: |row| Count(row.rx().packets + row.tx().packets).to_string() },
    Column { title: "TCP", spare: 6, cell: |row| class(row, Class::Tcp) },
    Column { title: "UDP", spare: 7, cell: |row| class(row, Class::Udp) },
    Column { title: "ICMP", spare: 8, cell: |row| class(row, Class::Icmp) },
    Column { title: "OTHER", spare: 9, cell: |row| class(row, Class::Other) },
    Column { title: "CONNS", spare: 3, cell: |row| Count(row.opened).to_string() },
    Column { title: "OPEN", spare: 5, cell: |row| Count(row.open_connections()).to_string() },
];

/// Both directions of one class, or a dash for nothing: the eye finds what is there.
fn class(row: &HostRow, class: Class) -> String {
    let ClassCounters { tx, rx } = row.classes[class as usize];
    match tx.packets + rx.packets {
        0 => "-".to_owned(),
        _ => Bytes(tx.bytes + rx.bytes).to_string(),
    }
}

/// Writes the table and the summary.
pub(super) fn write(report: &Report<'_>, top: usize, look: &Look, text: &mut String) {
    let rows: Vec<HostRow> = report.rows(top).collect();
    hosts(&rows, look, text);
    lines(&summary::lines(report, rows.len(), look.sort), look, text);
}

/// The table of these hosts, with an empty line below; nothing where there are none.
pub(crate) fn hosts(rows: &[HostRow], look: &Look, text: &mut String) {
    if !rows.is_empty() {
        table(rows, look, text);
        text.push('\n');
    }
}

/// Lines with their labels.
pub(crate) fn lines(lines: &[Line], look: &Look, text: &mut String) {
    for line in lines {
        let style = if line.is_wrong { WRONG } else { LABEL };
        painted(text, style, look.colored, &format!("{:<LABELS$}", line.label));
        wrapped(text, &line.text, look.width, LABELS);
    }
}

/// A table of text with its titles, whose first `left` columns are aligned to the left and the others to the right.
pub(crate) fn plain(titles: &[&str], left: usize, rows: &[Vec<String>], look: &Look, text: &mut String) {
    let chars = |cell: &str| cell.chars().count();
    let width = |at: usize| rows.iter().map(|row| chars(&row[at])).chain([chars(titles[at])]).max().unwrap_or_default();
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let gap = if at == 0 { 0 } else { GAP };
            match at < left {
                true => append(&mut line, format_args!("{:gap$}{cell:<width$}", "")),
                false => append(&mut line, format_args!("{:gap$}{cell:>width$}", "")),
            }
        }
        line.truncate(line.trim_end().len());
        line
    };
    painted(text, HEADER, look.colored, &line(titles));
    text.push('\n');
    for row in rows {
        text.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        text.push('\n');
    }
}

/// A column with its cells.
struct Filled {
    column: &'static Column,
    cells: Vec<String>,
    width: usize,
}

impl Filled {
    fn new(column: &'static Column, rows: &[HostRow]) -> Filled {
        let cells: Vec<String> = rows.iter().map(column.cell).collect();
        let width = cells.iter().map(String::len).chain([column.title.len()]).max().unwrap_or_default();
        Filled { column, cells, width }
    }
}

fn table(rows: &[HostRow], look: &Look, text: &mut String) {
    let mut columns: Vec<Filled> = COLUMNS.iter().map(|column| Filled::new(column, rows)).collect();
    let width = |columns: &[Filled]| columns.iter().map(|column| column.width + GAP).sum::<usize>() - GAP;
    while columns.len() > 1 && look.width.is_some_and(|limit| width(&columns) > limit) {
        let most = columns.iter().map(|filled| filled.column.spare).max();
        columns.retain(|filled| Some(filled.column.spare) != most);
    }
    painted(text, HEADER, look.colored, &line(&columns, |filled| filled.column.title));
    text.push('\n');
    for at in 0..rows.len() {
        text.push_str(&line(&columns, |filled| &filled.cells[at]));
        text.push('\n');
    }
}

fn line(columns: &[Filled], cell: impl Fn(&Filled) -> &str) -> String {
    let mut line = String::new();
    for (at, filled) in columns.iter().enumerate() {
        let (width, cell) = (filled.width, cell(filled));
        match at {
            0 => append(&mut line, format_args!("{cell:<width$}")),
            _ => append(&mut line, format_args!("{:GAP$}{cell:>width$}", "")),
        }
    }
    line
}

/// Words beside a label that takes `indent` columns, over as many lines as they take.
pub(crate) fn wrapped(text: &mut String, words: &str, width: Option<usize>, indent: usize) {
    let limit = width.map_or(usize::MAX, |width| width.saturating_sub(indent));
    let mut used = 0;
    for word in words.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > limit {
            append(text, format_args!("\n{:indent$}", ""));
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text.push('\n');
}

fn painted(text: &mut String, style: Style, colored: bool, words: &str) {
    if colored {
        append(text, format_args!("{style}{words}{style:#}"));
    } else {
        text.push_str(words);
    }
}

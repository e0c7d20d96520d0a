//! Columns of text under their titles.

use anstyle::Style;

use tctable_view::append;

/// Between two columns.
const GAP: usize = 2;

pub(super) const HEADER: Style = Style::new().bold();
pub(super) const LABEL: Style = Style::new().dimmed();
pub(super) const WRONG: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Red))).bold();

/// One column: those with the highest `spare` are left out first where the terminal is narrow.
pub(super) struct Column {
    title: String,
    spare: u8,
    cells: Vec<String>,
    width: usize,
}

impl Column {
    pub(super) fn new(title: impl Into<String>, spare: u8, cells: impl IntoIterator<Item = String>) -> Column {
        let (title, cells) = (title.into(), cells.into_iter().collect::<Vec<_>>());
        let width = cells.iter().chain([&title]).map(|cell| cell.chars().count()).max().unwrap_or_default();
        Column { title, spare, cells, width }
    }
}

/// Writes columns; the first is left-aligned and never left out.
pub(super) fn write(mut columns: Vec<Column>, limit: Option<usize>, colored: bool, text: &mut String) {
    let width = |columns: &[Column]| columns.iter().map(|column| column.width + GAP).sum::<usize>() - GAP;
    while columns.len() > 1 && limit.is_some_and(|limit| width(&columns) > limit) {
        let most = columns.iter().map(|column| column.spare).max();
        columns.retain(|column| Some(column.spare) != most || column.spare == 0);
        if most == Some(0) {
            break;
        }
    }
    painted(text, HEADER, colored, &line(&columns, |column| &column.title));
    text.push('\n');
    for at in 0..columns.first().map_or(0, |first| first.cells.len()) {
        text.push_str(line(&columns, |column| &column.cells[at]).trim_end());
        text.push('\n');
    }
}

fn line(columns: &[Column], cell: impl Fn(&Column) -> &str) -> String {
    let mut line = String::new();
    for (at, column) in columns.iter().enumerate() {
        let (width, cell) = (column.width, cell(column));
        match at {
            0 => append(&mut line, format_args!("{cell:<width$}")),
            _ => append(&mut line, format_args!("{:GAP$}{cell:>width$}", "")),
        }
    }
    line
}

pub(super) fn painted(text: &mut String, style: Style, colored: bool, words: &str) {
    if colored {
        append(text, format_args!("{style}{words}{style:#}"));
    } else {
        text.push_str(words);
    }
}

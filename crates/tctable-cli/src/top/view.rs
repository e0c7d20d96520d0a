//! The screen.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Row, Table};

use super::app::{App, Chosen, Tab};
use super::graph::graph;
use super::model::{Host, Order};
use crate::live::documents::{Class, Connection};
use crate::live::{seconds, stats_text};
use crate::report::units::{BitRate, Bytes, Count};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    pub(super) colored: bool,
    pub(super) unicode: bool,
}

impl Looks {
    fn color(self, color: Color) -> Style {
        if self.colored { Style::new().fg(color) } else { Style::new() }
    }

    fn dim(self) -> Style {
        // Without colours some terminals cannot show it, and nothing depends on it.
        if self.colored { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }
}

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, looks: Looks) {
    let [head, tabs, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(head_line(app, looks), head);
    frame.render_widget(tab_line(app, looks), tabs);
    app.page = usize::from(body.height.saturating_sub(2));
    match (app.tab, app.chosen.is_some()) {
        (Tab::Hosts, false) => hosts(frame, app, body, looks),
        (Tab::Hosts, true) => connections(frame, app, body),
        (Tab::Classes, _) => classes(frame, app, body, looks),
        (Tab::Totals, _) => totals(frame, app, body),
    }
    frame.render_widget(foot_line(app, looks), foot);
    if app.help {
        help(frame);
    }
}

fn head_line<'a>(app: &'a App, looks: Looks) -> Line<'a> {
    if let Some(why) = &app.failed {
        return Line::styled(format!("tctable: {why}"), looks.color(Color::Red).patch(BOLD));
    }
    let model = &app.model;
    Line::from(vec![
        Span::styled("tctable  ", BOLD),
        Span::raw("down "),
        Span::styled(BitRate(model.down).to_string(), looks.color(Color::Green).patch(BOLD)),
        Span::raw("  up "),
        Span::styled(BitRate(model.up).to_string(), looks.color(Color::Cyan).patch(BOLD)),
        Span::raw(format!("  {} hosts  {} connections", Count(model.count), Count(model.open))),
        Span::styled(format!("  {}", seconds(model.running)), looks.dim()),
    ])
}

fn tab_line<'a>(app: &'a App, looks: Looks) -> Line<'a> {
    let mut spans = Vec::new();
    for (number, (tab, name)) in (1..).zip(Tab::ALL) {
        let style = if tab == app.tab { BAR.patch(BOLD) } else { looks.dim() };
        spans.push(Span::styled(format!(" {number} {name} "), style));
        spans.push(Span::raw(" "));
    }
    if app.tab == Tab::Hosts {
        match &app.chosen {
            Some(chosen) => spans.push(Span::raw(format!(" connections of {}", chosen.host))),
            None => spans.push(Span::raw(format!(" by {}", app.order.name()))),
        }
        if app.chosen.is_none() && (app.typing || !app.filter.is_empty()) {
            let end = if app.typing { "_" } else { "" };
            spans.push(Span::styled(format!("  /{}{end}", app.filter), looks.color(Color::Yellow).patch(BOLD)));
        }
    }
    Line::from(spans)
}

fn foot_line<'a>(app: &App, looks: Looks) -> Line<'a> {
    let keys = match (app.tab, app.typing, app.chosen.is_some()) {
        (Tab::Hosts, true, _) => "Enter keep  Esc clear",
        (Tab::Hosts, _, true) => "q quit  ? help  Esc back  Tab next",
        (Tab::Hosts, _, false) => "q quit  ? help  s sort  / filter  Enter connections  Tab next",
        (Tab::Classes | Tab::Totals, ..) => "q quit  ? help  Tab next",
    };
    Line::styled(keys, looks.dim())
}

fn right<'a>(text: impl ToString) -> Line<'a> {
    Line::from(text.to_string()).alignment(Alignment::Right)
}

fn hosts(frame: &mut Frame<'_>, app: &mut App, area: Rect, looks: Looks) {
    let found = app.model.hosts(app.order, &app.filter);
    let (widest, count) = (found.iter().map(|host| host.row.address.to_string().len()).max(), found.len());
    // An IPv6 address in full where there is room.
    let address = widest.unwrap_or_default().clamp(15, if area.width < 110 { 24 } else { 39 }) as u16;
    let fixed = address + 13 + 13 + 7 + 10 + 5;
    let room = area.width.saturating_sub(fixed);
    let first = app.hosts.offset().min(count.saturating_sub(1));
    let visible = first.saturating_sub(usize::from(area.height))..first + 2 * usize::from(area.height);
    let rows = found.iter().enumerate().map(|(at, host)| match visible.contains(&at) {
        true => host_row(host, usize::from(address), usize::from(room), looks),
        // Nobody sees it.
        false => Row::default(),
    });
    let widths = [
        Constraint::Length(address),
        Constraint::Length(13),
        Constraint::Length(13),
        Constraint::Length(room),
        Constraint::Length(7),
        Constraint::Length(10),
    ];
    let mark = |order: Order, title: &str| if app.order == order { format!("{title}*") } else { title.to_owned() };
    let header = Row::new([
        Line::from(mark(Order::Address, "HOST")),
        right(mark(Order::Down, "DOWN")),
        right(mark(Order::Up, "UP")),
        Line::from(mark(Order::Rate, "BOTH")),
        right(mark(Order::Connections, "CONNS")),
        right(mark(Order::Total, "TOTAL")),
    ]);
    let table = Table::new(rows, widths).header(header.style(BOLD)).row_highlight_style(BAR);
    if count > 0 && app.hosts.selected().is_none_or(|selected| selected >= count) {
        app.hosts.select(Some(app.hosts.selected().unwrap_or_default().min(count - 1)));
    }
    frame.render_stateful_widget(table, area, &mut app.hosts);
    if count == 0 {
        let why = if app.filter.is_empty() { "no hosts yet" } else { "no host is like that" };
        nothing(frame, area, why);
    }
}

fn host_row<'a>(host: &Host, address: usize, room: usize, looks: Looks) -> Row<'a> {
    let history = graph(host.history.iter().copied(), room, looks.unicode);
    let rate = |bits: u64, color: Color| {
        let style = if bits == 0 { looks.dim() } else { looks.color(color) };
        right(if bits == 0 { "-".to_owned() } else { BitRate(bits).to_string() }).style(style)
    };
    Row::new([
        Line::from(cut(&host.row.address.to_string(), address, looks)),
        rate(host.down, Color::Green),
        rate(host.up, Color::Cyan),
        Line::styled(history, looks.color(Color::Blue)),
        right(Count(host.row.open_connections())),
        right(Bytes(host.row.rx().bytes + host.row.tx().bytes)),
    ])
}

/// A text that is too long, without its middle.
fn cut(text: &str, width: usize, looks: Looks) -> String {
    let sign = if looks.unicode { "…" } else { "~" };
    if text.len() <= width {
        return text.to_owned();
    }
    let head = width / 2;
    format!("{}{sign}{}", &text[..head], &text[text.len() - (width - head - 1)..])
}

fn connections(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let Some(Chosen { host, connections, more, table }) = &mut app.chosen else { return };
    let rows = connections.iter().map(|connection| connection_row(connection, host));
    let widths = [
        Constraint::Length(8),
        Constraint::Length(12),
        Constraint::Fill(1),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(8),
    ];
    let header = Row::new([
        Line::from("PROTOCOL"),
        Line::from("STATE"),
        Line::from("WITH"),
        right("DOWN"),
        right("UP"),
        right("TIMEOUT"),
    ]);
    let list = Table::new(rows, widths).header(header.style(BOLD)).row_highlight_style(BAR);
    frame.render_stateful_widget(list, area, table);
    match (connections.is_empty(), more) {
        (true, _) => nothing(frame, area, "no connections"),
        (false, true) => {
            let line = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
            frame.render_widget(Clear, line);
            frame.render_widget(Line::styled(format!("these are the first {}", connections.len()), BOLD), line);
        }
        (false, false) => {}
    }
}

fn connection_row<'a>(connection: &Connection, host: &str) -> Row<'a> {
    let Connection { protocol, state, timeout, original, reply } = connection;
    let is_own = original.src.to_string() == host;
    let (up, down) = if is_own { (original, reply) } else { (reply, original) };
    let (arrow, peer, port) = match is_own {
        true => ("to", original.dst, original.dport),
        false => ("from", original.src, original.dport),
    };
    let with = match port {
        Some(port) if peer.is_ipv6() => format!("{arrow} [{peer}]:{port}"),
        Some(port) => format!("{arrow} {peer}:{port}"),
        None => format!("{arrow} {peer}"),
    };
    Row::new([
        Line::from(protocol.clone()),
        Line::from(state.clone().unwrap_or_default()),
        Line::from(with),
        right(Bytes(down.counter.bytes)),
        right(Bytes(up.counter.bytes)),
        right(format!("{timeout} s")),
    ])
}

fn classes(frame: &mut Frame<'_>, app: &mut App, area: Rect, looks: Looks) {
    let classes = app.model.classes();
    let is_wide = area.width >= 110;
    let rows = classes.iter().map(|(class, rate)| class_row(class, *rate, is_wide, looks));
    let mut widths = vec![
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Fill(1),
        Constraint::Length(13),
        Constraint::Length(13),
        Constraint::Length(9),
        Constraint::Length(8),
    ];
    let mut titles = vec![
        Line::from("DEVICE"),
        Line::from("CLASS"),
        Line::from("HOST"),
        right("NOW"),
        right("CEIL"),
        right("DROPPED"),
        right("WAITING"),
    ];
    if is_wide {
        widths.extend([Constraint::Length(13), Constraint::Length(10), Constraint::Length(8)]);
        titles.extend([right("RATE"), right("SENT"), right("PARENT")]);
    }
    let table = Table::new(rows, widths).header(Row::new(titles).style(BOLD)).row_highlight_style(BAR);
    let count = classes.len();
    if count > 0 && app.classes.selected().is_none_or(|selected| selected >= count) {
        app.classes.select(Some(app.classes.selected().unwrap_or_default().min(count - 1)));
    }
    frame.render_stateful_widget(table, area, &mut app.classes);
    if count == 0 {
        nothing(frame, area, "no classes");
    }
}

fn class_row<'a>(class: &Class, rate: u64, is_wide: bool, looks: Looks) -> Row<'a> {
    let limit = |rate: Option<u64>| right(rate.map_or_else(|| "-".to_owned(), |rate| BitRate(rate).to_string()));
    let host = class.host.map_or_else(|| "-".to_owned(), |host| host.to_string());
    let mut cells = vec![
        Line::from(class.device.clone()),
        Line::from(class.class.clone()),
        Line::from(host),
        right(BitRate(rate)).style(looks.color(Color::Green)),
        limit(class.ceil.or(class.rate)),
        right(Count(class.dropped)),
        right(Count(class.backlog.packets)),
    ];
    if is_wide {
        cells.extend([limit(class.rate), right(Bytes(class.sent.bytes)), right(&class.parent)]);
    }
    Row::new(cells)
}

fn totals(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let Some(stats) = &app.stats else { return };
    let text = stats_text(stats, usize::from(area.width));
    let lines = text.lines().count() as u16;
    app.scroll = app.scroll.min(lines.saturating_sub(area.height));
    frame.render_widget(Paragraph::new(text).scroll((app.scroll, 0)), area);
}

fn nothing(frame: &mut Frame<'_>, area: Rect, why: &str) {
    let line = Rect { y: area.y + area.height / 2, height: area.height.min(1), ..area };
    frame.render_widget(Line::from(why).alignment(Alignment::Center), line);
}

const KEYS: [(&str, &str); 15] = [
    ("1 2 3, Tab", "hosts, classes, totals"),
    ("Up Down, j k", "move"),
    ("PgUp PgDn, g G", "move by pages, to the ends"),
    ("Enter", "a host's connections"),
    ("Esc", "back; forget the filter"),
    ("/", "show hosts with this in their address,"),
    ("", "  or in this prefix (10.1.0.0/16)"),
    ("s", "sort by the next column"),
    ("r d u", "by rate, by what comes down, goes up"),
    ("t c a", "by total, connections, address"),
    ("", ""),
    ("DOWN UP", "bits a second to and from the host"),
    ("BOTH", "their sum, look by look"),
    ("", ""),
    ("q", "quit"),
];

fn help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let (width, height) = (60.min(area.width), (KEYS.len() as u16 + 2).min(area.height));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let window = Rect { x, y, width, height };
    let lines = KEYS.map(|(keys, what)| Line::from(vec![Span::styled(format!(" {keys:<16}"), BOLD), Span::raw(what)]));
    frame.render_widget(Clear, window);
    frame.render_widget(Paragraph::new(lines.to_vec()).block(Block::bordered().title(" Keys ")), window);
}

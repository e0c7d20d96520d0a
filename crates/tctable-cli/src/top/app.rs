//! What the user does, and what is to be shown of what is known.

use std::time::Instant;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::TableState;

use super::fetch::{Sample, Wanted};
use super::model::{Model, Order};
use crate::live::documents::{Connection, Stats};

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Hosts,
    Classes,
    Totals,
}

impl Tab {
    pub(super) const ALL: [(Tab, &'static str); 3] =
        [(Tab::Hosts, "Hosts"), (Tab::Classes, "Classes"), (Tab::Totals, "Totals")];
}

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    GoesOn,
    Quit,
}

/// A host that was chosen, with its connections.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) host: String,
    pub(super) connections: Vec<Connection>,
    /// There are more.
    pub(super) more: bool,
    pub(super) table: TableState,
}

/// All that the screen depends on.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) model: Model,
    pub(super) tab: Tab,
    pub(super) order: Order,
    pub(super) filter: String,
    /// The filter is being written.
    pub(super) typing: bool,
    pub(super) help: bool,
    pub(super) chosen: Option<Chosen>,
    pub(super) hosts: TableState,
    pub(super) classes: TableState,
    pub(super) stats: Option<Box<Stats>>,
    /// Lines of the totals that were scrolled past.
    pub(super) scroll: u16,
    /// Why the gateway does not answer.
    pub(super) failed: Option<String>,
    /// Rows that the present table shows.
    pub(super) page: usize,
}

impl App {
    /// What the gateway is to be asked for.
    pub(super) fn wanted(&self) -> Wanted {
        match (self.tab, &self.chosen) {
            (Tab::Hosts, Some(chosen)) => Wanted::Host(chosen.host.clone()),
            (Tab::Hosts, None) => Wanted::Hosts,
            (Tab::Classes, _) => Wanted::Classes,
            (Tab::Totals, _) => Wanted::Totals,
        }
    }

    /// Takes in what the gateway answered.
    pub(super) fn take(&mut self, sample: Sample, at: Instant) {
        self.failed = None;
        match sample {
            Sample::Hosts { document, all } => {
                let selected = self.selected();
                self.model.take_hosts(&document, all, at);
                // The bar stays with its host, unless it is at the top: there the first is looked at.
                if let Some(selected) = selected.filter(|_| self.hosts.selected() != Some(0)) {
                    let place = self.shown().iter().position(|host| *host == selected);
                    self.hosts.select(place.or(self.hosts.selected()));
                }
            }
            Sample::Host(host, document) => {
                if let Some(chosen) = self.chosen.as_mut().filter(|chosen| chosen.host == host) {
                    chosen.connections = document.connections;
                    // Most first.
                    let bytes =
                        |connection: &Connection| connection.original.counter.bytes + connection.reply.counter.bytes;
                    chosen.connections.sort_by_key(|connection| std::cmp::Reverse(bytes(connection)));
                    chosen.more = document.next.is_some();
                }
            }
            Sample::Classes(document) => self.model.take_classes(document, at),
            Sample::Totals(stats) => self.stats = Some(stats),
            Sample::Failed(why) => self.failed = Some(why),
        }
    }

    fn shown(&self) -> Vec<String> {
        self.model.hosts(self.order, &self.filter).iter().map(|host| host.row.address.to_string()).collect()
    }

    fn selected(&self) -> Option<String> {
        self.hosts.selected().and_then(|place| self.shown().into_iter().nth(place))
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: KeyEvent) -> Outcome {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Outcome::Quit;
        }
        if self.help {
            self.help = false;
            return Outcome::GoesOn;
        }
        if self.typing {
            self.type_filter(key.code);
            return Outcome::GoesOn;
        }
        match key.code {
            KeyCode::Char('q') => return Outcome::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = true,
            KeyCode::Char('1') => self.tab = Tab::Hosts,
            KeyCode::Char('2') => self.tab = Tab::Classes,
            KeyCode::Char('3') => self.tab = Tab::Totals,
            KeyCode::Tab | KeyCode::Right => self.turn(1),
            KeyCode::BackTab => self.turn(Tab::ALL.len() - 1),
            KeyCode::Left if self.chosen.is_none() || self.tab != Tab::Hosts => self.turn(Tab::ALL.len() - 1),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1),
            KeyCode::Down | KeyCode::Char('j') => self.go(1),
            KeyCode::PageUp => self.go(-(self.page.max(1) as isize)),
            KeyCode::PageDown => self.go(self.page.max(1) as isize),
            KeyCode::Home | KeyCode::Char('g') => self.go(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.go(isize::MAX),
            code if self.tab == Tab::Hosts => self.hosts_key(code),
            _ => {}
        }
        Outcome::GoesOn
    }

    fn hosts_key(&mut self, code: KeyCode) {
        match code {
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left if self.chosen.is_some() => self.chosen = None,
            KeyCode::Esc => self.filter.clear(),
            _ if self.chosen.is_some() => {}
            KeyCode::Enter => {
                if let Some(host) = self.selected() {
                    let table = TableState::default().with_selected(0);
                    self.chosen = Some(Chosen { host, connections: Vec::new(), more: false, table });
                }
            }
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('s') => self.sort(self.order.next()),
            KeyCode::Char(letter) => {
                if let Some((order, _, _)) = Order::ALL.into_iter().find(|(_, key, _)| *key == letter) {
                    self.sort(order);
                }
            }
            _ => {}
        }
    }

    fn sort(&mut self, order: Order) {
        self.order = order;
        self.hosts.select(Some(0));
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(letter) if !letter.is_control() && self.filter.len() < 64 => self.filter.push(letter),
            _ => {}
        }
        self.hosts.select(Some(0));
    }

    fn turn(&mut self, by: usize) {
        self.tab = Tab::ALL[(self.tab as usize + by) % Tab::ALL.len()].0;
    }

    /// Moves the bar by so many rows, as far as there are any.
    fn go(&mut self, by: isize) {
        let (table, rows) = match (self.tab, &mut self.chosen) {
            (Tab::Hosts, Some(chosen)) => (&mut chosen.table, chosen.connections.len()),
            (Tab::Hosts, None) => {
                let rows = self.model.hosts(self.order, &self.filter).len();
                (&mut self.hosts, rows)
            }
            (Tab::Classes, _) => (&mut self.classes, self.model.classes().len()),
            (Tab::Totals, _) => {
                self.scroll = self.scroll.saturating_add_signed(by.clamp(-1000, 1000) as i16);
                return;
            }
        };
        let place = table.selected().unwrap_or_default().saturating_add_signed(by);
        table.select(Some(place.min(rows.saturating_sub(1))));
    }
}

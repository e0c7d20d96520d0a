//! What the kernel forwards, in a terminal: a table every second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::widgets::Paragraph;
use tctable_lab::live::Network;

use super::hosts::HostCounts;
use super::kernel::KernelGateway;
use super::{LabError, report};

const EVERY: Duration = Duration::from_secs(1);
/// How often keys and signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// Shows it until somebody leaves or `stop` is set.
pub(super) fn watch(network: &Network, gateway: &KernelGateway, stop: &AtomicBool) -> Result<(), LabError> {
    let mut terminal = ratatui::try_init().map_err(LabError::Terminal)?;
    let seen = show(&mut terminal, network, gateway, stop);
    ratatui::restore();
    seen
}

fn show(
    terminal: &mut DefaultTerminal,
    network: &Network,
    gateway: &KernelGateway,
    stop: &AtomicBool,
) -> Result<(), LabError> {
    let events = events();
    let mut before: Option<Vec<HostCounts>> = None;
    loop {
        let begun = Instant::now();
        let hosts = gateway.hosts()?;
        let counted: Vec<_> = network.clients.iter().map(|client| hosts.of(&client.addresses())).collect();
        let mut text = String::from("forwarded by the kernel\n\n");
        report::rates(network, before.as_deref().unwrap_or(&counted), &counted, &mut text);
        let draw = |terminal: &mut DefaultTerminal| {
            let drawn = terminal.draw(|frame| {
                let [table, keys] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
                frame.render_widget(Paragraph::new(text.as_str()), table);
                frame.render_widget(Paragraph::new("q quit"), keys);
            });
            drawn.map(drop).map_err(LabError::Terminal)
        };
        draw(terminal)?;
        before = Some(counted);
        while begun.elapsed() < EVERY {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            match events.recv_timeout(TICK) {
                Ok(Event::Key(key)) if leaves(&key) => return Ok(()),
                Ok(Event::Resize(..)) => draw(terminal)?,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
            }
        }
    }
}

/// What happens at the terminal, read by a thread of its own: the reader does not come back once the terminal is gone. It ends with the
/// process.
fn events() -> Receiver<Event> {
    let (sender, events) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    events
}

/// As `tctable top` is left.
fn leaves(key: &KeyEvent) -> bool {
    let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (key.code == KeyCode::Char('q') || is_interrupt)
}

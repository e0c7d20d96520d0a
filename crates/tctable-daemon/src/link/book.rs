use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::{Event, Kind};
use super::message::{Message, Seen};

/// How one of the gateway's interfaces is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What the settings call it.
    pub name: String,
    /// What it is called now; `None`: it is gone.
    pub interface: Option<String>,
    /// Its index in the kernel; `None`: it is gone.
    pub index: Option<u32>,
    /// Whether it was brought up.
    pub up: bool,
    /// Whether it is up and has a carrier.
    pub carrier: bool,
    /// Its largest packet without the link header, in bytes; that of the last one where it is gone.
    pub mtu: u32,
    /// Events, by the numbers of [`Kind::ALL`].
    events: [u64; Kind::ALL.len()],
}

impl Link {
    /// An interface that is yet to be seen.
    pub fn new(name: impl Into<String>) -> Link {
        Link { name: name.into(), ..Link::default() }
    }

    /// How often something has happened to it.
    pub fn count(&self, kind: Kind) -> u64 {
        self.events[kind as usize]
    }

    /// What is different from what was known.
    fn see(&mut self, seen: &Seen) -> Vec<Event> {
        let mut events = Vec::new();
        let before = self.interface.replace(seen.name.clone());
        let was_there = self.index.replace(seen.index).is_some();
        let (up, carrier) =
            (std::mem::replace(&mut self.up, seen.up), std::mem::replace(&mut self.carrier, seen.running));
        let old = std::mem::replace(&mut self.mtu, seen.mtu);
        if !was_there {
            events.push(Event::Back);
        } else if let Some(from) = before.filter(|before| *before != seen.name) {
            events.push(Event::Renamed { from, to: seen.name.clone() });
        }
        if old != seen.mtu {
            events.push(Event::Mtu { old, new: seen.mtu });
        }
        match (up, seen.up) {
            _ if !was_there => {}
            (false, true) => events.push(Event::Up),
            // Then it has no carrier either.
            (true, false) => events.push(Event::Down),
            (false, false) => {}
            (true, true) if carrier && !seen.running => events.push(Event::CarrierLost),
            (true, true) => {}
        }
        if was_there && seen.running && !carrier && up {
            events.push(Event::CarrierBack);
        }
        events
    }

    fn lose(&mut self) -> Event {
        (self.interface, self.index, self.up, self.carrier) = (None, None, false, false);
        Event::Gone
    }
}

/// The gateway's interfaces, for the one who writes down what happens to them, and for those who look.
#[derive(Clone, Debug, Default)]
pub struct Links(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    links: Vec<Link>,
    overruns: u64,
}

impl Links {
    /// Interfaces by the numbers of their devices.
    pub fn new(links: Vec<Link>) -> Links {
        Links(Arc::new(Mutex::new(Book { links, overruns: 0 })))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As they are now.
    pub fn view(&self) -> Vec<Link> {
        self.book().links.clone()
    }

    /// How often the kernel had more to say than there was room for, and all interfaces were looked at anew.
    pub fn overruns(&self) -> u64 {
        self.book().overruns
    }

    pub(super) fn overrun(&self) {
        self.book().overruns += 1;
    }

    /// Takes note of a message; tells what happened to which device.
    pub(super) fn hear(&self, message: &Message) -> Vec<(usize, Event)> {
        let mut events = Vec::new();
        for (at, link) in self.book().links.iter_mut().enumerate() {
            match message {
                Message::Is(seen) | Message::Listed(seen) => {
                    let ours = link.index.map_or(link.name == seen.name, |index| index == seen.index);
                    if ours {
                        events.extend(link.see(seen).into_iter().map(|event| (at, event)));
                    }
                }
                Message::Gone { index } if link.index == Some(*index) => events.push((at, link.lose())),
                Message::Gone { .. } | Message::ListEnds { .. } | Message::Refused { .. } => {}
            }
        }
        events
    }

    /// These are all that there are.
    pub(super) fn only(&self, there: &HashSet<u32>) -> Vec<(usize, Event)> {
        let mut book = self.book();
        let links = book.links.iter_mut().enumerate();
        let gone = links.filter(|(_, link)| link.index.is_some_and(|index| !there.contains(&index)));
        gone.map(|(at, link)| (at, link.lose())).collect()
    }

    pub(super) fn count(&self, at: usize, event: &Event) {
        if let Some(link) = self.book().links.get_mut(at) {
            link.events[event.kind() as usize] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(index: u32, name: &str, mtu: u32, up: bool, running: bool) -> Message {
        Message::Is(Seen { index, name: name.to_owned(), mtu, up, running })
    }

    fn links() -> Links {
        let links = Links::new(vec![Link::new("lan"), Link::new("wan")]);
        links.hear(&is(2, "lan", 1500, true, true));
        links.hear(&is(3, "wan", 1500, true, true));
        links
    }

    #[test]
    fn what_is_as_before_is_no_event() {
        assert_eq!(links().hear(&is(3, "wan", 1500, true, true)), []);
        assert_eq!(links().hear(&is(9, "other", 100, false, false)), []);
    }

    #[test]
    fn each_change_is_told_once() {
        let links = links();
        let tell = |message: &Message| links.hear(message);
        assert_eq!(tell(&is(3, "wan", 9000, true, true)), [(1, Event::Mtu { old: 1500, new: 9000 })]);
        assert_eq!(tell(&is(3, "wan", 9000, true, false)), [(1, Event::CarrierLost)]);
        assert_eq!(tell(&is(3, "wan", 9000, true, true)), [(1, Event::CarrierBack)]);
        assert_eq!(tell(&is(3, "wan", 9000, false, false)), [(1, Event::Down)]);
        assert_eq!(tell(&is(3, "wan", 9000, true, false)), [(1, Event::Up)]);
        assert_eq!(tell(&is(3, "wan", 9000, true, true)), [(1, Event::CarrierBack)]);
        assert_eq!(tell(&Message::Gone { index: 3 }), [(1, Event::Gone)]);
        assert_eq!(tell(&Message::Gone { index: 3 }), []);
        assert_eq!(
            tell(&is(7, "wan", 1500, false, false)),
            [(1, Event::Back), (1, Event::Mtu { old: 9000, new: 1500 })]
        );
        assert_eq!(tell(&is(7, "wan", 1500, true, true)), [(1, Event::Up)]);
    }

    #[test]
    fn a_renamed_interface_is_kept_and_who_takes_its_name_is_another() {
        let links = links();
        let renamed = Event::Renamed { from: "wan".to_owned(), to: "wan9".to_owned() };
        assert_eq!(links.hear(&is(3, "wan9", 1500, true, true)), [(1, renamed)]);
        assert_eq!(links.hear(&is(8, "wan", 1500, true, true)), []);
        assert_eq!(links.view()[1].interface.as_deref(), Some("wan9"));
        // Only when it is gone.
        assert_eq!(links.hear(&Message::Gone { index: 3 }), [(1, Event::Gone)]);
        assert_eq!(links.hear(&is(8, "wan", 1500, true, true)), [(1, Event::Back)]);
        assert_eq!(links.view()[1].index, Some(8));
    }

    #[test]
    fn who_is_not_in_a_list_is_gone() {
        let links = links();
        assert_eq!(links.only(&HashSet::from([1, 2, 3, 4])), []);
        assert_eq!(links.only(&HashSet::from([1, 3])), [(0, Event::Gone)]);
        assert_eq!(links.only(&HashSet::from([1, 3])), []);
    }

    #[test]
    fn events_are_counted_by_their_kinds() {
        let links = links();
        for event in [Event::Down, Event::Down, Event::Mtu { old: 1, new: 2 }] {
            links.count(1, &event);
        }
        let link = &links.view()[1];
        let counts = Kind::ALL.map(|kind| link.count(kind));
        assert_eq!(counts, [0, 0, 2, 0, 0, 0, 0, 1]);
    }
}

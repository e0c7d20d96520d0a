use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tctable::packet::DeviceId;
use tracing::{info, warn};

use super::book::{Link, Links};
use super::event::{Event, Kind};
use super::message::Message;
use super::socket::{Heard, Listener};
use crate::config::Loaded;
use crate::daemon::Daemon;
use crate::shard::Shard;

/// How long the kernel may take to list all interfaces at the beginning.
const PATIENCE: Duration = Duration::from_secs(5);
/// A pause before a list is asked for again that could not be had.
const AGAIN: Duration = Duration::from_millis(100);

/// Follows what happens to the interfaces.
pub(crate) struct Watch {
    listener: Listener,
    links: Links,
    /// The list that is being made: its number, and who was seen in it.
    listing: Option<(u32, HashSet<u32>)>,
    /// Another list is wanted.
    wanted: bool,
}

impl Watch {
    /// Hears of interfaces from now on.
    pub(crate) fn open(names: &[&str]) -> io::Result<Watch> {
        let links = Links::new(names.iter().map(|name| Link::new(*name)).collect());
        Ok(Watch { listener: Listener::open()?, links, listing: None, wanted: true })
    }

    /// How they are.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Takes note of how they are now, which is no event.
    pub(crate) async fn begin(&mut self) -> io::Result<()> {
        let listed = async {
            while self.wanted || self.listing.is_some() {
                self.ask()?;
                let heard = self.listener.hear().await?;
                self.hear(heard);
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, listed).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Asks for a list, if one is wanted and none is on its way.
    fn ask(&mut self) -> io::Result<()> {
        if self.wanted && self.listing.is_none() {
            self.listing = Some((self.listener.ask_for_all()?, HashSet::new()));
            self.wanted = false;
        }
        Ok(())
    }

    /// What happened to which device, of all that was heard.
    fn hear(&mut self, heard: Heard) -> Vec<(usize, Event)> {
        let messages = match heard {
            Heard::Messages(messages) => messages,
            Heard::Overrun => {
                self.links.overrun();
                self.wanted = true;
                return Vec::new();
            }
        };
        let mut events = Vec::new();
        for message in messages {
            events.extend(self.links.hear(&message));
            events.extend(self.list(&message));
        }
        // Another one may have had the name of one that is gone all the time.
        self.wanted |= events.iter().any(|(_, event)| *event == Event::Gone);
        events
    }

    /// Follows the list that is being made.
    fn list(&mut self, message: &Message) -> Vec<(usize, Event)> {
        let Some((asked, there)) = &mut self.listing else { return Vec::new() };
        match message {
            Message::Is(seen) | Message::Listed(seen) => drop(there.insert(seen.index)),
            Message::Gone { index } => drop(there.remove(index)),
            Message::ListEnds { number, whole: true } if number == asked => {
                let gone = self.links.only(there);
                self.listing = None;
                return gone;
            }
            Message::ListEnds { number, .. } | Message::Refused { number } if number == asked => {
                (self.listing, self.wanted) = (None, true);
            }
            Message::ListEnds { .. } | Message::Refused { .. } => {}
        }
        Vec::new()
    }

    /// Follows them for as long as it is polled: tells, counts, and has the shards look at their ports.
    pub(crate) async fn follow(mut self, daemon: Arc<Daemon>) {
        loop {
            let heard = match self.ask() {
                Ok(()) => self.listener.hear().await,
                Err(error) => Err(error),
            };
            let heard = match heard {
                Ok(heard) => heard,
                Err(error) => {
                    warn!("what happens to interfaces: {error}");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            if let Heard::Overrun = heard {
                warn!("more happened to interfaces than there was room to tell: all are looked at anew");
            }
            let events = self.hear(heard);
            self.tell(&events);
            let devices: BTreeSet<usize> = events.iter().map(|(at, _)| *at).collect();
            daemon.look_at_ports(devices.into_iter().map(|at| DeviceId(at as u16)).collect()).await;
            if events.iter().any(|(_, event)| event.kind() == Kind::MtuChanged) {
                daemon.take_mtus(&self.links.view()).await;
            }
        }
    }

    fn tell(&self, events: &[(usize, Event)]) {
        if events.is_empty() {
            return;
        }
        let links = self.links.view();
        for (at, event) in events {
            self.links.count(*at, event);
            let name = links.get(*at).map_or("", |link| link.name.as_str());
            if event.is_bad() {
                warn!("{name}: {event}");
            } else {
                info!("{name}: {event}");
            }
        }
    }
}

impl Daemon {
    /// Has each shard look at once how the ports of these devices are. A shard that has ended has none.
    async fn look_at_ports(&self, devices: Vec<DeviceId>) {
        if !devices.is_empty() {
            let look = move |shard: &mut Shard| shard.look_at.extend_from_slice(&devices);
            drop(self.shards.ask_all(look).await);
        }
    }

    /// From now on engines and traffic control go by the MTUs that the interfaces have.
    async fn take_mtus(&self, links: &[Link]) {
        let _no_reload = self.reloading.lock().await;
        let mtus: Vec<u32> = links.iter().map(|link| link.mtu).collect();
        let mut loaded = Loaded::clone(&self.holds().loaded);
        loaded.config.mtu = least_mtu(&mtus);
        let loaded = Arc::new(loaded);
        let after = loaded.clone();
        let take = move |shard: &mut Shard| {
            shard.gateway.set_config(after.config.clone());
            for (device, mtu) in (0..).zip(&mtus) {
                shard.scheduler.set_mtu(DeviceId(device), *mtu);
            }
        };
        drop(self.shards.ask_all(take).await);
        self.holds.lock().unwrap_or_else(PoisonError::into_inner).loaded = loaded;
    }
}

/// The MTU that a gateway goes by which has these interfaces, in bytes.
pub(crate) fn least_mtu(mtus: &[u32]) -> u16 {
    mtus.iter().copied().min().unwrap_or(1500).min(u32::from(u16::MAX)) as u16
}

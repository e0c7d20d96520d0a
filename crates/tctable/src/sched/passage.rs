//! A packet's way in: ingress filters, egress filters, the root, and other devices where actions want it to go.

use arrayvec::ArrayVec;

use super::action::{MOST_NESTED, Redirect};
use super::context::DropCause;
use super::filter::Classified;
use super::offered;
use super::outcome::{Ingress, Offer, Redirected};
use super::qdisc::Enqueue;
use super::queued::Queued;
use super::scheduler::Scheduler;
use super::skb::Skb;
use crate::packet::DeviceId;
use crate::time::Instant;

/// What lies behind a packet that was redirected.
#[derive(Clone, Debug, Default)]
struct Trail {
    /// How many redirections.
    depth: u32,
    /// The devices whose roots redirected it: none of them takes it back, as in the kernel, whose lock it holds.
    roots: ArrayVec<DeviceId, { MOST_NESTED as usize + 1 }>,
}

impl Scheduler {
    /// Whether packets that come in by a device meet ingress filters: where not, there is no need to ask
    /// [`Scheduler::receive`].
    pub fn has_ingress(&self, device: DeviceId) -> bool {
        self.device(device).is_some_and(|device| device.hooks.is_some())
    }

    /// A packet came in: it meets the device's ingress filters.
    pub fn receive(&mut self, now: Instant, device: DeviceId, skb: &mut Skb<'_>) -> Ingress {
        self.copies.clear();
        self.take_in(now, device, skb, &Trail::default())
    }

    /// A hint that these packets will be offered to a device next, in bursts of 32 best: many classes fit no cache, and
    /// the memory that a burst needs is asked for together. It changes nothing but how long that takes.
    pub fn look_ahead(&mut self, device: DeviceId, skbs: &[Skb<'_>]) {
        if let Some(Some(device)) = self.devices.get_mut(usize::from(device.0)) {
            device.root.qdisc.look_ahead(&self.shared.pool, skbs);
        }
    }

    /// Offers a packet to a device: it meets the device's egress filters, then its root qdisc.
    pub fn offer(&mut self, now: Instant, device: DeviceId, skb: &mut Skb<'_>) -> Offer {
        self.copies.clear();
        self.send(now, device, skb, &Trail::default())
    }

    /// Where copies of the packet that was received or offered last went (`mirred egress mirror`): each of those that wait
    /// leaves or is dropped under the packet's own token, besides the packet itself.
    pub fn copies(&self) -> &[Redirected] {
        &self.copies
    }

    fn take_in(&mut self, now: Instant, id: DeviceId, skb: &mut Skb<'_>, trail: &Trail) -> Ingress {
        let Some(Some(device)) = self.devices.get_mut(usize::from(id.0)) else {
            return Ingress::Dropped(DropCause::NoDevice);
        };
        let Some(hooks) = &mut device.hooks else { return Ingress::Pass };
        let mut context = self.shared.context(now, &device.config);
        context.depth = trail.depth;
        let classified = hooks.ingress.classify(&mut context, skb);
        match (classified, self.redirect(now, skb, trail, None, classified == Classified::Stolen)) {
            (Classified::Nothing | Classified::Class(_), _) => Ingress::Pass,
            (Classified::Drop(cause), _) => Ingress::Dropped(cause),
            (Classified::Stolen, None) => Ingress::Stolen,
            (Classified::Stolen, Some(Ok(redirected))) => Ingress::Redirected(redirected),
            (Classified::Stolen, Some(Err(Offer::Dropped { cause, .. }))) => Ingress::Dropped(cause),
            (Classified::Stolen, Some(Err(_))) => Ingress::Stolen,
        }
    }

    fn send(&mut self, now: Instant, id: DeviceId, skb: &mut Skb<'_>, trail: &Trail) -> Offer {
        let Some(Some(device)) = self.devices.get_mut(usize::from(id.0)) else {
            return Offer::Dropped { class: None, cause: DropCause::NoDevice };
        };
        if let Some(hook) = device.hooks.as_mut().and_then(|hooks| hooks.egress.as_mut()) {
            let mut context = self.shared.context(now, &device.config);
            context.depth = trail.depth;
            let classified = hook.classify(&mut context, skb);
            let redirected = self.redirect(now, skb, trail, None, classified == Classified::Stolen);
            match classified {
                Classified::Nothing | Classified::Class(_) => {}
                Classified::Drop(cause) => return Offer::Dropped { class: None, cause },
                Classified::Stolen => return redirected.map_or(Offer::Stolen, offer_of),
            }
        }
        self.enqueue(now, id, skb, trail)
    }

    fn enqueue(&mut self, now: Instant, id: DeviceId, skb: &mut Skb<'_>, trail: &Trail) -> Offer {
        let is_full = self.is_full();
        let Some(Some(device)) = self.devices.get_mut(usize::from(id.0)) else {
            return Offer::Dropped { class: None, cause: DropCause::NoDevice };
        };
        let refusal = match trail.roots.contains(&id) {
            true => Some(DropCause::Loop),
            false => is_full.then_some(DropCause::Limit),
        };
        if let Some(cause) = refusal {
            device.root.dropped += 1;
            return Offer::Dropped { class: None, cause };
        }
        let queued = Queued {
            token: skb.token,
            arrived: now,
            len: skb.len,
            flow: offered::flow_hash(&self.shared.hasher, skb),
            ecn: offered::ecn(skb),
            is_marked: false,
        };
        let mut context = self.shared.context(now, &device.config);
        context.depth = trail.depth;
        let before = device.backlog().packets;
        let enqueue = device.root.enqueue(&mut context, skb, queued);
        let class = context.class;
        let after = device.backlog().packets;
        self.follow(id, before, after);
        let redirected = self.redirect(now, skb, trail, Some(id), enqueue == Enqueue::Stolen);
        match enqueue {
            Enqueue::Queued | Enqueue::Congested => Offer::Queued { class },
            Enqueue::Dropped(cause) => Offer::Dropped { class, cause },
            Enqueue::Stolen => redirected.map_or(Offer::Stolen, offer_of),
        }
    }

    /// Sends copies where actions want them, and the packet itself if it goes nowhere else: tells what became of that.
    #[inline]
    fn redirect(
        &mut self,
        now: Instant,
        skb: &mut Skb<'_>,
        trail: &Trail,
        root: Option<DeviceId>,
        is_stolen: bool,
    ) -> Option<Result<Redirected, Offer>> {
        if self.shared.redirects.is_empty() {
            return None;
        }
        let redirects = std::mem::take(&mut self.shared.redirects);
        let mut trail = trail.clone();
        trail.depth += 1;
        if let Some(root) = root {
            // There is room for as many as redirect at all.
            let _ = trail.roots.try_push(root);
        }
        let itself = redirects.iter().rposition(|redirect| is_stolen && !redirect.is_copy);
        let mut became = None;
        for (at, redirect) in redirects.into_iter().enumerate() {
            let mut copy = Skb { mark: redirect.mark, priority: redirect.priority, ..skb.clone() };
            let outcome = self.follow_redirect(now, &mut copy, &redirect, &trail);
            if Some(at) == itself {
                became = Some(outcome);
            } else if let Ok(redirected) = outcome {
                self.copies.push(redirected);
            }
        }
        became
    }

    fn follow_redirect(
        &mut self,
        now: Instant,
        skb: &mut Skb<'_>,
        redirect: &Redirect,
        trail: &Trail,
    ) -> Result<Redirected, Offer> {
        let device = redirect.device;
        if redirect.ingress {
            return match self.take_in(now, device, skb, trail) {
                Ingress::Pass => Ok(Redirected::Received { device }),
                Ingress::Redirected(redirected) => Ok(redirected),
                Ingress::Dropped(cause) => Err(Offer::Dropped { class: None, cause }),
                Ingress::Stolen => Err(Offer::Stolen),
            };
        }
        match self.send(now, device, skb, trail) {
            Offer::Queued { class } => Ok(Redirected::Queued { device, class }),
            Offer::Redirected(redirected) => Ok(redirected),
            other => Err(other),
        }
    }
}

fn offer_of(redirected: Result<Redirected, Offer>) -> Offer {
    redirected.map_or_else(|offer| offer, Offer::Redirected)
}

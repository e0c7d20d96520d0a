//! Rules on the road: what a table says of a packet, and what comes of it beside the verdict.

use thiserror::Error;

use super::engine::Gateway;
use super::event::Event;
use super::walk::{Walk, Walked};
use crate::conntrack::{Changes, CtState};
use crate::hook::{Ct, Hook, Tracking, Verdict};
use crate::packet::{Family, Frame, FrameDirection, LinkType, PacketInfo, Transport, tcp_flags};
use crate::ruleset::program::{CompiledSets, Effect, Env, Program};
use crate::ruleset::{Ruleset, Sets, TableName, Target};
use crate::time::Instant;

/// Rules that one packet may meet at most before no more of them are told to observers.
const MAX_MET: usize = 4096;

/// A rule names a helper that there is none of, or not for its protocol (`CT --helper`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of the rules for {family}: no helper {name} for that protocol")]
pub struct UnknownRuleHelper {
    /// The name.
    pub name: Box<str>,
    /// The version of IP that the rules are for.
    pub family: Family,
    /// The line of the rule; 0 where it was not read.
    pub line: u32,
}

impl Gateway {
    /// Loads the rules of both versions of IP, in the place of those that were loaded; `None` for a version without rules.
    /// Connections and packets that wait in queues stay, and so do the counters of rules that are there again, and the
    /// state of their limits.
    ///
    /// # Errors
    /// [`UnknownRuleHelper`]; then the old rules stay.
    pub fn set_rules(
        &mut self,
        v4: Option<Ruleset>,
        v6: Option<Ruleset>,
        sets: &Sets,
    ) -> Result<(), UnknownRuleHelper> {
        for rules in [&v4, &v6].into_iter().flatten() {
            self.check_helpers(rules)?;
        }
        let any = v4.is_some() || v6.is_some();
        let mut program = Program::new(v4, v6, CompiledSets::new(sets));
        if let Some(old) = self.program.take() {
            program.take_over(*old);
        }
        self.program = any.then(|| Box::new(program));
        self.hooks.set_rules(any);
        Ok(())
    }

    /// Whether there is every helper that `CT --helper` names, as the kernel asks when it loads a rule.
    fn check_helpers(&self, rules: &Ruleset) -> Result<(), UnknownRuleHelper> {
        for rule in rules.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules) {
            let Target::Ct(target) = &rule.target else { continue };
            let Some(name) = &target.helper else { continue };
            let protocol = rule.header.protocol.map_or(0, |protocol| protocol.value);
            if self.config.helpers.find(name, rules.family, protocol).is_none() {
                return Err(UnknownRuleHelper { name: name.clone(), family: rules.family, line: rule.line });
            }
        }
        Ok(())
    }

    /// The rules that are loaded, of IPv4 and of IPv6, with their counters as they stand.
    pub fn rules(&self) -> (Option<&Ruleset>, Option<&Ruleset>) {
        self.program.as_ref().map_or((None, None), |program| program.rulesets())
    }

    pub(super) fn step_table(&mut self, now: Instant, walk: &mut Walk<'_>, hook: Hook, table: TableName) -> Verdict {
        let Gateway { program, conntrack, devices, random, effects, config, .. } = self;
        let Some(program) = program else { return Verdict::Accept };
        let family = walk.packet.info().tuple.family;
        let own = config.local.iter().copied().find(|own| Family::from(*own) == family);
        let (utc_offset, mtu) = (config.utc_offset, config.mtu);
        let mut env = Env { now, conntrack, devices, random, effects, utc_offset, own, mtu };
        let verdict = program.run(table, hook, &mut walk.packet, &mut env);
        if !self.effects.is_empty() {
            self.take_effects(now, walk);
        }
        verdict
    }

    #[cold]
    fn take_effects(&mut self, now: Instant, walk: &mut Walk<'_>) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Trace(record) if walk.met.len() < MAX_MET => walk.met.push(record),
                Effect::Trace(_) => {}
                Effect::Log(record) => {
                    if self.config.events.log {
                        self.push_event(Event::Log(record));
                    }
                }
                Effect::Marked(id) => {
                    if let Some(place) = self.conntrack.place_of(id) {
                        self.tell(id, place, Changes::MARK);
                    }
                }
                Effect::Reject(answer) => self.answer(now, walk, &answer),
            }
        }
        self.effects = effects;
    }

    /// Sends the answer to a rejected packet along the road of what the gateway makes itself, as the kernel does: with the
    /// rejected packet's connection, against its direction.
    fn answer(&mut self, now: Instant, walk: &mut Walk<'_>, bytes: &[u8]) {
        if walk.made {
            return;
        }
        let device = walk.packet.packet().frame.device;
        let (direction, wire_len) = (FrameDirection::Outbound, bytes.len() as u32);
        let frame = Frame { time: now, device, direction, link: LinkType::Raw, wire_len, data: bytes };
        let Ok(info) = PacketInfo::read(&frame) else { return };
        self.totals.made.count(info.ip_len);
        let mut answer = Walk::made(frame, info);
        answer.packet.output = walk.packet.input;
        let rejected = &mut walk.packet.tracking;
        if let (Ct::Confirmed(place), Transport::Tcp(header)) = (&rejected.connection, &info.transport)
            && header.flags & tcp_flags::RST != 0
        {
            self.conntrack.set_closing(now, *place);
        }
        let attached = !matches!(rejected.connection, Ct::None);
        if attached {
            answer.packet.tracking = Tracking {
                state: CtState::Related,
                direction: rejected.direction.opposite(),
                connection: std::mem::replace(&mut rejected.connection, Ct::None),
                cookie: rejected.cookie,
            };
        }
        let walked = self.go_on(now, &mut answer, Hook::LocalOut, None);
        if attached {
            let connection = std::mem::replace(&mut answer.packet.tracking.connection, Ct::None);
            walk.packet.tracking.connection = connection;
        }
        match walked {
            Walked::Passed => self.transmit(&answer.packet),
            // It would have to wait without its connection, which is dropped with the packet that began it.
            Walked::Queued { .. } | Walked::Held => self.settle(&answer, Verdict::DROP),
            Walked::Ended(verdict) => self.settle(&answer, verdict),
        }
    }
}

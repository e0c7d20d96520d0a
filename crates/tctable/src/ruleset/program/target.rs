//! What a rule does with a packet.

use super::{Effect, Env, connmark, ct, log, mangle, nfqueue, reject};
use crate::hook::{Hook, PacketBuf, Verdict};
use crate::ruleset::Target;

/// Where a packet goes after a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To the rule after it.
    Rule,
    Verdict(Verdict),
    /// Back to where this chain was jumped from.
    Return,
    /// To a chain, and back.
    Jump(u16),
    /// To a chain.
    Goto(u16),
}

pub(super) fn apply(target: &Target, hook: Hook, packet: &mut PacketBuf<'_>, env: &mut Env<'_>) -> Next {
    match target {
        Target::None => {}
        Target::Accept => return Next::Verdict(Verdict::Accept),
        Target::Drop => return Next::Verdict(Verdict::DROP),
        Target::Return => return Next::Return,
        Target::Jump(chain) => return Next::Jump(*chain),
        Target::Goto(chain) => return Next::Goto(*chain),
        Target::Reject(with) => {
            let answer = reject::answer(*with, packet.packet().as_packet(), hook, env.own);
            env.effects.extend(answer.map(Effect::Reject));
            return Next::Verdict(Verdict::DROP);
        }
        Target::Queue => return Next::Verdict(Verdict::Queue { number: 0, bypass: false }),
        Target::Nfqueue(target) => return Next::Verdict(nfqueue::verdict(target, &packet.info().tuple)),
        Target::Mark(change) => packet.mark = connmark::changed(packet.mark, *change),
        Target::Connmark(target) => connmark::change(*target, packet, env),
        Target::Ct(target) => ct::lay_down(target, packet, env.conntrack),
        Target::Notrack => ct::do_not_track(packet),
        Target::Classify(class) => packet.priority = *class,
        Target::Dscp(dscp) => mangle::set_dscp(packet, *dscp),
        Target::Ttl(change) => mangle::change_ttl(packet, *change),
        Target::Tcpmss(size) => {
            if !mangle::set_mss(packet, *size, env.mtu) {
                return Next::Verdict(Verdict::DROP);
            }
        }
        Target::Log(target) => {
            let record = log::record(target, hook, packet, env.devices);
            env.effects.push(Effect::Log(Box::new(record)));
        }
        Target::Trace => packet.traced = true,
    }
    Next::Rule
}

/// A target in the words of `-j`; a chain's number is for the caller to name.
pub(super) fn name(target: &Target) -> Result<&'static str, u16> {
    Ok(match target {
        Target::None => "",
        Target::Accept => "ACCEPT",
        Target::Drop => "DROP",
        Target::Return => "RETURN",
        Target::Jump(chain) | Target::Goto(chain) => return Err(*chain),
        Target::Reject(_) => "REJECT",
        Target::Queue => "QUEUE",
        Target::Nfqueue(_) => "NFQUEUE",
        Target::Mark(_) => "MARK",
        Target::Connmark(_) => "CONNMARK",
        Target::Ct(_) => "CT",
        Target::Notrack => "NOTRACK",
        Target::Classify(_) => "CLASSIFY",
        Target::Dscp(_) => "DSCP",
        Target::Ttl(_) => "TTL",
        Target::Tcpmss(_) => "TCPMSS",
        Target::Log(_) => "LOG",
        Target::Trace => "TRACE",
    })
}

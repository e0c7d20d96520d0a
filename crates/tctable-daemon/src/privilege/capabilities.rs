//! Capabilities (capabilities(7)).

use caps::{CapSet, Capability, CapsHashSet};

use super::PrivilegeError;

/// Opening a packet socket anew takes NET_RAW; its buffers, promiscuous mode and redirections take NET_ADMIN. A program for AF_XDP takes
/// BPF besides.
pub(super) fn needed(programs: bool) -> CapsHashSet {
    let mut needed = CapsHashSet::from([Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW]);
    if programs {
        needed.insert(Capability::CAP_BPF);
    }
    needed
}

/// What a gateway takes at its start, until it gives it away: opening what belongs to the user that it becomes, giving its directories to
/// that user, becoming it.
pub(super) fn to_start(programs: bool, low_port: bool) -> CapsHashSet {
    let mut start = needed(programs);
    start.extend([
        Capability::CAP_CHOWN,
        Capability::CAP_DAC_OVERRIDE,
        Capability::CAP_FOWNER,
        Capability::CAP_SETGID,
        Capability::CAP_SETPCAP,
        Capability::CAP_SETUID,
    ]);
    if programs {
        // Its memory is locked.
        start.insert(Capability::CAP_IPC_LOCK);
    }
    if low_port {
        start.insert(Capability::CAP_NET_BIND_SERVICE);
    }
    start
}

/// Of these a supervisor uses the first, which is for redirections, and the other, which is for signals to a gateway that is another user:
/// no others are in effect. What `start` has is left for the gateway that is started next.
pub(super) fn keep_for_supervisor(start: &CapsHashSet) -> Result<(), PrivilegeError> {
    let used = CapsHashSet::from([Capability::CAP_NET_ADMIN, Capability::CAP_KILL]);
    let keep: CapsHashSet = start.union(&used).copied().collect();
    let read = |set| caps::read(None, set).map_err(step("capabilities"));
    let (permitted, inheritable) = (read(CapSet::Permitted)?, read(CapSet::Inheritable)?);
    if permitted.contains(&Capability::CAP_SETPCAP) {
        // A gateway that is started as root gets what is in the bounding set.
        for capability in caps::runtime::thread_all_supported().difference(&keep) {
            caps::drop(None, CapSet::Bounding, *capability).map_err(step("the bounding set of capabilities"))?;
        }
    }
    let left = |of: &CapsHashSet, in_set: &CapsHashSet| of.intersection(in_set).copied().collect();
    let effective: CapsHashSet = left(&permitted, &used);
    caps::set(None, CapSet::Effective, &effective).map_err(step("effective capabilities"))?;
    let permitted: CapsHashSet = left(&permitted, &keep);
    caps::set(None, CapSet::Permitted, &permitted).map_err(step("permitted capabilities"))?;
    // Ambient ones, by which a gateway that is no root gets what it needs, have to be inheritable.
    let inheritable: CapsHashSet = left(&inheritable, &permitted);
    caps::set(None, CapSet::Inheritable, &inheritable).map_err(step("inheritable capabilities"))
}

fn step(step: &'static str) -> impl FnOnce(caps::errors::CapsError) -> PrivilegeError {
    move |error| PrivilegeError::Step { step, reason: error.to_string() }
}

/// Whether they are there.
pub(super) fn check(needed: &CapsHashSet) -> Result<(), PrivilegeError> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(step("capabilities"))?;
    if needed.is_subset(&permitted) { Ok(()) } else { Err(PrivilegeError::Missing) }
}

/// No program that is started can have others, and a change of user keeps those that there are.
pub(super) fn bound(keep: &CapsHashSet) -> Result<(), PrivilegeError> {
    let may = caps::has_cap(None, CapSet::Permitted, Capability::CAP_SETPCAP).map_err(step("capabilities"))?;
    // Without it there is nothing that a program could gain: see no_new_privs.
    if may {
        for capability in caps::runtime::thread_all_supported().difference(keep) {
            caps::drop(None, CapSet::Bounding, *capability).map_err(step("the bounding set of capabilities"))?;
        }
    }
    caps::securebits::set_keepcaps(true).map_err(step("keepcaps"))
}

/// These are left, and no others.
pub(super) fn keep(keep: &CapsHashSet) -> Result<(), PrivilegeError> {
    caps::clear(None, CapSet::Ambient).map_err(step("ambient capabilities"))?;
    caps::set(None, CapSet::Effective, keep).map_err(step("effective capabilities"))?;
    caps::set(None, CapSet::Permitted, keep).map_err(step("permitted capabilities"))?;
    caps::clear(None, CapSet::Inheritable).map_err(step("inheritable capabilities"))?;
    caps::securebits::set_keepcaps(false).map_err(step("keepcaps"))
}

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

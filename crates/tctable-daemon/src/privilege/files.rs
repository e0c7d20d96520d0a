//! The part of the file system that is left (landlock(7)).

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::PrivilegeError;

/// The newest one that is known here; an older kernel enforces what it knows of it.
const KNOWN: ABI = ABI::V6;

/// What the program and its libraries read of the system: nothing secret is below.
const SYSTEM: [&str; 4] = ["/proc", "/sys", "/etc/localtime", "/usr/share/zoneinfo"];

/// From now on nothing but these is read or written, no TCP port is opened, nor a connection, and no other process is sent a signal.
/// Tells what an operator should know.
pub(super) fn restrict(readable: &[PathBuf], writable: &[PathBuf]) -> Result<Option<String>, PrivilegeError> {
    match enforce(readable, writable) {
        Ok(RulesetStatus::NotEnforced) => {
            Ok(Some("this kernel has no landlock: the whole file system stays within reach".to_owned()))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(PrivilegeError::Step { step: "landlock", reason: error.to_string() }),
    }
}

fn enforce(readable: &[PathBuf], writable: &[PathBuf]) -> Result<RulesetStatus, landlock::RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut write = AccessFs::from_all(KNOWN);
    write.remove(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::Signal)?
        .create()?;
    for path in SYSTEM.iter().map(Path::new).chain(readable.iter().map(PathBuf::as_path)) {
        rules = add(rules, path, read)?;
    }
    for path in writable {
        rules = add(rules, path, write)?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// What is not there cannot be reached either.
fn add(
    rules: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    let Ok(file) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
    rules.set_compatibility(landlock::CompatLevel::BestEffort).add_rule(PathBeneath::new(file, access))
}

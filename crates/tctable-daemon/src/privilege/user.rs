//! Another user than root.

use std::path::PathBuf;

use nix::unistd::{User, chown, geteuid, setgroups, setresgid, setresuid};

use super::PrivilegeError;

/// Becomes a user: the one that is named, or the usual one if there is one. The directories that it writes in are its own from then on.
/// Tells where nothing changes though root could.
pub(super) fn change(
    named: Option<&str>,
    usual: &str,
    directories: &[PathBuf],
) -> Result<Option<String>, PrivilegeError> {
    if !geteuid().is_root() {
        // Whoever started it, as another user with capabilities, has seen to it.
        return Ok(None);
    }
    let name = named.unwrap_or(usual);
    let found = User::from_name(name).map_err(|error| error.to_string());
    let Some(user) = found.map_err(PrivilegeError::step("users"))? else {
        return match named {
            Some(name) => Err(PrivilegeError::NoUser(name.to_owned())),
            None => Ok(Some(format!("there is no user {usual}: it stays root, without root's capabilities"))),
        };
    };
    if user.uid.is_root() {
        return Ok(None);
    }
    let failed = |error: nix::Error| PrivilegeError::Step { step: "the change of user", reason: error.to_string() };
    for directory in directories {
        // The group of the control socket's directory stays: it says who may connect.
        chown(directory, Some(user.uid), None).map_err(failed)?;
    }
    setgroups(&[user.gid]).map_err(failed)?;
    setresgid(user.gid, user.gid, user.gid).map_err(failed)?;
    setresuid(user.uid, user.uid, user.uid).map_err(failed)?;
    Ok(None)
}

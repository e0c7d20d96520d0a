//! What a gateway gives away once its ports, files and sockets are open: root, every capability but two, the file system but for its
//! own directories, and the system calls that it never makes.
//!
//! Each step holds for the thread that takes it and for those that it starts later, so it comes before any other thread.

mod calls;
mod capabilities;
mod files;
mod user;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::calls::Violation;
use crate::config::Settings;

/// What is left to a gateway.
#[derive(Clone, Debug)]
pub struct Privileges {
    /// Who it is from now on; `None`: `tctable` where there is such a user, otherwise who it was.
    pub user: Option<String>,
    /// Directories that it reads and writes in.
    pub writable: Vec<PathBuf>,
    /// Directories that it reads in.
    pub readable: Vec<PathBuf>,
    /// Whether it loads programs into the kernel, which AF_XDP takes.
    pub programs: bool,
    /// What happens at a system call that it is not to make.
    pub violation: Violation,
}

/// Why privileges were not given away: the gateway is not to run then.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// The user is not known.
    #[error("there is no user {0:?}")]
    NoUser(String),
    /// Something that running takes is missing from the beginning.
    #[error("CAP_NET_ADMIN and CAP_NET_RAW are needed: run as root, or give them (systemd: AmbientCapabilities=)")]
    Missing,
    /// A step failed.
    #[error("{step}: {reason}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// What the operating system or the crate in between said.
        reason: String,
    },
}

impl PrivilegeError {
    fn step(step: &'static str) -> impl FnOnce(String) -> PrivilegeError {
        move |reason| PrivilegeError::Step { step, reason }
    }
}

/// Who is taken where nobody is named.
const USER: &str = "tctable";

impl Privileges {
    /// What a gateway with these settings goes on needing. `kill` makes a system call that it is not to make its end: for tests.
    pub fn of(settings: &Settings, kill: bool) -> Privileges {
        let mut writable: Vec<PathBuf> = settings.state.iter().cloned().collect();
        writable.extend(settings.control.as_deref().map(directory));
        let mut readable: Vec<PathBuf> = settings.sources.file.as_deref().map(directory).into_iter().collect();
        readable.extend(settings.files().map(directory));
        Privileges {
            user: settings.user.clone(),
            writable,
            readable,
            programs: settings.xdp,
            violation: if kill { Violation::Kill } else { Violation::Refuse },
        }
    }
}

/// Where a file is: whoever replaces it makes a new one there.
fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Gives away all but these privileges, for this thread and those that it starts from now on; tells what an operator should know,
/// a line for each.
///
/// # Errors
/// [`PrivilegeError`]
pub fn drop(privileges: &Privileges) -> Result<Vec<String>, PrivilegeError> {
    let mut said = Vec::new();
    let keep = capabilities::needed(privileges.programs);
    capabilities::check(&keep)?;
    capabilities::bound(&keep)?;
    said.extend(user::change(privileges.user.as_deref(), USER, &privileges.writable)?);
    capabilities::keep(&keep)?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| PrivilegeError::Step { step: "no_new_privs", reason: error.to_string() })?;
    said.extend(files::restrict(&privileges.readable, &privileges.writable)?);
    calls::filter(privileges.violation, privileges.programs)?;
    Ok(said)
}

impl From<PrivilegeError> for io::Error {
    fn from(error: PrivilegeError) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, error)
    }
}

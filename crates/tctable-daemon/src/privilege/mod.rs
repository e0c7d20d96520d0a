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

/// What the gateway that a supervisor starts takes at its start, beyond what every gateway does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// It loads programs into the kernel, which AF_XDP takes.
    pub programs: bool,
    /// It listens on a port below 1024.
    pub low_port: bool,
}

impl Start {
    /// What a gateway with these settings takes.
    pub fn of(settings: &Settings) -> Start {
        let low_port = settings.metrics.is_some_and(|address| (1..1024).contains(&address.port()));
        Start { programs: settings.xdp, low_port }
    }
}

/// Has a supervisor keep what it needs, and what the gateways take that it starts; for this thread and those that it starts from now on,
/// and for processes that they start.
///
/// There is no filter of system calls and no landlock: a gateway would inherit them, and it begins with files, users and
/// capabilities before it restricts itself further.
///
/// # Errors
/// [`PrivilegeError`]
pub fn supervise(start: Start) -> Result<(), PrivilegeError> {
    capabilities::keep_for_supervisor(&capabilities::to_start(start.programs, start.low_port))?;
    no_new_privs()
}

fn no_new_privs() -> Result<(), PrivilegeError> {
    let set = rustix::thread::set_no_new_privs(true);
    set.map_err(|error| PrivilegeError::Step { step: "no_new_privs", reason: error.to_string() })
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
    no_new_privs()?;
    said.extend(files::restrict(&privileges.readable, &privileges.writable)?);
    calls::filter(privileges.violation, privileges.programs)?;
    Ok(said)
}

impl From<PrivilegeError> for io::Error {
    fn from(error: PrivilegeError) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, error)
    }
}

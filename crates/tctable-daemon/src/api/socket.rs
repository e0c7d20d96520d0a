use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fs, process};

use nix::unistd::Group;
use thiserror::Error;

/// Who may connect: root and the group. It is asked again who it is of whoever connects.
const MODE: u32 = 0o660;

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Another gateway has it.
    #[error("{}: another gateway listens there", .0.display())]
    Taken(PathBuf),
    /// There is something that is no socket.
    #[error("{}: is there, and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// There is no such group.
    #[error("no group is called {0}")]
    NoGroup(String),
    /// The operating system does not do it.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What it said.
        reason: io::Error,
    },
}

/// The control socket, listening. Its file goes with it.
#[derive(Debug)]
pub struct ControlSocket {
    pub(super) listener: UnixListener,
    pub(super) owner: u32,
    pub(super) group: u32,
    path: PathBuf,
}

impl ControlSocket {
    /// Listens. What a gateway that is gone left there is replaced; directories above are made.
    ///
    /// The socket belongs to the group of that name or number, where there is one, otherwise to that of this process.
    ///
    /// # Errors
    /// [`SocketError`]
    pub fn bind(path: &Path, group: Option<&str>) -> Result<ControlSocket, SocketError> {
        let failed = |reason| SocketError::Io { path: path.to_owned(), reason };
        let group = group.map(find_group).transpose()?;
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        match UnixStream::connect(path) {
            Ok(_) => return Err(SocketError::Taken(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                use std::os::unix::fs::FileTypeExt;
                let kind = fs::symlink_metadata(path).map_err(failed)?.file_type();
                if !kind.is_socket() {
                    return Err(SocketError::NoSocket(path.to_owned()));
                }
            }
            Err(error) => return Err(failed(error)),
        }
        // Under its name it is there only once nobody can connect to it who may not.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", process::id()));
        let new = path.with_file_name(name);
        let _ = fs::remove_file(&new);
        let listener = UnixListener::bind(&new).map_err(failed)?;
        let made = || {
            fs::set_permissions(&new, fs::Permissions::from_mode(MODE))?;
            chown(&new, None, group)?;
            let file = fs::metadata(&new)?;
            fs::rename(&new, path)?;
            listener.set_nonblocking(true)?;
            Ok((file.uid(), file.gid()))
        };
        match made() {
            Ok((owner, group)) => Ok(ControlSocket { listener, owner, group, path: path.to_owned() }),
            Err(reason) => {
                let _ = fs::remove_file(&new);
                Err(failed(reason))
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Privileges for it may be gone: the next gateway replaces it then.
        let _ = fs::remove_file(&self.path);
    }
}

fn find_group(name: &str) -> Result<u32, SocketError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let found = Group::from_name(name).ok().flatten();
    found.map(|group| group.gid.as_raw()).ok_or_else(|| SocketError::NoGroup(name.to_owned()))
}

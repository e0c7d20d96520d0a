use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tctable_daemon::api::{ControlSocket, serve};
use tctable_daemon::testing::{Traffic, office};
use tempfile::TempDir;

/// A gateway on a control socket.
pub(crate) struct World {
    directory: TempDir,
}

impl World {
    pub(crate) fn new(shards: usize, traffic: Traffic) -> World {
        let directory = TempDir::new().unwrap();
        let socket = ControlSocket::bind(&directory.path().join("control.sock"), None).unwrap();
        // It ends with the program.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(socket, office(shards, traffic)))
        });
        World { directory }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("control.sock")
    }

    /// Runs a command against it; it succeeds.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = tctable(&self.socket(), words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {error}");
        assert_eq!(error, "", "{words:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, read as JSON.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.run(words)).unwrap()
    }

    /// Runs a command that fails; what it says.
    pub(crate) fn fail(&self, words: &[&str]) -> String {
        fails(&self.socket(), words)
    }
}

pub(crate) fn tctable(socket: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tctable"));
    command.args(words).arg("--control").arg(socket).env_remove("COLUMNS").env_remove("NO_COLOR");
    command.output().unwrap()
}

pub(crate) fn fails(socket: &Path, words: &[&str]) -> String {
    let output = tctable(socket, words);
    assert_eq!(output.status.code(), Some(2), "{words:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{words:?}");
    String::from_utf8(output.stderr).unwrap()
}

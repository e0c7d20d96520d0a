//! iptables in a network namespace.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use tctable::packet::Family;

use crate::kernel::Error;

/// Which of the two programs of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// `iptables-nft`, which makes rules of nf_tables.
    Nft,
    /// `iptables-legacy`, which hands its rules to the kernel as they are.
    Legacy,
}

/// iptables of one version of IP, in the namespace of the thread.
#[derive(Clone, Copy, Debug)]
pub struct Iptables {
    /// The program.
    pub variant: Variant,
    /// The version of IP.
    pub family: Family,
}

/// Runs `work` in a thread that is alone in a new network namespace, which is gone afterwards.
///
/// # Errors
/// [`Error::Unavailable`] where this process may not make namespaces.
///
/// # Panics
/// If `work` panics.
pub fn in_namespace<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| Error::Unavailable(error.into()))?;
            Ok(work())
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Iptables {
    fn run(&self, tool: &str, arguments: &[&str], input: &str) -> io::Result<Output> {
        let family = match self.family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        };
        let variant = match self.variant {
            Variant::Nft => "nft",
            Variant::Legacy => "legacy",
        };
        let mut child = Command::new(format!("{family}-{variant}-{tool}"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // It may stop reading at the first line that is wrong.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait_with_output()
    }

    /// Replaces the tables that the text names; their counters too.
    ///
    /// # Errors
    /// If the program cannot be run.
    ///
    /// What it says where it refuses the text is the inner error.
    pub fn restore(&self, text: &str) -> io::Result<Result<(), String>> {
        self.said(&["--counters"], text)
    }

    /// As [`Iptables::restore`], and changes nothing.
    ///
    /// # Errors
    /// As [`Iptables::restore`].
    pub fn test(&self, text: &str) -> io::Result<Result<(), String>> {
        self.said(&["--counters", "--test"], text)
    }

    fn said(&self, arguments: &[&str], text: &str) -> io::Result<Result<(), String>> {
        let output = self.run("restore", arguments, text)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(if output.status.success() { Ok(()) } else { Err(said) })
    }

    /// The rules that are there, with counters and without comments.
    ///
    /// # Errors
    /// If the program cannot be run.
    pub fn save(&self) -> io::Result<String> {
        let output = self.run("save", &["--counters"], "")?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect())
    }
}

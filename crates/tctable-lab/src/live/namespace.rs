//! Network namespaces without a name: an open descriptor is all that keeps one, so that it goes, with its interfaces, when its
//! last holder ends, however that ends.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::counters::{self, Counters};
use super::error::Error;

/// A network namespace. Clones are the same one.
#[derive(Clone)]
pub struct Namespace {
    name: Arc<str>,
    descriptor: Arc<OwnedFd>,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({}, {})", self.name, self.path())
    }
}

impl Namespace {
    /// A new namespace with nothing in it but its loopback interface, which is up. The name is for people only.
    ///
    /// # Errors
    /// [`Error::NotRoot`], [`Error::NoTool`] without `ip`.
    pub fn new(name: &str) -> Result<Namespace, Error> {
        let made =
            thread::scope(|scope| scope.spawn(make).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let namespace = Namespace { name: name.into(), descriptor: Arc::new(made?) };
        namespace.ip(&["link", "set", "dev", "lo", "up"])?;
        Ok(namespace)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where other programs find it, as long as this process has it: `ip link set DEV netns PATH`, `nsenter --net=PATH`.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.descriptor.as_raw_fd())
    }

    fn enter(&self) {
        setns(&self.descriptor, CloneFlags::CLONE_NEWNET).expect("who made a namespace may enter it");
    }

    /// Does something in the namespace, on a thread of its own, and waits for it. Sockets made there stay there.
    ///
    /// # Panics
    /// If `work` does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter();
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Does something in the namespace, on a thread of its own.
    pub fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let namespace = self.clone();
        thread::spawn(move || {
            namespace.enter();
            work()
        })
    }

    /// Runs a program in the namespace and waits for it; tells what it printed.
    ///
    /// # Errors
    /// [`Error::NoTool`] where there is no such program, [`Error::Command`] where it says that it failed.
    pub fn command(&self, command: &str, arguments: &[&str]) -> Result<String, Error> {
        self.feed(command, arguments, "")
    }

    /// Runs a program in the namespace with something on its standard input, and waits for it; tells what it printed.
    ///
    /// # Errors
    /// As [`Namespace::command`].
    pub fn feed(&self, command: &str, arguments: &[&str], input: &str) -> Result<String, Error> {
        let said = || format!("{command} {} (in {})", arguments.join(" "), self.name);
        let output = self.run(|| run(command, arguments, input)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::NoTool { command: command.to_owned() },
            _ => Error::Command { command: said(), output: error.to_string() },
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Command { command: said(), output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
    }

    /// Runs `ip` in the namespace.
    ///
    /// # Errors
    /// As [`Namespace::command`].
    pub fn ip(&self, arguments: &[&str]) -> Result<(), Error> {
        self.command("ip", arguments).map(drop)
    }

    /// Runs `ip -batch` in the namespace: a command to a line, without the word `ip`.
    ///
    /// # Errors
    /// As [`Namespace::command`].
    pub fn ip_batch(&self, lines: &str) -> Result<(), Error> {
        self.feed("ip", &["-batch", "-"], lines).map(drop)
    }

    /// Writes a sysctl of the namespace, such as `net.ipv4.ip_forward`.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<(), Error> {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        self.run(|| std::fs::write(path, value)).map_err(Error::io(format!("sysctl {name}={value}")))
    }

    /// What an interface has counted.
    ///
    /// # Errors
    /// [`Error::Io`]: there is none of that name.
    pub fn counters(&self, interface: &str) -> Result<Counters, Error> {
        self.run(|| counters::read(interface)).map_err(Error::io(format!("counters of {interface}")))
    }
}

/// In a thread that ends after it.
fn make() -> Result<OwnedFd, Error> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| match error {
        Errno::EPERM => Error::NotRoot(error.into()),
        _ => Error::Io { what: "a network namespace".to_owned(), reason: error.into() },
    })?;
    let opened = File::open("/proc/thread-self/ns/net").map_err(Error::io("/proc/thread-self/ns/net"))?;
    Ok(opened.into())
}

fn run(command: &str, arguments: &[&str], input: &str) -> io::Result<Output> {
    let piped = Stdio::piped;
    let mut child = Command::new(command).args(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads nothing has ended by now; what it says counts.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

//! A terminal that tmux makes, with a program in it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tctable_lab::live::not_tested;

const BOUND: Duration = Duration::from_secs(30);

/// A terminal. It goes with its server.
pub(crate) struct Screen {
    socket: String,
}

impl Screen {
    /// Runs a line of the shell; the terminal's server listens at `socket`.
    pub(crate) fn open(socket: &Path, width: u16, height: u16, command: &str) -> Screen {
        let screen = Screen { socket: socket.display().to_string() };
        let (width, height) = (width.to_string(), height.to_string());
        screen.tmux(&["new-session", "-d", "-x", &width, "-y", &height, command]);
        screen
    }

    /// Without anybody's settings, on a server of its own; it succeeds. What it prints.
    pub(crate) fn tmux(&self, words: &[&str]) -> String {
        let output = self.try_tmux(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn try_tmux(&self, words: &[&str]) -> Output {
        Command::new("tmux").args(["-u", "-f", "/dev/null", "-S", &self.socket]).args(words).output().unwrap()
    }

    pub(crate) fn lines(&self, words: &[&str]) -> Vec<String> {
        self.tmux(&[&["capture-pane", "-p"], words].concat()).lines().map(str::to_owned).collect()
    }

    /// Waits for a screen that is as wanted.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let since = Instant::now();
        loop {
            let lines = self.lines(&[]);
            if wanted(&lines) {
                return lines;
            }
            assert!(since.elapsed() < BOUND, "no {what}: {lines:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.try_tmux(&["kill-server"]);
    }
}

pub(crate) fn has_tmux() -> bool {
    let has = Command::new("tmux").arg("-V").output().is_ok();
    if !has {
        not_tested("a program in a terminal: there is no tmux");
    }
    has
}

/// Whether some line has this in it.
pub(crate) fn any(lines: &[String], part: &str) -> bool {
    lines.iter().any(|line| line.contains(part))
}

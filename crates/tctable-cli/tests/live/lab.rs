//! `tctable lab` in a terminal: what it shows, and that nothing of it is left however it ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tctable_lab::live::not_tested;

use crate::gateway::{alone, until};
use crate::tmux::{Screen, any, has_tmux};

/// How it comes to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    Key,
    Signal(Signal),
    /// The terminal goes, and SIGHUP comes.
    Terminal,
}

/// The numbers of the namespaces of which something in a process's directory is a descriptor or the process's own.
fn namespaces(process: &Path) -> BTreeSet<PathBuf> {
    let tasks =
        fs::read_dir(process.join("task")).into_iter().flatten().flatten().map(|task| task.path().join("ns/net"));
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten().map(|file| file.path());
    let links = tasks.chain(descriptors).filter_map(|path| fs::read_link(path).ok());
    links.filter(|link| link.to_str().is_some_and(|link| link.starts_with("net:["))).collect()
}

/// A process, and all that it started.
fn family(process: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children =
        texts.flat_map(|text| text.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>());
    [process].into_iter().chain(children.flat_map(family)).collect()
}

fn is_there(process: i32) -> bool {
    // One that nobody has waited for yet is gone as well.
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

fn all_namespaces() -> BTreeSet<PathBuf> {
    let all = fs::read_dir("/proc").expect("processes").flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().parse::<i32>().is_ok())
        .flat_map(|entry| namespaces(&entry.path()))
        .collect()
}

fn walk(words: &str, end: End, is_up: impl Fn(&[String]) -> bool) {
    let directory = tempfile::tempdir().expect("a directory");
    let how = directory.path().join("how");
    // tmux does not always learn how a process ended: the shell tells.
    let command = format!(
        "LANG=C.UTF-8 TMPDIR={} {} lab --clients 2 {words}; echo $? > {}",
        directory.path().display(),
        env!("CARGO_BIN_EXE_tctable"),
        how.display()
    );
    let screen = Screen::open(&directory.path().join("tmux"), 80, 24, &command);
    screen.tmux(&["set-option", "-g", "remain-on-exit", "on"]);
    let shell: i32 = screen.tmux(&["display-message", "-p", "#{pane_pid}"]).trim().parse().expect("a process");
    let lines = screen.wait("hosts with rates", is_up);
    assert!(lines.len() == 24 && lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
    assert!(lines[23].starts_with("q quit"), "{lines:#?}");
    let family = family(shell);
    let process = *family.get(1).expect("what the shell started");
    let own = &fs::read_link("/proc/self/ns/net").expect("a namespace");
    let made: BTreeSet<_> =
        namespaces(Path::new(&format!("/proc/{process}"))).into_iter().filter(|it| it != own).collect();
    // Two clients, two servers, two switches, the gateway.
    assert_eq!(made.len(), 7, "{made:?}");
    match end {
        End::Key => screen.keys(&["q"]),
        End::Signal(signal) => kill(Pid::from_raw(process), signal).expect("a process"),
        End::Terminal => drop(screen.tmux(&["kill-pane"])),
    }
    until(&format!("the end of {family:?}"), || family.iter().all(|process| !is_there(*process)).then_some(()));
    until("the end of all namespaces", || all_namespaces().is_disjoint(&made).then_some(()));
    if !matches!(end, End::Terminal) {
        assert_eq!(fs::read_to_string(&how).expect("how it ended").trim(), "0", "{:#?}", screen.lines(&[]));
    }
    let left: Vec<_> =
        fs::read_dir(directory.path()).expect("a directory").flatten().map(|file| file.file_name()).collect();
    assert!(left.iter().all(|name| name == "tmux" || name == "how"), "{left:?}");
}

const ENDS: [End; 4] = [End::Key, End::Signal(Signal::SIGINT), End::Signal(Signal::SIGTERM), End::Terminal];

fn is_possible() -> bool {
    if !nix::unistd::geteuid().is_root() {
        not_tested("tctable lab in a terminal: only root has namespaces to make");
        return false;
    }
    has_tmux()
}

#[test]
fn through_tctable() {
    let _alone = alone();
    if !is_possible() {
        return;
    }
    for end in ENDS {
        walk("", end, |lines| {
            let has_rate = |line: &String| line.starts_with("10.71.0.1") && line.contains("bit/s");
            lines.len() == 24 && lines[0].starts_with("tctable  down ") && lines.iter().any(has_rate)
        });
    }
}

#[test]
fn through_the_kernel() {
    let _alone = alone();
    if !is_possible() {
        return;
    }
    if std::process::Command::new("nft").arg("-v").output().is_err() {
        return not_tested("tctable lab --kernel: there is no nft");
    }
    for end in ENDS {
        walk("--kernel", end, |lines| {
            let has_rate = |line: &String| line.starts_with("10.71.0.1") && !line.contains(" 0 bit/s");
            any(lines, "forwarded by the kernel") && lines.iter().any(has_rate)
        });
    }
}

/// Where there is no terminal it says so, and makes nothing.
#[test]
fn without_a_terminal() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tctable")).arg("lab").output().expect("a process");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
}

//! The unit in `packaging`: what systemd thinks of it, and the gateway under it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tctable_lab::live::not_tested;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tctable");
/// Told by the script where a machine cannot be booted here.
const CANNOT: i32 = 77;

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/tctable.service")
}

/// What systemd says of the unit, with the program where it is now.
fn analyze(words: &[&str]) -> Option<Output> {
    let directory = tempfile::tempdir().expect("a directory");
    let text = fs::read_to_string(unit()).expect("the unit").replace("/usr/bin/tctable", PROGRAM);
    // There are no manual pages before it is installed.
    let text: String =
        text.lines().filter(|line| !line.starts_with("Documentation=")).map(|l| l.to_owned() + "\n").collect();
    let path = directory.path().join("tctable.service");
    fs::write(&path, text).expect("written");
    let output = Command::new("systemd-analyze").args(words).arg(path).output();
    if output.is_err() {
        not_tested("the unit: there is no systemd-analyze");
    }
    output.ok()
}

#[test]
fn systemd_understands_every_word() {
    let Some(output) = analyze(&["verify", "--man=no"]) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("tctable.service"), "{said}");
}

/// Exposure in tenths, as systemd counts it: below 3 it says that all is well.
#[test]
fn little_is_exposed() {
    let Some(output) = analyze(&["security", "--offline=true", "--threshold=30", "--no-pager"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The words that the machine has told, with their values.
fn boot() -> Option<BTreeMap<String, String>> {
    if !nix::unistd::geteuid().is_root() {
        not_tested("the unit under systemd: only root can boot a machine");
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let (boot, probe) = (file("boot.sh", include_str!("boot.sh")), file("probe.sh", include_str!("probe.sh")));
    let mut command = Command::new("timeout");
    command.args([
        "--kill-after=5",
        "90",
        "unshare",
        "--mount",
        "--pid",
        "--net",
        "--uts",
        "--ipc",
        "--cgroup",
        "--fork",
    ]);
    command.args(["--kill-child", "bash"]).arg(boot).arg(directory.path()).arg(PROGRAM).arg(unit()).arg(probe);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            not_tested(format!("the unit under systemd: {error}"));
            return None;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
    if output.status.code() == Some(CANNOT) || !log.starts_with("began") {
        not_tested(format!("the unit under systemd: a machine cannot be booted here: {said}"));
        return None;
    }
    println!("{said}\n{log}");
    let words = log.lines().filter_map(|line| line.split_once(' '));
    Some(words.map(|(word, value)| (word.to_owned(), value.to_owned())).collect())
}

#[test]
fn the_gateway_runs_under_it() {
    let Some(told) = boot() else { return };
    let told = |word: &str| told.get(word).map_or("", String::as_str);
    for form in ["line", "open", "tun"] {
        for step in ["start", "reload", "stop"] {
            assert_eq!(told(&format!("{form}-{step}")), "0", "{form}-{step}");
        }
        assert_eq!(told(&format!("{form}-reloaded")), "so", "{form}");
    }
    assert_eq!(told("line-started"), "active running 0 success");
    // NET_ADMIN and NET_RAW; of its supervisor NET_ADMIN, as both are the same user.
    assert_eq!(told("line-privileges"), "990 0000000000003000 0000000000003000 1 2");
    assert_eq!(told("open-gateway"), "990 0000000000003000 0000000000003000 1 2");
    assert_eq!(told("open-supervisor"), "990 0000000000003000 0000000000001000 1 2");
    assert_eq!((told("line-socket"), told("line-state")), ("srw-rw---- tctable tctable", "drwxr-x--- tctable tctable"));
    for word in ["line-metrics", "line-link", "line-watched", "open-again", "tun-again"] {
        assert_eq!(told(word), "so", "{word}");
    }
    assert_eq!(told("line-lives"), "active running 0 success");
    for form in ["line", "open", "tun"] {
        assert_eq!(told(&format!("{form}-stopped")), "inactive dead 0 success", "{form}");
    }
}

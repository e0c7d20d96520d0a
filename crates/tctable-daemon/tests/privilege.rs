//! What is left after privileges were given away: looked at from a process of its own, because there is no way back.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use caps::Capability;
use tctable_daemon::privilege::{self, Privileges, Violation};
use tctable_lab::live::not_tested;

/// Set for the process that gives its privileges away: what it then does, and its own directory.
const PART: &str = "TCTABLE_TEST_PART";
const DIRECTORY: &str = "TCTABLE_TEST_DIRECTORY";
const DONE: &str = "everything was as it should be";

fn privileges(violation: Violation) -> Privileges {
    let directory = PathBuf::from(env::var_os(DIRECTORY).expect("a directory"));
    Privileges {
        user: Some("nobody".to_owned()),
        writable: vec![directory.join("state")],
        readable: vec![directory.join("etc")],
        programs: false,
        violation,
    }
}

/// Runs a test of this file in a process of its own, which is told to play its part.
fn play(test: &str, part: &str) -> Option<Output> {
    if !nix::unistd::geteuid().is_root() {
        not_tested("only root has privileges to give away");
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["state", "etc", "other"] {
        fs::create_dir(directory.path().join(name)).expect("a directory");
        fs::write(directory.path().join(name).join("file"), name).expect("a file");
    }
    // Whoever it becomes is to get this far.
    let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    for name in ["", "state", "etc", "other"] {
        fs::set_permissions(directory.path().join(name), open.clone()).expect("permissions");
    }
    let mut command = Command::new(env::current_exe().expect("this program"));
    // A thread beside the test's would not be held by what the test gives away, so there is none.
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]);
    Some(command.env(PART, part).env(DIRECTORY, directory.path()).output().expect("a process"))
}

fn is_part(part: &str) -> bool {
    env::var(PART).is_ok_and(|is| is == part)
}

fn assert_done(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(DONE), "{}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

#[test]
fn two_capabilities_and_the_own_directories_are_left() {
    if is_part("left") {
        let directory = PathBuf::from(env::var_os(DIRECTORY).expect("a directory"));
        let nobody = nix::unistd::User::from_name("nobody").expect("users").expect("nobody").uid;
        privilege::drop(&privileges(Violation::Refuse)).expect("given away");
        std::thread::spawn(move || look(&directory, nobody)).join().expect("no panic");
        return;
    }
    let Some(output) = play("two_capabilities_and_the_own_directories_are_left", "left") else { return };
    assert_done(&output);
}

/// From a thread that was started afterwards.
fn look(directory: &std::path::Path, nobody: nix::unistd::Uid) {
    let two = Capability::CAP_NET_ADMIN.bitmask() | Capability::CAP_NET_RAW.bitmask();
    let status = fs::read_to_string("/proc/thread-self/status").expect("readable");
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).expect("a field").trim().to_owned();
    // Asking for it is not allowed any more.
    assert_eq!(field("Uid:"), vec![nobody.to_string(); 4].join("\t"));
    for (name, left) in [("CapEff:", two), ("CapPrm:", two), ("CapBnd:", two), ("CapInh:", 0), ("CapAmb:", 0)] {
        assert_eq!(u64::from_str_radix(&field(name), 16), Ok(left), "{name}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".to_owned(), "2".to_owned()));

    let refused =
        |result: std::io::Result<()>| result.map_err(|error| error.kind()) == Err(ErrorKind::PermissionDenied);
    let read = |name: &str| fs::read(directory.join(name)).map(drop);
    assert!(read("etc/file").is_ok() && read("state/file").is_ok());
    assert!(refused(read("other/file")));
    assert!(refused(fs::write(directory.join("etc/file"), "x")));
    assert!(fs::write(directory.join("state/new"), "x").is_ok());
    assert!(fs::rename(directory.join("state/new"), directory.join("state/file")).is_ok());
    assert!(refused(fs::read("/etc/passwd").map(drop)));
    assert!(refused(std::net::TcpStream::connect("127.0.0.1:1").map(drop)));
    assert!(refused(std::net::UdpSocket::bind("[::1]:0").map(drop)));
    assert!(refused(Command::new("/bin/true").status().map(drop)));
    println!("{DONE}");
}

#[test]
fn what_is_not_allowed_kills_where_tests_say_so() {
    if is_part("killed") {
        privilege::drop(&privileges(Violation::Kill)).expect("given away");
        println!("{DONE}");
        let _ = nix::unistd::setsid();
        unreachable!("it lives on");
    }
    let Some(output) = play("what_is_not_allowed_kills_where_tests_say_so", "killed") else { return };
    assert_done(&output);
    assert_eq!(output.status.signal(), Some(libc::SIGSYS));
}

#[test]
fn an_unknown_user_is_told() {
    if is_part("unknown") {
        let unknown = Privileges { user: Some("no such user".to_owned()), ..privileges(Violation::Refuse) };
        let error = privilege::drop(&unknown).expect_err("no such user");
        assert_eq!(error.to_string(), "there is no user \"no such user\"");
        println!("{DONE}");
        return;
    }
    let Some(output) = play("an_unknown_user_is_told", "unknown") else { return };
    assert_done(&output);
}

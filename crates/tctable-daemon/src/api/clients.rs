//! Tests of the socket: who gets in, and what clients can do to it.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use tctable_lab::live::not_tested;

use super::serve::serve_within;
use super::{ControlSocket, SocketError};
use crate::http::Limits;
use crate::testing::{Traffic, office};

/// A group that nobody is in.
const GROUP: u32 = 4_242_424;
const BOUND: Duration = Duration::from_secs(20);

/// A directory of its own, that goes with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("tctable-control-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Directory(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Serves the example on a thread of its own, which ends with the program.
fn serve(directory: &Directory, limits: Limits, group: Option<&str>) -> PathBuf {
    let path = directory.socket();
    let socket = ControlSocket::bind(&path, group).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve_within(limits, socket, office(1, Traffic::Over)))
    });
    path
}

const LONG: Limits = Limits { clients: 64, head: Duration::from_secs(60), write: Duration::from_secs(60) };

/// Sends a text and reads to the end; the status, and what came.
fn ask(path: &Path, text: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    // A socket that is closed before all was read from it is reset; what it said before can be read.
    let closed = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    let mut answer = Vec::new();
    for done in [stream.write_all(text.as_bytes()), stream.read_to_end(&mut answer).map(|_| ())] {
        if let Err(error) = done {
            assert!(closed.contains(&error.kind()), "{error}");
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), answer)
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: tctable\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_socket_is_for_root_and_its_group() {
    let directory = Directory::new();
    let path = directory.socket();
    let socket = ControlSocket::bind(&path, None).unwrap();
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.mode() & 0o7777, file.gid()), (0o660, socket.group));
    assert!(matches!(ControlSocket::bind(&path, None), Err(SocketError::Taken(_))));
    drop(socket);
    assert!(!path.exists());
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
    assert!(matches!(ControlSocket::bind(&path, Some("nobody-is-called-so")), Err(SocketError::NoGroup(_))));
}

#[test]
fn what_a_gateway_left_is_replaced_and_nothing_else() {
    let directory = Directory::new();
    let path = directory.socket();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(ControlSocket::bind(&path, None).unwrap());
    fs::write(&path, "precious").unwrap();
    assert!(matches!(ControlSocket::bind(&path, None), Err(SocketError::NoSocket(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn requests_are_answered_and_nonsense_is_too() {
    let directory = Directory::new();
    let path = serve(&directory, LONG, None);
    let (status, answer) = ask(&path, &request("GET", "/v1/health/live"));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.ends_with("{\"live\":true}\n"), "{answer}");
    assert_eq!(ask(&path, "what?\r\n\r\n").0, 400);
    assert_eq!(ask(&path, &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000))).0 / 100, 4);
    let (status, answer) = ask(&path, &request("BREW", "/v1/hosts"));
    assert_eq!(status, 405, "{answer}");
}

#[test]
fn clients_that_say_nothing_or_too_little_are_let_go_of() {
    let directory = Directory::new();
    let path = serve(&directory, Limits { head: Duration::from_millis(100), ..LONG }, None);
    for beginning in ["", "GET /v1/hosts HTTP/1.1\r\nHost:"] {
        let (status, answer) = ask(&path, beginning);
        assert!(status == 0 || status == 408, "{answer}");
    }
    assert_eq!(ask(&path, &request("GET", "/v1/health/live")).0, 200);
}

#[test]
fn clients_that_do_not_read_are_let_go_of() {
    let directory = Directory::new();
    let path = serve(&directory, Limits { clients: 1, write: Duration::from_millis(100), ..LONG }, None);
    let mut deaf = UnixStream::connect(&path).unwrap();
    deaf.set_nonblocking(true).unwrap();
    let text = "GET /v1/connections?limit=10000 HTTP/1.1\r\nHost: tctable\r\n\r\n";
    let since = Instant::now();
    // As long as it is there, nobody else gets in; it does not read and asks for ever more.
    loop {
        match deaf.write(text.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        assert!(since.elapsed() < BOUND, "it is still there");
        thread::yield_now();
    }
    while ask(&path, &request("GET", "/v1/health/live")).0 != 200 {
        assert!(since.elapsed() < BOUND, "its place is not free");
    }
}

#[test]
fn too_many_clients_are_told_so() {
    let directory = Directory::new();
    let path = serve(&directory, Limits { clients: 3, ..LONG }, None);
    let many: Vec<UnixStream> = (0..3).map(|_| UnixStream::connect(&path).unwrap()).collect();
    // Those who connected before are taken before.
    let (status, answer) = ask(&path, "");
    assert_eq!(status, 503, "{answer}");
    assert!(answer.contains("\"code\":\"unavailable\""), "{answer}");
    drop(many);
    let since = Instant::now();
    while ask(&path, &request("GET", "/v1/health/live")).0 != 200 {
        assert!(since.elapsed() < BOUND, "their places are not free");
    }
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let directory = Directory::new();
    let path = serve(&directory, Limits { clients: 4, ..LONG }, None);
    for _ in 0..200 {
        let mut stream = UnixStream::connect(&path).unwrap();
        // It may have been told that there are too many.
        let _ = stream.write_all(request("GET", "/v1/hosts").as_bytes());
    }
    let since = Instant::now();
    while ask(&path, &request("GET", "/v1/health/live")).0 != 200 {
        assert!(since.elapsed() < BOUND, "places are lost");
    }
}

/// What the child below is to ask.
const ASK: &str = "TCTABLE_TEST_ASK";

/// No test of its own: what the next one runs as somebody else.
#[test]
fn child() {
    let Ok(what) = env::var(ASK) else { return };
    let (path, method) = what.split_once(' ').unwrap();
    match UnixStream::connect(path) {
        Ok(_) => println!("status {}", ask(Path::new(path), &request(method, "/v1/hosts")).0),
        Err(error) => println!("{:?}", error.kind()),
    }
}

/// Asks as somebody else.
fn ask_as(user: u32, group: u32, supplementary: &str, path: &Path, method: &str) -> String {
    let program = path.with_file_name("program");
    let output = Command::new("setpriv")
        .args(["--reuid", &user.to_string(), "--regid", &group.to_string()])
        .args(if supplementary.is_empty() { vec!["--clear-groups"] } else { vec!["--groups", supplementary] })
        .arg(program)
        .args(["--exact", "api::clients::child", "--nocapture"])
        .env(ASK, format!("{} {method}", path.display()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.lines().find(|line| line.starts_with("status") || line.ends_with("Denied"));
    said.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[test]
fn strangers_get_in_nowhere() {
    let directory = Directory::new();
    let is_root = fs::metadata(&directory.0).unwrap().uid() == 0;
    if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
        return not_tested("who gets in at the control socket: root and setpriv are needed");
    }
    // Where others may run it.
    let program = directory.0.join("program");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let path = serve(&directory, LONG, Some(&GROUP.to_string()));
    assert_eq!(ask_as(65534, 65534, "", &path, "GET"), "PermissionDenied");
    assert_eq!(ask_as(65534, GROUP, "", &path, "GET"), "status 200");
    assert_eq!(ask_as(65534, 65534, &GROUP.to_string(), &path, "GET"), "status 200");
    assert_eq!(ask_as(65534, 65534, &GROUP.to_string(), &path, "POST"), "status 403");
    assert_eq!(ask_as(0, 0, "", &path, "POST"), "status 405");
    // Who opened it to everybody has not opened the gateway.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    for method in ["GET", "POST"] {
        assert_eq!(ask_as(65534, 65534, "", &path, method), "status 403");
        assert_eq!(ask_as(65534, 0, "", &path, method), "status 403");
    }
}

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::world::fails;

const COMMANDS: [&[&str]; 9] = [
    &["hosts"],
    &["connections"],
    &["classes"],
    &["stats"],
    &["rules", "show"],
    &["sysctl", "-a"],
    &["delete", "--all"],
    &["zero", "--all"],
    &["reload"],
];

#[test]
fn nobody_listens() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("control.sock");
    for words in COMMANDS {
        let said = fails(&socket, words);
        assert!(said.contains("control.sock: nobody listens there: is a gateway running"), "{said}");
    }
    drop(UnixListener::bind(&socket).unwrap());
    assert!(fails(&socket, &["hosts"]).contains("nobody listens there"));
}

#[test]
fn what_answers_is_no_gateway() {
    for answer in ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"] {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("control.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        let said = fails(&socket, &["hosts"]);
        assert!(said.contains("no gateway answers there"), "{answer:?}: {said}");
        server.join().unwrap();
    }
}

#[test]
fn help_has_examples() {
    for command in ["hosts", "connections", "classes", "stats", "sysctl", "delete", "zero", "reload", "top"] {
        let output = Command::new(env!("CARGO_BIN_EXE_tctable")).args([command, "--help"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Examples:") && text.contains("--control"), "{command}: {text}");
    }
}

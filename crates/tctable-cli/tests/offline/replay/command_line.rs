//! Usage, outputs that fail, and the hidden generator.

use std::io::Read;
use std::path::Path;

use tctable_lab::generate::{self, Kind, Options};

use crate::support::*;

#[test]
fn wrong_usage_exits_with_2_and_says_so() {
    for args in [
        &["replay"][..],
        &["replay", "--nonsense", "a.pcap"],
        &["replay", "--all", "a.pcap"],
        &["replay", "--lan", "10.0.0.0/33", "a.pcap"],
        &["replay", "--max-hosts", "0", "a.pcap"],
        &["replay", "--format", "xml", "a.pcap"],
        &["replay", "-", "-"],
        &["replay", "--trace", "-", "--connections", "-"],
        &["nonsense"],
        &[],
    ] {
        let ran = tctable(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(!ran.err.is_empty());
    }
}

#[test]
fn help_and_version_are_told() {
    assert!(tctable(&["--version"]).clean().starts_with("tctable "));
    let help = tctable(&["--help"]).clean();
    assert!(help.contains("Examples:") && help.contains("replay") && !help.contains("generate"), "{help}");
    let help = tctable(&["replay", "--help"]).clean();
    assert!(help.contains("Exit status:") && !help.contains("--burst"), "{help}");
}

#[test]
fn an_output_that_cannot_be_made_is_named() {
    let files = Files::new("outputs");
    let file = files.write("a.pcap", &raw(mixture()));
    let nowhere = files.path("no/such/directory");
    for option in [format!("--connections={nowhere}"), format!("--trace={nowhere}")] {
        let ran = tctable(&["replay", &file, &option]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.starts_with(&format!("tctable: {nowhere}: cannot be written: No such file")), "{ran:?}");
    }
}

#[test]
fn an_output_that_takes_no_more_is_named() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    let ran = with_stdin(&["replay", "-", "--connections=/dev/full"], &raw(mixture()));
    assert!(ran.code == 2 && ran.err.starts_with("tctable: /dev/full: writing failed: "), "{ran:?}");
}

#[test]
fn an_input_is_never_overwritten() {
    let files = Files::new("overwrite");
    let capture = raw(mixture());
    let file = files.write("a.pcap", &capture);
    for option in [format!("--connections={file}"), format!("--trace={file}")] {
        let ran = tctable(&["replay", &file, &option]);
        assert_eq!((ran.code, ran.err), (2, format!("tctable: {file}: is read, and cannot be written too\n")));
    }
    assert_eq!(std::fs::read(&file).unwrap(), capture);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let files = Files::new("pipe");
    let file = files.write("a.pcap", &generated(Kind::Office, 5_000, 10));
    for args in [&["--trace", "-"][..], &["--connections", "--all"], &["--format", "proc"]] {
        let mut child = command(&[&["replay", &file], args].concat()).spawn().unwrap();
        let mut first = [0; 100];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{args:?}");
    }
}

#[test]
fn generate_writes_what_the_library_does() {
    let mut expected = Vec::new();
    let options = Options { snap_len: 60, ..Options::new(Kind::Churn, 2_000, 7) };
    generate::write(&options, &mut expected, |_| ()).unwrap();
    let args = ["generate", "churn", "--packets", "2000", "--seed", "7", "--snap-len", "60", "--output"];
    let files = Files::new("generate");
    tctable(&[&args[..], &[&files.path("a.pcap")]].concat()).clean();
    assert_eq!(std::fs::read(files.path("a.pcap")).unwrap(), expected);
    let output = command(&[&args[..], &["-"]].concat()).output().unwrap();
    assert_eq!(output.stdout, expected);
}

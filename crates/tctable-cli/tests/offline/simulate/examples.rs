//! The examples of the repository, as they stand.

use std::fs;
use std::path::PathBuf;

use crate::support::command;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a run in the repository prints.
fn run(args: &[&str]) -> String {
    let output = command(args).current_dir(repository()).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

const SIMULATE: [&str; 4] = ["simulate", "examples/office.pcap", "--tc", "examples/office.tc"];

#[test]
fn the_readme_shows_what_is_printed() {
    let printed = run(&[&SIMULATE[..], &["--top", "5"]].concat());
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(readme.contains(&printed), "the README shows another table than this:\n{printed}");
}

#[test]
fn the_picture_is_what_is_drawn() {
    let drawn = run(&[&SIMULATE[..], &["--svg", "-"]].concat());
    let kept = fs::read_to_string(repository().join("examples/office.svg")).unwrap();
    assert!(kept == drawn, "examples/office.svg: draw it anew with `tctable simulate ... --svg examples/office.svg`");
}

#[test]
fn what_is_urgent_does_not_wait() {
    let json: serde_json::Value = serde_json::from_str(&run(&[&SIMULATE[..], &["--format", "json"]].concat())).unwrap();
    let urgent = super::world::class(&json, "wan", "1:10");
    let rest = super::world::class(&json, "wan", "1:30");
    assert_eq!(urgent["dropped"]["packets"], 0);
    assert!(urgent["delay"]["p95"].as_f64().unwrap() * 10.0 < rest["delay"]["p95"].as_f64().unwrap());
    super::world::check_identity(&json);
}

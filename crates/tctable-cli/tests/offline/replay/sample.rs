//! The sample capture in the repository is what the generator makes, and what the README shows is what the program prints.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tctable_lab::generate::{self, Kind, Options};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_sample_is_made_by_the_generator() {
    let mut made = Vec::new();
    generate::write(&Options::new(Kind::Office, 8000, 1), &mut made, |_| {}).unwrap();
    let kept = fs::read(repository().join("examples/office.pcap")).unwrap();
    assert!(kept == made, "examples/office.pcap: make it anew with `tctable generate office --packets 8000 --seed 1`");
    assert!(kept.len() < 1_000_000);
}

#[test]
fn the_readme_shows_what_is_printed() {
    let printed = Command::new(env!("CARGO_BIN_EXE_tctable"))
        .args(["replay", "examples/office.pcap"])
        .current_dir(repository())
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(readme.contains(&printed), "the README shows another table than this:\n{printed}");
}

use std::path::Path;

use super::*;

fn said(text: &str) -> Said {
    Said::parse(Path::new("test.toml"), text).expect("right")
}

fn wrong(text: &str) -> String {
    Said::parse(Path::new("test.toml"), text).expect_err("wrong").to_string()
}

fn settings(text: &str) -> Result<Settings, ConfigError> {
    Settings::read(Sources { options: said(text), ..Sources::default() })
}

#[test]
fn what_is_not_understood_is_told_with_its_place() {
    for (text, place) in [
        ("lan = \"eth1\"\nwann = \"eth0\"\n", "test.toml:2:1: unknown field `wann`"),
        ("inside = [\"10.0.0.0/8\", \"10.0.0.0/33\"]", "test.toml:1:25: "),
        ("[[group]]\nname = \"a\"\nmembers = [\"nobody\"]\n", "test.toml:3:11: \"nobody\" is no prefix"),
        ("[[group]]\nnam = \"a\"\n", "test.toml:2:1: unknown field `nam`"),
        ("shards = -1", "test.toml:1:10: "),
        ("lan =", "test.toml:1:6: "),
    ] {
        let told = wrong(text);
        assert!(told.starts_with(place), "{text:?}: {told}");
    }
}

#[test]
fn later_files_go_before_earlier_ones_key_by_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("tctable.toml");
    let parts = directory.path().join("conf.d");
    std::fs::create_dir(&parts).expect("made");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("written");
    write(&file, "watch = [\"eth9\"]\nshards = 1\n[sysctl]\nnf_conntrack_max = 7\nnf_conntrack_tcp_loose = 0\n");
    write(&parts.join("20.toml"), "shards = 3\n[sysctl]\nnf_conntrack_max = 9\n");
    write(&parts.join("10.toml"), "shards = 2\nmetrics = \"127.0.0.1:1\"\n");
    write(&parts.join("30.txt"), "no toml");
    let options = said("lan = \"a\"\nwan = \"b\"");
    let sources = Sources { file: Some(file.clone()), needed: true, options };
    let settings = Settings::read(sources.clone()).expect("right");
    // Who names a form says that it is no other one.
    assert_eq!(settings.form, Form::InLine { lan: "a".to_owned(), wan: "b".to_owned() });
    assert_eq!((settings.shards, settings.metrics.map(|at| at.port())), (3, Some(1)));
    let config = Loaded::read(&settings).expect("right").config;
    assert_eq!((config.conntrack.max, config.conntrack.tcp.loose), (9, false));
    // What stands in a part is told with its name.
    write(&parts.join("10.toml"), "\nshard = 2\n");
    let told = Settings::read(sources.clone()).expect_err("wrong").to_string();
    assert!(told.contains("conf.d/10.toml:2:1: unknown field `shard`"), "{told}");
    std::fs::remove_file(&file).expect("removed");
    std::fs::remove_dir_all(&parts).expect("removed");
    assert!(matches!(Settings::read(sources.clone()), Err(ConfigError::Read { .. })));
    assert!(Settings::read(Sources { needed: false, ..sources }).is_ok());
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (text, told) in [
        ("", "no interface"),
        ("lan = \"a\"", "two sides"),
        ("lan = \"a\"\nwan = \"a\"", "named twice"),
        ("lan = \"a\"\nwan = \"b\"\ntun = \"c\"", "exclude each other"),
        ("watch = [\"a/b\"]", "no name of an interface"),
        ("watch = [\"a\"]\nshards = 0", "1 to 256"),
        ("watch = [\"a\"]\nshards = 2\npin = [0]", "1 processors for 2 shards"),
        ("watch = [\"a\"]\nshards = 2\ntc = \"x\"", "traffic control needs one shard"),
        ("watch = [\"a\"]\nshards = 2\n[host-quota]\nperiod = \"day\"", "quotas need one shard"),
        ("watch = [\"a\"]\nfail-open = true", "only a bridge"),
        ("watch = [\"a\"]\nstate = \"\"\nsave-connections = true", "no directory for state"),
        ("tun = \"a\"\nshards = 2\nsave-connections = true", "only the shards of packet sockets"),
    ] {
        let error = settings(text).expect_err(text).to_string();
        assert!(error.contains(told), "{text:?}: {error}");
    }
    for (text, told) in [
        ("watch = [\"a\"]\nrules = [\"/no/such/file\"]", "/no/such/file: cannot be read"),
        ("watch = [\"a\"]\n[sysctl]\nnf_conntrack_maxx = 1", "nf_conntrack_maxx"),
        ("watch = [\"a\"]\n[[group]]\nname = \"x\"\n[[group]]\nname = \"x\"", "two groups are called"),
        ("watch = [\"a\"]\nutc-offset = 100000", "less than a day"),
    ] {
        let error = Loaded::read(&settings(text).expect(text)).expect_err(text).to_string();
        assert!(error.contains(told), "{text:?}: {error}");
    }
}

#[test]
fn an_empty_path_is_none() {
    let settings = settings("watch = [\"a\"]\nstate = \"\"").expect("right");
    assert_eq!((settings.state, settings.control), (None, Some(CONTROL.into())));
}

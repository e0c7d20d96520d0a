//! `tctable top` itself, in a terminal that tmux makes.

use std::path::Path;

use crate::tmux::{Screen, any, has_tmux};
use crate::world::World;
use tctable_daemon::testing::Traffic;

fn open(world: &World, width: u16, height: u16, words: &str) -> Screen {
    let program = Path::new(env!("CARGO_BIN_EXE_tctable")).display();
    let command = format!("LANG=C.UTF-8 {program} top --control {} {words}; sleep 60", world.socket().display());
    Screen::open(&world.socket().with_file_name(format!("tmux-{width}")), width, height, &command)
}

fn walk(width: u16, height: u16) {
    let world = World::new(1, Traffic::GoesOn);
    let screen = open(&world, width, height, "");
    let lines = screen.wait("hosts with rates", |lines| {
        lines.get(3).is_some_and(|line| line.contains("bit/s")) && !lines[0].contains("down 0 bit/s")
    });
    assert_eq!(lines.len(), usize::from(height), "{lines:#?}");
    assert!(lines[0].starts_with("tctable  down ") && lines[0].contains(" hosts "), "{lines:#?}");
    assert!(lines[2].starts_with("HOST") && lines[2].chars().count() == usize::from(width), "{lines:#?}");
    assert!(lines[usize::from(height) - 1].starts_with("q quit"), "{lines:#?}");
    assert!(lines.iter().all(|line| line.chars().count() <= usize::from(width)), "{lines:#?}");
    // As many hosts as there is room for, or as there are.
    let rows = lines[3..usize::from(height) - 1].iter().filter(|line| !line.is_empty()).count();
    assert!(rows >= 20, "{lines:#?}");

    screen.keys(&["a"]);
    let lines = screen.wait("order by address", |lines| lines[1].contains("by address"));
    let first = lines[3].split_whitespace().next().unwrap().to_owned();
    screen.keys(&["/", first.as_str(), "Enter"]);
    screen.wait("filter", |lines| lines[1].ends_with(&format!("/{first}")) && lines[3].starts_with(&first));
    screen.keys(&["Enter"]);
    screen.wait("connections of the host", |lines| {
        lines[1].contains(&format!("connections of {first}"))
            && lines[2].starts_with("PROTOCOL")
            && !lines[3].is_empty()
    });
    screen.keys(&["Escape"]);
    screen.wait("way back", |lines| lines[2].starts_with("HOST"));
    screen.keys(&["2"]);
    screen.wait("classes", |lines| lines[2].starts_with("DEVICE") && any(lines, "1:20"));
    screen.keys(&["Tab"]);
    screen.wait("totals", |lines| any(lines, "Conntrack") && any(lines, "PORT") && any(lines, "office"));
    screen.keys(&["?"]);
    screen.wait("help", |lines| any(lines, "a host's connections"));
    screen.keys(&["x"]);
    screen.wait("end of help", |lines| !any(lines, "a host's connections"));
    // The screen is given back as it was.
    screen.keys(&["q"]);
    screen.wait("end", |lines| lines.iter().all(String::is_empty));
}

#[test]
fn at_80x24() {
    if has_tmux() {
        walk(80, 24);
    }
}

#[test]
fn at_200x50() {
    if has_tmux() {
        walk(200, 50);
    }
}

#[test]
fn without_colours() {
    if !has_tmux() {
        return;
    }
    let world = World::new(1, Traffic::GoesOn);
    let screen = open(&world, 80, 24, "--color never");
    screen.wait("hosts", |lines| any(lines, "bit/s") && lines[2].starts_with("HOST"));
    let with_escapes = screen.lines(&["-e"]).join("\n");
    // 39 and 49 are the terminal's own.
    let colors = with_escapes.split('\u{1b}').filter_map(|part| part.strip_prefix('[')?.split_once('m'));
    let colors: Vec<u32> =
        colors.flat_map(|(codes, _)| codes.split(';').map(|code| code.parse().unwrap_or(0))).collect();
    assert!(colors.contains(&1) && colors.contains(&7), "{with_escapes:?}");
    let is_color = |code: &u32| matches!(code, 30..=38 | 40..=48 | 90..=107);
    assert!(!colors.iter().any(is_color), "{with_escapes:?}");
}

#[test]
fn it_follows_a_resize() {
    if !has_tmux() {
        return;
    }
    let world = World::new(1, Traffic::GoesOn);
    let screen = open(&world, 120, 40, "");
    screen.wait("hosts", |lines| lines.len() == 40 && lines[39].starts_with("q quit"));
    screen.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    screen.wait("smaller screen", |lines| {
        lines.len() == 24 && lines[23].starts_with("q quit") && lines[2].chars().count() == 80
    });
}

#[test]
fn a_pipe_is_no_terminal() {
    let world = World::new(1, Traffic::Over);
    assert_eq!(world.fail(&["top"]), "tctable: this needs a terminal: `tctable hosts` prints the same to anything\n");
}

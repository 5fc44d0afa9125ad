//! The progress bar on terminals of several widths: one line, cut off at the edge and taken away at the end.
//!
//! Not here: what else is told, which goes to stdout.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use super::{Folder, Random, write_points};

/// What `patchstream sample` writes to a terminal of so many columns.
fn on_terminal(columns: u16, variables: &[(&str, &str)]) -> String {
    let folder = Folder::new();
    let points = write_points(folder.join("points.npy"), &Random(1).points(3000, 9, false));
    let (mut ours, mut its) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: both places are written by success alone, and the size is only read.
    let opened = unsafe { libc::openpty(&mut ours, &mut its, std::ptr::null_mut(), std::ptr::null_mut(), &size) };
    assert_eq!(opened, 0);
    // SAFETY: these were opened above and are nobody else's.
    let (ours, its) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(its)) };
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchstream"));
    command.args(["sample", "--batch", "10", "--points"]).arg(points).arg("--out").arg(folder.join("out"));
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(its).spawn().unwrap();
    // The command's own handle of the other end is what keeps it open.
    drop(command);
    let (mut told, mut bytes) = (Vec::new(), [0; 4096]);
    let mut from = File::from(ours);
    // It ends with an error once nobody has the other end.
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        told.extend(&bytes[..count]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(told).unwrap()
}

#[test]
fn the_bar_stays_in_one_line_of_any_terminal_and_is_taken_away() {
    for columns in [200, 80, 71, 40, 20] {
        let told = on_terminal(columns, &[("NO_COLOR", "1")]);
        let lines: Vec<&str> = told.split(['\r', '\n']).flat_map(|line| line.split("\u{1b}[2K")).collect();
        let longest = lines.iter().map(|line| line.chars().count()).max();
        assert!(longest <= Some(columns.into()), "{columns}: {lines:?}");
        assert!(!told.contains('\n') && !told.contains("\u{1b}[1A"), "{columns}: {told:?}");
        assert!(told.ends_with("\r\u{1b}[2K"), "{columns}: {told:?}");
        assert!(columns < 36 || told.contains("event 1 of 300"), "{columns}: {told:?}");
        assert!(!told.contains("\u{1b}[3"), "no colours: {told:?}");
    }
}

#[test]
fn a_terminal_that_can_do_nothing_has_no_bar() {
    assert_eq!(on_terminal(80, &[("TERM", "dumb")]), "");
}

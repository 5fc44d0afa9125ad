//! The roles that this program plays when it is started again, and how it is started.
//!
//! Not here: what the other side then checks.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use patchstream::error::ErrorKind;
use patchstream::ring::Wait;

use super::*;

/// This program again, in a role.
pub struct Peer {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Peer {
    /// Starts it; `name` is the door.
    pub fn start(role: &str, name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::role_of_a_child", "--nocapture", "--test-threads=1"])
            .env("PATCHSTREAM_TEST_ROLE", role)
            .env("PATCHSTREAM_TEST_SEGMENT", name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says a word, and returns what follows it.
    pub fn hear(&mut self, word: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some((_, rest)) = line.split_once(word) {
                return rest.trim().to_string();
            }
            line.clear();
        }
        panic!("the child ended without saying {word}");
    }

    /// Kills it, as a batch system does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends its input, at which it ends.
    pub fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

fn say(what: &str) {
    println!("{what}");
    std::io::stdout().flush().unwrap();
}

fn until_input_ends() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_a_child() {
    let Ok(role) = std::env::var("PATCHSTREAM_TEST_ROLE") else { return };
    let name = std::env::var("PATCHSTREAM_TEST_SEGMENT").unwrap();
    match role.as_str() {
        "owner" => {
            let mut door = door(&name);
            say(&format!("owns {}", door.epoch()));
            await_lanes(&mut door, 1);
            say("has one");
            until_input_ends();
        }
        "echo" => {
            let mut visit = visit(&name, Role::Worker, "echo").unwrap();
            say("came");
            loop {
                match visit.wait(&Wait::up_to(Duration::from_secs(60))) {
                    Ok(_) => {}
                    Err(error) => return say(&format!("left as {:?}", error.kind())),
                }
                while let Some(record) = visit.from_owner.as_mut().unwrap().peek().unwrap() {
                    let id = record.header.id;
                    visit.from_owner.as_mut().unwrap().advance();
                    send(&mut visit.to_owner, id);
                    visit.ring();
                }
            }
        }
        "sender" => {
            let mut visit = visit(&name, Role::Producer, "sender").unwrap();
            for id in 1..=3 {
                send(&mut visit.to_owner, id);
            }
            visit.ring();
            say("sent");
            until_input_ends();
        }
        "half-maker" => {
            // A peer that is killed between its lane and the word that tells of it.
            let parts = [patchstream::shm::PartSpec::Bytes(64)];
            let _lane = patchstream::shm::Segment::create_new(&format!("{name}.p0"), 7, &parts).unwrap();
            say("half made");
            until_input_ends();
        }
        "refused" => {
            let error = Visit::attach(&name, Role::Producer, "it", rings(Role::Producer), Duration::ZERO);
            assert_eq!(error.map(|_| ()).unwrap_err().kind(), ErrorKind::Unknown);
            say("refused");
        }
        other => panic!("no role {other}"),
    }
}

//! The roles that this program plays when it is started again, and how it is started.
//!
//! Not here: what the other side then checks.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use patchstream::stream::OnFull;

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

    /// Writes it a line.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
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
            let (stream, _) = stream(&name, false);
            say("owns");
            // Takes in what comes until it is killed.
            loop {
                stream.poll(Duration::from_millis(1)).unwrap();
                if stream.stats().encoded > 0 {
                    say("took");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        // Sends patches from the one that it is told, and says how far it is.
        "sender" => {
            let mut producer = attach(&name, "sender").unwrap();
            producer.on_full(OnFull::Block(Duration::from_secs(60))).unwrap();
            say("sends");
            let mut first = String::new();
            std::io::stdin().read_line(&mut first).unwrap();
            for id in first.trim().parse::<u64>().unwrap().. {
                push(&mut producer, id, 0).unwrap();
            }
        }
        "step" => {
            let mut producer = attach(&name, "step").unwrap();
            push(&mut producer, 1, 0).unwrap();
            say("pushed");
            until_input_ends();
        }
        other => panic!("no role {other}"),
    }
}

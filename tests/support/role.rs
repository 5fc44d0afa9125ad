//! A test program that starts itself again, in a role that its `child::role_of_a_child` plays, and what the two say to each
//! other.
//!
//! Not here: the roles (`child.rs` of each program).

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

/// This program again, in a role.
pub struct Role {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Role {
    /// Starts it; `name` is its segment or door.
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

    /// Whether it has ended by itself, and not well.
    pub fn has_failed(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some_and(|status| !status.success())
    }

    /// Kills it, as a batch system does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends its input, at which it stops what it does.
    pub fn stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends its input, at which it ends.
    pub fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Waits for its end; whether it went well.
    pub fn join(mut self) -> bool {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What this program was started again as, and the name that it was told; none where it is a test's own.
pub fn played() -> Option<(String, String)> {
    let [role, name] = ["PATCHSTREAM_TEST_ROLE", "PATCHSTREAM_TEST_SEGMENT"].map(std::env::var);
    Some((role.ok()?, name.unwrap()))
}

pub fn say(what: &str) {
    println!("{what}");
    std::io::stdout().flush().unwrap();
}

pub fn until_input_ends() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

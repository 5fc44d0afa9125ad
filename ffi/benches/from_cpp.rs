//! A patch's way from one C++ program to another, as hosts have it: committed, copied, encoded, ranked, told. Budget 25 us
//! with AVX-512, p50, metric network, 37 x 37 x 14, 20,000 selected, retention on.
//!
//! Limit: two copies of 76,664 bytes, the encoder's arithmetic, the distances to all selected, two line transfers.
//! Not here: the same inside one process (`benches/end_to_end.rs`).

#[allow(dead_code, reason = "tests link in other ways too")]
#[path = "../tests/programs/support.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::{Link, compile, succeed};

fn main() {
    let short = std::env::args().any(|argument| argument == "--test");
    let (selected, count) = if short { ("100", "20") } else { ("20000", "5000") };
    let model = if cfg!(feature = "fused") { "metric" } else { "mean" };
    let program = compile("ffi/benches/from_cpp.cpp", "from_cpp", &[], Link::Shared);
    let transport = format!("shm:bench-{}", std::process::id());
    let mut owner = Command::new(&program)
        .args(["owner", &transport, model, selected])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the owner starts");
    let mut line = String::new();
    BufReader::new(owner.stdout.take().expect("it is piped")).read_line(&mut line).expect("the owner's word");
    assert_eq!(line, "READY\n");
    let said = succeed(Command::new(&program).args(["producer", &transport, count]));
    let said = String::from_utf8(said.stdout).expect("text");
    let (way, push) = said.trim().split_once(' ').expect("two medians");
    println!(
        "from_cpp/{model}/{selected}: commit to ranked candidate, told: p50 {way} us; the push before it: {push} us"
    );
    assert!(owner.wait().expect("the owner ends").success());
}

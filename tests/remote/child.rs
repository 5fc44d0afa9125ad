//! The roles that this program plays when it is started again.
//!
//! Not here: what the other side then checks.

use patchstream::stream::OnFull;

pub use super::role::Role as Peer;
use super::role::{played, say, until_input_ends};
use super::*;

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_a_child() {
    let Some((role, name)) = played() else { return };
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
        // Ends step 9 and says so.
        "ends" => {
            let mut producer = attach(&name, "ends").unwrap();
            push(&mut producer, 1, 9).unwrap();
            producer.end_step(9).unwrap();
            say("ended");
            until_input_ends();
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

//! `ls`, `inspect` and `gc` on segments that live, that were left, and that are broken.
//!
//! `gc` is only ever given a name here: other tests have segments too. Not here: folders of jobs.

mod folders;
#[allow(dead_code, reason = "files are for others")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use patchstream::patch::{Field, Meta, Samples};
use patchstream::ring::{Geometry, Header, KIND_PATCH, OnFull};
use patchstream::shm::{PartSpec, Segment};
use patchstream::stream::Stream;
use serde_json::{Value, json};

use support::{assert_done, assert_refused, patchstream};

fn name(what: &str) -> String {
    format!("test-{}-{what}", std::process::id())
}

fn segment(name: &str) -> Segment {
    let parts = [PartSpec::Ring(Geometry::compact(8, 1000, 64).unwrap()), PartSpec::Bytes(300)];
    Segment::create(name, u32::from_le_bytes(*b"TEST"), &parts).unwrap()
}

fn file_of(name: &str) -> PathBuf {
    // SAFETY: geteuid cannot fail.
    let uid = unsafe { libc::geteuid() };
    PathBuf::from(format!("/dev/shm/ps-{uid}-{name}"))
}

/// This program again, as the owner of a segment.
fn owner(name: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "role_of_an_owner", "--nocapture", "--test-threads=1"])
        .env("PATCHSTREAM_TEST_SEGMENT", name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("owns")));
    child
}

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_an_owner() {
    let Ok(name) = std::env::var("PATCHSTREAM_TEST_SEGMENT") else { return };
    let _owned = segment(&name);
    println!("owns");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A stream of three patches, two of which are selected.
fn stream(transport: &str) -> Stream {
    let stream = Stream::builder().grid(5, 5).model("mean").transport(transport).open().unwrap();
    let mut producer = stream.producer("macro").unwrap();
    let density = vec![0.5_f32; 5 * 5 * 14];
    let field = Field::interleaved(Samples::F32(&density), 5, 5, 14).unwrap();
    for id in 1..=3 {
        producer.push(&Meta { id, ..Meta::default() }, &field).unwrap();
    }
    stream.select(0, 2).unwrap().unwrap();
    stream
}

fn text(output: &Output) -> String {
    assert_done(output);
    assert!(output.stderr.is_empty());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.contains('\u{1b}'), "no colour: {text}");
    assert!(text.lines().all(|line| !line.ends_with(' ')), "{text:?}");
    text
}

fn json_of(name: &str) -> Value {
    serde_json::from_str(&text(&patchstream(&["inspect", "--json", name]))).unwrap()
}

#[test]
fn segment_that_lives_is_listed_and_inspected_and_gc_leaves_it() {
    let name = name("lives");
    let owned = segment(&name);
    let mut producer = owned.producer(0).unwrap();
    for id in 1..=3 {
        let header = Header { kind: KIND_PATCH, id, ..Header::default() };
        producer.send(header, &[1.0], &[], &OnFull::Answer).unwrap();
    }
    producer.end_step(41);
    owned.stats().set(9, 123);
    let pid = std::process::id();

    let listed = text(&patchstream(&["ls", &name]));
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "OWNER", "STATE", "AGE", "SIZE", "RINGS"]);
    assert_eq!((lines[1][0], lines[1][1], lines[1][2]), (&*name, &*pid.to_string(), "owned"));
    assert_eq!((lines[1].last(), lines.len()), (Some(&"3/8"), 2));
    assert!(text(&patchstream(&["ls"])).contains(&name));

    let inspected = text(&patchstream(&["inspect", &format!("shm:{name}")]));
    for words in [
        &*format!("owned by process {pid}, which lives"),
        "epoch 1",
        "TEST",
        "ring of 8 slots",
        "3 of 8 slots filled; committed (head) 3, taken (tail) 0",
        "ended step 41",
        &format!("writer: process {pid}; reader: nobody"),
        "part 1",
        "123 number 9",
    ] {
        assert!(inspected.contains(words), "`{words}` is not in:\n{inspected}");
    }

    let object = json_of(&name);
    assert_eq!((&object["owner_pid"], &object["state"], &object["epoch"]), (&json!(pid), &json!("owned"), &json!(1)));
    let ring = &object["parts"][0]["ring"];
    assert_eq!((&ring["fill"], &ring["committed"], &ring["ended_step"]), (&json!(3), &json!(3), &json!(41)));
    assert_eq!((&ring["writer_pid"], &ring["reader_pid"]), (&json!(pid), &Value::Null));
    assert_eq!((&object["kind"], &object["numbers"]), (&json!("TEST"), &json!({ "number_9": 123 })));
    assert_eq!(object["parts"][1], json!({ "bytes": 300, "ring": null }));

    for options in [&["gc", &name][..], &["gc", "--dry-run", &name]] {
        let swept = text(&patchstream(options));
        assert!(swept.starts_with("left") && swept.contains(&format!("process {pid} owns it")), "{swept}");
        assert!(swept.ends_with("left 1\n"), "{swept}");
    }
    owned.check().unwrap();
    assert_eq!(producer.counts().committed, 3);
}

#[test]
fn stream_with_a_transport_is_inspected_with_its_numbers_by_name() {
    let name = name("stream");
    let _stream = stream(&format!("shm:{name}"));
    let object = json_of(&name);
    let numbers = &object["numbers"];
    assert_eq!(
        (&object["kind"], &numbers["selected"], &numbers["jobs_in_line"]),
        (&json!("door"), &json!(2), &json!(2))
    );
    assert_eq!((&numbers["workers"], &numbers["patches_encoded"]), (&json!(0), &json!(3)));
    assert!(object["says"].as_str().unwrap().contains("nx = 5"));
    let inspected = text(&patchstream(&["inspect", &name]));
    for words in ["kind       door", "says       ", "nx = 5", "2 jobs in line", "0 jobs done"] {
        assert!(inspected.contains(words), "`{words}` is not in:\n{inspected}");
    }
}

#[test]
fn segment_that_was_left_is_listed_as_that_and_gc_removes_it_unless_it_runs_dry() {
    let name = name("left");
    kill(owner(&name));
    let listed = text(&patchstream(&["ls", &name]));
    let row: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], [&name, "-", "left"]);
    assert_eq!(json_of(&name)["state"], "left");
    assert!(text(&patchstream(&["inspect", &name])).contains("no living owner"));
    assert!(text(&patchstream(&["gc", "--dry-run"])).contains(&name), "all that there are");

    let dry = text(&patchstream(&["gc", "--dry-run", &name]));
    assert!(dry.starts_with("would remove") && dry.contains(&name) && file_of(&name).exists(), "{dry}");
    let wet = text(&patchstream(&["gc", &name]));
    assert!(wet.starts_with("removed") && wet.contains("no living process"), "{wet}");
    assert!(!file_of(&name).exists() && !file_of(&format!("{name}.lock")).exists());
    for command in ["ls", "inspect", "gc"] {
        assert_refused(&patchstream(&[command, &name]), 1, &["no segment", &name]);
    }
}

#[test]
fn lanes_stand_below_their_door_by_seat() {
    let name = name("door");
    let segments = ["", ".w10", ".w9", ".p0", ".other"].map(|lane| segment(&format!("{name}{lane}")));
    let listed = text(&patchstream(&["ls"]));
    let ours: Vec<&str> = listed.lines().filter(|line| line.contains(&name)).collect();
    let starts = ["", "  .w9 ", "  .w10 ", "  .p0 ", ".other "];
    assert_eq!(ours.len(), starts.len(), "{listed}");
    for (line, start) in ours.iter().zip(starts) {
        let indent = start.len() - start.trim_start().len();
        assert!(line.starts_with(&format!("{}{name}{}", &start[..indent], &start[indent..])), "{listed}");
    }
    let one = text(&patchstream(&["ls", &name]));
    assert_eq!(one.lines().count(), 5, "the door and its lanes, not .other:\n{one}");
    let orphan = text(&patchstream(&["ls", &format!("{name}.w9")]));
    assert!(orphan.lines().nth(1).unwrap().starts_with(&format!("{name}.w9")), "{orphan}");
    drop(segments);
}

#[test]
fn broken_and_foreign_segments_are_told_and_what_is_foreign_stays() {
    let name = name("broken");
    let owned = segment(&name);
    let file = file_of(&name);
    let whole = fs::read(&file).unwrap();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(5000).unwrap();
    assert!(text(&patchstream(&["ls", &name])).contains("broken"));
    let object = json_of(&name);
    assert_eq!((&object["state"], &object["epoch"]), (&json!("broken"), &Value::Null));
    assert!(object["why"].as_str().unwrap().contains("5000 bytes"));
    assert!(text(&patchstream(&["inspect", &name])).contains("5000 bytes"));
    assert!(text(&patchstream(&["gc", &name])).starts_with("left"), "its owner lives");
    let mut again = fs::OpenOptions::new().write(true).open(&file).unwrap();
    again.write_all(&whole).unwrap();
    drop(owned);
    fs::create_dir(&file).unwrap();
    assert!(text(&patchstream(&["ls", &name])).contains("foreign"));
    assert!(text(&patchstream(&["gc", &name])).starts_with("left"));
    fs::remove_dir(&file).unwrap();
}

#[test]
fn names_that_cannot_be_are_refused_with_advice() {
    assert_refused(&patchstream(&["inspect", "nobody-has-made-this"]), 1, &["no segment", "patchstream ls"]);
    assert_refused(&patchstream(&["inspect", "x.lock"]), 1, &["x.lock", "1 to 64"]);
    for (arguments, words) in [
        (&["inspect"][..], "NAME"),
        (&["inspect", "a/b"], "dir:a/b"),
        (&["inspect", "shm:run#7"], "ticket"),
        (&["ls", "tcp:run"], "shm:NAME or dir:PATH"),
        (&["gc", "--dry", "run"], "--dry-run"),
        (&["inspct", "run"], "inspect"),
    ] {
        assert_refused(&patchstream(arguments), 2, &[words]);
    }
}

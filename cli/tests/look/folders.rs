//! The same on folders of jobs.
//!
//! Not here: what a folder's files hold (the library's own tests).

use std::fs;
use std::time::Duration;

use patchstream::job::Job;
use patchstream::ring::Wait;
use serde_json::{Value, json};

use super::support::{Folder, assert_refused, patchstream};
use super::{stream, text};

#[test]
fn folder_of_jobs_is_listed_and_inspected_and_gc_removes_what_nobody_needs() {
    let folder = Folder::new();
    let name = format!("dir:{}", folder.join("jobs").display());
    let owner = stream(&name);
    let job = Job::next(&name, &Wait::up_to(Duration::from_secs(60))).unwrap().expect("two are in line");
    let pid = std::process::id();

    let listed = text(&patchstream(&["ls", &name]));
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with(&name) && lines[0].contains("owned, process"), "{listed}");
    assert_eq!(lines[1].split_whitespace().take(3).collect::<Vec<_>>(), ["JOB", "STATE", "ATTEMPT"]);
    assert!(lines[2].contains("held") && lines[2].contains(&format!("process {pid} on ")), "{listed}");
    assert!(lines[3].contains("in line") && lines.len() == 4, "{listed}");

    fs::write(folder.join("jobs/inbox/README"), "").unwrap();
    fs::write(folder.join("jobs/tmp/elsewhere-1-1-1"), "").unwrap();
    let old = fs::File::options().write(true).open(folder.join("jobs/tmp/elsewhere-1-1-1")).unwrap();
    old.set_modified(std::time::SystemTime::now() - Duration::from_secs(100_000)).unwrap();
    let inspected = text(&patchstream(&["inspect", &name]));
    for words in ["lease 10 min", "foreign    inbox/README", "unfinished 1 file", "held", "in line"] {
        assert!(inspected.contains(words), "`{words}` is not in:\n{inspected}");
    }
    let object: Value = serde_json::from_str(&text(&patchstream(&["inspect", "--json", &name]))).unwrap();
    let jobs = object["jobs"].as_array().unwrap();
    assert_eq!(
        (&jobs[0]["id"], &jobs[0]["state"], &jobs[0]["claim"]["pid"]),
        (&json!(job.id()), &json!("held"), &json!(pid))
    );
    assert_eq!((&jobs[1]["state"], &jobs[1]["claim"], jobs.len()), (&json!("in line"), &Value::Null, 2));
    assert_eq!((&object["owner"]["pid"], &object["owner"]["dead"]), (&json!(pid), &json!(false)));

    let dry = text(&patchstream(&["gc", "--dry-run", &name]));
    assert!(dry.starts_with("would remove 1 unfinished file, 0 superseded claims"), "{dry}");
    let wet = text(&patchstream(&["gc", &name]));
    assert!(wet.starts_with("removed 1 unfinished file, 0 superseded claims"), "{wet}");
    assert!(text(&patchstream(&["gc", &name])).starts_with("removed 0 unfinished files"));
    assert!(folder.join("jobs/inbox/README").exists(), "what is nobody's is left");
    drop(job);
    drop(owner);
    assert!(text(&patchstream(&["ls", &name])).contains("closed by its owner"));
}

#[test]
fn path_that_is_no_folder_of_jobs_is_refused() {
    let folder = Folder::new();
    for path in [folder.0.clone(), folder.join("missing")] {
        let name = format!("dir:{}", path.display());
        for command in ["ls", "inspect", "gc"] {
            assert_refused(&patchstream(&[command, &name]), 1, &[path.to_str().unwrap()]);
        }
    }
}

//! `import-dynim` on histories as LLNL's dynim writes them, and on others.
//!
//! Not here: what is done with a run that no stream goes on with.

mod goes_on;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/npy.rs"]
mod npy;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use patchstream::store::{Options, Store};
use support::{Folder, assert_done, assert_refused, contents, patchstream, read, rows};

const HEAD: &str = "tstamp, event, id, rank, nselected, ndiscarded, ncandidates, ncached\n";

/// Six points were added, one was selected, two discarded, two selected, and two more added.
const HISTORY: &str = "\
2021-03-04 05:06:07, added, a, nan, 0, 0, 0, 4 
2021-03-04 05:06:07, added, b, nan, 0, 0, 0, 4 
2021-03-04 05:06:07, added, c, nan, 0, 0, 0, 4 
2021-03-04 05:06:07, added, d,e, nan, 0, 0, 0, 4 
2021-03-04 05:06:09, selected, c, 0.75, 1, 0, 3, 0 
2021-03-04 05:06:10, rejected:add_cands:already_selected, c, -1, 1, 0, 3, 0 
2021-03-04 05:06:10, added, f, nan, 1, 0, 3, 1 
2021-03-04 05:06:11, discarded, d,e, 0.25, 1, 2, 2, 0 
2021-03-04 05:06:11, discarded, b, 0.125, 1, 2, 2, 0 
2021-03-04 05:06:11, selected, f, 2.5, 2, 2, 1, 0 
2021-03-04 05:06:11, selected, a, 1.5, 3, 2, 0, 0 
2021-03-04 05:06:12, added, g, nan, 3, 2, 0, 1 
";

struct Case {
    folder: Folder,
    ids: PathBuf,
}

impl Case {
    /// A workspace with this history, and points of as many names.
    fn new(history: &str, names: &[&str]) -> Self {
        let folder = Folder::new();
        fs::create_dir_all(folder.join("workspace")).unwrap();
        fs::write(folder.join("workspace/SamplerImportance-x.history.csv"), format!("{HEAD}{history}")).unwrap();
        // A checkpoint that would run code if anything unpickled it.
        fs::write(folder.join("workspace/SamplerImportance-x.data.npz"), b"cos\nsystem\n(S'touch pwned'\ntR.").unwrap();
        let points: Vec<Vec<f32>> = (0..names.len()).map(|row| vec![row as f32, 0.5]).collect();
        npy::write_points(folder.join("points.npy"), &points);
        let ids = folder.join("ids.npy");
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(1);
        let items: Vec<u8> = names
            .iter()
            .flat_map(|name| name.chars().chain(std::iter::repeat('\0')).take(width))
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        let dictionary = npy::dictionary(&format!("<U{width}"), false, &format!("({},)", names.len()));
        npy::write(&ids, &npy::bytes(1, &dictionary, &items));
        Self { folder, ids }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn import(&self) -> Output {
        let (points, ids) = (self.path("points.npy"), self.ids.to_str().unwrap().to_owned());
        let workspace = self.path("workspace");
        patchstream(&["import-dynim", &workspace, "--points", &points, "--ids", &ids, "--out", &self.path("run")])
    }

    fn refused(&self, words: &[&str]) {
        assert_refused(&self.import(), 1, words);
        assert!(!self.folder.join("run").exists(), "something was written");
    }

    /// The lines of the log, once it was imported.
    fn log(&self) -> Vec<String> {
        assert_done(&self.import());
        assert_done(&patchstream(&["verify", &self.path("run")]));
        let output = patchstream(&["log", &self.path("run")]);
        assert_done(&output);
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn what_dynim_decided_is_in_the_run() {
    let case = Case::new(HISTORY, &["a", "b", "c", "d,e", "f", "g", "unknown"]);
    let output = case.import();
    assert_done(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "3 events: 3 selected, 2 discarded, 1 candidates, in 2 dimensions",
        "2021-03-04 05:06:07 to 2021-03-04 05:06:12",
        "capacity  2,",
        "1 rows are not in the history",
        "1 rows of the history say that a known point was rejected",
        "densities",
    ] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    assert!(!text.contains("left out: weights") && !text.contains("no rank"), "{text}");
    let log = patchstream(&["log", &case.path("run")]);
    assert_eq!(
        String::from_utf8(log.stdout).unwrap().lines().collect::<Vec<_>>(),
        [
            "event 0 at step -3: 4 came, 0 went, 1 of 1 picked: 3 (0.75); 3 candidates, 1 selected, 0 discarded",
            "event 1 at step -2: 1 came, 2 went, 1 of 1 picked: 5 (2.5); 1 candidates, 2 selected, 2 discarded",
            "event 2 at step -1: 0 came, 0 went, 1 of 1 picked: 1 (1.5); 0 candidates, 3 selected, 2 discarded",
            "mark \"imported\" at step -1",
        ]
    );
    assert_done(&patchstream(&["export", &case.path("run"), "--to", &case.path("out")]));
    let out = case.folder.join("out");
    let weights = rows(&read(&out, "weights.csv"), "id,weight,normalised");
    // b is one from a and one from c, and a tie goes to the smaller id; d,e is one from c and one from f; g is next to f.
    assert_eq!(
        weights.iter().map(|row| (&*row[0], &*row[1])).collect::<Vec<_>>(),
        [("3", "2"), ("5", "2"), ("1", "2")]
    );
    let patches = read(&out, "patches.csv");
    assert!(patches.contains("\n4,-3,0,0,0,0,discarded,\"d,e\"\n") && patches.contains(",candidate,g\n"), "{patches}");
    assert!(!case.folder.join("workspace/pwned").exists() && !PathBuf::from("pwned").exists());
}

#[test]
fn names_that_are_numbers_are_the_ids() {
    let mut case = Case::new("t, added, 70, None, 0, 0, 0, 1\nt, selected, 70, 1, 1, 0, 0, 0\n", &["x"]);
    case.ids = npy::write_ids(case.folder.join("numbers.npy"), &[70]);
    assert!(case.log()[0].contains("picked: 70 (1)"));
}

#[test]
fn a_history_that_was_begun_again_contradicts_itself_and_is_sorted_out() {
    let history = "\
t, added, a, None, 0, 0, 0, 2
t, added, b, None, 0, 0, 0, 2
t, discarded, b, 0.1, 0, 1, 1, 0
t, selected, a, 0.5, 1, 1, 0, 0
t, added, a, None, 0, 0, 0, 2
t, added, b, None, 0, 0, 0, 2
t, selected, b, nan, 1, 0, 1, 0
t, selected, c, inf, 2, 0, 1, 0
t, discarded, a, 0.5, 2, 1, 0, 0
t, discarded, lost, 0.5, 2, 1, 0, 0
";
    let case = Case::new(history, &["a", "b", "c"]);
    let output = case.import();
    assert_done(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "1 points of the history have no row",
        "1 points were decided on and never added",
        "2 rows of the history repeat",
        "1 discarded points were selected later",
        "1 selected points were discarded later",
        "2 picks have no rank",
    ] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    assert_done(&patchstream(&["verify", &case.path("run")]));
}

#[test]
fn what_is_no_history_and_what_has_no_point_are_refused_and_nothing_is_written() {
    let names = ["a"];
    Case::new("t, added, a, None, 0, 0, 0\n", &names).refused(&["line 2", "fields"]);
    Case::new("t, eaten, a, None, 0, 0, 0, 1\n", &names).refused(&["line 2", "eaten"]);
    Case::new("t, added, a, None, 0, 0, 0, 1\nt, selected, z, 1, 1, 0, 0, 0\n", &names).refused(&["line 3", "\"z\""]);
    Case::new("", &["a", "a"]).refused(&["rows 0 and 1", "\"a\""]);
    Case::new(&"x".repeat(1 << 17), &names).refused(&["line 2", "bytes"]);

    let case = Case::new("", &names);
    fs::write(case.folder.join("workspace/SamplerImportance-x.history.csv"), "id,rank\n").unwrap();
    case.refused(&["does not begin with"]);
    fs::write(case.folder.join("workspace/SamplerImportance-x.history.csv"), [0xff; 99]).unwrap();
    case.refused(&["cannot read", "line 1"]);
    fs::write(case.folder.join("workspace/SamplerRandom-y.history.csv"), HEAD).unwrap();
    case.refused(&["several", "SamplerRandom-y", "SamplerImportance-x"]);
    fs::remove_dir_all(case.folder.join("workspace")).unwrap();
    fs::create_dir(case.folder.join("workspace")).unwrap();
    case.refused(&["history.csv"]);
}

#[test]
fn ids_that_are_objects_are_refused_and_never_read() {
    let case = Case::new("", &["a"]);
    npy::write(&case.ids, &npy::bytes(1, &npy::dictionary("|O", false, "(1,)"), b"cos\nsystem\n(S'touch pwned'\ntR."));
    case.refused(&["\"|O\"", "never read"]);
    npy::write(&case.ids, &npy::bytes(1, &npy::dictionary("<U0", false, "(1,)"), b""));
    case.refused(&["<U0"]);
    npy::write(&case.ids, &npy::bytes(1, &npy::dictionary("<U99999999999", false, "(1,)"), b""));
    case.refused(&["<U99999999999"]);
    npy::write(&case.ids, &npy::bytes(1, &npy::dictionary("<U1", false, "(1,)"), &[0, 0, 0x11, 0]));
    case.refused(&["row 0", "no text"]);
    npy::write(&case.ids, &npy::bytes(1, &npy::dictionary("<U1", false, "(2,)"), &[97, 0, 0, 0, 98, 0, 0, 0]));
    case.refused(&["(1,)"]);
}

#[test]
fn what_a_killed_import_left_is_in_nobody_s_way_and_one_that_lives_is() {
    let case = Case::new("t, added, a, None, 0, 0, 0, 1\n", &["a"]);
    let part = case.folder.join(".run.import");
    let store = Store::create(&part, "imported = dynim\n", &Options::default()).unwrap();
    case.refused(&["another import writes", "run"]);
    drop(store);
    fs::write(part.join("log/000002.log"), "half").unwrap();
    assert_done(&case.import());
    assert_done(&patchstream(&["verify", &case.path("run")]));
    assert!(!part.exists());
}

#[test]
fn what_is_in_the_way_and_no_import_left_stays_as_it_is() {
    let case = Case::new("t, added, a, None, 0, 0, 0, 1\n", &["a"]);
    let part = case.folder.join(".run.import");
    let refused = |what: &str| {
        let before = contents(&case.folder.0);
        case.refused(&[".run.import", "in the way"]);
        assert_eq!(contents(&case.folder.0), before, "{what}");
    };
    fs::write(&part, "my thesis").unwrap();
    refused("a file");
    fs::remove_file(&part).unwrap();
    fs::create_dir(&part).unwrap();
    fs::write(part.join("thesis.tex"), "mine").unwrap();
    refused("a folder");
    fs::remove_dir_all(&part).unwrap();
    Store::create(&part, "nx = 37\n", &Options::default()).unwrap().close().unwrap();
    refused("a run of another kind");
    fs::rename(&part, case.folder.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(case.folder.join("elsewhere"), &part).unwrap();
    refused("a link");
    fs::remove_file(&part).unwrap();
    // Killed before the first file was whole.
    fs::create_dir(&part).unwrap();
    fs::write(part.join("run.toml.new"), "form").unwrap();
    assert_done(&case.import());
}

#[test]
fn a_folder_that_is_taken_is_refused() {
    let case = Case::new("t, added, a, None, 0, 0, 0, 1\n", &["a"]);
    assert_done(&case.import());
    assert_refused(&case.import(), 1, &["holds a run already"]);
}

//! The rules that look at one file at a time, each with a test that shows that it can fail.
//!
//! Not here: imports, which need the table.

use crate::source::{code, ending};

/// What is wrong, and in which line, from 1.
#[derive(Debug, PartialEq)]
pub struct Fault {
    pub line: usize,
    pub what: String,
}

impl Fault {
    pub fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// The most lines of a file.
const LINES_MAX: usize = 400;

/// Where unsafe code may be.
const UNSAFE: [&str; 10] = [
    "src/ring/",
    "src/shm/",
    "src/guest/",
    "src/store/ahead.rs",
    "src/dynim/kernels.rs",
    "src/dynim/vector.rs",
    "src/encode/plan/kernels",
    "src/wire/patchstream_generated.rs",
    "ffi/src/",
    "cli/src/bridge",
];

fn is_generated(path: &str) -> bool {
    path.ends_with("patchstream_generated.rs")
        || path.ends_with("patchstream_generated.h")
        || path == "include/patchstream.h"
}

/// A file opens with a comment that says what it is: `//!` in Rust, any comment elsewhere.
pub fn head(path: &str, text: &str) -> Vec<Fault> {
    let opens: &[&str] = if ending(path) == "rs" { &["//! "] } else { &["// ", "/* ", "/**\n"] };
    if opens.iter().any(|open| text.starts_with(open)) {
        return Vec::new();
    }
    vec![Fault::new(1, format!("begins without a comment ({}) that says what the file is", opens[0].trim()))]
}

/// The head of a file of the library has a sentence that says what is not there.
pub fn not_here(_: &str, text: &str) -> Vec<Fault> {
    let mut head = text.lines().take_while(|line| line.starts_with("//!"));
    if head.any(|line| line.contains("Not here: ")) {
        return Vec::new();
    }
    vec![Fault::new(1, "the head has no sentence \"Not here: ..\"")]
}

/// Words that mark unfinished work. They are put together here, or this file would break its own rule.
pub fn unfinished(_: &str, text: &str) -> Vec<Fault> {
    let marks =
        [["TO", "DO"], ["FIX", "ME"], ["to", "do!("], ["unimple", "mented!("], ["db", "g!("]].map(|m| m.concat());
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for mark in marks.iter().filter(|mark| has_word(line, mark)) {
            faults.push(Fault::new(number + 1, format!("{mark} is left: finish it, or open an issue")));
        }
    }
    faults
}

/// A library in somebody else's process writes to no stream of that process and does not end it.
pub fn prints(_: &str, text: &str) -> Vec<Fault> {
    let calls = ["print!(", "println!(", "eprint!(", "eprintln!(", "process::exit(", "process::abort("];
    let mut faults = Vec::new();
    for (number, line) in code(text).lines().enumerate() {
        for call in calls.iter().filter(|call| has_word(line, call)) {
            faults.push(Fault::new(number + 1, format!("{call}..): a library never prints and never exits")));
        }
    }
    faults
}

/// A file past this length has a second idea in it.
pub fn length(path: &str, text: &str) -> Vec<Fault> {
    let lines = text.lines().count();
    if is_generated(path) || lines <= LINES_MAX {
        return Vec::new();
    }
    vec![Fault::new(LINES_MAX + 1, format!("{lines} lines, {LINES_MAX} are the most: look for the second idea in it"))]
}

/// Unsafe code stays in the few places that are reviewed for it. Tests at the end of a file may ask the C library.
pub fn no_unsafe(path: &str, text: &str) -> Vec<Fault> {
    if UNSAFE.iter().any(|place| path.starts_with(place)) {
        return Vec::new();
    }
    let code = code(text);
    let product = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&code);
    let lines = product.lines().enumerate().filter(|(_, line)| has_word(line, "unsafe"));
    lines.map(|(number, _)| Fault::new(number + 1, format!("unsafe code outside {}", UNSAFE.join(", ")))).collect()
}

/// Crate, compiler and generated code of flatbuffers belong together: a reader of another version may not read.
pub fn flatbuffers_versions(cargo: &str, flatc: &str, flatc_lock: &str, header: &str) -> Vec<String> {
    let Some(pin) = after(cargo, "flatbuffers = \"=").map(|rest| rest.split('"').next().unwrap_or(rest)) else {
        return vec!["Cargo.toml does not pin flatbuffers with \"=\"".into()];
    };
    let mut faults = Vec::new();
    let fork = after(flatc_lock, "name = \"flatc-fork\"\nversion = \"").and_then(|rest| rest.split('"').next());
    let (fork, vendored) = fork.and_then(|version| version.split_once('+')).unwrap_or_default();
    if vendored.split('-').next() != Some(pin) {
        faults.push(format!(".ci/flatc/Cargo.lock builds flatc {vendored}, Cargo.toml pins flatbuffers {pin}"));
    }
    if !flatc.contains(&format!("flatc-fork = \"={fork}\"")) {
        faults.push(format!(".ci/flatc/Cargo.toml does not pin flatc-fork ={fork}"));
    }
    let number = |name: &str| {
        let rest = after(header, &format!("FLATBUFFERS_VERSION_{name} == "));
        rest.map_or(String::new(), |rest| rest.chars().take_while(char::is_ascii_digit).collect())
    };
    let generated = ["MAJOR", "MINOR", "REVISION"].map(number).join(".");
    if generated != pin {
        faults.push(format!("include/patchstream_generated.h is of {generated}, Cargo.toml pins flatbuffers {pin}"));
    }
    faults
}

/// Links from one document to a file of the repository.
pub fn links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let file = target.split('#').next().unwrap_or(target);
            if !file.is_empty() && !file.contains("://") && !exists(&format!("{folder}{file}")) {
                faults.push(Fault::new(number + 1, format!("{target} leads nowhere")));
            }
        }
    }
    faults
}

/// Whether `word` is in `line` and not a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_name) && (!word.ends_with(is_name) || !after.starts_with(is_name))
    })
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.find(mark).map(|at| &text[at + mark.len()..])
}

#[test]
fn missing_heads_are_found() {
    assert!(head("src/a.rs", "//! An a.\nuse b;").is_empty());
    assert!(head("a.cpp", "// An a.\n").is_empty());
    assert_eq!(head("src/a.rs", "use b;\n//! An a.").len(), 1);
    assert_eq!(head("src/a.rs", "// An a.").len(), 1);
    assert_eq!(head("a.hpp", "#pragma once\n").len(), 1);
    assert!(not_here("", "//! An a.\n//! Not here: b.\n").is_empty());
    assert_eq!(not_here("", "//! An a.\nfn f() {} // Not here: b.").len(), 1);
}

#[test]
fn unfinished_work_and_prints_are_found() {
    let left = |mark: [&str; 2]| unfinished("", &format!("a\n// {}{} b", mark[0], mark[1]));
    assert_eq!(left(["TO", "DO"])[0].line, 2);
    assert_eq!(left(["FIX", "ME:"]).len(), 1);
    assert_eq!(left(["db", "g!(1)"]).len(), 1);
    assert!(unfinished("", "MASTODONS db!(1) a_todo").is_empty());
    assert_eq!(
        prints("", "\nprintln!(1);").first(),
        Some(&Fault::new(2, "println!(..): a library never prints and never exits"))
    );
    assert_eq!(prints("", "std::process::exit(1)").len(), 1);
    assert!(prints("", "// println!(1)\nmy_println!(\"print!(\")").is_empty());
}

#[test]
fn long_files_are_found_unless_generated() {
    let text = "\n".repeat(LINES_MAX + 1);
    assert_eq!(length("src/a.rs", &text).len(), 1);
    assert!(length("src/a.rs", &text[1..]).is_empty());
    assert!(length("src/wire/patchstream_generated.rs", &text).is_empty());
}

#[test]
fn misplaced_unsafe_is_found() {
    assert_eq!(no_unsafe("src/dynim/a.rs", "fn f() {\n    unsafe { g() }\n}")[0].line, 2);
    assert_eq!(no_unsafe("examples/a.rs", "unsafe fn f() {}").len(), 1);
    assert!(no_unsafe("src/dynim/a.rs", "#![deny(unsafe_code)] // unsafe\n\"unsafe\"").is_empty());
    assert!(no_unsafe("src/ring/a.rs", "unsafe { g() }").is_empty());
    assert!(no_unsafe("cli/src/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    unsafe { g() }\n}").is_empty());
    assert_eq!(no_unsafe("cli/src/a.rs", "#[cfg(test)]\nuse a;\nunsafe { g() }").len(), 1);
}

#[test]
fn differing_flatbuffers_versions_are_found() {
    let cargo = "flatbuffers = \"=25.12.19\"\n";
    let (flatc, lock) = ("flatc-fork = \"=0.6.0\"", "name = \"flatc-fork\"\nversion = \"0.6.0+25.12.19-2026-02-06\"\n");
    let header =
        "FLATBUFFERS_VERSION_MAJOR == 25 && FLATBUFFERS_VERSION_MINOR == 12 && FLATBUFFERS_VERSION_REVISION == 19";
    assert!(flatbuffers_versions(cargo, flatc, lock, header).is_empty());
    assert_eq!(flatbuffers_versions(&cargo.replace("19", "18"), flatc, lock, header).len(), 2);
    assert_eq!(flatbuffers_versions(cargo, "flatc-fork = \"0.6\"", lock, header).len(), 1);
    assert_eq!(flatbuffers_versions(cargo, flatc, &lock.replace("25", "24"), header).len(), 1);
    assert_eq!(flatbuffers_versions(cargo, flatc, lock, &header.replace("12", "11")).len(), 1);
    assert_eq!(flatbuffers_versions(&cargo.replace('=', ""), flatc, lock, header).len(), 1);
}

#[test]
fn dead_links_are_found() {
    let exists = |path: &str| path == "docs/a.md";
    assert!(links("docs/b.md", "[a](a.md#part) [b](https://b.c/d) [c](#part)", exists).is_empty());
    assert_eq!(links("b.md", "x\n[a](docs/a.md) [a](a.md)", exists), [Fault::new(2, "a.md leads nowhere")]);
}

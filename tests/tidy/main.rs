//! The rules that the repository keeps, read off its text: the import table of ARCHITECTURE.md, file heads, words that
//! never stay, lengths, where unsafe lives, one flatbuffers version, links that lead somewhere.
//!
//! Each rule is a function from a file to its faults, and has a test on made-up text that shows that it can fail.
//! Not here: what the compiler, clippy and rustfmt see (`.ci/run`), drift of generated files (`.ci/header`, `.ci/schema`).

mod imports;
mod rules;
mod source;

use std::path::Path;

use rules::Fault;
use source::Source;

/// Runs one rule over all files that it is for, and fails with every fault.
fn hold(applies: impl Fn(&str) -> bool, rule: impl Fn(&str, &str) -> Vec<Fault>) {
    let sources = source::all();
    let mut looked_at = 0;
    let mut faults = Vec::new();
    for Source { path, text } in sources.iter().filter(|source| applies(&source.path)) {
        looked_at += 1;
        faults.extend(rule(path, text).into_iter().map(|Fault { line, what }| format!("{path}:{line}: {what}")));
    }
    assert!(looked_at > 0, "the rule found no file to look at");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn is_rust(path: &str) -> bool {
    source::ending(path) == "rs"
}

fn text_of(path: &str) -> String {
    let found = source::all().into_iter().find(|source| source.path == path);
    found.unwrap_or_else(|| panic!("{path} is gone")).text
}

#[test]
fn modules_import_only_what_the_table_of_architecture_allows() {
    let table = imports::Table::parse(&text_of("ARCHITECTURE.md")).unwrap();
    hold(|path| path.starts_with("src/") && is_rust(path), |path, text| table.check(path, text));
}

#[test]
fn the_table_of_architecture_names_every_module_and_no_other() {
    let table = imports::Table::parse(&text_of("ARCHITECTURE.md")).unwrap();
    let mut modules: Vec<String> = source::all().iter().filter_map(|source| imports::module(&source.path)).collect();
    modules.dedup();
    assert_eq!(table.modules(), modules);
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    hold(|path| ["rs", "c", "cpp", "h", "hpp", "fbs"].contains(&source::ending(path)), rules::head);
}

#[test]
fn every_file_of_the_library_says_what_is_not_there() {
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    hold(|path| path.starts_with("src/") && is_rust(path) && !is_test(path), rules::not_here);
}

#[test]
fn no_unfinished_work_stays() {
    hold(|path| !path.starts_with("LICENSE"), rules::unfinished);
}

#[test]
fn the_libraries_never_print_or_exit() {
    hold(|path| (path.starts_with("src/") || path.starts_with("ffi/src/")) && is_rust(path), rules::prints);
}

#[test]
fn no_file_of_ours_is_longer_than_a_room() {
    hold(|path| ["rs", "c", "cpp", "h", "hpp"].contains(&source::ending(path)), rules::length);
}

#[test]
fn unsafe_lives_where_it_is_allowed() {
    let is_product = |path: &str| ["src/", "ffi/src/", "cli/src/", "examples/"].iter().any(|f| path.starts_with(f));
    hold(|path| is_product(path) && is_rust(path), rules::no_unsafe);
}

#[test]
fn flatbuffers_has_one_version_everywhere() {
    let faults = rules::flatbuffers_versions(
        &text_of("Cargo.toml"),
        &text_of(".ci/flatc/Cargo.toml"),
        &std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/flatc/Cargo.lock")).unwrap(),
        &text_of("include/patchstream_generated.h"),
    );
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    hold(|path| source::ending(path) == "md", |path, text| rules::links(path, text, |to| root.join(to).exists()));
}

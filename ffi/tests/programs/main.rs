//! C and C++ programs, compiled strictly, linked against the library as a host does, and run.

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::{Link, built, compile, root, succeed};

/// The encoder that the programs use: the default one where it is built in.
const MODEL: &str = if cfg!(feature = "tract") { "metric" } else { "mean" };

fn run(source: &str, name: &str, flags: &[&str], link: Link) -> String {
    let program = compile(source, name, flags, link);
    String::from_utf8(succeed(Command::new(program).args(["--model", MODEL])).stdout).expect("text")
}

#[test]
fn c_program_sees_the_errors_and_the_answers_that_the_header_promises() {
    let said = run("ffi/tests/c/abi_test.c", "abi_test", &[], Link::Shared);
    assert!(said.ends_with("abi_test: 0 failures\n"), "{said}");
}

#[test]
fn c_ranks_cut_their_parts_of_a_window() {
    let said = run("ffi/tests/c/cut_test.c", "cut_test", &[], Link::Shared);
    assert!(said.ends_with("cut_test: 0 failures\n"), "{said}");
}

#[test]
fn layout_of_the_c_structs_is_as_it_ever_was() {
    let said = run("ffi/tests/c/layout_test.c", "layout_test", &[], Link::Shared);
    assert!(said.ends_with("layout_test: 0 failures\n"), "{said}");
}

#[test]
fn c_program_linked_with_the_static_library_runs_the_same() {
    let said = run("ffi/tests/c/abi_test.c", "abi_test_static", &[], Link::Static);
    assert!(said.ends_with("abi_test: 0 failures\n"), "{said}");
}

#[test]
fn cpp_face_works_with_exceptions() {
    let said = run("ffi/tests/cpp/face_test.cpp", "face_test", &[], Link::Shared);
    assert!(said.ends_with("face_test: 0 failures\n"), "{said}");
}

#[test]
fn cpp_face_works_without_exceptions() {
    let said = run("ffi/tests/cpp/face_test.cpp", "face_test_noexcept", &["-fno-exceptions"], Link::Shared);
    assert!(said.ends_with("face_test: 0 failures\n"), "{said}");
}

#[test]
fn host_that_traps_rounds_or_flushes_gets_the_same_decisions_and_its_environment_back() {
    let said = run("ffi/tests/cpp/environment_test.cpp", "environment_test", &[], Link::Shared);
    assert!(said.ends_with("environment_test: 0 failures\n"), "{said}");
}

#[test]
fn c_example_selects_and_weighs_every_patch() {
    let program = compile("examples/c/host.c", "c_host", &[], Link::Shared);
    let said = String::from_utf8(succeed(&mut Command::new(program)).stdout).expect("text");
    assert_eq!(said.lines().filter(|line| line.contains(" selects patch ")).count(), 8, "{said}");
    assert!(said.ends_with("8 selected stand for 24 patches\n"), "{said}");
}

#[test]
fn ddft_physics_holds() {
    let program = compile("examples/ddft/ddft_test.cpp", "ddft_test", &["-ffp-contract=off"], Link::Without);
    succeed(&mut Command::new(program));
}

#[test]
fn shared_library_exports_patchstream_symbols_only() {
    let list = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(built().join("libpatchstream.so")));
    let list = String::from_utf8(list.stdout).expect("text");
    let exported: BTreeSet<&str> = list.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let header = std::fs::read_to_string(root().join("include/patchstream.h")).expect("the header");
    let code = header.lines().filter(|line| !line.trim_start().starts_with("//"));
    let declared: BTreeSet<&str> = code
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("patchstream_"))
        .collect();
    assert!(declared.len() > 30, "{declared:?}");
    assert_eq!(exported, declared, "what is exported, and what the header declares");
}

/// Runs the campaign's options in both hosts and compares what they write.
fn both_hosts_write_the_same(options: &[&str]) {
    let program = compile("examples/ddft/main.cpp", "ddft_host", &["-ffp-contract=off"], Link::Shared);
    let name = options.join("_").replace('-', "");
    let folder = |host: &str| std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{host}{name}"));
    let (rust, cpp) = (folder("rust"), folder("cpp"));
    let campaign =
        Command::new(built().join("patchstream")).arg("campaign").args(options).arg("--out").arg(&rust).output();
    assert!(campaign.as_ref().is_ok_and(|output| output.status.success()), "{campaign:?}");
    succeed(Command::new(program).args(options).arg("--out").arg(&cpp));
    for file in ["selected.csv", "weights.csv", "selections.psel"] {
        let read = |folder: &std::path::Path| std::fs::read(folder.join(file)).expect(file);
        let (rust, cpp) = (read(&rust), read(&cpp));
        assert!(rust.len() > 60, "{file} says something");
        assert!(rust == cpp, "{file} differs between campaign and the C++ example with {options:?}");
    }
}

#[test]
fn cpp_example_and_campaign_write_the_same_files() {
    let common = ["--grid", "96", "--proteins", "3", "--steps", "60", "--every", "10"];
    for seed in ["1", "7"] {
        both_hosts_write_the_same(&[&common[..], &["--seed", seed, "--select", "2", "--model", MODEL]].concat());
    }
    both_hosts_write_the_same(&[&common[..], &["--background", "--capacity", "5", "--model", "mean"]].concat());
}

/// The first block of `language` in `text`, from its opening line on.
fn block<'a>(text: &'a str, language: &str) -> Option<(&'a str, &'a str)> {
    let opening = format!("```{language}\n");
    let start = text.find(&opening)? + opening.len();
    let end = start + text[start..].find("\n```")? + 1;
    Some((&text[start..end], &text[end..]))
}

#[test]
fn readme_cpp_quick_start_prints_what_the_readme_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let (code, rest) = block(&readme, "cpp").expect("a C++ block");
    let (expected, _) = block(rest, "text").expect("what it prints");
    let source = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme_quick_start.cpp");
    std::fs::write(&source, code).expect("room for a file");
    let program = compile(source.to_str().expect("UTF-8"), "readme_quick_start", &[], Link::Shared);
    assert_eq!(String::from_utf8(succeed(&mut Command::new(program)).stdout).expect("text"), expected);
}

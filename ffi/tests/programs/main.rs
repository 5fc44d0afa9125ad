//! C and C++ programs, compiled strictly, linked against the library as a host does, and run.

mod md;
mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::{Link, built, compile, root, succeed};

/// The encoder that the programs use: the default one where it is built in.
const MODEL: &str = if cfg!(feature = "fused") { "metric" } else { "mean" };

fn run(source: &str, name: &str, flags: &[&str], link: Link) -> String {
    let program = compile(source, name, flags, link);
    // A folder of its own to start in: some write files there.
    let folder = program.with_extension("run");
    std::fs::create_dir_all(&folder).expect("room for a folder");
    let mut program = Command::new(program);
    String::from_utf8(succeed(program.args(["--model", MODEL]).current_dir(folder)).stdout).expect("text")
}

#[test]
fn c_program_sees_the_errors_and_the_answers_that_the_header_promises() {
    let said = run("ffi/tests/c/abi_test.c", "abi_test", &[], Link::Shared);
    assert!(said.ends_with("abi_test: 0 failures\n"), "{said}");
}

#[test]
fn c_program_routes_patches_to_queues_and_tells_states() {
    for (name, link) in [("queues_test_c", Link::Shared), ("queues_test_c_static", Link::Static)] {
        let said = run("ffi/tests/c/queues_test.c", name, &[], link);
        assert!(said.ends_with("queues_test: 0 failures\n"), "{said}");
    }
}

#[test]
fn c_program_reads_densities_that_are_kept() {
    let said = run("ffi/tests/c/retention_test.c", "retention_test", &[], Link::Shared);
    assert!(said.ends_with("retention_test: 0 failures\n"), "{said}");
}

#[test]
fn cpp_program_goes_on_with_a_run() {
    let said = run("ffi/tests/cpp/run_test.cpp", "run_test_cpp", &[], Link::Shared);
    assert!(said.ends_with("run_test: 0 failures\n"), "{said}");
}

#[test]
fn cpp_program_goes_on_with_a_run_that_was_imported() {
    let fixtures = root().join("tests/fixtures/dynim");
    let run = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("imported");
    let _ = std::fs::remove_dir_all(&run);
    let mut import = Command::new(built().join("patchstream"));
    import.arg("import-dynim").arg(&fixtures).arg("--points").arg(fixtures.join("points.npy"));
    succeed(import.arg("--ids").arg(fixtures.join("ids.npy")).arg("--out").arg(&run));
    let program = compile("ffi/tests/cpp/imported_test.cpp", "imported_test_cpp", &[], Link::Shared);
    let said = String::from_utf8(succeed(Command::new(program).arg(&run)).stdout).expect("text");
    assert!(said.ends_with("imported_test: 0 failures\n"), "{said}");
}

#[test]
fn c_and_cpp_workers_take_jobs_in_processes_of_their_own() {
    for (source, name, flags) in [
        ("ffi/tests/c/job_test.c", "job_test_c", &[][..]),
        ("ffi/tests/cpp/job_test.cpp", "job_test_cpp", &[]),
        ("ffi/tests/cpp/job_test.cpp", "job_test_cpp_noexcept", &["-fno-exceptions"]),
    ] {
        let said = run(source, name, flags, Link::Shared);
        assert!(said.ends_with("job_test: 0 failures\n"), "{said}");
    }
}

#[test]
fn c_and_cpp_programs_count_pairs_and_are_given_tables() {
    for (source, name, flags) in [
        ("ffi/tests/c/feedback_test.c", "feedback_test_c", &[][..]),
        ("ffi/tests/cpp/feedback_test.cpp", "feedback_test_cpp", &[]),
        ("ffi/tests/cpp/feedback_test.cpp", "feedback_test_cpp_noexcept", &["-fno-exceptions"]),
    ] {
        let said = run(source, name, flags, Link::Shared);
        assert!(said.ends_with("feedback_test: 0 failures\n"), "{said}");
    }
}

#[test]
fn c_and_cpp_programs_attach_producers_to_a_stream() {
    for (source, name, flags) in [
        ("ffi/tests/c/attach_test.c", "attach_test_c", &[][..]),
        ("ffi/tests/cpp/attach_test.cpp", "attach_test_cpp", &[]),
        ("ffi/tests/cpp/attach_test.cpp", "attach_test_cpp_noexcept", &["-fno-exceptions"]),
    ] {
        let said = run(source, name, flags, Link::Shared);
        assert!(said.ends_with("attach_test: 0 failures\n"), "{said}");
    }
}

#[test]
fn c_examples_of_host_and_worker_run_a_job_for_each_selection() {
    let host = compile("examples/c/host.c", "c_host_of_jobs", &[], Link::Shared);
    let worker = compile("examples/c/worker.c", "c_worker", &[], Link::Shared);
    let transport = format!("shm:example-{}", std::process::id());
    let mut worker = Command::new(worker).arg(&transport).spawn().expect("a worker");
    let said = String::from_utf8(succeed(Command::new(host).args(["mean", &transport])).stdout).expect("text");
    // It waits for a successor of the host, and ends when it is told to.
    worker.kill().expect("the worker still waits");
    let _ = worker.wait();
    assert!(said.ends_with("8 jobs are done, 32 samples\n"), "{said}");
}

#[test]
fn cpp_face_has_queues_states_and_history_with_and_without_exceptions() {
    for (name, flags) in [("queues_test_cpp", &[][..]), ("queues_test_cpp_noexcept", &["-fno-exceptions"])] {
        let said = run("ffi/tests/cpp/queues_test.cpp", name, flags, Link::Shared);
        assert!(said.ends_with("queues_test: 0 failures\n"), "{said}");
    }
}

#[test]
fn c_and_cpp_programs_are_told_the_class_of_each_selection() {
    for (source, name, flags) in [
        ("ffi/tests/c/classifier_test.c", "classifier_test_c", &[][..]),
        ("ffi/tests/cpp/classifier_test.cpp", "classifier_test_cpp", &[]),
        ("ffi/tests/cpp/classifier_test.cpp", "classifier_test_cpp_noexcept", &["-fno-exceptions"]),
    ] {
        let said = run(source, name, flags, Link::Shared);
        assert!(said.ends_with("classifier_test: 0 failures\n"), "{said}");
    }
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

/// The line of a source's head that compiles it, run as it stands, but for the folder of the library and the output.
#[test]
fn examples_compile_by_the_lines_that_they_state_and_start() {
    for (source, compiler, output, options) in [
        ("examples/c/host.c", "gcc ", "-o host", &[][..]),
        (
            "examples/md/main.cpp",
            "g++ ",
            "-o md_host",
            &["--size", "13", "--equilibration", "10", "--windows", "1", "--window", "20"][..],
        ),
        ("examples/ddft/main.cpp", "g++ ", "-o ddft_host", &["--steps", "1", "--grid", "48", "--proteins", "1"][..]),
    ] {
        let text = std::fs::read_to_string(root().join(source)).expect("an example");
        let line =
            text.lines().find_map(|line| line.find(compiler).map(|at| &line[at..])).expect("a line that compiles");
        let program = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(output.replace("-o ", "as_stated_"));
        assert!(line.contains(output), "{line}");
        let line = line.replace(output, &format!("-o '{}'", program.display()));
        let line = line.replace("$PWD/target/release", &built().display().to_string());
        let line = line.replace("target/release", &built().display().to_string());
        succeed(Command::new("sh").arg("-c").arg(line).current_dir(root()));
        let out = program.with_extension("out");
        let options = options.iter().map(std::ffi::OsStr::new);
        let out = if options.len() > 0 { vec!["--out".as_ref(), out.as_os_str()] } else { Vec::new() };
        succeed(Command::new(&program).args(options).args(out));
    }
}

#[test]
fn ddft_physics_holds() {
    let program = compile("examples/ddft/ddft_test.cpp", "ddft_test", &["-ffp-contract=off"], Link::Without);
    succeed(&mut Command::new(program));
}

#[test]
fn ddft_takes_potentials_from_outside() {
    let program =
        compile("examples/ddft/ddft_potential_test.cpp", "ddft_potential_test", &["-ffp-contract=off"], Link::Without);
    succeed(&mut Command::new(program));
}

#[test]
fn ddft_goes_on_from_a_checkpoint_as_if_nothing_had_happened() {
    let program =
        compile("examples/ddft/ddft_state_test.cpp", "ddft_state_test", &["-ffp-contract=off"], Link::Without);
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

/// Runs the campaign's options in both hosts and compares what they write; the messages.
fn both_hosts_write_the_same(options: &[&str]) -> Vec<u8> {
    let program = compile("examples/ddft/main.cpp", "ddft_host", &["-ffp-contract=off"], Link::Shared);
    let name = options.join("_").replace('-', "");
    let folder = |host: &str| std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{host}{name}"));
    let (rust, cpp) = (folder("rust"), folder("cpp"));
    // A campaign's folder is new; one of an earlier test may lie there.
    let _ = std::fs::remove_dir_all(&rust);
    let mut campaign = Command::new(built().join("patchstream"));
    let campaign = campaign.args(["campaign", "--md", "none"]).args(options).arg("--out").arg(&rust).output();
    assert!(campaign.as_ref().is_ok_and(|output| output.status.success()), "{campaign:?}");
    succeed(Command::new(program).args(options).arg("--out").arg(&cpp));
    for file in ["selected.csv", "weights.csv", "selections.psel"] {
        let read = |folder: &std::path::Path| std::fs::read(folder.join(file)).expect(file);
        let (rust, cpp) = (read(&rust), read(&cpp));
        assert!(rust.len() > 60, "{file} says something");
        assert!(rust == cpp, "{file} differs between campaign and the C++ example with {options:?}");
    }
    std::fs::read(rust.join("selections.psel")).expect("selections.psel")
}

#[test]
fn cpp_example_and_campaign_write_the_same_files() {
    let common = ["--grid", "96", "--proteins", "3", "--steps", "60", "--every", "10"];
    for seed in ["1", "7"] {
        both_hosts_write_the_same(&[&common[..], &["--seed", seed, "--select", "2", "--model", MODEL]].concat());
    }
    both_hosts_write_the_same(&[&common[..], &["--background", "--capacity", "5", "--model", "mean"]].concat());
    // Room for control patches: 50 nm from any protein.
    let controls =
        ["--grid", "192", "--proteins", "2", "--steps", "12", "--every", "4", "--controls", "3", "--model", MODEL];
    let messages = both_hosts_write_the_same(&controls);
    assert!(messages.windows(7).any(|bytes| bytes == b"control"), "control patches were selected too");
    if cfg!(feature = "fused") {
        let messages = both_hosts_write_the_same(&[&common[..], &["--classifier", "fingerprint"]].concat());
        assert!(messages.windows(5).any(|bytes| bytes == b"RAS4b"), "selections tell their classes");
    }
}

#[cfg(feature = "fused")]
#[test]
fn model_that_is_cut_short_or_has_another_card_is_one_sentence_for_a_cpp_host() {
    let program = compile("examples/ddft/main.cpp", "ddft_host_models", &["-ffp-contract=off"], Link::Shared);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
    let onnx = std::fs::read(root().join("models/metric-37x37x14.onnx")).expect("the metric network");
    let card = std::fs::read_to_string(root().join("models/metric-37x37x14.toml")).expect("its card");
    let other = card.replace("latent_dimension = 9", "latent_dimension = 8");
    assert_ne!(card, other);
    for (name, onnx, card) in [("cut", &onnx[..onnx.len() / 2], &card), ("card", &onnx[..], &other)] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("room for a folder");
        std::fs::write(folder.join("net.onnx"), onnx).expect("room for a file");
        std::fs::write(folder.join("net.toml"), card).expect("room for a file");
        let mut host = Command::new(&program);
        host.args(["--grid", "64", "--proteins", "1", "--steps", "1", "--out"]).arg(folder.join("out"));
        let output = host.arg("--model").arg(&folder).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.lines().count() == 1 && said.contains("net.onnx"), "{said}");
    }
}

/// The first block of `language` in `text`, from its opening line on.
fn block<'a>(text: &'a str, language: &str) -> Option<(&'a str, &'a str)> {
    let opening = format!("```{language}\n");
    let start = text.find(&opening)? + opening.len();
    let end = start + text[start..].find("\n```")? + 1;
    Some((&text[start..end], &text[end..]))
}

/// Runs a host of the README undisturbed, and killed again and again.
fn host_that_is_killed_comes_to_the_same(code: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme_run");
    let _ = std::fs::remove_dir_all(&folder);
    let source = folder.with_extension("cpp");
    std::fs::write(&source, code).expect("room for a file");
    let program = compile(source.to_str().expect("UTF-8"), "readme_run_host", &[], Link::Shared);
    let decided = |name: &str, kills: u64| {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("room for a folder");
        let host = || {
            let mut host = Command::new(&program);
            host.current_dir(&folder).stdout(std::process::Stdio::null());
            host
        };
        for kill in 1..=kills {
            let mut host = host().spawn().expect("a host");
            std::thread::sleep(std::time::Duration::from_millis(60 * kill));
            // It may have ended by itself.
            let _ = host.kill();
            host.wait().expect("its end");
        }
        succeed(&mut host());
        let mut export = Command::new(built().join("patchstream"));
        succeed(export.args(["export", "run", "--to", "tables"]).current_dir(&folder));
        ["selected.csv", "weights.csv"].map(|file| std::fs::read(folder.join("tables").join(file)).expect(file))
    };
    let undisturbed = decided("undisturbed", 0);
    assert_eq!(undisturbed[0].iter().filter(|byte| **byte == b'\n').count(), 201);
    assert!(undisturbed == decided("killed", 6), "a host that was killed comes to something else");
}

#[test]
fn readme_cpp_quick_start_prints_what_the_readme_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let (code, rest) = block(&readme, "cpp").expect("a C++ block");
    let (expected, rest) = block(rest, "text").expect("what it prints");
    let (attaching, rest) = block(rest, "cpp").expect("a producer of another process");
    let (worker, rest) = block(rest, "cpp").expect("a worker");
    let (feedback, rest) = block(rest, "cpp").expect("feedback");
    let (run, _) = block(rest, "cpp").expect("a host that goes on");
    host_that_is_killed_comes_to_the_same(run);
    let [attaching, feedback] = [attaching, feedback]
        .map(|code| format!("#include <cstdio>\n#include <patchstream.hpp>\nint main() {{\n{code}\n}}\n"));
    for (name, code) in
        [("readme_attaching", attaching.as_str()), ("readme_worker", worker), ("readme_feedback", feedback.as_str())]
    {
        let source = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("cpp");
        std::fs::write(&source, code).expect("room for a file");
        compile(source.to_str().expect("UTF-8"), name, &[], Link::Shared);
    }
    let source = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme_quick_start.cpp");
    std::fs::write(&source, code).expect("room for a file");
    let program = compile(source.to_str().expect("UTF-8"), "readme_quick_start", &[], Link::Shared);
    assert_eq!(String::from_utf8(succeed(&mut Command::new(program)).stdout).expect("text"), expected);
}

//! The micro hosts: the physics of the built-in one, its comparison with LAMMPS, both as workers in processes.
//!
//! Where LAMMPS is not installed its tests say so, and fail if PATCHSTREAM_REQUIRE_ALL=1. Not here: other programs.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Link, built, compile, succeed};

const EXACT: &str = "-ffp-contract=off";
const LAMMPS: [&str; 3] = [EXACT, "-Wl,--no-as-needed", "-llammps"];

/// Whether LAMMPS is there. Says loudly if not, and fails where everything has to run.
fn lammps_is_there() -> bool {
    let there =
        ["/usr/include", "/usr/local/include"].iter().any(|at| PathBuf::from(at).join("lammps/library.h").exists());
    if !there {
        assert!(
            std::env::var_os("PATCHSTREAM_REQUIRE_ALL").is_none_or(|value| value != "1"),
            "LAMMPS is not installed, and every test has to run: apt-get install liblammps-dev"
        );
        eprintln!("SKIPPED: LAMMPS is not installed, so nothing was compared with it: apt-get install liblammps-dev");
    }
    there
}

/// `inputs`: files of input lines that end the worker's engine, named by a part of what is said of them.
fn workers_agree(worker: PathBuf, name: &str, inputs: &[PathBuf]) {
    let test = compile("examples/md/md_worker_test.cpp", name, &[EXACT], Link::Shared);
    let said = String::from_utf8(succeed(Command::new(test).arg(worker).args(inputs)).stdout).expect("text");
    assert!(said.ends_with("md_worker_test: 0 failures\n"), "{said}");
}

#[test]
fn md_physics_holds() {
    let program = compile("examples/md/md_test.cpp", "md_test", &[EXACT], Link::Shared);
    succeed(&mut Command::new(program));
}

#[test]
fn md_workers_hand_in_the_same_sums_whatever_their_number_and_options_and_when_killed() {
    workers_agree(compile("examples/md/main.cpp", "md_host", &[EXACT], Link::Shared), "md_worker_test", &[]);
}

#[test]
fn lammps_agrees_with_the_built_in_md_in_energy_forces_counts_and_g() {
    if lammps_is_there() {
        let program = compile("examples/lammps/lammps_test.cpp", "lammps_test", &LAMMPS, Link::Shared);
        succeed(&mut Command::new(program));
    }
}

#[test]
fn lammps_workers_hand_in_the_same_sums_and_a_refused_input_sets_the_job_aside_with_the_reason() {
    if lammps_is_there() {
        let worker = compile("examples/lammps/driver.cpp", "lammps_host", &LAMMPS, Link::Shared);
        // A style that is not there, input that cannot be opened, which ends LAMMPS otherwise, and what ends it in a run.
        let inputs = [
            ("nonsense_style", "pair_style nonsense_style 3\n"),
            ("at_all", "molecule two nowhere/at_all\n"),
            ("run 10", "velocity all set 1e30 1e30 0\nrun 10\n"),
        ];
        let write = |(name, lines): (&str, &str)| {
            let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&path, lines).expect("a file of input lines");
            path
        };
        workers_agree(worker, "md_worker_test_lammps", &inputs.map(write));
    }
}

/// One state, and 6, 18 and 54 simulations in the three rounds.
#[test]
fn each_of_three_rounds_with_lammps_brings_the_membrane_nearer_to_simulations_that_it_does_not_know() {
    if !lammps_is_there() {
        return;
    }
    let worker = compile("examples/lammps/driver.cpp", "lammps_campaign", &LAMMPS, Link::Shared);
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lammps_campaign_out");
    // A campaign's folder is new; one of an earlier test may lie there.
    let _ = std::fs::remove_dir_all(&out);
    let options = "campaign --grid 48 --proteins 1 --controls 0 --steps 234 --every 3 --model mean --feedback-every 18 \
                   --feedback-growth 3 --md-equilibration 200 --md-steps 1200 --md lammps";
    let mut campaign = Command::new(built().join("patchstream"));
    succeed(campaign.args(options.split_whitespace()).arg("--lammps").arg(worker).arg("--out").arg(&out));
    let summary = std::fs::read_to_string(out.join("summary.json")).expect("a summary");
    let of = |name: &str| numbers(&summary, name);
    assert_eq!(of("simulations"), [6.0, 24.0, 78.0], "{summary}");
    let (before, after, inverted) = (of("rms_before"), of("rms_after"), of("rms_inverted"));
    assert!(before.len() == 3 && before[1] < before[0] && before[2] < before[1], "{before:?}");
    assert!(after.len() == 3 && after.iter().chain(&inverted).all(|&rms| rms < 0.02), "{after:?} {inverted:?}");
}

/// All numbers of a name, in the order of a summary.
fn numbers(summary: &str, name: &str) -> Vec<f64> {
    let key = format!("\"{name}\": ");
    let after = summary.split(key.as_str()).skip(1);
    after.filter_map(|text| text.split([',', '\n']).next()?.trim().parse().ok()).collect()
}

//! Runs the flatbuffers compiler of the pinned version with the arguments given; builds it first, from the vendored
//! C++ sources of `flatc-fork` (cmake and a C++ compiler are needed).
//!
//! With the one argument `--cxx-include` it prints the folder of flatbuffers' own C++ headers instead.
//! Not here: what is generated and compared (`.ci/schema`).

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let flatc = flatc_fork::flatc();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.len() == 1 && arguments[0] == "--cxx-include" {
        let Some(install) = flatc.parent().and_then(|bin| bin.parent()) else {
            eprintln!("{} is not inside an install folder", flatc.display());
            return ExitCode::FAILURE;
        };
        println!("{}", install.join("include").display());
        return ExitCode::SUCCESS;
    }
    match Command::new(flatc).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("flatc ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{} could not be started: {error}", flatc.display());
            ExitCode::FAILURE
        }
    }
}

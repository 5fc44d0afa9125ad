//! The command `patchstream`: options in, exit code out.
//!
//! Exit codes: 0 done, 1 an error (one sentence on stderr), 2 options that make no sense, 130 interrupted by a signal.
//! Not here: what a campaign does ([`campaign`]).

mod bridge;
mod campaign;
mod number;
mod options;
mod output;
mod progress;
mod summary;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser};
use patchstream::error::{Result, io};

use options::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        None => {
            // Nobody is left to be told if the help cannot be printed.
            let _ = Cli::command().print_help();
            Ok(false)
        }
        Some(Command::Campaign(options)) => stop_on_signals().and_then(|stop| campaign::run(&options, &stop)),
    };
    match done {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A flag that the first Ctrl-C (or SIGTERM, SIGHUP) sets. The second one ends the process on the spot.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|error| io(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(stop)
}

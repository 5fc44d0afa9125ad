//! The command `patchstream`: options in, exit code out.
//!
//! Exit codes: 0 done, 1 an error (one sentence on stderr), 2 options that make no sense, 130 interrupted by a signal.
//! Not here: what the commands do ([`campaign`], [`micro`], [`sample`], [`encode`], [`model`], [`look`], [`run`], [`import`]).

mod bridge;
mod bridge_md;
mod campaign;
mod clock;
mod draft;
mod encode;
mod heal;
mod host;
mod import;
mod look;
mod micro;
mod model;
mod npy;
mod number;
mod options;
mod output;
mod progress;
mod resume;
mod run;
mod sample;
mod summary;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, Parser};
use patchstream::error::{Result, io};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use options::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        None => {
            // Nobody is left to be told if the help cannot be printed.
            let _ = Cli::command().print_help();
            Ok(false)
        }
        Some(Command::Campaign(options)) => stop_on_signals().and_then(|stop| campaign::run(&options, &stop)),
        Some(Command::Worker(options)) => stop_on_signals().and_then(|stop| micro::work(&options, &stop)),
        Some(Command::Sample(options)) => stop_on_signals().and_then(|stop| sample::run(&options, &stop)),
        Some(Command::Encode(options)) => stop_on_signals().and_then(|stop| encode::run(&options, &stop)),
        Some(Command::Model(options)) => match options.action {
            model::Action::Check { model } => model::check(&model).map(|()| false),
        },
        Some(Command::Ls(options)) => look::list(&options).map(|()| false),
        Some(Command::Inspect(options)) => look::inspect(&options).map(|()| false),
        Some(Command::Gc(options)) => look::sweep(&options).map(|()| false),
        Some(Command::Log(options)) => run::log(&options).map(|()| false),
        Some(Command::Verify(options)) => run::verify(&options).map(|()| false),
        Some(Command::Replay(options)) => run::replay(&options).map(|()| false),
        Some(Command::Export(options)) => run::export(&options),
        Some(Command::ImportDynim(options)) => stop_on_signals().and_then(|stop| import::run(&options, &stop)),
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

/// A flag that the first Ctrl-C or SIGTERM sets. The second one ends the process on the spot. A SIGHUP is left as it
/// is, so that `nohup` works.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: a second signal finds the flag set and ends the process, the first one sets it.
        flag::register_conditional_shutdown(signal, 130, stop.clone())
            .and_then(|_| flag::register(signal, stop.clone()))
            .map_err(|error| io(format!("cannot listen for signal {signal}: {error}")))?;
    }
    Ok(stop)
}

//! How far a run is: a bar on a terminal, about ten plain lines anywhere else, both on stderr.
//!
//! Not here: the summary, on stdout ([`super::summary`]).

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use patchstream::stream::LogLevel;

/// Plain lines of a whole run.
const LINES: i64 = 10;

/// Warnings that are printed one by one.
const WARNINGS: u64 = 5;

/// Shows how far a run is.
pub struct Progress {
    /// Hidden where stderr is no terminal.
    bar: ProgressBar,
    /// What is counted: step, event.
    unit: &'static str,
    steps: i64,
    terminal: bool,
}

impl Progress {
    /// Of a run of so many steps, which people call `unit`.
    pub fn new(unit: &'static str, steps: i64) -> Self {
        let terminal = stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(steps as u64) } else { ProgressBar::hidden() };
        let columns = rustix::termios::tcgetwinsize(stderr()).map_or(0, |size| size.ws_col);
        let style = ProgressStyle::with_template(template(columns));
        let style = style.expect("a constant template that is valid").progress_chars("=> ");
        // These draw nothing, where the setters would: the first lines of a run belong to its summary.
        let bar = bar.with_style(style).with_prefix(unit);
        Self { bar, unit, steps, terminal }
    }

    /// Prints the stream's first warnings, above the bar; the summary counts them all. What it says once, such as a model
    /// without training, is said in the campaign's own words.
    pub fn log(&self) -> impl Fn(LogLevel, &str) + Send + Sync + use<> {
        let bar = self.bar.clone();
        let warnings = AtomicU64::new(0);
        move |level, message| {
            if level == LogLevel::Warning {
                match warnings.fetch_add(1, Ordering::Relaxed) {
                    0..WARNINGS => bar.suspend(|| say(&format!("warning: {message}"))),
                    WARNINGS => bar.suspend(|| say("warning: more like these; the summary counts what was rejected")),
                    _ => {}
                }
            }
        }
    }

    /// `step` is done; `counts` says what was done so far, and is asked only where that is shown.
    pub fn step(&self, step: i64, counts: impl FnOnce() -> String) {
        if self.terminal {
            if step == 1 || step % 10 == 0 {
                self.bar.set_message(counts());
            }
            self.bar.set_position(step as u64);
        } else if line_is_due(step, self.steps) {
            say(&format!("{} {step} of {}, {}", self.unit, self.steps, counts()));
        }
    }

    /// `step` is done, of steps that are many and short: nothing but a bar is shown, and none off a terminal.
    pub fn bar_at(&self, step: i64, message: &'static str) {
        if self.terminal {
            // In this order: it may be drawn by either.
            self.bar.set_message(message);
            self.bar.set_position(step as u64);
        }
    }

    /// Nothing goes on for the moment; `why` is asked only where that is shown.
    pub fn wait(&self, why: impl FnOnce() -> String) {
        if self.terminal {
            self.bar.set_message(why());
        }
    }

    /// A line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// What a bar looks like on a terminal of so many columns, 0 if it does not tell: one line, whose end is cut off.
fn template(columns: u16) -> &'static str {
    match columns {
        0 | 72.. => "{bar:30} {prefix} {pos} of {len}, {eta} left, {wide_msg}",
        36..72 => "{prefix} {pos} of {len}, {eta} left, {wide_msg}",
        _ => "{wide_bar}",
    }
}

/// A stderr that nobody reads is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// Whether a tenth of the run ends with this step.
fn line_is_due(step: i64, steps: i64) -> bool {
    let tenths = |step: i64| i128::from(step) * i128::from(LINES) / i128::from(steps);
    tenths(step) > tenths(step - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_ten_lines_and_the_last_step_has_one() {
        for steps in [10, 11, 99, 2000, 12_345] {
            assert_eq!((1..=steps).filter(|&step| line_is_due(step, steps)).count(), 10, "{steps} steps");
            assert!(line_is_due(steps, steps));
        }
        assert_eq!((1..=3).filter(|&step| line_is_due(step, 3)).count(), 3);
    }
}

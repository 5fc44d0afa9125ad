//! The sampler's settings from the options that a log begins with, for tools that decide again what a run decided.
//!
//! The lines are those that a stream wrote of its settings to see whether it is opened with the same; others are passed by.
//! Not here: what has to be equal to go on with a run, and what of that says how patches look ([`super::patches`]).

use std::str::FromStr;

use crate::dynim::{Binning, Gate, Kind, Layout, Mode, QueueConfig, Spaces, Within};
use crate::error::{Error, Result, corrupt};

/// The settings that `options` tell.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) with the line that is missing or says nothing that is known.
pub fn layout(options: &str) -> Result<Layout> {
    let mut layout = Layout { queues: Vec::new(), ..Layout::new(number(options, "dim")?) };
    layout.k = number(options, "k")?;
    layout.seed = number(options, "seed")?;
    layout.mode = match line(options, "mode")? {
        "Sequential" => Mode::Sequential,
        "Batch" => Mode::Batch,
        other => return Err(wrong("mode", other)),
    };
    layout.spaces = match line(options, "spaces")? {
        "Joint" => Spaces::Joint,
        "Separate" => Spaces::Separate,
        other => return Err(wrong("spaces", other)),
    };
    while let Ok(text) = line(options, &format!("queue {}", layout.queues.len())) {
        let queue = queue(text).ok_or_else(|| wrong(&format!("queue {}", layout.queues.len()), text))?;
        layout.queues.push(queue);
    }
    layout.check().map_err(|error| corrupt(format!("the options in the log: {error}")))?;
    Ok(layout)
}

/// The lines that [`layout`] reads.
pub fn say(layout: &Layout) -> String {
    let Layout { dim, k, mode, seed, spaces, .. } = layout;
    let queues = layout.queues.iter().enumerate().map(|(at, queue)| format!("queue {at} = {queue:?}\n"));
    let queues: String = queues.collect();
    format!("dim = {dim}\nk = {k}\nmode = {mode:?}\nseed = {seed}\nspaces = {spaces:?}\n{queues}")
}

/// What stands behind `key = `.
pub(super) fn line<'a>(options: &'a str, key: &str) -> Result<&'a str> {
    let mut lines = options.lines().filter_map(|line| line.split_once(" = "));
    let found = lines.find(|(name, _)| *name == key).map(|(_, value)| value);
    found.ok_or_else(|| corrupt(format!("the options in the log do not tell {key}: this is no run of a stream's")))
}

pub(super) fn number<T: FromStr>(options: &str, key: &str) -> Result<T> {
    let text = line(options, key)?;
    text.parse().map_err(|_| wrong(key, text))
}

pub(super) fn wrong(key: &str, text: &str) -> Error {
    corrupt(format!("the options in the log say {key} = {text:?}, which this version does not know"))
}

/// A queue: its name, which is quoted, then everything else in order.
fn queue(text: &str) -> Option<QueueConfig> {
    let (name, rest) = quoted(text.strip_prefix("QueueConfig { name: ")?)?;
    let rest = rest.strip_prefix(", kind: ")?;
    let (kind, rest) = if let Some(rest) = rest.strip_prefix("Binned(Binning { bins: Bins { text: ") {
        let (bins, rest) = quoted(rest)?;
        // What the words mean is written behind them, and not read.
        let (_, rest) = rest.split_once(", novelty: ")?;
        let (novelty, rest) = rest.split_once(", within: ")?;
        let (within, rest) = rest.split_once(" })")?;
        let within = match within {
            "Rank" => Within::Rank,
            "Random" => Within::Random,
            _ => return None,
        };
        (Kind::Binned(Binning { bins: bins.parse().ok()?, novelty: novelty.parse().ok()?, within }), rest)
    } else if let Some(rest) = rest.strip_prefix("Importance") {
        (Kind::Importance, rest)
    } else {
        (Kind::Random, rest.strip_prefix("Random")?)
    };
    let mut fields = rest.strip_prefix(", ")?.strip_suffix(" }")?.split(", ");
    let mut field = |key: &str| fields.next()?.strip_prefix(key)?.strip_prefix(": ");
    Some(QueueConfig {
        name,
        kind,
        capacity: field("capacity")?.parse().ok()?,
        target: field("target")?.parse().ok()?,
        min_candidates: field("min_candidates")?.parse().ok()?,
        gate: match field("gate")? {
            "First" => Gate::First,
            "Each" => Gate::Each,
            _ => return None,
        },
        min_random: field("min_random")?.parse().ok()?,
        factor: field("factor")?.parse().ok()?,
    })
}

/// A text in quotes as Rust writes it, and what follows.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 2..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '0' => out.push('\0'),
                'u' => {
                    let digits: String = chars.by_ref().map(|(_, c)| c).take_while(|c| *c != '}').collect();
                    out.push(char::from_u32(u32::from_str_radix(digits.strip_prefix('{')?, 16).ok()?)?);
                }
                other => out.push(other),
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_from_their_lines() {
        let binned =
            |words: &str, within| Kind::Binned(Binning { bins: words.parse().unwrap(), novelty: 0.25, within });
        let kinds = [
            Kind::Importance,
            Kind::Random,
            binned("1d:dim=0,min=-5,max=7,bins=20", Within::Rank),
            binned("spherical2:theta=0,phi=1,rings=1/6/12/6/1,degrees", Within::Random),
            binned("spherical3:theta=0,phi=1,r=2,bins=6x12,min=0,max=4,shells=4", Within::Rank),
            binned("cartesian3:x=0,y=1,z=2,min=0/0/-1,max=4/4/1,bins=4x4x2,periodic=xy", Within::Rank),
        ];
        let queues = kinds.into_iter().enumerate().map(|(at, kind)| QueueConfig {
            kind,
            capacity: 10 + at,
            target: 0.1 + at as f64,
            min_candidates: at,
            gate: if at % 2 == 0 { Gate::First } else { Gate::Each },
            min_random: 2 * at,
            factor: 0.3,
            ..QueueConfig::new(["all", "a, \"b\" = c", "\\ { }", "é\u{7f}\u{200b}", "\t\r", ""][at])
        });
        let settings = Layout { k: 3, mode: Mode::Batch, seed: u64::MAX, spaces: Spaces::Separate, ..Layout::new(3) };
        let settings = Layout { queues: queues.collect(), ..settings };
        let text = format!("nx = 37\n{}more = 1\n", say(&settings));
        assert_eq!(layout(&text).unwrap(), settings);
        for at in 0..text.len() {
            // A text that was cut is an error or other settings, never a panic.
            let _ = text.get(..at).map(layout);
        }
        for (from, to) in
            [("k = 3", "k = x"), ("mode = Batch", "mode = No"), ("factor: 0.3", "factor: -1"), ("dim = 3", "d = 3")]
        {
            assert!(layout(&text.replace(from, to)).is_err(), "{to}");
        }
    }
}

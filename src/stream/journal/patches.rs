//! What patches of a run look like and what encodes them, from the options that its log begins with: for tools that make
//! points again.
//!
//! Not here: the sampler's settings ([`super::layout`]).

use super::layout::{line, number, quoted, wrong};
use crate::error::{Result, corrupt};
use crate::patch::{ProteinKind, ProteinStates, Shape};

/// The patches of a run, and its encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patches {
    /// Grid points and channels.
    pub shape: Shape,
    /// The protein states.
    pub states: ProteinStates,
    /// The encoder's name, as its card has it.
    pub model: String,
    /// The checksum of its file; empty for one without.
    pub sha256: String,
}

/// The patches that `options` tell.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) with the line that is missing or says nothing that is known.
pub fn patches(options: &str) -> Result<Patches> {
    let species = names(options, "species", |rest| Some(("", rest)))?;
    let shape = Shape::new(number(options, "nx")?, number(options, "ny")?, species.len());
    let kind = |rest| {
        let (kind, rest) = str::split_once(str::strip_prefix(rest, "), Some(")?, "))")?;
        Some((kind, rest))
    };
    let states = names(options, "states", kind)?.into_iter().map(|(name, kind)| match kind {
        "Ras" => Ok((name, ProteinKind::Ras)),
        "Raf" => Ok((name, ProteinKind::Raf)),
        other => Err(wrong("states", other)),
    });
    let told = |error: crate::error::Error| corrupt(format!("the options in the log: {error}"));
    let states = ProteinStates::new(states.collect::<Result<_>>()?).map_err(told)?;
    let model = line(options, "model")?;
    let (model, sha256) = model.rsplit_once(' ').ok_or_else(|| wrong("model", model))?;
    Ok(Patches { shape: shape.map_err(told)?, states, model: model.into(), sha256: sha256.into() })
}

/// Quoted names of a list, each with what `with` takes of what follows it.
fn names<'a>(
    options: &'a str,
    key: &str,
    with: impl Fn(&'a str) -> Option<(&'a str, &'a str)>,
) -> Result<Vec<(String, &'a str)>> {
    let all = line(options, key)?;
    let mut rest = all;
    let mut found = Vec::new();
    while let Some(at) = rest.find('"') {
        let read = quoted(&rest[at..]).and_then(|(name, rest)| Some((name, with(rest)?)));
        let Some((name, (more, left))) = read else { return Err(wrong(key, all)) };
        found.push((name, more));
        rest = left;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynim::Layout;
    use crate::encode::Model;
    use crate::patch::Species;
    use crate::stream::journal::told;

    #[test]
    fn patches_come_back_from_their_lines() {
        let shape = Shape::new(7, 5, 3).unwrap();
        let model = Model::open("mean", shape).unwrap();
        let species = Species::new(["A", "b, \"c\"", "d (e)"].map(String::from).to_vec(), 1).unwrap();
        let kinds = [ProteinKind::Ras, ProteinKind::Raf, ProteinKind::Raf];
        let names = ["x", "), Some(Ras)) \"y\\", "é"].map(String::from);
        let states = ProteinStates::new(names.into_iter().zip(kinds).collect()).unwrap();
        let text = told(shape, 30.0, &model, None, &Layout::new(3), &species, &states);
        let found = patches(&text).unwrap();
        assert_eq!(found, Patches { shape, states, model: "mean".into(), sha256: String::new() });
        for at in 0..text.len() {
            // A text that was cut is an error or something else, never a panic.
            let _ = text.get(..at).map(patches);
        }
        for (from, to) in [("nx = 7", "nx = 0"), ("Some(Raf)", "Some(Rab)"), ("states = ", "s = "), ("\"x\"", "\"\"")] {
            assert!(text.contains(from) && patches(&text.replace(from, to)).is_err(), "{to}");
        }
    }
}

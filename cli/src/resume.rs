//! The options of a campaign as its run's `run.toml` carries them, so that `--resume` needs no other.
//!
//! One JSON object. Not here: how far it came ([`super::host`]), what goes on ([`super::campaign`]).

use std::path::{Path, PathBuf};

use patchstream::error::{Result, corrupt, io, state, version};
use patchstream::store::{self, Folder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::Options;
use super::output::NAMES;

/// What `run.toml` says.
#[derive(Serialize, Deserialize)]
struct Form {
    command: String,
    options: Options,
}

/// Options, and the text that stands for them.
#[derive(Debug)]
pub struct Text {
    pub options: Options,
    pub text: String,
}

/// The text of a new campaign's options; its folder has to be new or empty.
///
/// # Errors
/// [`ErrorKind::State`](patchstream::error::ErrorKind::State) for one that is not, and what [`store::look`] says.
pub fn begin(options: &Options) -> Result<Text> {
    let out = options.out.display();
    match store::look(&options.out) {
        Ok(Folder::New) => {}
        Ok(Folder::Run(_)) => {
            return Err(state(format!(
                "{out} holds a run already: go on with patchstream campaign --resume {out}, or choose another folder \
                 with --out"
            )));
        }
        Err(error) => return Err(error.context("choose another folder with --out")),
    }
    let mut options = options.clone();
    options.model_path = file(&options.model);
    options.classifier_path = options.classifier.as_deref().and_then(file);
    options.micro = options.micro.complete()?;
    let form = Form { command: "campaign".into(), options };
    let text = serde_json::to_string(&form).map_err(|error| io(format!("the options cannot be written: {error}")))?;
    Ok(Text { options: form.options, text })
}

/// What there is to go on with; none if it came to its end.
///
/// # Errors
/// By [`ErrorKind`](patchstream::error::ErrorKind): `State` for a folder that is no run, or not a campaign's; what
/// [`store::look`] says.
pub fn find(folder: &Path) -> Result<Option<Text>> {
    let Folder::Run(description) = store::look(folder)? else {
        return Err(state(format!("{0} is no run: begin one with patchstream campaign --out {0}", folder.display())));
    };
    let text = description.options;
    let command = serde_json::from_str::<Value>(&text).ok();
    if command.is_none_or(|form| form["command"] != "campaign") {
        return Err(state(format!(
            "{} is a run of {}, but no campaign's: the program that made it goes on with it",
            folder.display(),
            description.writer
        )));
    }
    let form: Form = serde_json::from_str(&text).map_err(|error| {
        version(format!("{} was begun by {}, whose options differ: {error}", folder.display(), description.writer))
    })?;
    if finished(&folder.join(NAMES[3]))? {
        return Ok(None);
    }
    let mut options = form.options;
    (options.out, options.resume) = (folder.into(), Some(PathBuf::from(folder)));
    Ok(Some(Text { options, text }))
}

/// Where a file or folder of this name lies. One that is called like a built-in changes nothing there.
fn file(name: &str) -> Option<PathBuf> {
    std::path::absolute(name).ok().filter(|path| name.contains(['/', '.']) && path.exists())
}

/// Whether a summary is there of a campaign that came to its end.
fn finished(path: &Path) -> Result<bool> {
    match std::fs::read_to_string(path) {
        Ok(text) => match serde_json::from_str::<Value>(&text) {
            Ok(summary) if summary["interrupted"].is_boolean() => Ok(summary["interrupted"] == false),
            _ => Err(corrupt(format!("{} is damaged: remove it and resume again", path.display()))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io(format!("cannot read {}: {error}", path.display()))),
    }
}

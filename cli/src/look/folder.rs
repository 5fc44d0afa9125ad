//! The same three commands for a folder of jobs.
//!
//! Not here: segments ([`super::list`], [`super::inspect`], [`super::sweep`]).

use std::path::Path;

use patchstream::error::{Result, unsupported};

pub fn list(path: &Path) -> Result<()> {
    Err(unsupported(format!("{}", path.display())))
}
pub fn inspect(path: &Path, _: bool) -> Result<()> {
    list(path)
}
pub fn sweep(path: &Path, _: bool) -> Result<()> {
    list(path)
}

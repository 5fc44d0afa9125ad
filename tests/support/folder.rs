//! A folder of a test, which goes with it.
//!
//! Not here: what lies in it.

use std::path::PathBuf;

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    /// An empty one among the temporary files; `name` is of this test alone.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchstream-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

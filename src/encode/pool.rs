//! Scratch that calls leave for the next ones, so that any number of threads may run one model.
//!
//! Not here: what the scratch is.

use parking_lot::Mutex;

/// Scratch that no thread is using; as much as was ever used at once.
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Pool<T> {
    /// Some that nobody uses, if there is any.
    pub fn take(&self) -> Option<T> {
        self.0.lock().pop()
    }

    /// Leaves it for the next call.
    pub fn put(&self, scratch: T) {
        self.0.lock().push(scratch);
    }
}

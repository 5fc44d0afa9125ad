//! Places in memory, in chunks that never move and are touched as they are made, so that no later write waits for pages.
//!
//! Not here: who is in which place ([`super::Arena`]).

/// About how many bytes a chunk has.
const CHUNK_BYTES: usize = 16 << 20;
/// What fresh places are filled with: anything but 0, or the system might hand out pages that are not there yet.
const FRESH: u8 = 0xa5;

/// Chunks of places.
pub(super) struct Memory {
    chunks: Vec<Box<[u8]>>,
    /// Bytes of a place.
    place_bytes: usize,
    /// Places of a chunk.
    in_chunk: usize,
}

impl Memory {
    /// None yet. `at_most` is how many places are wanted in the end, if that is fewer than a chunk has.
    pub(super) fn new(place_bytes: usize, at_most: usize) -> Self {
        let in_chunk = (CHUNK_BYTES / place_bytes).clamp(1, at_most.max(1));
        Self { chunks: Vec::new(), place_bytes, in_chunk }
    }

    /// Makes a chunk and tells how many places it has, which follow those that were there; 0 if there is no memory.
    pub(super) fn grow(&mut self) -> usize {
        let bytes = self.in_chunk * self.place_bytes;
        let mut chunk = Vec::new();
        if self.chunks.try_reserve(1).is_err() || chunk.try_reserve_exact(bytes).is_err() {
            return 0;
        }
        chunk.resize(bytes, FRESH);
        self.chunks.push(chunk.into_boxed_slice());
        self.in_chunk
    }

    /// The bytes of a place.
    pub(super) fn place(&self, at: usize) -> &[u8] {
        let from = at % self.in_chunk * self.place_bytes;
        &self.chunks[at / self.in_chunk][from..from + self.place_bytes]
    }

    /// The bytes of a place, to be written.
    pub(super) fn place_mut(&mut self, at: usize) -> &mut [u8] {
        let from = at % self.in_chunk * self.place_bytes;
        &mut self.chunks[at / self.in_chunk][from..from + self.place_bytes]
    }
}

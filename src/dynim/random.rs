//! Seeded randomness that depends on nothing but the seed: a generator, a hash, and draws from a set of ids.
//!
//! Source: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
//! Not here: who draws, and when ([`super::pool`], [`super::queue`]).

use std::hash::{BuildHasher, Hasher};

/// The odd number next to 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64.
#[derive(Debug, Clone)]
pub(super) struct Generator(u64);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// All that it remembers: what [`new`](Self::new) makes the same generator of.
    pub(super) fn seed(&self) -> u64 {
        self.0
    }

    /// A number in `0 .. n`; `n` is not 0. Each is as likely as the others to within n / 2^64.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// A number that is as good as random for every `id`, and under one `seed` another one for every id.
pub(super) fn hash(seed: u64, id: u64) -> u64 {
    mix(mix(seed.wrapping_add(GOLDEN)) ^ id)
}

/// The output function of SplitMix64, a bijection.
pub(super) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The hasher of maps by id or row that are never iterated, so that it decides nothing but their speed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mixed;

impl BuildHasher for Mixed {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer(0)
    }
}

/// [`mix`] of the numbers that are written.
#[derive(Debug)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, x: u32) {
        self.write_u64(x.into());
    }

    fn write_u64(&mut self, x: u64) {
        self.0 = mix(self.0 ^ x);
    }
}

/// A set of ids to draw from. What is drawn depends on the set and the generator, not on the order of insertion.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    /// Ascending as far as `sorted` says so.
    ids: Vec<u64>,
    sorted: bool,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The ids, in no particular order.
    pub(super) fn as_slice(&self) -> &[u64] {
        &self.ids
    }

    /// Adds an id that is not there.
    pub(super) fn insert(&mut self, id: u64) {
        self.ids.push(id);
        self.sorted = false;
    }

    /// Removes `id`; whether it was there.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        self.sort();
        match self.ids.binary_search(&id) {
            Ok(at) => {
                self.ids.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// Keeps only what `keep` says.
    pub(super) fn retain(&mut self, keep: impl FnMut(&u64) -> bool) {
        self.ids.retain(keep);
    }

    /// Removes the id whose place among the ascending ids the generator draws.
    pub(super) fn draw(&mut self, generator: &mut Generator) -> Option<u64> {
        if self.ids.is_empty() {
            return None;
        }
        self.sort();
        Some(self.ids.remove(generator.below(self.ids.len())))
    }

    fn sort(&mut self) {
        if !self.sorted {
            // The stable sort takes what is ascending already as one run, and only merges the new ids into it.
            self.ids.sort();
            self.sorted = true;
        }
    }
}

//! Handles: what C holds is a number in a pointer's clothes, looked up in a table. One that is null, closed, of another
//! type or never given out is found out for certain, and no memory is touched for it.
//!
//! `handle = generation << 32 | (index + 1) << 4 | tag`. A place is used again with a new generation.

use std::sync::Arc;

use parking_lot::RwLock;
use patchstream::error::{Result, argument, state};

const TAG_BITS: u32 = 4;
const INDEX_BITS: u32 = 28;

/// All open objects of one type.
pub(crate) struct Table<T> {
    /// What a person calls it: "stream".
    noun: &'static str,
    /// Tells handles of different types apart, `0 .. 16`.
    tag: u64,
    places: RwLock<Vec<Place<T>>>,
}

struct Place<T> {
    generation: u32,
    object: Option<Arc<T>>,
}

impl<T> Table<T> {
    pub(crate) const fn new(noun: &'static str, tag: u64) -> Self {
        Self { noun, tag, places: RwLock::new(Vec::new()) }
    }

    /// Gives `object` a handle.
    pub(crate) fn open<H>(&self, object: T) -> *mut H {
        let mut places = self.places.write();
        let index = places.iter().position(|place| place.object.is_none()).unwrap_or_else(|| {
            places.push(Place { generation: 0, object: None });
            places.len() - 1
        });
        let place = &mut places[index];
        place.generation = place.generation.wrapping_add(1).max(1);
        place.object = Some(Arc::new(object));
        let handle = u64::from(place.generation) << 32 | (index as u64 + 1) << TAG_BITS | self.tag;
        std::ptr::without_provenance_mut(handle as usize)
    }

    /// The object of a handle, kept alive while the answer is held.
    pub(crate) fn get<H>(&self, handle: *const H) -> Result<Arc<T>> {
        let (index, generation) = self.parse(handle)?;
        let places = self.places.read();
        let place = places.get(index).filter(|place| place.generation == generation);
        place.and_then(|place| place.object.clone()).ok_or_else(|| self.closed())
    }

    /// Takes the object out: the handle is closed from now on.
    pub(crate) fn close<H>(&self, handle: *const H) -> Result<Arc<T>> {
        let (index, generation) = self.parse(handle)?;
        let mut places = self.places.write();
        let place = places.get_mut(index).filter(|place| place.generation == generation);
        place.and_then(|place| place.object.take()).ok_or_else(|| self.closed())
    }

    /// Index and generation of a handle of this type.
    fn parse<H>(&self, handle: *const H) -> Result<(usize, u32)> {
        if handle.is_null() {
            return Err(argument(format!("the {} is NULL: open one first, and look at the status", self.noun)));
        }
        let bits = handle.addr() as u64;
        let index = bits >> TAG_BITS & ((1 << INDEX_BITS) - 1);
        if bits & ((1 << TAG_BITS) - 1) != self.tag || index == 0 {
            return Err(argument(format!("this is no {}: another handle was passed, or none", self.noun)));
        }
        Ok((index as usize - 1, (bits >> 32) as u32))
    }

    fn closed(&self) -> patchstream::error::Error {
        state(format!("the {} is closed: open another", self.noun))
    }
}

const _: () = assert!(size_of::<usize>() == 8, "handles are 64-bit numbers");

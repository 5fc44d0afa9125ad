//! Counting pairs for g(r), in C.

use parking_lot::Mutex;
use patchstream::error::{argument, shape, value};
use patchstream::feedback::{Bins, Frame, NOT_COUNTED, RdfCounter};

use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::table::Table;
use crate::types::{Sized32, array, buffer, put, read};

/// Counts pairs of reference beads and others by species and distance, in the plane, to the nearest periodic image.
pub struct patchstream_rdf {
    _private: [u8; 0],
}

/// Where the beads are at one moment, as they lie in a code's own arrays.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_frame {
    /// sizeof(patchstream_frame), set by the caller.
    pub struct_size: u32,
    /// 1: a bead outside the box is taken into it; 0: it is PATCHSTREAM_ERR_VALUE.
    pub wrap: u32,
    /// The periodic box, from 0 to these, x and y in nm; at least twice the cutoff.
    pub box_nm: [f64; 2],
    /// x and y of bead i at [i*stride] and [i*stride+1], nm.
    pub positions_nm: *const f64,
    /// How many numbers that are: bead_count * stride at least.
    pub position_count: u64,
    /// Numbers from a bead to the next, at least 2; 3 where z lies between.
    pub stride: u64,
    /// The species of each bead, from 0; a negative one is not counted, and may be a reference bead.
    pub species: *const i32,
    /// Number of beads.
    pub bead_count: u64,
    /// The beads that distances are taken from, by index. One that is named twice counts twice; none sees itself.
    pub references: *const u32,
    /// Number of reference beads, at least 1.
    pub reference_count: u64,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_frame {
    const NAME: &'static str = "patchstream_frame";
    const OLDEST: usize = 80;
}

struct Opened {
    counter: RdfCounter,
    /// The species of the beads as the library has them.
    species: Vec<u16>,
}

static COUNTERS: Table<Mutex<Opened>> = Table::new("pair counter", 9);

/// Opens a counter with all counts 0, of bins of one width from 0 to cutoff_nm.
///
/// @param species  1 to 65534: lipids in the order of the channels, to hand the counts in as "rdf"
/// @param bins     1 to 2^20, and (species + 1) * bins at most 2^26
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_rdf_open(
    species: u32,
    bins: u32,
    cutoff_nm: f64,
    out: *mut *mut patchstream_rdf,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_rdf *"));
        }
        let counter = RdfCounter::new(species as usize, Bins::new(bins as usize, cutoff_nm)?)?;
        let handle: *mut patchstream_rdf = COUNTERS.open(Mutex::new(Opened { counter, species: Vec::new() }));
        // SAFETY: the caller's variable.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Adds the pairs of one frame. After an error the counts are what they were: PATCHSTREAM_ERR_VALUE for a coordinate that
/// is not finite or outside the box, and for a species that is not there; PATCHSTREAM_ERR_ARGUMENT for a box that is not
/// positive or less than twice the cutoff, and for no reference beads or one that is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_rdf_count(
    rdf: *mut patchstream_rdf,
    frame: *const patchstream_frame,
) -> patchstream_status {
    guard(|| {
        let opened = COUNTERS.get(rdf)?;
        // SAFETY: the caller's struct.
        let frame = unsafe { read(frame) }?;
        let stride = frame.stride as usize;
        // SAFETY: the caller's arrays, as the struct's comments say.
        let all = unsafe { array(frame.positions_nm, frame.position_count as usize, "positions_nm") }?;
        let numbers = (frame.bead_count as usize).checked_mul(stride);
        let positions = numbers.and_then(|numbers| all.get(..numbers)).ok_or_else(|| {
            shape(format!(
                "{} positions for {} beads of {stride} numbers each: give every bead its place",
                all.len(),
                frame.bead_count
            ))
        })?;
        // SAFETY: the same.
        let given = unsafe { array(frame.species, frame.bead_count as usize, "species") }?;
        // SAFETY: the same.
        let references = unsafe { array(frame.references, frame.reference_count as usize, "references") }?;
        let mut locked = opened.lock();
        let Opened { counter, species } = &mut *locked;
        species.clear();
        for (bead, &kind) in given.iter().enumerate() {
            species.push(match u16::try_from(kind) {
                Ok(kind) if kind != NOT_COUNTED => kind,
                _ if kind < 0 => NOT_COUNTED,
                _ => {
                    return Err(value(format!(
                        "bead {bead} is of species {kind}, where {} are counted",
                        counter.species()
                    )));
                }
            });
        }
        let wrap = frame.wrap != 0;
        counter.count(&Frame { box_nm: frame.box_nm, positions, stride, species, references, wrap })?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The pairs counted so far, as patchstream_job_submit() takes them: [species*bins+bin].
///
/// @param sums   out: count numbers
/// @param count  species * bins
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_rdf_sums(
    rdf: *const patchstream_rdf,
    sums: *mut f64,
    count: usize,
) -> patchstream_status {
    guard(|| {
        let opened = COUNTERS.get(rdf)?;
        let locked = opened.lock();
        let counts = locked.counter.counts();
        if count != counts.len() {
            return Err(shape(format!("room for {count} numbers, there are {}: species * bins", counts.len())));
        }
        // SAFETY: the caller's `count` numbers.
        let sums = unsafe { buffer(sums, count, "sums") }?;
        sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum = count as f64);
        Ok(PATCHSTREAM_OK)
    })
}

/// How many frames were counted; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_rdf_frames(rdf: *const patchstream_rdf) -> u64 {
    let mut frames = 0;
    if !rdf.is_null() {
        guard(|| {
            frames = COUNTERS.get(rdf)?.lock().counter.frames();
            Ok(PATCHSTREAM_OK)
        });
    }
    frames
}

/// Sets counts and frames back to 0, for the next window.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_rdf_clear(rdf: *mut patchstream_rdf) -> patchstream_status {
    guard(|| {
        COUNTERS.get(rdf)?.lock().counter.clear();
        Ok(PATCHSTREAM_OK)
    })
}

/// Closes it. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_rdf_close(rdf: *mut patchstream_rdf) {
    if !rdf.is_null() {
        guard(|| COUNTERS.close(rdf).map(|_| PATCHSTREAM_OK));
    }
}

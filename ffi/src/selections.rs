//! What an event selected, in C: plain structs for those who have no flatbuffers, and the message itself.

use std::ffi::{CString, c_char};
use std::ptr;

use patchstream::error::{Result, argument};
use patchstream::stream::Selections;

use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::table::Table;
use crate::types::{Sized32, patchstream_protein, put, to_first_0, write};

/// What one event selected. It never changes; several threads may read it.
pub struct patchstream_selections {
    _private: [u8; 0],
}

/// One selected patch. The pointers live until the selections are closed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_selection {
    /// sizeof(patchstream_selection), set by the caller.
    pub struct_size: u32,
    /// Its position among all selected, from 0.
    pub order: u32,
    /// Its id, the host's but for its top 16 bits: the branch, 0 unless a host that came back computed something else.
    pub id: u64,
    /// The event that picked it, from 0.
    pub event: u64,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// The macro model's time in us.
    pub time_us: f64,
    /// Mean distance to its nearest selected points when it was picked, times its factor; infinity where there were none.
    pub rank: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// Its latent point, dim numbers.
    pub point: *const f32,
    /// Its protein_count proteins, NULL if there is none.
    pub proteins: *const patchstream_protein,
    /// The name that the host gave it, NULL if none.
    pub label: *const c_char,
    /// Dimensions of the latent space.
    pub dim: u32,
    /// Number of proteins.
    pub protein_count: u32,
    /// How many of them are RAS.
    pub ras: u32,
    /// How many of them are RAF.
    pub raf: u32,
    /// The queue that it was picked from, from 0.
    pub queue: u32,
    /// Classes of the stream's classifier, 0 without one.
    pub class_count: u32,
    /// What the classifier calls it, UTF-8: the class of the highest probability, the first of equal ones. NULL without one.
    pub class_label: *const c_char,
    /// The probability of each class, class_count numbers, in the order of patchstream_stream_class_label(). NULL without
    /// one.
    pub probabilities: *const f32,
    /// The name of its job, to be handed to a scheduler: patchstream_job_open(). NULL if the stream has no transport.
    pub ticket: *const c_char,
    /// 1 if the run's log answered, since the host went back to a mark: patchstream_stream_resume().
    pub replayed: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_selection {
    const NAME: &'static str = "patchstream_selection";
    const OLDEST: usize = 104;
}

struct Opened {
    selections: Selections,
    /// Proteins and texts as C has them, one each a selection.
    proteins: Vec<Vec<patchstream_protein>>,
    labels: Vec<Option<CString>>,
    class_labels: Vec<Option<CString>>,
    tickets: Vec<Option<CString>>,
}

static SELECTIONS: Table<Opened> = Table::new("list of selections", 3);

pub(crate) fn open(selections: Selections, ticket: impl Fn(u64) -> Option<String>) -> *mut patchstream_selections {
    let all = &selections.batch.selections;
    let proteins =
        all.iter().map(|selection| selection.proteins.iter().map(patchstream_protein::from).collect()).collect();
    // A label came in as a C string, or from Rust, where one with a 0 in it has no C form.
    let labels = all.iter().map(|s| s.label.as_deref().and_then(|label| CString::new(label).ok())).collect();
    let class_labels = all.iter().map(|s| s.class_label.as_deref().map(to_first_0)).collect();
    let tickets = all.iter().map(|s| ticket(s.id).as_deref().map(to_first_0)).collect();
    SELECTIONS.open(Opened { selections, proteins, labels, class_labels, tickets })
}

/// How many were selected; 0 for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_selections_count(selections: *const patchstream_selections) -> usize {
    let mut count = 0;
    if !selections.is_null() {
        guard(|| {
            count = SELECTIONS.get(selections)?.selections.batch.selections.len();
            Ok(PATCHSTREAM_OK)
        });
    }
    count
}

/// One of them, in the order of the picks. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_selections_get(
    selections: *const patchstream_selections,
    index: usize,
    out: *mut patchstream_selection,
) -> patchstream_status {
    guard(|| {
        let opened = SELECTIONS.get(selections)?;
        let selection = opened.get(index)?;
        // SAFETY: the caller's struct.
        unsafe { write(&selection, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The whole message as a size-prefixed flatbuffer (patchstream.fbs, SelectionBatch). The bytes live until the
/// selections are closed. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_selections_bytes(
    selections: *const patchstream_selections,
    bytes: *mut *const u8,
    count: *mut usize,
) -> patchstream_status {
    guard(|| {
        let opened = SELECTIONS.get(selections)?;
        // SAFETY: the caller's variables.
        unsafe { put_bytes(opened.selections.bytes(), bytes, count) }
    })
}

/// Closes them. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_selections_close(selections: *mut patchstream_selections) {
    if !selections.is_null() {
        guard(|| SELECTIONS.close(selections).map(|_| PATCHSTREAM_OK));
    }
}

/// Hands out bytes that belong to an open object.
///
/// # Safety
/// - `at` and `count` are null, or may be written.
pub(crate) unsafe fn put_bytes(bytes: &[u8], at: *mut *const u8, count: *mut usize) -> Result<patchstream_status> {
    if at.is_null() || count.is_null() {
        return Err(argument("bytes or count is NULL: pass the addresses of a const uint8_t * and a size_t"));
    }
    // SAFETY: the caller's promise.
    unsafe {
        put(at, bytes.as_ptr(), "bytes")?;
        put(count, bytes.len(), "count")?;
    }
    Ok(PATCHSTREAM_OK)
}

impl Opened {
    fn get(&self, index: usize) -> Result<patchstream_selection> {
        let all = &self.selections.batch.selections;
        let selection =
            all.get(index).ok_or_else(|| argument(format!("selection {index} of {}: they count from 0", all.len())))?;
        let proteins = &self.proteins[index];
        Ok(patchstream_selection {
            struct_size: 0,
            order: selection.order,
            id: selection.id,
            event: selection.event,
            step: selection.step,
            time_us: selection.time_us,
            rank: f64::from(selection.rank),
            center_nm: selection.center_nm,
            point: selection.point.as_ptr(),
            proteins: if proteins.is_empty() { ptr::null() } else { proteins.as_ptr() },
            label: self.labels[index].as_ref().map_or(ptr::null(), |label| label.as_ptr()),
            dim: selection.point.len() as u32,
            protein_count: proteins.len() as u32,
            ras: u32::from(selection.constellation.ras),
            raf: u32::from(selection.constellation.raf),
            queue: u32::from(selection.queue),
            class_count: selection.probabilities.len() as u32,
            class_label: self.class_labels[index].as_ref().map_or(ptr::null(), |label| label.as_ptr()),
            probabilities: if selection.probabilities.is_empty() {
                ptr::null()
            } else {
                selection.probabilities.as_ptr()
            },
            ticket: self.tickets[index].as_ref().map_or(ptr::null(), |ticket| ticket.as_ptr()),
            replayed: self.selections.replayed.into(),
            reserved: 0,
        })
    }
}

//! The plain structs that go in and out, and how those that may grow are read and written.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use patchstream::error::{Result, argument, version};
use patchstream::patch::{Meta, Protein};

/// A protein. Its layout is that of the library's own.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_protein {
    /// The host's id for it, the same in every patch and step.
    pub id: u64,
    /// Its state, counted from 0: by default RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb, then the same nine of
    /// RAS4A.
    pub state: i32,
    /// Index, in the same list, of the protein that it is bonded with in a complex; -1: none.
    pub partner: i32,
    /// Position along x in nm, relative to the patch's centre pixel.
    pub x_nm: f64,
    /// Position along y in nm, relative to the patch's centre pixel.
    pub y_nm: f64,
}

impl From<&Protein> for patchstream_protein {
    fn from(protein: &Protein) -> Self {
        let Protein { id, state, partner, x_nm, y_nm } = *protein;
        Self { id, state, partner, x_nm, y_nm }
    }
}

/// All of a patch but its densities.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_patch {
    /// sizeof(patchstream_patch), set by the caller.
    pub struct_size: u32,
    /// Number of proteins.
    pub protein_count: u32,
    /// 1 to 2^48 - 1, given by the host, unique over all producers, the same again after a restart.
    pub id: u64,
    /// The macro model's step, which orders events.
    pub step: i64,
    /// The macro model's time in us; it describes, and orders nothing.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// protein_count proteins, NULL if there is none.
    pub proteins: *const patchstream_protein,
    /// A name for people, UTF-8, at most 256 bytes; NULL if there is none.
    pub label: *const c_char,
    /// What its rank is multiplied by, positive and finite; 0: its queue's factor, which is 1 by default.
    pub factor: f32,
    /// 0.
    pub reserved: u32,
}

/// How the numbers of a field are stored: float.
pub const PATCHSTREAM_F32: u32 = 1;
/// How the numbers of a field are stored: double.
pub const PATCHSTREAM_F64: u32 = 2;

/// Densities in a host's own memory, of any regular layout; the values themselves are not changed or kept.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_field {
    /// sizeof(patchstream_field), set by the caller.
    pub struct_size: u32,
    /// PATCHSTREAM_F32 or PATCHSTREAM_F64.
    pub r#type: u32,
    /// Grid points along x.
    pub nx: u32,
    /// Grid points along y.
    pub ny: u32,
    /// Channels: lipid species.
    pub channels: u32,
    /// 0.
    pub reserved: u32,
    /// Bytes from a value to its neighbour along x. All three strides 0: without gaps, [(y*nx+x)*channels+c] in data,
    /// [y*nx+x] in each of planes.
    pub stride_x: i64,
    /// Bytes to the neighbour along y.
    pub stride_y: i64,
    /// Bytes to the next channel; not looked at with planes.
    pub stride_c: i64,
    /// Where the value at x = 0, y = 0, channel 0 is, in nm^-2; NULL if planes is given.
    pub data: *const std::ffi::c_void,
    /// One pointer a channel to its value at x = 0, y = 0; NULL if data is given.
    pub planes: *const *const std::ffi::c_void,
}

const _: () = {
    // The list of proteins of a host is read as the library's own, without a copy.
    assert!(size_of::<patchstream_protein>() == size_of::<Protein>());
    assert!(align_of::<patchstream_protein>() == align_of::<Protein>());
    assert!(std::mem::offset_of!(patchstream_protein, id) == std::mem::offset_of!(Protein, id));
    assert!(std::mem::offset_of!(patchstream_protein, state) == std::mem::offset_of!(Protein, state));
    assert!(std::mem::offset_of!(patchstream_protein, partner) == std::mem::offset_of!(Protein, partner));
    assert!(std::mem::offset_of!(patchstream_protein, x_nm) == std::mem::offset_of!(Protein, x_nm));
    assert!(std::mem::offset_of!(patchstream_protein, y_nm) == std::mem::offset_of!(Protein, y_nm));
};

/// A struct that starts with `struct_size`, grows only, and is valid as zeroes.
///
/// # Safety
/// - `#[repr(C)]`, its first field a `u32`, and every bit pattern a value.
pub(crate) unsafe trait Sized32: Copy {
    /// Its name in C.
    const NAME: &'static str;
    /// Its size in the first header that had it. Never changed: programs that were compiled with it go on to work.
    const OLDEST: usize;
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_patch {
    const NAME: &'static str = "patchstream_patch";
    const OLDEST: usize = 64;
}
// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_field {
    const NAME: &'static str = "patchstream_field";
    const OLDEST: usize = 64;
}

/// Reads a caller's struct. A shorter one is of an older header, its missing fields are 0; a longer one of a newer
/// header, whose fields that this library does not know must be 0.
///
/// # Safety
/// - `from` is null, or points to as many readable bytes as its first field says.
pub(crate) unsafe fn read<T: Sized32>(from: *const T) -> Result<T> {
    // SAFETY: the caller's promise.
    let given = unsafe { size_given(from) }?;
    // SAFETY: valid as zeroes, by the trait.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: the caller's promise, and no more than the local has.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast(), given.min(size_of::<T>())) };
    for place in size_of::<T>()..given {
        // SAFETY: inside what the caller promised.
        if unsafe { from.cast::<u8>().add(place).read() } != 0 {
            return Err(version(format!(
                "{} of {given} bytes uses what this library ({} bytes) does not know: link the newer library",
                T::NAME,
                size_of::<T>()
            )));
        }
    }
    Ok(value)
}

/// Writes a struct out, as much of it as the caller's has room for, leaving `struct_size` as it is. What a newer header
/// has beyond it becomes 0.
///
/// # Safety
/// - `to` is null, or points to as many writable bytes as its first field says.
pub(crate) unsafe fn write<T: Sized32>(value: &T, to: *mut T) -> Result<()> {
    // SAFETY: the caller's promise.
    let given = unsafe { size_given(to.cast_const()) }?;
    let (from, to) = (ptr::from_ref(value).cast::<u8>(), to.cast::<u8>());
    // SAFETY: the caller's promise, and no more than the value has.
    unsafe { ptr::copy_nonoverlapping(from.add(4), to.add(4), given.min(size_of::<T>()) - 4) };
    // SAFETY: the caller's promise covers all of the size that it gave.
    unsafe { to.add(size_of::<T>().min(given)).write_bytes(0, given.saturating_sub(size_of::<T>())) };
    Ok(())
}

/// The size that a caller's struct says it has.
///
/// # Safety
/// - `at` is null, or points to a readable `u32`.
pub(crate) unsafe fn size_given<T: Sized32>(at: *const T) -> Result<usize> {
    if at.is_null() {
        return Err(argument(format!("a {} is NULL: pass the address of one", T::NAME)));
    }
    // SAFETY: not null, so the caller's promise; no alignment is asked of it.
    let given = unsafe { at.cast::<u32>().read_unaligned() } as usize;
    if !(T::OLDEST..=1 << 16).contains(&given) {
        return Err(version(format!(
            "{}.struct_size is {given}, it must be {} at least: set it to sizeof({})",
            T::NAME,
            T::OLDEST,
            T::NAME
        )));
    }
    Ok(given)
}

/// A caller's string; `None` for NULL.
///
/// # Safety
/// - `text` is null, or points to a string that ends in 0 and stays while the answer is used.
pub(crate) unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| argument(format!("{what} is not UTF-8: pass UTF-8")))
}

/// A text as C has it: to a 0, which a file can name.
pub(crate) fn to_first_0(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

/// A caller's array.
///
/// # Safety
/// - `items` is null, or points to `count` readable items that stay as they are while the answer is used.
pub(crate) unsafe fn array<'a, T>(items: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if items.is_null() {
        return Err(argument(format!("{what} is NULL, but its count is {count}")));
    }
    if !items.is_aligned() {
        return Err(argument(format!("{what} is not aligned to {} bytes", align_of::<T>())));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(argument(format!("{what} has {count} items, which no memory holds")));
    }
    // SAFETY: not null, aligned, not too large; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(items, count) })
}

/// A caller's buffer, to be written.
///
/// # Safety
/// - `items` is null, or points to `count` writable items that nobody else touches while the answer is used.
pub(crate) unsafe fn buffer<'a, T>(items: *mut T, count: usize, what: &str) -> Result<&'a mut [T]> {
    // SAFETY: the same promise; the array is only looked at to check it.
    unsafe { array(items.cast_const(), count, what) }?;
    if count == 0 {
        return Ok(&mut []);
    }
    // SAFETY: checked above; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(items, count) })
}

/// Where an answer goes: not null, aligned.
///
/// # Safety
/// - `out` is null, or may be written.
pub(crate) unsafe fn put<T>(out: *mut T, value: T, what: &str) -> Result<()> {
    if out.is_null() {
        return Err(argument(format!("{what} is NULL: pass the address of a variable")));
    }
    // SAFETY: not null, so the caller's promise.
    unsafe { out.write_unaligned(value) };
    Ok(())
}

/// The list of proteins that a caller points to.
///
/// # Safety
/// - as for [`array`].
pub(crate) unsafe fn proteins<'a>(items: *const patchstream_protein, count: usize) -> Result<&'a [Protein]> {
    // SAFETY: both structs have one layout, asserted above; the rest is the caller's promise.
    unsafe { array(items.cast::<Protein>(), count, "proteins") }
}

/// A caller's patch as the library has it.
///
/// # Safety
/// - `patch` is null or points to a struct as [`read`] asks, whose pointers are null or hold what its comments say.
pub(crate) unsafe fn meta<'a>(patch: *const patchstream_patch) -> Result<Meta<'a>> {
    // SAFETY: the caller's promise.
    let patch = unsafe { read(patch) }?;
    Ok(Meta {
        id: patch.id,
        step: patch.step,
        time_us: patch.time_us,
        center_nm: patch.center_nm,
        // SAFETY: the caller's promise.
        proteins: unsafe { proteins(patch.proteins, patch.protein_count as usize) }?,
        // SAFETY: the caller's promise.
        label: unsafe { text(patch.label, "the patch's label") }?,
        factor: (patch.factor != 0.0).then_some(patch.factor),
    })
}

//! Encoders on their own, in C.

use std::ffi::{CString, c_char};

use patchstream::encode::Model;
use patchstream::error::{Result, argument, shape};
use patchstream::patch::{PatchView, Shape};

use crate::field;
use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::table::Table;
use crate::types::{Sized32, buffer, patchstream_field, put, text, write};

/// An encoder: from a patch to a latent point. Several threads may use one.
pub struct patchstream_model {
    _private: [u8; 0],
}

/// What an encoder is. The strings live until it is closed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_model_info {
    /// sizeof(patchstream_model_info), set by the caller.
    pub struct_size: u32,
    /// Dimensions of its latent space.
    pub dim: u32,
    /// 1 if it was trained, 0 if its numbers are arbitrary.
    pub trained: i32,
    /// 0.
    pub reserved: i32,
    /// Its name.
    pub name: *const c_char,
    /// The sha256 of its file in hexadecimal digits, "" for a built-in without one.
    pub sha256: *const c_char,
    /// What runs it: "fused-avx512", "fused-avx2", "fused-portable", "tract" or "builtin".
    pub backend: *const c_char,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_model_info {
    const NAME: &'static str = "patchstream_model_info";
    const OLDEST: usize = 40;
}

struct Opened {
    model: Model,
    name: CString,
    sha256: CString,
    backend: CString,
}

static MODELS: Table<Opened> = Table::new("model", 5);

/// Opens an encoder for patches of nx * ny * channels.
///
/// @param name_or_path  "metric", "mean", "radial", "fingerprint", or a path to NAME.onnx with its card NAME.toml beside
///                      it, or to a folder that holds exactly one
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_model_open(
    name_or_path: *const c_char,
    nx: u32,
    ny: u32,
    channels: u32,
    out: *mut *mut patchstream_model,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_model *"));
        }
        // SAFETY: the caller's string.
        let name = unsafe { text(name_or_path, "the model's name") }?
            .ok_or_else(|| argument("the model's name is NULL: \"metric\" is a built-in one"))?;
        let model = Model::open(name, Shape::new(nx as usize, ny as usize, channels as usize)?)?;
        let string = |text: &str| CString::new(text).map_err(|_| argument("a model's card has a 0 in a string"));
        let opened = Opened {
            name: string(&model.card().name)?,
            sha256: string(&model.card().sha256)?,
            backend: string(model.backend())?,
            model,
        };
        // SAFETY: the caller's variable.
        unsafe { put(out, MODELS.open(opened), "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// What the encoder is. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_model_get_info(
    model: *const patchstream_model,
    out: *mut patchstream_model_info,
) -> patchstream_status {
    guard(|| {
        let opened = MODELS.get(model)?;
        let info = patchstream_model_info {
            struct_size: 0,
            dim: opened.model.dim() as u32,
            trained: i32::from(opened.model.card().trained),
            reserved: 0,
            name: opened.name.as_ptr(),
            sha256: opened.sha256.as_ptr(),
            backend: opened.backend.as_ptr(),
        };
        // SAFETY: the caller's struct.
        unsafe { write(&info, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Encodes one patch, without proteins: as cut, also by a model that would turn a patch of a stream by its proteins.
/// Every value must be finite. Thread-safe.
///
/// @param densities  the patch, of the model's shape
/// @param point      out: dim numbers, the model's dimensions
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_model_encode(
    model: *const patchstream_model,
    densities: *const patchstream_field,
    point: *mut f32,
    dim: usize,
) -> patchstream_status {
    guard(|| {
        let opened = MODELS.get(model)?;
        let encode = |field: &patchstream::patch::Field<'_>| -> Result<Vec<f32>> {
            let expected = opened.model.shape();
            if field.shape() != expected {
                return Err(shape(format!("a field of {}, the model takes {expected}", field.shape())));
            }
            let mut densities = vec![0.0; expected.len()];
            field.copy_into(&mut densities)?;
            patchstream::patch::check_densities(&densities, expected)?;
            let mut point = vec![0.0; opened.model.dim()];
            opened.model.encode(PatchView { shape: expected, densities: &densities, proteins: &[] }, &mut point)?;
            Ok(point)
        };
        // SAFETY: the caller's field is as its comments say.
        let encoded = unsafe { field::with(densities, encode) }??;
        if dim != encoded.len() {
            return Err(shape(format!("room for {dim} numbers, the model's points have {}", encoded.len())));
        }
        // SAFETY: the caller's `dim` numbers.
        unsafe { buffer(point, dim, "point") }?.copy_from_slice(&encoded);
        Ok(PATCHSTREAM_OK)
    })
}

/// Closes the encoder. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_model_close(model: *mut patchstream_model) {
    if !model.is_null() {
        guard(|| MODELS.close(model).map(|_| PATCHSTREAM_OK));
    }
}

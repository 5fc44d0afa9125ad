//! Writes `.npy` files as NumPy does, and broken ones.
//!
//! Not here: reading them.

use std::fs;
use std::path::{Path, PathBuf};

/// A file: `version` 1 to 3, the header's dictionary, the items' bytes.
pub fn bytes(version: u8, dictionary: &str, items: &[u8]) -> Vec<u8> {
    let before = if version == 1 { 10 } else { 12 };
    // NumPy pads the header so that the items start at a multiple of 64.
    let length = (before + dictionary.len() + 1).next_multiple_of(64) - before;
    let mut file = b"\x93NUMPY".to_vec();
    file.extend([version, 0]);
    match version {
        1 => file.extend((length as u16).to_le_bytes()),
        _ => file.extend((length as u32).to_le_bytes()),
    }
    file.extend(dictionary.as_bytes());
    file.extend(vec![b' '; length - dictionary.len() - 1]);
    file.push(b'\n');
    file.extend(items);
    file
}

/// The dictionary that NumPy writes.
pub fn dictionary(descr: &str, fortran_order: bool, shape: &str) -> String {
    let fortran_order = if fortran_order { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}")
}

/// Points as float32, C order.
pub fn write_points(path: PathBuf, points: &[Vec<f32>]) -> PathBuf {
    let dim = points.first().map_or(1, Vec::len);
    let items: Vec<u8> = points.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    let dictionary = dictionary("<f4", false, &format!("({}, {dim})", points.len()));
    write(&path, &bytes(1, &dictionary, &items));
    path
}

/// Ids as int64.
pub fn write_ids(path: PathBuf, ids: &[i64]) -> PathBuf {
    let items: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    write(&path, &bytes(1, &dictionary("<i8", false, &format!("({},)", ids.len())), &items));
    path
}

pub fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

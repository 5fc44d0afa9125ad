//! The format that NumPy saves arrays in: versions 1 to 3, C order, little endian, read from start to end. Written is
//! version 1.
//!
//! A file: `\x93NUMPY`, a version (two bytes), the header's length (two bytes in version 1, four since), the header (a
//! Python dictionary as text: `descr`, `fortran_order`, `shape`), and the items, the last index fastest. Source:
//! the NumPy manual, "numpy.lib.format".
//! Not here: what the items mean ([`crate::sample`], [`crate::encode`]).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use patchstream::error::{Error, Result, corrupt, io, shape, unsupported};

/// The longest header that is read. Those of plain arrays have 128 bytes.
const HEADER_MAX: u64 = 65_536;
/// What is read at a time.
const BUFFER: usize = 1 << 20;

/// An array in a file, of a type that was expected, whose items are all there.
#[derive(Debug)]
pub struct Npy {
    path: PathBuf,
    /// Stands at the next item.
    file: BufReader<File>,
    /// Where the first item is.
    start: u64,
    /// NumPy's name of the items' type, such as `<f4`.
    descr: String,
    shape: Vec<usize>,
}

impl Npy {
    /// Opens the file, and reads and checks its header. `types` are those it may have, with the size of an item in
    /// bytes; `wanted` names them in words and says how to get there.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Io` if it cannot be read, `Corrupt` if it is no array or not
    /// all of one, `Unsupported` for another type, order or version.
    pub fn open(path: &Path, types: &[(&str, usize)], wanted: &str) -> Result<Self> {
        let name = path.display();
        let unreadable = |error: io::Error| io(format!("cannot read {name}: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(io(format!("cannot read {name}: it is a folder or a pipe: give the name of a .npy file")));
        }
        let mut file = BufReader::with_capacity(BUFFER, file);
        let (header, start) = read_header(&mut file).map_err(|error| error.context(&name))?;
        let Header { descr, fortran_order, shape } = Header::parse(&header).ok_or_else(|| {
            corrupt(format!("{name}: its header is none that NumPy writes, {:?}: save it again", shortened(&header)))
        })?;
        let Some(&(_, size)) = types.iter().find(|(of, _)| *of == descr) else {
            return Err(unsupported(format!("{name} holds items of type {descr:?}: {wanted}")));
        };
        if fortran_order {
            return Err(unsupported(format!("{name} is in Fortran order: save numpy.ascontiguousarray of it")));
        }
        let items = shape.iter().try_fold(size as u64, |bytes, &n| bytes.checked_mul(n as u64));
        let there = about.len().saturating_sub(start);
        match items {
            Some(bytes) if bytes == there => Ok(Self { path: path.into(), file, start, descr, shape }),
            Some(bytes) if bytes < there => Err(corrupt(format!(
                "{name} goes on for {} bytes behind its array of shape {}: save one array alone",
                there - bytes,
                Shape(&shape)
            ))),
            _ => Err(corrupt(format!(
                "{name} is cut short: an array of shape {} and type {descr:?} does not fit in the {there} bytes behind \
                 its header: copy or save it again",
                Shape(&shape)
            ))),
        }
    }

    /// NumPy's name of the items' type of a file, whatever it is.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), but not for another type or order.
    pub fn descr_of(path: &Path) -> Result<String> {
        let name = path.display();
        let unreadable = |error: io::Error| io(format!("cannot read {name}: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(io(format!("cannot read {name}: it is a folder or a pipe: give the name of a .npy file")));
        }
        let (header, _) = read_header(&mut BufReader::new(file)).map_err(|error| error.context(&name))?;
        let header = Header::parse(&header);
        let header =
            header.ok_or_else(|| corrupt(format!("{name}: its header is none that NumPy writes: save it again")))?;
        Ok(header.descr)
    }

    /// NumPy's name of the items' type.
    pub fn descr(&self) -> &str {
        &self.descr
    }

    /// How many items there are along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// An error that names the file and its shape: it should be `wanted`.
    pub fn wrong_shape(&self, wanted: impl std::fmt::Display) -> Error {
        shape(format!("{} has shape {}: {wanted}", self.path.display(), Shape(&self.shape)))
    }

    /// Reads the next bytes of the array.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io), also when they end: the file was whole when it was opened.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.file.read_exact(bytes).map_err(|error| self.failed(&error))
    }

    /// Goes back to the first item.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io).
    pub fn rewind(&mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.start)).map(drop).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Error {
        io(format!("cannot read {}: {error}: leave the file alone while it is read", self.path.display()))
    }
}

/// What comes before the items of an array: version 1, padded with spaces so that they start at a multiple of 64.
pub fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {}, }}", Shape(shape));
    let length = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(dictionary.as_bytes());
    header.resize(10 + length - 1, b' ');
    header.push(b'\n');
    header
}

/// Reads up to the first item; gives the header's text and where the items start.
fn read_header(file: &mut impl Read) -> Result<(String, u64)> {
    let short = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt("it ends within its header: copy or save it again"),
        _ => io(format!("it cannot be read: {error}")),
    };
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt("it is no .npy file: write one with numpy.save"),
        _ => short(error),
    })?;
    if !magic.starts_with(b"\x93NUMPY") {
        return Err(corrupt("it is no .npy file: write one with numpy.save"));
    }
    let (length, before) = match magic[6] {
        1 => {
            let mut length = [0; 2];
            file.read_exact(&mut length).map_err(short)?;
            (u64::from(u16::from_le_bytes(length)), 10)
        }
        2 | 3 => {
            let mut length = [0; 4];
            file.read_exact(&mut length).map_err(short)?;
            (u64::from(u32::from_le_bytes(length)), 12)
        }
        version => return Err(unsupported(format!("it is of .npy version {version}, and 1 to 3 can be read"))),
    };
    if length > HEADER_MAX {
        return Err(corrupt(format!("its header has {length} bytes, and {HEADER_MAX} are the most: save it again")));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(short)?;
    let header = String::from_utf8(header).map_err(|_| corrupt("its header is no text: save it again"))?;
    Ok((header, before + length))
}

/// What the dictionary says.
#[derive(Debug, PartialEq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['\n', ' ', '\0']).strip_prefix('{')?.strip_suffix('}')?;
        let descr = value(text, "descr")?;
        // A type of several fields is a list; it is named as it stands, and is none of the types expected.
        let descr = match descr.chars().next()? {
            quote @ ('\'' | '"') => descr[1..].split_once(quote)?.0.to_owned(),
            '[' => shortened(descr.split_once(']')?.0) + "]",
            _ => return None,
        };
        let fortran_order = match value(text, "fortran_order")? {
            order if order.starts_with("True") => true,
            order if order.starts_with("False") => false,
            _ => return None,
        };
        let shape = value(text, "shape")?.strip_prefix('(')?.split_once(')')?.0.trim();
        let shape = shape.strip_suffix(',').unwrap_or(shape);
        let axes = shape.split(',').filter(|_| !shape.is_empty());
        let shape = axes.map(|axis| axis.trim().parse().ok()).collect::<Option<_>>()?;
        Some(Self { descr, fortran_order, shape })
    }
}

/// What stands behind `'key':`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let quoted = ['\'', '"'].map(|quote| format!("{quote}{key}{quote}"));
    let behind = quoted.iter().find_map(|key| text.split_once(key.as_str()))?.1;
    Some(behind.trim_start().strip_prefix(':')?.trim_start())
}

fn shortened(text: &str) -> String {
    let most = 100;
    let dots = if text.chars().count() > most { ".." } else { "" };
    text.chars().take(most).collect::<String>() + dots
}

/// A shape as Python writes it.
pub struct Shape<'a>(pub &'a [usize]);

impl std::fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [one] => write!(f, "({one},)"),
            axes => write!(f, "({})", axes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(descr: &str, fortran_order: bool, shape: &[usize]) -> Option<Header> {
        Some(Header { descr: descr.into(), fortran_order, shape: shape.into() })
    }

    #[test]
    fn headers_are_read_as_numpy_writes_them() {
        for (text, expected) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }   \n", parsed("<f4", false, &[3, 2])),
            ("{'descr': '<f8', 'fortran_order': True, 'shape': (7,), }\n", parsed("<f8", true, &[7])),
            ("{\"shape\":(),\"fortran_order\":False,\"descr\":\"|u1\"}", parsed("|u1", false, &[])),
            (
                "{'descr': [('shape', '<f4'), ('x', '<f8')], 'fortran_order': False, 'shape': (1,), }",
                None, // its shape is not found, and nothing of it could be used
            ),
            (
                "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,), }",
                parsed("[('x', '<f8')]", false, &[1]),
            ),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2), }", None),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }", None),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 2), }", None),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2", None),
            ("{'descr': '<f4, 'fortran_order': False, 'shape': (,,), }", None),
            ("{'descr': é", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(Header::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn headers_are_written_as_numpy_writes_them() {
        for (shape, text) in [(&[3, 2][..], "(3, 2)"), (&[7], "(7,)"), (&[], "()"), (&[1 << 40; 5], "")] {
            let bytes = header("<f4", shape);
            assert!(bytes.len().is_multiple_of(64) && bytes.ends_with(b"\n"), "{shape:?}");
            let (dictionary, start) = read_header(&mut &*bytes).unwrap();
            assert!(dictionary.starts_with(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {text}")));
            assert_eq!((Header::parse(&dictionary), start), (parsed("<f4", false, shape), bytes.len() as u64));
        }
    }

    #[test]
    fn shapes_are_written_as_python_does() {
        assert_eq!([&[][..], &[3], &[3, 2]].map(|axes| Shape(axes).to_string()), ["()", "(3,)", "(3, 2)"]);
    }
}

//! Little-endian numbers, texts and lists in bytes, and sections that name and measure them.
//!
//! A list or text is its length, u64, and its elements. A section is its number, u32, the length of its content, u64, and
//! that. A reader believes no length that the bytes left cannot hold, and nothing may be left over. What is long is not
//! gathered: it is given away in pieces, each made while the processor has the memory of the one before at hand.
//! Not here: what the fields mean ([`super::pack`]), sums that guard them (whoever keeps the bytes).

use crate::error::{Error, Result, corrupt};

/// Appends fields.
#[derive(Debug, Default)]
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, x: u8) {
        self.0.push(x);
    }

    pub(super) fn u32(&mut self, x: u32) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(super) fn u64(&mut self, x: u64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(super) fn f32(&mut self, x: f32) {
        self.u32(x.to_bits());
    }

    pub(super) fn f64(&mut self, x: f64) {
        self.u64(x.to_bits());
    }

    pub(super) fn size(&mut self, x: usize) {
        self.u64(x as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.size(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn list<T>(&mut self, list: &[T], mut element: impl FnMut(&mut Self, &T)) {
        self.size(list.len());
        list.iter().for_each(|one| element(self, one));
    }

    pub(super) fn section(&mut self, number: u32, content: impl FnOnce(&mut Self)) {
        self.u32(number);
        let at = self.0.len();
        self.u64(0);
        content(self);
        let length = (self.0.len() - at - size_of::<u64>()) as u64;
        self.0[at..at + size_of::<u64>()].copy_from_slice(&length.to_le_bytes());
    }
}

/// What takes the bytes, piece by piece.
pub(super) type Out<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// Bytes of a piece, or a little less: they stay in a core's own cache until they are taken.
pub(super) const PIECE: usize = 64 << 10;

/// Bytes of a section that is a list of elements of one size, and of nothing else.
pub(super) fn table_bytes(elements: usize, size: usize) -> usize {
    size_of::<u32>() + 2 * size_of::<u64>() + elements * size
}

/// Says that such a section follows.
pub(super) fn open_table(out: &mut Out<'_>, number: u32, elements: usize, size: usize) -> Result<()> {
    let mut writer = Writer::default();
    writer.u32(number);
    writer.size(size_of::<u64>() + elements * size);
    writer.size(elements);
    out(&writer.0)
}

/// Such a section.
pub(super) fn table<T, const SIZE: usize>(
    out: &mut Out<'_>,
    number: u32,
    list: &[T],
    pack: impl Fn(&T) -> [u8; SIZE],
) -> Result<()> {
    open_table(out, number, list.len(), SIZE)?;
    rows(out, list, pack)
}

/// Elements of one size.
pub(super) fn rows<T, const SIZE: usize>(out: &mut Out<'_>, list: &[T], pack: impl Fn(&T) -> [u8; SIZE]) -> Result<()> {
    let most = PIECE / SIZE;
    let mut piece = vec![[0; SIZE]; most.min(list.len())];
    for part in list.chunks(most) {
        for (to, one) in piece.iter_mut().zip(part) {
            *to = pack(one);
        }
        out(piece[..part.len()].as_flattened())?;
    }
    Ok(())
}

/// Fields one behind the other in an array.
pub(super) struct Fields<const SIZE: usize> {
    bytes: [u8; SIZE],
    at: usize,
}

impl<const SIZE: usize> Fields<SIZE> {
    pub(super) fn new() -> Self {
        Self { bytes: [0; SIZE], at: 0 }
    }

    /// The bytes of the next field.
    #[inline(always)]
    pub(super) fn put<const N: usize>(mut self, field: [u8; N]) -> Self {
        self.bytes[self.at..self.at + N].copy_from_slice(&field);
        self.at += N;
        self
    }

    /// All of them: as many bytes as there is room for.
    pub(super) fn done(self) -> [u8; SIZE] {
        debug_assert_eq!(self.at, SIZE);
        self.bytes
    }
}

/// Takes fields off the front.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, left) = self.0.split_first_chunk().ok_or_else(|| self.short(N))?;
        self.0 = left;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    pub(super) fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_bits(self.u32()?))
    }

    pub(super) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_bits(self.u64()?))
    }

    pub(super) fn flag(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(corrupt(format!("the snapshot has {other} where 0 or 1 stands: verify the run"))),
        }
    }

    pub(super) fn size(&mut self) -> Result<usize> {
        let x = self.u64()?;
        usize::try_from(x).map_err(|_| corrupt(format!("the snapshot has a size of {x}: verify the run")))
    }

    /// A number of what a run can have had, with room to count on.
    pub(super) fn count(&mut self) -> Result<u64> {
        match self.u64()? {
            x if x < u64::MAX / 4 => Ok(x),
            x => Err(corrupt(format!("the snapshot has a count of {x}: verify the run"))),
        }
    }

    /// So many bytes.
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count).ok_or_else(|| self.short(count))?;
        self.0 = left;
        Ok(taken)
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        let count = self.size()?;
        let bytes = self.bytes(count)?;
        std::str::from_utf8(bytes).map_err(|_| corrupt("the snapshot has a text that is not UTF-8: verify the run"))
    }

    /// A list whose elements take at least `least` bytes each, which is not 0.
    pub(super) fn list<T>(&mut self, least: usize, mut element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.size()?;
        if count > self.0.len() / least {
            return Err(self.short(count.saturating_mul(least)));
        }
        (0..count).map(|_| element(self)).collect()
    }

    /// The content of the section that comes next, which has this number.
    pub(super) fn section(&mut self, number: u32) -> Result<Self> {
        let found = self.u32()?;
        if found != number {
            return Err(corrupt(format!("the snapshot has section {found} where {number} stands: verify the run")));
        }
        let length = self.size()?;
        Ok(Reader(self.bytes(length)?))
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<()> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(corrupt(format!("the snapshot has {left} bytes more than it says: verify the run"))),
        }
    }

    fn short(&self, wanted: usize) -> Error {
        corrupt(format!(
            "the snapshot ends {} bytes before what it says is there: verify the run",
            wanted.saturating_sub(self.0.len())
        ))
    }
}

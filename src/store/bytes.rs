//! Numbers as bytes, little-endian, one after another without padding: what records and sections are made of.
//!
//! A list is its count (u64) and then its values; text is its length in bytes (u32) and then UTF-8.
//! Not here: checksums (`segment.rs`, `checkpoint.rs`), and what the numbers mean (who writes them).

use crate::error::{Result, corrupt};

/// Writes numbers one after another. [`Packer::clear`] keeps the memory, so that one packer serves for good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packer {
    bytes: Vec<u8>,
}

macro_rules! numbers {
    ($($name:ident $many:ident $type:ty, $what:literal;)*) => {
        impl Packer {$(
            #[doc = concat!("Writes ", $what, ".")]
            pub fn $name(&mut self, value: $type) -> &mut Self {
                self.bytes.extend_from_slice(&value.to_le_bytes());
                self
            }

            #[doc = concat!("Writes many of ", $what, " without their count, which the reader has to know.")]
            pub fn $many(&mut self, values: &[$type]) -> &mut Self {
                self.bytes.reserve(size_of_val(values));
                values.iter().for_each(|value| self.bytes.extend_from_slice(&value.to_le_bytes()));
                self
            }
        )*}

        impl Viewer<'_> {$(
            #[doc = concat!("Reads ", $what, ".")]
            ///
            /// # Errors
            /// `Corrupt` if the bytes end before it does.
            pub fn $name(&mut self) -> Result<$type> {
                Ok(<$type>::from_le_bytes(self.array()?))
            }

            #[doc = concat!("Reads `count` of ", $what, " behind what `values` holds already.")]
            ///
            /// # Errors
            /// `Corrupt` if the bytes end before they do; then `values` is as it was.
            pub fn $many(&mut self, count: usize, values: &mut Vec<$type>) -> Result<()> {
                const SIZE: usize = size_of::<$type>();
                // An overflow wants more than any slice has, which is the same error.
                let bytes = self.take(count.checked_mul(SIZE).unwrap_or(usize::MAX))?;
                let value = |bytes: &[u8]| <$type>::from_le_bytes(bytes.try_into().expect("chunks of this size"));
                values.extend(bytes.chunks_exact(SIZE).map(value));
                Ok(())
            }
        )*}
    };
}

numbers! {
    u8 u8s u8, "one byte";
    u16 u16s u16, "16 bits";
    u32 u32s u32, "32 bits";
    u64 u64s u64, "64 bits: an id, a count, a sequence";
    i64 i64s i64, "64 bits with a sign: a step";
    u128 u128s u128, "128 bits";
    f32 f32s f32, "a float32, bit for bit: NaN and -0 too";
    f64 f64s f64, "a float64, bit for bit";
}

impl Packer {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing yet, with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Forgets what was written and keeps the memory.
    pub fn clear(&mut self) -> &mut Self {
        self.bytes.clear();
        self
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes true as 1 and false as 0.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value.into())
    }

    /// Writes a count of values that follow.
    pub fn count(&mut self, count: usize) -> &mut Self {
        self.u64(count as u64)
    }

    /// Writes text of less than 4 GiB, cut off there.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let mut length = text.len().min(u32::MAX as usize);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        self.u32(length as u32).u8s(&text.as_bytes()[..length])
    }
}

/// Reads what a [`Packer`] wrote. Nothing that it reads is believed: a count is checked against what is left.
#[derive(Debug, Clone)]
pub struct Viewer<'a> {
    what: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Viewer<'a> {
    /// Over `bytes`, which an error calls `what`.
    pub fn new(what: &'a str, bytes: &'a [u8]) -> Self {
        Self { what, bytes, at: 0 }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// `Corrupt` if fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else { return Err(self.wrong(format!("{count} bytes are wanted, {} left", self.left()))) };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Reads a bool.
    ///
    /// # Errors
    /// `Corrupt` for anything but 0 and 1.
    pub fn bool(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.wrong(format!("{other} stands where 0 or 1 is expected"))),
        }
    }

    /// Reads a count of values that take at least `size` bytes each, so that memory for them may be had at once.
    ///
    /// # Errors
    /// `Corrupt` if so many cannot follow.
    pub fn count(&mut self, size: usize) -> Result<usize> {
        let count = self.u64()?;
        let most = self.left() / size.max(1);
        if count > most as u64 {
            return Err(self.wrong(format!("{count} values are announced, {most} can follow")));
        }
        Ok(count as usize)
    }

    /// Reads text.
    ///
    /// # Errors
    /// `Corrupt` if it is cut off or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str> {
        let length = self.u32()? as usize;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|error| self.wrong(format!("text that is not UTF-8: {error}")))
    }

    /// Says that all has been read.
    ///
    /// # Errors
    /// `Corrupt` if something is left.
    pub fn end(&self) -> Result<()> {
        if self.left() == 0 { Ok(()) } else { Err(self.wrong(format!("{} bytes are left over", self.left()))) }
    }

    /// An error about these bytes, with the place.
    pub fn wrong(&self, why: impl std::fmt::Display) -> crate::error::Error {
        corrupt(format!("{} is damaged at byte {} of {}: {why}", self.what, self.at, self.bytes.len()))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("as many bytes as were asked for"))
    }
}

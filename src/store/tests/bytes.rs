//! Numbers come back as they went, and hostile bytes are errors.

use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::store::bytes::{Packer, Viewer};

proptest! {
    #[test]
    fn numbers_come_back_bit_for_bit(a: u8, b: u16, c: u32, d: u64, e: i64, f: u128, g: u32, h: u64,
                                     floats in prop::collection::vec(any::<u32>(), 0..20), text: String, yes: bool) {
        let floats: Vec<f32> = floats.into_iter().map(f32::from_bits).collect();
        let mut packer = Packer::new();
        packer.u8(a).u16(b).u32(c).u64(d).i64(e).u128(f).f32(f32::from_bits(g)).f64(f64::from_bits(h));
        packer.count(floats.len()).f32s(&floats).text(&text).bool(yes);
        let mut viewer = Viewer::new("a test", packer.bytes());
        prop_assert_eq!((viewer.u8()?, viewer.u16()?, viewer.u32()?, viewer.u64()?), (a, b, c, d));
        prop_assert_eq!((viewer.i64()?, viewer.u128()?), (e, f));
        prop_assert_eq!((viewer.f32()?.to_bits(), viewer.f64()?.to_bits()), (g, h));
        let (count, mut read) = (viewer.count(4)?, Vec::new());
        viewer.f32s(count, &mut read)?;
        let bits = |floats: &[f32]| floats.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read), bits(&floats));
        prop_assert_eq!((viewer.text()?, viewer.bool()?), (&text[..], yes));
        viewer.end()?;
        // Cut off anywhere, something is missing.
        for end in 0..packer.bytes().len() {
            let mut viewer = Viewer::new("a test", &packer.bytes()[..end]);
            let mut all = || -> crate::error::Result<()> {
                viewer.take(1 + 2 + 4 + 8 + 8 + 16 + 4 + 8)?;
                let count = viewer.count(4)?;
                viewer.f32s(count, &mut Vec::new())?;
                viewer.text()?;
                viewer.bool().map(|_| ())
            };
            prop_assert_eq!(all().unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

#[test]
fn counts_and_lengths_that_cannot_be_are_errors_before_memory_is_had() {
    let huge = u64::MAX.to_le_bytes();
    let corrupt = |error: crate::error::Error| assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    corrupt(Viewer::new("a test", &huge).count(1).unwrap_err());
    corrupt(Viewer::new("a test", &huge).count(0).unwrap_err());
    corrupt(Viewer::new("a test", &huge).u64s(usize::MAX / 4, &mut Vec::new()).unwrap_err());
    corrupt(Viewer::new("a test", &huge).text().unwrap_err());
    corrupt(Viewer::new("a test", &[2]).bool().unwrap_err());
    corrupt(Viewer::new("a test", &[1, 0, 0, 0, 0xff]).text().unwrap_err());
    corrupt(Viewer::new("a test", &[1]).end().unwrap_err());
    let error = Viewer::new("section 7 of x", &huge[..3]).u32().unwrap_err();
    assert!(error.message().contains("section 7 of x") && error.message().contains("byte 0 of 3"), "{error}");
}

#[test]
fn text_that_is_too_long_is_cut_between_characters() {
    let mut packer = Packer::new();
    packer.u64(1).clear().text("é");
    assert_eq!(packer.bytes(), [2, 0, 0, 0, 0xc3, 0xa9]);
}

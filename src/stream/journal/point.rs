//! A patch as the log has it: 52 bytes, 4 for each coordinate of its point, and what else it has; 44 of a plain one, so that
//! it fits into 4 a coordinate and 64 with the 20 bytes of a record of its own.
//!
//! Not here: its layout, and the other records ([`super::records`]).

use crate::error::Result;
use crate::ids;
use crate::patch::{Meta, Protein};
use crate::store::bytes::{Packer, Viewer};

const FACTOR: u16 = 1;
const LABEL: u16 = 2;
const PROBABILITIES: u16 = 4;
const PROTEINS: u16 = 8;
const PROTEIN_BYTES: usize = 32;
/// Beside the id of a plain patch: it is of queue 0, its step has 32 bits, and it has nothing but its point.
const PLAIN: u64 = 1 << 63;
const _: () = assert!(ids::public(ids::BRANCH_MAX, ids::MAX) < PLAIN);

/// A patch that was taken in: all but its densities.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    /// Its public id.
    pub id: u64,
    /// The hash of its content: densities and metadata.
    pub content: u64,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// The macro model's time in us.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// Its queue.
    pub queue: u16,
    /// What its rank is multiplied by; `None`: its queue's factor.
    pub factor: Option<f32>,
    /// A name for people.
    pub label: Option<String>,
    /// The probability of each class; empty without a classifier.
    pub probabilities: Vec<f32>,
    /// Its proteins, relative to the centre pixel.
    pub proteins: Vec<Protein>,
    /// Its latent point.
    pub point: Vec<f32>,
}

/// What a patch is given to [`Point::pack`] by, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct PointParts<'a> {
    /// Its public id; that of `meta` is not looked at.
    pub id: u64,
    /// The hash of its content.
    pub content: u64,
    /// Its queue.
    pub queue: u16,
    /// All that its host said of it.
    pub meta: &'a Meta<'a>,
    /// The probability of each class; empty without a classifier.
    pub probabilities: &'a [f32],
    /// Its latent point.
    pub point: &'a [f32],
}

impl Point {
    /// Writes one.
    pub fn pack(parts: PointParts<'_>, packer: &mut Packer) {
        let PointParts { id, content, queue, meta, probabilities, point } = parts;
        let parts = [
            (meta.factor.is_some(), FACTOR),
            (meta.label.is_some(), LABEL),
            (!probabilities.is_empty(), PROBABILITIES),
            (!meta.proteins.is_empty(), PROTEINS),
        ];
        let has = parts.iter().filter(|(there, _)| *there).fold(0, |has, (_, part)| has | part);
        if let (0, 0, Ok(step)) = (queue, has, i32::try_from(meta.step)) {
            packer.u64(id | PLAIN).u64(content).u32(step as u32).f64(meta.time_us).f64s(&meta.center_nm).f32s(point);
            return;
        }
        packer.u64(id).u64(content).i64(meta.step).f64(meta.time_us).f64s(&meta.center_nm).u16(queue).u16(has);
        if let Some(factor) = meta.factor {
            packer.f32(factor);
        }
        if let Some(label) = meta.label {
            packer.text(label);
        }
        if !probabilities.is_empty() {
            packer.u32(probabilities.len() as u32).f32s(probabilities);
        }
        if !meta.proteins.is_empty() {
            packer.u32(meta.proteins.len() as u32);
            for Protein { id, state, partner, x_nm, y_nm } in meta.proteins {
                packer.u64(*id).u32(*state as u32).u32(*partner as u32).f64(*x_nm).f64(*y_nm);
            }
        }
        packer.f32s(point);
    }

    /// Reads one, and keeps the memory that this one has.
    ///
    /// # Errors
    /// `Corrupt` if it is none; then this one is whatever it is.
    pub fn view(&mut self, payload: &[u8]) -> Result<()> {
        let mut from = Viewer::new("a point in the log", payload);
        (self.id, self.content) = (from.u64()?, from.u64()?);
        let plain = self.id & PLAIN != 0;
        self.id &= !PLAIN;
        self.step = if plain { (from.u32()? as i32).into() } else { from.i64()? };
        (self.time_us, self.center_nm) = (from.f64()?, [from.f64()?, from.f64()?]);
        let (queue, has) = if plain { (0, 0) } else { (from.u16()?, from.u16()?) };
        self.queue = queue;
        if has >= 2 * PROTEINS {
            return Err(from.wrong(format!("it has parts {has:#x}, of which this version does not know all")));
        }
        self.factor = if has & FACTOR == 0 { None } else { Some(from.f32()?) };
        self.label = if has & LABEL == 0 { None } else { Some(from.text()?.to_owned()) };
        self.probabilities.clear();
        if has & PROBABILITIES != 0 {
            let count = from.u32()? as usize;
            from.f32s(count, &mut self.probabilities)?;
        }
        self.proteins.clear();
        if has & PROTEINS != 0 {
            let count = from.u32()? as usize;
            if count > from.left() / PROTEIN_BYTES {
                return Err(from.wrong(format!("{count} proteins are announced, {} bytes follow", from.left())));
            }
            for _ in 0..count {
                let (id, state, partner) = (from.u64()?, from.u32()? as i32, from.u32()? as i32);
                self.proteins.push(Protein { id, state, partner, x_nm: from.f64()?, y_nm: from.f64()? });
            }
        }
        self.point.clear();
        let coordinates = from.left() / 4;
        from.f32s(coordinates, &mut self.point)?;
        from.end()
    }

    /// The public id alone; none if that is no patch.
    pub fn id_of(payload: &[u8]) -> Option<u64> {
        payload.first_chunk().map(|id| u64::from_le_bytes(*id) & !PLAIN)
    }

    /// All that its host said of it.
    pub fn meta(&self) -> Meta<'_> {
        Meta {
            id: self.id,
            step: self.step,
            time_us: self.time_us,
            center_nm: self.center_nm,
            proteins: &self.proteins,
            label: self.label.as_deref(),
            factor: self.factor,
        }
    }
}

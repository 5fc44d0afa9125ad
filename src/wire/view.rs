//! Viewing: bytes that anybody may have written to plain values, verified before they are looked at.
//!
//! The slice may start at any address (scalars are read byte by byte), and no verdict depends on it. What a message
//! unpacks to is bounded by a small multiple of its length. Bytes that another process can still write are copied out
//! first: the verifier's verdict holds for bytes that stay.
//! Not here: whether the values make sense ([`crate::patch::check_meta`]), packing ([`super::pack`]).

use std::iter::FusedIterator;

use flatbuffers::{InvalidFlatbuffer, Vector, VerifierOptions};

use super::fb;
use super::message::{Message, PatchMeta, Selection, SelectionBatch, Weights};
use crate::error::{Error, Result, value, version};
use crate::patch::{Constellation, Meta, Protein};

/// Bytes of the number before each message that says how many follow.
const PREFIX: usize = 4;
/// Bytes of the root offset and the identifier that every message starts with.
const HEAD: usize = 8;

/// A patch but for its densities, borrowed from a verified message.
#[derive(Debug, Clone, Copy)]
pub struct PatchMetaView<'a> {
    /// The patch's id.
    pub id: u64,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// The macro model's time in us.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// How many RAS and RAF it holds, as its writer counted.
    pub constellation: Constellation,
    /// A name for people, never a key.
    pub label: Option<&'a str>,
    /// What its rank is multiplied by; `None`: its queue's factor.
    pub factor: Option<f32>,
    proteins: Vector<'a, fb::Protein>,
}

impl<'a> PatchMetaView<'a> {
    /// Its proteins, relative to the centre pixel.
    pub fn proteins(&self) -> impl ExactSizeIterator<Item = Protein> + use<'a> {
        self.proteins.iter().map(protein)
    }

    /// The same as the patch module has it; `proteins` is cleared and takes the proteins, so that a buffer which is
    /// used again saves allocations.
    pub fn meta<'b>(&self, proteins: &'b mut Vec<Protein>) -> Meta<'b>
    where
        'a: 'b,
    {
        proteins.clear();
        proteins.extend(self.proteins());
        let Self { id, step, time_us, center_nm, label, factor, .. } = *self;
        Meta { id, step, time_us, center_nm, proteins, label, factor }
    }

    /// The same, owned.
    pub fn to_owned(&self) -> PatchMeta {
        PatchMeta {
            id: self.id,
            step: self.step,
            time_us: self.time_us,
            center_nm: self.center_nm,
            constellation: self.constellation,
            proteins: self.proteins().collect(),
            label: self.label.map(str::to_owned),
            factor: self.factor,
        }
    }

    fn new(table: fb::PatchMeta<'a>) -> Self {
        Self {
            id: table.id(),
            step: table.step(),
            time_us: table.time_us(),
            center_nm: xy(table.center_nm()),
            constellation: ras_raf(table.constellation()),
            label: table.label(),
            factor: table.factor(),
            proteins: table.proteins(),
        }
    }
}

/// Views one message without size prefix, as [`super::Packer::patch_meta`] packs it. Allocates nothing.
///
/// # Errors
/// [`ErrorKind::Version`](crate::error::ErrorKind::Version) if the bytes carry another identifier,
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) if they are damaged or another message.
pub fn patch_meta(bytes: &[u8]) -> Result<PatchMetaView<'_>> {
    check_identifier(bytes.get(..HEAD).unwrap_or(bytes))?;
    let message =
        flatbuffers::root_with_opts::<fb::Message>(&limits(bytes.len()), bytes).map_err(|error| damaged(&error))?;
    let kind = message.body_type();
    let table = message
        .body_as_patch_meta()
        .ok_or_else(|| value(format!("the message is a {kind:?}, where a patch was expected: check what was sent")))?;
    Ok(PatchMetaView::new(table))
}

/// Views size-prefixed messages that follow each other, a `.psel` file for one. A damaged message is an error and the
/// next one follows; where it is no longer known where the next one starts, the error is the last item.
///
/// Errors are as with [`patch_meta`], with the message's place in `bytes`.
pub fn messages(bytes: &[u8]) -> Messages<'_> {
    Messages { bytes, at: 0 }
}

/// Views the one size-prefixed message that `bytes` are.
///
/// # Errors
/// Those of [`messages`], and [`ErrorKind::Value`](crate::error::ErrorKind::Value) for none or several.
pub fn one(bytes: &[u8]) -> Result<Message> {
    let framed = framed(bytes)?;
    if framed.len() != bytes.len() {
        return Err(value(format!("{} bytes follow the message: the writer is at fault", bytes.len() - framed.len())));
    }
    message(framed)
}

/// The iterator that [`messages`] returns.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    bytes: &'a [u8],
    /// Where the next message starts, `0 ..= bytes.len()`.
    at: usize,
}

impl Iterator for Messages<'_> {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = &self.bytes[at..];
        if rest.is_empty() {
            return None;
        }
        let framed = framed(rest);
        self.at = framed.as_ref().map_or(self.bytes.len(), |bytes| at + bytes.len());
        Some(framed.and_then(message).map_err(|error| error.context(format_args!("message at byte {at}"))))
    }
}

impl FusedIterator for Messages<'_> {}

/// The first message of `rest`, its prefix included.
fn framed(rest: &[u8]) -> Result<&[u8]> {
    let Some((prefix, body)) = rest.split_first_chunk::<PREFIX>() else {
        return Err(value(format!(
            "{} bytes are left, too few for a message: the end of the file is lost",
            rest.len()
        )));
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length < HEAD {
        return Err(value(format!("it claims to be {length} bytes long, the least is {HEAD}: not a message stream")));
    }
    if length > body.len() {
        return Err(value(format!(
            "it claims to be {length} bytes long, {} are left: the end of the file is lost, or it is no message stream",
            body.len()
        )));
    }
    Ok(&rest[..PREFIX + length])
}

/// One message, its prefix included.
fn message(framed: &[u8]) -> Result<Message> {
    check_identifier(&framed[PREFIX..PREFIX + HEAD])?;
    let message = flatbuffers::size_prefixed_root_with_opts::<fb::Message>(&limits(framed.len()), framed)
        .map_err(|error| damaged(&error))?;
    if let Some(table) = message.body_as_selection_batch() {
        return Ok(Message::SelectionBatch(SelectionBatch {
            event: table.event(),
            step: table.step(),
            selections: table.selections().iter().map(selection).collect(),
            candidates: table.candidates(),
            selected: table.selected(),
            discarded: table.discarded(),
        }));
    }
    if let Some(table) = message.body_as_weights() {
        return weights(table).map(Message::Weights);
    }
    if let Some(table) = message.body_as_selection() {
        return Ok(Message::Selection(selection(table)));
    }
    if let Some(table) = message.body_as_patch_meta() {
        return Ok(Message::Patch(PatchMetaView::new(table).to_owned()));
    }
    if let Some(viewed) = super::job::view(message) {
        return viewed;
    }
    match message.body_type() {
        fb::Body::NONE => Err(value("the message is empty: its writer or the bytes are damaged")),
        fb::Body(kind) => Ok(Message::Other(kind)),
    }
}

pub(super) fn selection(table: fb::Selection) -> Selection {
    Selection {
        id: table.id(),
        rank: table.rank(),
        order: table.order(),
        event: table.event(),
        point: table.point().iter().collect(),
        step: table.step(),
        time_us: table.time_us(),
        center_nm: xy(table.center_nm()),
        constellation: ras_raf(table.constellation()),
        proteins: table.proteins().iter().map(protein).collect(),
        label: table.label().map(str::to_owned),
        queue: table.queue(),
        class_label: table.class_label().map(str::to_owned),
        probabilities: table.probabilities().map(|list| list.iter().collect()).unwrap_or_default(),
    }
}

fn weights(table: fb::Weights) -> Result<Weights> {
    let (ids, weights, normalised) = (table.ids(), table.weights(), table.normalised());
    if weights.len() != ids.len() || normalised.len() != ids.len() {
        return Err(value(format!(
            "{} ids have {} weights and {} normalised ones, where one of each belongs to an id: the writer is at fault",
            ids.len(),
            weights.len(),
            normalised.len()
        )));
    }
    Ok(Weights {
        event: table.event(),
        ids: ids.iter().collect(),
        weights: weights.iter().collect(),
        normalised: normalised.iter().collect(),
    })
}

fn protein(p: &fb::Protein) -> Protein {
    Protein { id: p.id(), state: p.state(), partner: p.partner(), x_nm: p.x_nm(), y_nm: p.y_nm() }
}

fn xy(point: &fb::Point) -> [f64; 2] {
    [point.x_nm(), point.y_nm()]
}

fn ras_raf(constellation: &fb::Constellation) -> Constellation {
    Constellation { ras: constellation.ras(), raf: constellation.raf() }
}

/// Checks the identifier in the first bytes of a message.
fn check_identifier(head: &[u8]) -> Result<()> {
    let Some(identifier) = head.get(HEAD - fb::MESSAGE_IDENTIFIER.len()..HEAD) else {
        return Err(value(format!("a message of {} bytes is cut short, the least is {HEAD}", head.len())));
    };
    if identifier != fb::MESSAGE_IDENTIFIER.as_bytes() {
        return Err(version(format!(
            "the message's identifier is \"{}\", this build reads \"{}\": not a patchstream message, or of another format",
            identifier.escape_ascii(),
            fb::MESSAGE_IDENTIFIER
        )));
    }
    Ok(())
}

/// Limits for a message of `bytes` bytes. Packed messages share nothing but their field tables; a hostile one in which
/// everything points at one long list would unpack to its square.
fn limits(bytes: usize) -> VerifierOptions {
    VerifierOptions {
        max_depth: 8,
        max_tables: 1_000_000,
        max_apparent_size: bytes.saturating_mul(4).saturating_add(1024),
        ignore_missing_null_terminator: false,
    }
}

fn damaged(error: &InvalidFlatbuffer) -> Error {
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or_default().trim_end_matches('.');
    value(format!("the message does not verify ({reason}): the bytes are damaged, have it sent or written again"))
}

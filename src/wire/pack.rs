//! Packing: plain values to flatbuffers, in one buffer that is used again and again.
//!
//! Same value, same bytes. A message is a multiple of 8 bytes long and stays readable for a verifier with default
//! limits (a million tables, 2 GiB): what would be too large is told in several messages.
//! Not here: the format (`patchstream.fbs`), reading ([`super::view`]).

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, Vector, WIPOffset};

use super::fb;
use super::message::{Selection, SelectionBatch, Weights};
use crate::patch::{Constellation, Meta, Protein};

/// Packs messages. Nothing is allocated once the buffer has the size that the messages need.
pub struct Packer {
    pub(super) builder: FlatBufferBuilder<'static>,
    /// Where in the builder the selections of the batch under way are.
    offsets: Vec<WIPOffset<fb::Selection<'static>>>,
    /// The finished messages, where one value takes several.
    parts: Vec<u8>,
    pub(super) limits: Limits,
}

/// What goes into one message at most. Well inside what verifiers accept by default, so that a reader needs no option.
pub(super) struct Limits {
    /// Selections in a batch; each is a table.
    pub(super) selections: usize,
    /// Bytes of a batch, estimated.
    pub(super) bytes: usize,
    /// Ids in a weights message, 24 bytes each.
    pub(super) weights: usize,
}

const LIMITS: Limits = Limits { selections: 1 << 16, bytes: 1 << 28, weights: 1 << 24 };

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

impl Packer {
    /// A packer with an empty buffer; it grows with the first messages.
    pub fn new() -> Self {
        let mut builder = FlatBufferBuilder::new();
        // Every field is written, so that -0.0 keeps its sign and every message has a 64 bit field to align it.
        builder.force_defaults(true);
        Self { builder, offsets: Vec::new(), parts: Vec::new(), limits: LIMITS }
    }

    /// Packs all of a patch but its densities. The message has no size prefix: a slot's header has its length.
    pub fn patch_meta(&mut self, meta: &Meta, constellation: Constellation) -> &[u8] {
        self.builder.reset();
        let label = meta.label.map(|label| self.builder.create_string(label));
        let proteins = self.proteins(meta.proteins);
        let body = fb::PatchMeta::create(
            &mut self.builder,
            &fb::PatchMetaArgs {
                id: meta.id,
                step: meta.step,
                time_us: meta.time_us,
                center_nm: Some(&point(meta.center_nm)),
                constellation: Some(&ras_raf(constellation)),
                proteins: Some(proteins),
                label,
                factor: meta.factor,
            },
        );
        let message = self.message(fb::Body::PatchMeta, body.as_union_value());
        fb::finish_message_buffer(&mut self.builder, message);
        self.builder.finished_data()
    }

    /// Packs one selection, size-prefixed.
    pub fn selection(&mut self, selection: &Selection) -> &[u8] {
        self.builder.reset();
        let body = self.selection_table(selection);
        self.finish(fb::Body::Selection, body.as_union_value());
        self.builder.finished_data()
    }

    /// Packs what an event selected, size-prefixed. A batch of more than 65,536 selections or 256 MiB becomes several
    /// messages that follow each other, each with the batch's event and counts.
    ///
    /// # Panics
    /// If one single selection takes more than 2 GiB.
    pub fn selection_batch(&mut self, batch: &SelectionBatch) -> &[u8] {
        let (first, mut rest) = self.split(&batch.selections);
        self.batch_message(batch, first);
        if rest.is_empty() {
            return self.builder.finished_data();
        }
        self.parts.clear();
        self.keep_part();
        while !rest.is_empty() {
            let part;
            (part, rest) = self.split(rest);
            self.batch_message(batch, part);
            self.keep_part();
        }
        &self.parts
    }

    /// Packs weights, size-prefixed. More than 2^24 become several messages that follow each other, each with the
    /// event.
    pub fn weights(&mut self, weights: &Weights) -> &[u8] {
        let Weights { event, ids, weights, normalised } = weights;
        let count = ids.len().max(weights.len()).max(normalised.len());
        if count <= self.limits.weights {
            self.weights_message(*event, ids, weights, normalised);
            return self.builder.finished_data();
        }
        self.parts.clear();
        for low in (0..count).step_by(self.limits.weights) {
            let high = low + self.limits.weights;
            self.weights_message(*event, part(ids, low, high), part(weights, low, high), part(normalised, low, high));
            self.keep_part();
        }
        &self.parts
    }

    fn batch_message(&mut self, batch: &SelectionBatch, selections: &[Selection]) {
        self.builder.reset();
        self.offsets.clear();
        for selection in selections {
            let table = self.selection_table(selection);
            self.offsets.push(table);
        }
        let selections = self.builder.create_vector(&self.offsets);
        let body = fb::SelectionBatch::create(
            &mut self.builder,
            &fb::SelectionBatchArgs {
                event: batch.event,
                step: batch.step,
                selections: Some(selections),
                candidates: batch.candidates,
                selected: batch.selected,
                discarded: batch.discarded,
            },
        );
        self.finish(fb::Body::SelectionBatch, body.as_union_value());
    }

    fn weights_message(&mut self, event: u64, ids: &[u64], weights: &[f64], normalised: &[f64]) {
        self.builder.reset();
        let ids = self.builder.create_vector(ids);
        let weights = self.builder.create_vector(weights);
        let normalised = self.builder.create_vector(normalised);
        let body = fb::Weights::create(
            &mut self.builder,
            &fb::WeightsArgs { event, ids: Some(ids), weights: Some(weights), normalised: Some(normalised) },
        );
        self.finish(fb::Body::Weights, body.as_union_value());
    }

    pub(super) fn selection_table(&mut self, selection: &Selection) -> WIPOffset<fb::Selection<'static>> {
        let label = selection.label.as_ref().map(|label| self.builder.create_string(label));
        let proteins = self.proteins(&selection.proteins);
        let latent = self.builder.create_vector(&selection.point);
        let class_label = selection.class_label.as_ref().map(|label| self.builder.create_string(label));
        let classes = &selection.probabilities;
        let probabilities = (!classes.is_empty()).then(|| self.builder.create_vector(classes));
        // Largest fields first, as `create` has them, no queue where it is the first, and no class without a classifier: a
        // stream that has neither gives the bytes that readers have always had.
        let mut table = fb::SelectionBuilder::new(&mut self.builder);
        table.add_time_us(selection.time_us);
        table.add_step(selection.step);
        table.add_event(selection.event);
        table.add_id(selection.id);
        if let Some(label) = label {
            table.add_label(label);
        }
        table.add_proteins(proteins);
        table.add_constellation(&ras_raf(selection.constellation));
        table.add_center_nm(&point(selection.center_nm));
        table.add_point(latent);
        table.add_order(selection.order);
        table.add_rank(selection.rank);
        if let Some(label) = class_label {
            table.add_class_label(label);
        }
        if let Some(probabilities) = probabilities {
            table.add_probabilities(probabilities);
        }
        if selection.queue != 0 {
            table.add_queue(selection.queue);
        }
        table.finish()
    }

    fn proteins(&mut self, proteins: &[Protein]) -> WIPOffset<Vector<'static, fb::Protein>> {
        self.builder.create_vector_from_iter(
            proteins.iter().map(|p| fb::Protein::new(p.id, p.x_nm, p.y_nm, p.state, p.partner)),
        )
    }

    fn message(&mut self, body_type: fb::Body, body: WIPOffset<UnionWIPOffset>) -> WIPOffset<fb::Message<'static>> {
        fb::Message::create(&mut self.builder, &fb::MessageArgs { body_type, body: Some(body) })
    }

    pub(super) fn finish(&mut self, body_type: fb::Body, body: WIPOffset<UnionWIPOffset>) {
        let message = self.message(body_type, body);
        fb::finish_size_prefixed_message_buffer(&mut self.builder, message);
    }

    fn keep_part(&mut self) {
        self.parts.extend_from_slice(self.builder.finished_data());
    }

    /// The selections that fit into one message, at least one if there is one, and the rest.
    fn split<'a>(&self, selections: &'a [Selection]) -> (&'a [Selection], &'a [Selection]) {
        let mut bytes = 0;
        let fitting = selections.iter().take(self.limits.selections).take_while(|selection| {
            bytes += estimated_bytes(selection);
            bytes <= self.limits.bytes
        });
        let count = fitting.count().max(1).min(selections.len());
        selections.split_at(count)
    }
}

/// An upper bound of what a selection takes in a message: its lists, and all else with padding.
fn estimated_bytes(selection: &Selection) -> usize {
    let texts = [&selection.label, &selection.class_label].map(|text| text.as_ref().map_or(0, String::len));
    let numbers = size_of_val(&selection.point[..]) + size_of_val(&selection.probabilities[..]);
    288 + texts[0] + texts[1] + numbers + size_of::<fb::Protein>() * selection.proteins.len()
}

/// `list[low .. high]`, less where the list ends before.
fn part<T>(list: &[T], low: usize, high: usize) -> &[T] {
    &list[low.min(list.len())..high.min(list.len())]
}

fn point([x_nm, y_nm]: [f64; 2]) -> fb::Point {
    fb::Point::new(x_nm, y_nm)
}

fn ras_raf(Constellation { ras, raf }: Constellation) -> fb::Constellation {
    fb::Constellation::new(ras, raf)
}

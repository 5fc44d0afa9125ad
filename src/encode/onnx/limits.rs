//! What a file would take in memory, found out before it is decoded.
//!
//! A message of two bytes can decode to a thousand, so a small file may ask for any amount. This walks over the same
//! fields as the decoder, without keeping anything, and adds up what their decoded form takes.
//!
//! Not here: sizes that tensors state ([`super::params`]).

use std::mem::size_of;

use super::proto::{Attribute, Dimension, Entry, Function, Graph, ListType, MapType, Node, OperatorSet};
use super::proto::{Segment, Shape, SparseTensor, Tensor, TensorAnnotation, TensorType, TrainingInfo, Type, ValueInfo};
use crate::error::{Result, model};

/// The most bytes that a decoded file may take.
const MAX_DECODED: usize = 160 << 20;

/// The most messages inside each other.
const MAX_DEPTH: usize = 48;

/// Refuses a file whose decoded form would be too large or too deep. A file that cannot be decoded passes as far as it
/// can be: the decoder says what is wrong with it.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model).
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let mut spent = 0;
    walk(bytes, Message::Model, 0, &mut spent)
}

/// The kinds of message that hold others, or lists of numbers.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    ValueInfo,
    Type,
    TensorType,
    List,
    Map,
    Shape,
    Annotation,
    Training,
    Function,
    /// One that holds neither.
    Leaf,
}

/// What a field of a message holds.
enum Held {
    /// A message of a kind and of a decoded size.
    Message(Message, usize),
    /// Numbers that may be written in one byte and take eight.
    Numbers,
    /// Text, bytes, or numbers as long as they are written; also what the decoder passes over.
    Bytes,
}

fn held(message: Message, field: u64) -> Held {
    use Message as M;
    let (kind, size) = match (message, field) {
        (M::Model, 7) => (M::Graph, size_of::<Graph>()),
        (M::Model, 8) | (M::Function, 9) => (M::Leaf, size_of::<OperatorSet>()),
        (M::Model, 20) => (M::Training, size_of::<TrainingInfo>()),
        (M::Model, 25) => (M::Function, size_of::<Function>()),
        (M::Graph, 1) | (M::Function, 7) => (M::Node, size_of::<Node>()),
        (M::Graph, 5) | (M::Attribute, 5 | 10) | (M::Sparse, 1 | 2) => (M::Tensor, size_of::<Tensor>()),
        (M::Graph, 11..=13) | (M::Function, 12) => (M::ValueInfo, size_of::<ValueInfo>()),
        (M::Graph, 14) => (M::Annotation, size_of::<TensorAnnotation>()),
        (M::Graph, 15) | (M::Attribute, 22 | 23) => (M::Sparse, size_of::<SparseTensor>()),
        (M::Node, 5) | (M::Function, 11) => (M::Attribute, size_of::<Attribute>()),
        (M::Attribute, 6 | 11) | (M::Training, 1 | 2) => (M::Graph, size_of::<Graph>()),
        (M::Attribute, 14 | 15) | (M::ValueInfo, 2) | (M::List, 1) | (M::Map, 2) => (M::Type, size_of::<Type>()),
        (M::Tensor, 3) => (M::Leaf, size_of::<Segment>()),
        (M::Type, 1 | 8) => (M::TensorType, size_of::<TensorType>()),
        (M::Type, 4 | 9) => (M::List, size_of::<ListType>()),
        (M::Type, 5) => (M::Map, size_of::<MapType>()),
        (M::TensorType, 2) => (M::Shape, size_of::<Shape>()),
        (M::Shape, 1) => (M::Leaf, size_of::<Dimension>()),
        (M::Model | M::Function, 14)
        | (M::Graph, 16)
        | (M::Node, 9)
        | (M::Tensor, 13 | 16)
        | (M::ValueInfo, 4)
        | (M::Annotation, 2)
        | (M::Training, 3 | 4) => (M::Leaf, size_of::<Entry>()),
        (M::Tensor, 1 | 5 | 7 | 11) | (M::Attribute, 8) | (M::Sparse, 3) => return Held::Numbers,
        _ => return Held::Bytes,
    };
    Held::Message(kind, size)
}

/// Adds up what the fields of one message take. Lists grow by doubling, so each element counts twice.
fn walk(mut bytes: &[u8], message: Message, depth: usize, spent: &mut usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(model(format!("its messages are nested more than {MAX_DEPTH} deep")));
    }
    while let Some(key) = varint(&mut bytes) {
        let (field, wire) = (key >> 3, key & 7);
        let value = match wire {
            0 => varint(&mut bytes).map(|_| &[][..]),
            1 => take(&mut bytes, 8),
            2 => varint(&mut bytes).and_then(|length| take(&mut bytes, length)),
            5 => take(&mut bytes, 4),
            _ => return Err(model(format!("its field {field} has the wire type {wire}, which ONNX does not use"))),
        };
        let Some(value) = value else { return Ok(()) };
        *spent += 16;
        if wire == 2 {
            *spent += match held(message, field) {
                Held::Message(_, size) => 2 * size,
                Held::Numbers => 16 * value.len(),
                Held::Bytes => 2 * (value.len() + size_of::<Vec<u8>>()),
            };
        }
        if *spent > MAX_DECODED {
            return Err(model(format!("it would take more than {} MB in memory", MAX_DECODED >> 20)));
        }
        if let (2, Held::Message(kind, _)) = (wire, held(message, field)) {
            walk(value, kind, depth + 1, spent)?;
        }
    }
    Ok(())
}

/// Takes a number of one to ten bytes, seven bits each, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[test]
fn what_a_message_takes_is_counted_before_it_is_decoded() {
    let nodes = |count: usize| {
        let mut file = vec![7 << 3 | 2];
        prost::encoding::encode_varint(2 * count as u64, &mut file);
        file.extend([1 << 3 | 2, 0].repeat(count));
        file
    };
    let small: super::proto::Model = prost::Message::decode(&nodes(1000)[..]).unwrap();
    assert_eq!(small.graph.unwrap().node.len(), 1000);
    check(&nodes(1000)).unwrap();
    assert!(check(&nodes(1_000_000)).unwrap_err().message().contains("160 MB"));
}

#[test]
fn nesting_and_groups_are_refused() {
    // A graph in an attribute of a node in a graph, and so on: fields 1, 5 and 6.
    let mut bytes = vec![];
    for _ in 0..30 {
        for tag in [6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2] {
            let mut outer = vec![tag];
            prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
            outer.append(&mut bytes);
            bytes = outer;
        }
    }
    let mut file = vec![7 << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut file);
    file.append(&mut bytes);
    assert!(check(&file).unwrap_err().message().contains("deep"));
    assert!(check(&[7 << 3 | 3]).unwrap_err().message().contains("wire type 3"));
}

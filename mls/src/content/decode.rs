//! Reading a message strictly: its structure, its bounds, and that its bytes are the one encoding
//! it has.
//!
//! Must not repair anything.
//!
//! The surprise: determinism is checked by encoding again and comparing. That covers lengths, map
//! order, repeated keys and floating-point forms in one stroke, and it is why the two directions
//! stand side by side.

use grove_wire::limits::MAX_MESSAGE_BYTES;
use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error;

use super::encode::encode_value;
use super::extensions::{ExtensionKey, ExtensionValue, Extensions};
use super::float::{HALF, SINGLE};
use super::{
    Disposition, Expires, ExternalPart, MAX_EXTENSION_DEPTH, MAX_INTEGER, MAX_PART_DEPTH,
    MAX_PARTS, MAX_TOPIC_ID_BYTES, MessageId, MimiContent, NestedPart, Part, PartSemantics,
};

/// Why bytes are not MIMI content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Extensions nested deeper than [`MAX_EXTENSION_DEPTH`], or parts deeper than
    /// [`MAX_PART_DEPTH`].
    #[error("nested too deeply")]
    Depth,
    /// The bytes are CBOR of the right shape, but not in its one deterministic form.
    #[error("not in deterministic form")]
    NotDeterministic,
    /// Not CBOR, or not of the right shape.
    #[error("not MIMI content")]
    Malformed,
    /// A number, text or list outside its bounds.
    #[error("outside the bounds: {0}")]
    OutOfBounds(&'static str),
    /// More than [`MAX_PARTS`].
    #[error("more than {MAX_PARTS} parts")]
    TooManyParts,
    /// Part semantics this version does not know: such a message is to be discarded.
    #[error("unknown part semantics {0}")]
    UnknownSemantics(u8),
}

impl From<Error> for ContentError {
    fn from(_: Error) -> Self {
        Self::Malformed
    }
}

impl MimiContent {
    /// Reads a message.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(ContentError::OutOfBounds("message"));
        }
        let mut from = Decoder::new(bytes);
        let content = read_content(&mut from)?;
        if from.position() != bytes.len() {
            return Err(ContentError::Malformed);
        }
        if content.encode() == bytes {
            Ok(content)
        } else {
            Err(ContentError::NotDeterministic)
        }
    }
}

fn read_content(from: &mut Decoder<'_>) -> Result<MimiContent, ContentError> {
    expect_array(from, 7)?;
    let salt = from
        .bytes()?
        .try_into()
        .map_err(|_length| ContentError::OutOfBounds("salt"))?;
    let replaces = read_message_id(from)?;
    let topic_id = from.bytes()?;
    if topic_id.len() > MAX_TOPIC_ID_BYTES {
        return Err(ContentError::OutOfBounds("topic id"));
    }
    let expires = read_expires(from)?;
    let in_reply_to = read_message_id(from)?;
    let extensions = read_extensions(from)?;
    let nested_part = read_part(
        from,
        &mut Budget {
            depth: MAX_PART_DEPTH,
            parts: MAX_PARTS,
        },
    )?;
    Ok(MimiContent {
        salt,
        replaces,
        topic_id: topic_id.to_vec(),
        expires,
        in_reply_to,
        extensions,
        nested_part,
    })
}

fn read_message_id(from: &mut Decoder<'_>) -> Result<Option<MessageId>, ContentError> {
    if from.datatype()? == Type::Null {
        from.null()?;
        return Ok(None);
    }
    let id = from
        .bytes()?
        .try_into()
        .map_err(|_length| ContentError::OutOfBounds("message id"))?;
    Ok(Some(MessageId::from_bytes(id)))
}

fn read_expires(from: &mut Decoder<'_>) -> Result<Option<Expires>, ContentError> {
    if from.datatype()? == Type::Null {
        from.null()?;
        return Ok(None);
    }
    expect_array(from, 2)?;
    let relative = from.bool()?;
    let time = from.u32()?;
    Ok(Some(if relative {
        Expires::AfterRead(time)
    } else {
        Expires::At(time)
    }))
}

fn read_extensions(from: &mut Decoder<'_>) -> Result<Extensions, ContentError> {
    let mut extensions = Extensions::default();
    for _ in 0..from.map()?.ok_or(ContentError::NotDeterministic)? {
        let key = match read_value(from, 1)? {
            ExtensionValue::Integer(number) => ExtensionKey::Number(number),
            ExtensionValue::Text(name) if (1..=255).contains(&name.len()) => {
                ExtensionKey::Name(name)
            }
            _ => return Err(ContentError::OutOfBounds("extension key")),
        };
        let value = read_value(from, MAX_EXTENSION_DEPTH)?;
        if extensions.insert(key, value).is_some() {
            return Err(ContentError::NotDeterministic);
        }
    }
    Ok(extensions)
}

/// A value with at most `depth` levels, itself included.
fn read_value(from: &mut Decoder<'_>, depth: usize) -> Result<ExtensionValue, ContentError> {
    let deeper = depth.checked_sub(1).ok_or(ContentError::Depth)?;
    match from.datatype()? {
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => {
            let number = i64::try_from(i128::from(from.int()?)).ok();
            let number =
                number.filter(|number| number.unsigned_abs() <= MAX_INTEGER.unsigned_abs());
            number
                .map(ExtensionValue::Integer)
                .ok_or(ContentError::OutOfBounds("integer"))
        }
        Type::Bytes => Ok(ExtensionValue::Bytes(from.bytes()?.to_vec())),
        Type::String => Ok(ExtensionValue::Text(from.str()?.to_owned())),
        Type::Bool => Ok(ExtensionValue::Bool(from.bool()?)),
        Type::Null => {
            from.null()?;
            Ok(ExtensionValue::Null)
        }
        Type::F16 | Type::F32 | Type::F64 => read_float(from),
        Type::Array => {
            let mut items = Vec::new();
            for _ in 0..from.array()?.ok_or(ContentError::NotDeterministic)? {
                items.push(read_value(from, deeper)?);
            }
            Ok(ExtensionValue::Array(items))
        }
        Type::Map => read_map(from, deeper),
        _ => Err(ContentError::Malformed),
    }
}

fn read_map(from: &mut Decoder<'_>, depth: usize) -> Result<ExtensionValue, ContentError> {
    let mut entries = Vec::new();
    let mut last: Option<Vec<u8>> = None;
    for _ in 0..from.map()?.ok_or(ContentError::NotDeterministic)? {
        let key = read_value(from, depth)?;
        let encoded = encode_value(&key);
        if last.as_ref().is_some_and(|last| *last >= encoded) {
            return Err(ContentError::NotDeterministic);
        }
        last = Some(encoded);
        entries.push((key, read_value(from, depth)?));
    }
    Ok(ExtensionValue::Map(entries))
}

/// The decoder has no half precision, so the few bytes are taken from its input.
fn read_float(from: &mut Decoder<'_>) -> Result<ExtensionValue, ContentError> {
    let start = from.position();
    let rest = from.input().get(start..).unwrap_or_default();
    let (bits, used) = match rest {
        [0xf9, a, b, ..] => (HALF.widen(u64::from(u16::from_be_bytes([*a, *b]))), 3),
        [0xfa, a, b, c, d, ..] => (
            SINGLE.widen(u64::from(u32::from_be_bytes([*a, *b, *c, *d]))),
            5,
        ),
        _ => (from.f64()?.to_bits(), 9),
    };
    from.set_position(start + used);
    Ok(ExtensionValue::Float(bits))
}

/// What is left of the bounds on parts.
struct Budget {
    depth: usize,
    parts: usize,
}

fn read_part(from: &mut Decoder<'_>, budget: &mut Budget) -> Result<NestedPart, ContentError> {
    budget.parts = budget
        .parts
        .checked_sub(1)
        .ok_or(ContentError::TooManyParts)?;
    let length = from.array()?.ok_or(ContentError::NotDeterministic)?;
    let disposition = Disposition::from_code(from.u8()?);
    let language = from.str()?.to_owned();
    let part = match (from.u8()?, length) {
        (0, 3) => Part::Null,
        (1, 5) => Part::Single {
            content_type: from.str()?.to_owned(),
            content: from.bytes()?.to_vec(),
        },
        (2, 15) => Part::External(Box::new(read_external(from)?)),
        (3, 5) => read_multi(from, budget)?,
        _ => return Err(ContentError::Malformed),
    };
    Ok(NestedPart {
        disposition,
        language,
        part,
    })
}

fn read_multi(from: &mut Decoder<'_>, budget: &mut Budget) -> Result<Part, ContentError> {
    let code = from.u8()?;
    let semantics = PartSemantics::from_code(code).ok_or(ContentError::UnknownSemantics(code))?;
    let count = from.array()?.ok_or(ContentError::NotDeterministic)?;
    if count < 2 {
        return Err(ContentError::OutOfBounds("parts of a multi part"));
    }
    budget.depth = budget
        .depth
        .checked_sub(1)
        .filter(|depth| *depth > 0)
        .ok_or(ContentError::Depth)?;
    let mut parts = Vec::new();
    for _ in 0..count {
        parts.push(read_part(from, budget)?);
    }
    budget.depth += 1;
    Ok(Part::Multi { semantics, parts })
}

fn read_external(from: &mut Decoder<'_>) -> Result<ExternalPart, ContentError> {
    Ok(ExternalPart {
        content_type: from.str()?.to_owned(),
        url: from.str()?.to_owned(),
        expires: from.u32()?,
        size: from
            .u64()
            .ok()
            .filter(|size| *size <= MAX_INTEGER.unsigned_abs())
            .ok_or(ContentError::OutOfBounds("size"))?,
        encryption_algorithm: from.u16()?,
        key: from.bytes()?.to_vec(),
        nonce: from.bytes()?.to_vec(),
        additional_data: from.bytes()?.to_vec(),
        hash_algorithm: from.u8()?,
        content_hash: from.bytes()?.to_vec(),
        description: from.str()?.to_owned(),
        filename: from.str()?.to_owned(),
    })
}

fn expect_array(from: &mut Decoder<'_>, length: u64) -> Result<(), ContentError> {
    match from.array()? {
        Some(found) if found == length => Ok(()),
        Some(_) => Err(ContentError::Malformed),
        None => Err(ContentError::NotDeterministic),
    }
}

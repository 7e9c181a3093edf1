//! The one encoding of a message: deterministic CBOR (RFC 8949, section 4.2.1).
//!
//! Must not check a message: what decoding refuses can be encoded, and will be refused by its
//! readers.
//!
//! The surprise: a part is one flat array. What kind it is stands third, and its length follows
//! from that.

use std::convert::Infallible;

use minicbor::Encoder;
use minicbor::encode::Error;

use super::extensions::{ExtensionKey, ExtensionValue};
use super::float::{HALF, NOT_A_NUMBER, SINGLE};
use super::{Expires, ExternalPart, MimiContent, NestedPart, Part};

impl MimiContent {
    /// The message's bytes: the application data that is sealed, hashed and franked.
    pub fn encode(&self) -> Vec<u8> {
        to_bytes(|encoder| write_content(encoder, self))
    }
}

/// The bytes of one value, by which the keys of a map are ordered.
pub(super) fn encode_value(value: &ExtensionValue) -> Vec<u8> {
    to_bytes(|encoder| write_value(encoder, value))
}

fn to_bytes(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    #[expect(
        clippy::expect_used,
        reason = "a vector takes every byte, and nothing else can fail"
    )]
    write(&mut encoder).expect("CBOR can be written to memory");
    encoder.into_writer()
}

fn write_content(
    to: &mut Encoder<Vec<u8>>,
    content: &MimiContent,
) -> Result<(), Error<Infallible>> {
    to.array(7)?.bytes(&content.salt)?;
    match &content.replaces {
        Some(id) => to.bytes(id.as_bytes())?,
        None => to.null()?,
    };
    to.bytes(&content.topic_id)?;
    match content.expires {
        Some(Expires::AfterRead(seconds)) => to.array(2)?.bool(true)?.u32(seconds)?,
        Some(Expires::At(time)) => to.array(2)?.bool(false)?.u32(time)?,
        None => to.null()?,
    };
    match &content.in_reply_to {
        Some(id) => to.bytes(id.as_bytes())?,
        None => to.null()?,
    };
    to.map(length(content.extensions.0.len()))?;
    for (key, value) in content.extensions.iter() {
        match key {
            ExtensionKey::Number(number) => to.i64(*number)?,
            ExtensionKey::Name(name) => to.str(name)?,
        };
        write_value(to, value)?;
    }
    write_part(to, &content.nested_part)
}

fn write_part(to: &mut Encoder<Vec<u8>>, nested: &NestedPart) -> Result<(), Error<Infallible>> {
    let (cardinality, array_length) = nested.part.cardinality();
    to.array(array_length)?
        .u8(nested.disposition.code())?
        .str(&nested.language)?
        .u8(cardinality)?;
    match &nested.part {
        Part::Null => {}
        Part::Single {
            content_type,
            content,
        } => {
            to.str(content_type)?.bytes(content)?;
        }
        Part::External(part) => write_external(to, part)?,
        Part::Multi { semantics, parts } => {
            to.u8(semantics.code())?.array(length(parts.len()))?;
            for part in parts {
                write_part(to, part)?;
            }
        }
    }
    Ok(())
}

fn write_external(to: &mut Encoder<Vec<u8>>, part: &ExternalPart) -> Result<(), Error<Infallible>> {
    to.str(&part.content_type)?
        .str(&part.url)?
        .u32(part.expires)?
        .u64(part.size)?
        .u16(part.encryption_algorithm)?;
    to.bytes(&part.key)?
        .bytes(&part.nonce)?
        .bytes(&part.additional_data)?;
    to.u8(part.hash_algorithm)?.bytes(&part.content_hash)?;
    to.str(&part.description)?.str(&part.filename)?;
    Ok(())
}

fn write_value(to: &mut Encoder<Vec<u8>>, value: &ExtensionValue) -> Result<(), Error<Infallible>> {
    match value {
        ExtensionValue::Array(items) => {
            to.array(length(items.len()))?;
            for item in items {
                write_value(to, item)?;
            }
        }
        ExtensionValue::Bool(value) => {
            to.bool(*value)?;
        }
        ExtensionValue::Bytes(bytes) => {
            to.bytes(bytes)?;
        }
        ExtensionValue::Float(bits) => write_float(to.writer_mut(), *bits),
        ExtensionValue::Integer(number) => {
            to.i64(*number)?;
        }
        ExtensionValue::Map(entries) => {
            to.map(length(entries.len()))?;
            for (key, value) in entries {
                write_value(to, key)?;
                write_value(to, value)?;
            }
        }
        ExtensionValue::Null => {
            to.null()?;
        }
        ExtensionValue::Text(text) => {
            to.str(text)?;
        }
    }
    Ok(())
}

/// The shortest form that holds the value.
fn write_float(to: &mut Vec<u8>, bits: u64) {
    let bits = if f64::from_bits(bits).is_nan() {
        NOT_A_NUMBER
    } else {
        bits
    };
    if let Some(half) = HALF.narrow(bits).and_then(|half| u16::try_from(half).ok()) {
        to.push(0xf9);
        to.extend_from_slice(&half.to_be_bytes());
    } else if let Some(single) = SINGLE
        .narrow(bits)
        .and_then(|single| u32::try_from(single).ok())
    {
        to.push(0xfa);
        to.extend_from_slice(&single.to_be_bytes());
    } else {
        to.push(0xfb);
        to.extend_from_slice(&bits.to_be_bytes());
    }
}

fn length(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

//! CBOR (RFC 8949) as [`Value`]s.
//!
//! Lengths that are only announced allocate nothing: every element takes a byte of the message at least. Integer keys,
//! which SenML uses, become their decimal text.

use std::borrow::Cow;

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

use super::error::quoted;
use super::value::{Budget, Value, first_duplicate};
use super::{SensorError, SensorFormat};

/// RFC 8949, 3.4.4: an array of exponent and mantissa, to the base of ten.
const DECIMAL_FRACTION: u64 = 4;

/// Tags whose content is no number as it stands: big numbers, bigfloats.
const NUMBER_TAGS: [u64; 3] = [2, 3, 5];

/// Reads a message that is one CBOR item or several, one after the other.
pub(super) fn read<'a>(message: &'a [u8], budget: &mut Budget) -> Result<Vec<Value<'a>>, SensorError> {
    let mut decoder = Decoder::new(message);
    let mut values = Vec::new();
    while decoder.position() < message.len() {
        values.push(value(&mut decoder, budget)?);
    }
    Ok(values)
}

fn value<'a>(decoder: &mut Decoder<'a>, budget: &mut Budget) -> Result<Value<'a>, SensorError> {
    budget.value()?;
    let at = decoder.position();
    let refuse = |error: Error| malformed(at, &error);
    let value = match decoder.datatype().map_err(refuse)? {
        Type::Bool => Value::Bool(decoder.bool().map_err(refuse)?),
        Type::Null | Type::Undefined => {
            decoder.set_position(at + 1);
            Value::Null
        }
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => Value::Integer(decoder.int().map_err(refuse)?.into()),
        Type::F16 => Value::Float(half(decoder)?),
        Type::F32 => Value::Float(decoder.f32().map_err(refuse)?.into()),
        Type::F64 => Value::Float(decoder.f64().map_err(refuse)?),
        Type::String => Value::Text(Cow::Borrowed(decoder.str().map_err(refuse)?)),
        Type::StringIndef => {
            let parts = decoder.str_iter().map_err(refuse)?;
            Value::Text(Cow::Owned(parts.collect::<Result<String, _>>().map_err(refuse)?))
        }
        Type::Bytes => {
            decoder.bytes().map_err(refuse)?;
            Value::Bytes
        }
        Type::BytesIndef => {
            for part in decoder.bytes_iter().map_err(refuse)? {
                part.map_err(refuse)?;
            }
            Value::Bytes
        }
        Type::Array | Type::ArrayIndef => {
            let n = decoder.array().map_err(refuse)?;
            budget.enter()?;
            let mut values = Vec::new();
            while !is_end(decoder, n, values.len())? {
                values.push(self::value(decoder, budget)?);
            }
            budget.leave();
            Value::Array(values)
        }
        Type::Map | Type::MapIndef => {
            let n = decoder.map().map_err(refuse)?;
            budget.enter()?;
            let mut fields = Vec::new();
            while !is_end(decoder, n, fields.len())? {
                fields.push((key(decoder)?, self::value(decoder, budget)?));
            }
            budget.leave();
            if let Some(name) = first_duplicate(fields.iter().map(|(name, _)| &**name)) {
                let name = quoted(name);
                return Err(SensorError::DuplicateName { name });
            }
            Value::Object(fields)
        }
        Type::Tag => {
            let tag = decoder.tag().map_err(refuse)?.as_u64();
            // Tags nest as arrays do.
            budget.enter()?;
            let content = self::value(decoder, budget)?;
            budget.leave();
            match tag {
                DECIMAL_FRACTION => {
                    decimal_fraction(&content).ok_or_else(|| SensorError::MalformedBytes {
                        format: SensorFormat::Cbor,
                        at,
                        reason: "expected a decimal fraction of two integers".to_owned(),
                    })?
                }
                tag if NUMBER_TAGS.contains(&tag) => {
                    return Err(SensorError::MalformedBytes {
                        format: SensorFormat::Cbor,
                        at,
                        reason: format!("numbers of tag {tag} are not read; send a float"),
                    });
                }
                _ => content,
            }
        }
        other => {
            return Err(SensorError::MalformedBytes {
                format: SensorFormat::Cbor,
                at,
                reason: format!("got an unexpected {other}"),
            });
        }
    };
    Ok(value)
}

/// Whether an array or map of `n` elements, or one that ends by a break, has ended after `so_far` of them.
fn is_end(decoder: &mut Decoder<'_>, n: Option<u64>, so_far: usize) -> Result<bool, SensorError> {
    let at = decoder.position();
    match n {
        Some(n) => Ok(so_far as u64 >= n),
        None => {
            let is_break = decoder.datatype().map_err(|error| malformed(at, &error))? == Type::Break;
            if is_break {
                decoder.set_position(at + 1);
            }
            Ok(is_break)
        }
    }
}

fn key<'a>(decoder: &mut Decoder<'a>) -> Result<Cow<'a, str>, SensorError> {
    let at = decoder.position();
    let refuse = |error: Error| malformed(at, &error);
    match decoder.datatype().map_err(refuse)? {
        Type::String => Ok(Cow::Borrowed(decoder.str().map_err(refuse)?)),
        Type::StringIndef => {
            let parts = decoder.str_iter().map_err(refuse)?;
            Ok(Cow::Owned(parts.collect::<Result<String, _>>().map_err(refuse)?))
        }
        _ => {
            let integer: i128 = decoder.int().map_err(refuse)?.into();
            Ok(Cow::Owned(integer.to_string()))
        }
    }
}

/// A float of 16 bits: RFC 8949, appendix D.
fn half(decoder: &mut Decoder<'_>) -> Result<f64, SensorError> {
    let at = decoder.position();
    let Some(&[high, low]) = decoder.input().get(at + 1..).and_then(<[u8]>::first_chunk) else {
        return Err(malformed(at, &Error::end_of_input()));
    };
    decoder.set_position(at + 3);
    let bits = u16::from_be_bytes([high, low]);
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match (exponent, mantissa) {
        (0, mantissa) => mantissa * 2_f64.powi(-24),
        (31, 0.0) => f64::INFINITY,
        (31, _) => f64::NAN,
        (exponent, mantissa) => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    Ok(if bits & 0x8000 == 0 { magnitude } else { -magnitude })
}

fn decimal_fraction<'a>(content: &Value<'_>) -> Option<Value<'a>> {
    let Value::Array(parts) = content else { return None };
    let [Value::Integer(exponent), Value::Integer(mantissa)] = parts[..] else {
        return None;
    };
    // Through text, since only that rounds once.
    format!("{mantissa}e{exponent}").parse().ok().map(Value::Float)
}

fn malformed(at: usize, error: &Error) -> SensorError {
    let at = error.position().unwrap_or(at);
    let reason = match error.is_end_of_input() {
        true => "the message ends in the middle".to_owned(),
        // The position has its own field.
        false => quoted(&error.to_string().replace(&format!(" at position {at}"), "")),
    };
    SensorError::MalformedBytes {
        format: SensorFormat::Cbor,
        at,
        reason,
    }
}

//! The header of a safetensors file: which tensors there are, of what type and shape, and where.
//!
//! Every check of the format's own reader is made here too: tensors lie one after the other without holes up to the end
//! of the file, each as long as its type and shape say. The tests hold the two against each other.
//!
//! Source: <https://github.com/huggingface/safetensors>.

use super::json::{Reader, Result, put, write_integers, write_string};
use super::{CHECKSUM_KEY, LENGTH_BYTES, RECORD_KEY};

/// The format's own limit.
pub(super) const MAX_HEADER_BYTES: usize = 100_000_000;
/// A model has six with names of up to eight bytes. So many, and so long ones, are compared with each other in no time.
const MAX_TENSORS: usize = 1000;
const MAX_NAME_BYTES: usize = 256;
/// The entry of the header that describes no tensor.
const METADATA_KEY: &str = "__metadata__";

/// The types of the format's version 0.8, and the bits that a number takes.
const TYPES: [(&str, usize); 22] = [
    ("U8", 8),
    ("U16", 16),
    ("U32", 32),
    ("I16", 16),
    ("F32", 32),
    ("F64", 64),
    ("BOOL", 8),
    ("I8", 8),
    ("I32", 32),
    ("I64", 64),
    ("U64", 64),
    ("F16", 16),
    ("BF16", 16),
    ("C64", 64),
    ("F4", 4),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F8_E5M2", 8),
    ("F8_E4M3", 8),
    ("F8_E8M0", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2FNUZ", 8),
];

/// One tensor as the header has it.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// One of [`TYPES`].
    pub(super) dtype: &'static str,
    pub(super) shape: Vec<usize>,
    /// First and last but one byte, counted from the end of the header.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What the header says.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) record: Option<String>,
    pub(super) checksum: Option<String>,
    /// In the order of their bytes.
    tensors: Vec<Tensor>,
}

impl Header {
    /// Reads and checks the header of a file, and gives the bytes after it.
    pub(super) fn read(file: &[u8]) -> Result<(Self, &[u8])> {
        let (length, rest) = file.split_first_chunk().ok_or("it is cut off")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_HEADER_BYTES {
            return Err(format!(
                "its header would take more than {MAX_HEADER_BYTES} bytes"
            ));
        }
        let (header, data) = rest.split_at_checked(length).ok_or("it is cut off")?;
        let text = str::from_utf8(header).map_err(|_| "its header is not UTF-8")?;
        let mut header = Self::default();
        Reader::read(text, &mut |reader| header.entries(reader))?;
        header.check(data.len())?;
        Ok((header, data))
    }

    /// Takes what the header says of tensors and metadata.
    fn entries(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let mut has_metadata = false;
        reader.object(&mut |reader, name| {
            if name != METADATA_KEY {
                if name.len() > MAX_NAME_BYTES {
                    return Err(format!("it has a tensor with a name of {} bytes", name.len()));
                }
                let tensor = tensor(reader, name)?;
                let place = self
                    .tensors
                    .partition_point(|other| (other.start, other.end) <= (tensor.start, tensor.end));
                if self.tensors.len() == MAX_TENSORS {
                    return Err(format!("it has more than {MAX_TENSORS} tensors"));
                }
                if self.tensor(name).is_some() {
                    return Err(format!("it has two tensors `{name}`"));
                }
                self.tensors.insert(place, tensor);
                return Ok(());
            }
            if std::mem::replace(&mut has_metadata, true) {
                return Err(format!("it has two entries `{METADATA_KEY}`"));
            }
            let metadata =
                |reader: &mut Reader<'_>| reader.object(&mut |reader, key| self.entry(key, reader.string()?));
            reader.option(metadata).map(drop)
        })
    }

    /// Keeps an entry of the metadata, if it is ours.
    fn entry(&mut self, key: &str, value: String) -> Result<()> {
        let place = match key {
            RECORD_KEY => &mut self.record,
            CHECKSUM_KEY => &mut self.checksum,
            _ => return Ok(()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(format!("its metadata has two entries `{key}`")),
        }
    }

    /// Whether the tensors are as long as they have to be and make up all of the data.
    fn check(&self, n_bytes: usize) -> Result<()> {
        let mut end = 0;
        for tensor in &self.tensors {
            let n_bits = n_bits(tensor.dtype, &tensor.shape);
            let length = tensor.end.checked_sub(tensor.start);
            if tensor.start != end
                || n_bits.is_none()
                || length.and_then(|length| length.checked_mul(8)) != n_bits
            {
                return Err(format!(
                    "tensor `{}` is not where or as long as it should be",
                    tensor.name
                ));
            }
            end = tensor.end;
        }
        if end != n_bytes {
            return Err(format!("its tensors take {end} bytes, and there are {n_bytes}"));
        }
        Ok(())
    }

    /// The tensor of that name.
    pub(super) fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Reads what the header says of one tensor.
fn tensor(reader: &mut Reader<'_>, name: &str) -> Result<Tensor> {
    let (mut dtype, mut shape, mut offsets) = (None, None, None);
    reader.object(&mut |reader, key| {
        let is_second = match key {
            "dtype" => {
                let asked = reader.string()?;
                let known = TYPES.iter().find(|(name, _)| *name == asked);
                let (known, _) =
                    known.ok_or_else(|| format!("tensor `{name}` has the unknown type `{asked}`"))?;
                dtype.replace(*known).is_some()
            }
            "shape" => shape.replace(reader.list_of(Reader::integer)?).is_some(),
            "data_offsets" => offsets.replace(reader.list_of(Reader::integer)?).is_some(),
            _ => return reader.skip(),
        };
        if is_second {
            return Err(format!("tensor `{name}` has two entries `{key}`"));
        }
        Ok(())
    })?;
    match (dtype, shape, offsets.as_deref()) {
        (Some(dtype), Some(shape), Some(&[start, end])) => Ok(Tensor {
            name: name.to_owned(),
            dtype,
            shape,
            start,
            end,
        }),
        _ => Err(format!("tensor `{name}` has no type, shape or two offsets")),
    }
}

/// What a tensor takes, unless that overflows.
fn n_bits(dtype: &str, shape: &[usize]) -> Option<usize> {
    let (_, n_bits) = TYPES.iter().find(|(name, _)| *name == dtype)?;
    shape
        .iter()
        .try_fold(1_usize, |n, side| n.checked_mul(*side))?
        .checked_mul(*n_bits)
}

/// The file being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// By name, as all keys are.
    tensors: Vec<Tensor>,
    data: Vec<u8>,
}

impl Writer {
    /// Adds a tensor of one of [`TYPES`], unless it has no rows in its first dimension. Its bytes are to be added to what this
    /// gives before the next tensor.
    pub(super) fn push(&mut self, name: &str, dtype: &'static str, shape: &[usize]) -> &mut Vec<u8> {
        if shape[0] > 0 {
            let start = self.data.len();
            let n_bytes = n_bits(dtype, shape).unwrap_or(0) / 8;
            self.data.reserve(n_bytes);
            let place = self.tensors.partition_point(|other| *other.name < *name);
            self.tensors.insert(
                place,
                Tensor {
                    name: name.to_owned(),
                    dtype,
                    shape: shape.to_vec(),
                    start,
                    end: start + n_bytes,
                },
            );
        }
        &mut self.data
    }

    /// The bytes of the tensors so far.
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Length of the header, header, data.
    ///
    /// The header is no longer than the format allows, by the bounds of what a record holds.
    pub(super) fn into_file(self, checksum: &str, record: &str) -> Vec<u8> {
        let mut header = String::from("{");
        let json = &mut header;
        let key = |json: &mut String, key: &str| {
            write_string(json, key);
            put(json, ":");
        };
        key(json, METADATA_KEY);
        put(json, "{");
        key(json, CHECKSUM_KEY);
        write_string(json, checksum);
        put(json, ",");
        key(json, RECORD_KEY);
        write_string(json, record);
        put(json, "}");
        for tensor in &self.tensors {
            put(json, ",");
            key(json, &tensor.name);
            put(json, "{\"data_offsets\":");
            write_integers(json, &[tensor.start, tensor.end]);
            put(json, ",\"dtype\":");
            write_string(json, tensor.dtype);
            put(json, ",\"shape\":");
            write_integers(json, &tensor.shape);
            put(json, "}");
        }
        put(json, "}");
        let mut header = header.into_bytes();
        header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
        debug_assert!(header.len() <= MAX_HEADER_BYTES, "the bounds hold");
        let mut file = Vec::with_capacity(LENGTH_BYTES + header.len() + self.data.len());
        file.extend((header.len() as u64).to_le_bytes());
        file.extend(header);
        file.extend(self.data);
        file
    }
}

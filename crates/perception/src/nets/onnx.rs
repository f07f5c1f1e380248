//! The outermost layer of an ONNX file, read before a runtime sees it: whether it is one, whole, and of
//! a version that is known. The format is protocol buffers, `ModelProto` of onnx.proto3.

/// Oldest operator set that runtimes still read alike.
const OPSET_MIN: u64 = 7;
/// Newest operator set that is known.
const OPSET_MAX: u64 = 26;
/// Most outermost fields that are walked through.
const FIELDS_MAX: usize = 10_000;

/// Why bytes are no ONNX file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing in it.
    #[error("the file is empty: copy it anew")]
    Empty,
    /// Something else.
    #[error("no ONNX file but {0}: export the network as ONNX (opset 17)")]
    Foreign(&'static str),
    /// Cut short.
    #[error(
        "the file ends after {bytes} bytes in the middle of a part that needs {needed} more: it was cut \
         short, copy it anew"
    )]
    Truncated {
        /// How long it is.
        bytes: usize,
        /// How many are missing at least.
        needed: u64,
    },
    /// A version of the operators that is not known.
    #[error(
        "it needs operator set {found}, and {OPSET_MIN} to {OPSET_MAX} are known: export it with opset 17"
    )]
    Opset {
        /// What it needs.
        found: u64,
    },
    /// No graph, or no version.
    #[error("an ONNX file without {0}: export it anew")]
    Part(&'static str),
}

/// Reads the outermost fields.
///
/// # Errors
/// See [`FileError`].
pub(super) fn inspect(data: &[u8]) -> Result<(), FileError> {
    if data.is_empty() {
        return Err(FileError::Empty);
    }
    if let Some(what) = foreign(data) {
        return Err(FileError::Foreign(what));
    }
    let (mut graph, mut opset) = (false, None);
    let mut at = Reader { data, at: 0 };
    for _ in 0..FIELDS_MAX {
        if at.data.len() == at.at {
            break;
        }
        match at.field()? {
            (7, Value::Bytes(_)) => graph = true,
            (8, Value::Bytes(set)) => {
                if let Some(version) = default_domain_version(set)? {
                    opset = Some(version);
                }
            }
            _ => {}
        }
    }
    match opset {
        _ if !graph => Err(FileError::Part("a graph")),
        None => Err(FileError::Part("the version of its operators")),
        Some(found) if !(OPSET_MIN..=OPSET_MAX).contains(&found) => Err(FileError::Opset { found }),
        Some(_) => Ok(()),
    }
}

/// The version in an `OperatorSetIdProto`, if it is that of the standard operators.
fn default_domain_version(data: &[u8]) -> Result<Option<u64>, FileError> {
    let (mut standard, mut version) = (true, None);
    let mut at = Reader { data, at: 0 };
    while at.at < data.len() {
        match at.field()? {
            (1, Value::Bytes(domain)) => standard = domain.is_empty() || domain == b"ai.onnx",
            (2, Value::Number(n)) => version = Some(n),
            _ => {}
        }
    }
    Ok(version.filter(|_| standard))
}

/// What files that people take for ONNX begin with.
fn foreign(data: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| data.starts_with(magic);
    let text = |word: &str| {
        let head = data.get(..64.min(data.len())).unwrap_or_default();
        String::from_utf8_lossy(head).to_lowercase().contains(word)
    };
    if starts(b"PK\x03\x04") {
        Some("a ZIP archive, as PyTorch saves its checkpoints")
    } else if starts(b"\x80\x02") || starts(b"\x80\x04") {
        Some("a Python pickle, as PyTorch saves its checkpoints")
    } else if data.get(4..8) == Some(b"TFL3") {
        Some("a TensorFlow Lite network")
    } else if starts(b"RTEN") {
        Some("a file of rten's own format")
    } else if starts(b"\x89HDF") {
        Some("an HDF5 file, as Keras saves its networks")
    } else if starts(b"\x89PNG") || starts(b"\xff\xd8\xff") || starts(b"GIF8") {
        Some("a picture")
    } else if starts(b"version https://git-lfs") {
        Some("a pointer of Git LFS: fetch the file itself with `git lfs pull`")
    } else if starts(b"<?xml") || text("<!doctype") || text("<html") {
        Some("a web page or XML")
    } else {
        None
    }
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), FileError> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return Err(FileError::Foreign("bytes of another kind")),
        };
        if key >> 3 == 0 {
            return Err(FileError::Foreign("bytes of another kind"));
        }
        Ok((key >> 3, value))
    }

    fn varint(&mut self) -> Result<u64, FileError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().unwrap_or(&0);
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FileError::Foreign("bytes of another kind"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], FileError> {
        let rest = self.data.len() - self.at;
        let cut = FileError::Truncated {
            bytes: self.data.len(),
            needed: length.saturating_sub(rest as u64),
        };
        let length = usize::try_from(length).map_err(|_| cut.clone())?;
        let end = self.at.checked_add(length).ok_or_else(|| cut.clone())?;
        let bytes = self.data.get(self.at..end).ok_or(cut)?;
        self.at = end;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A `ModelProto` with a graph of some bytes and this operator set.
    fn file(opset: Option<u8>, graph: bool) -> Vec<u8> {
        let mut data = vec![0x08, 8];
        if graph {
            data.extend([0x3a, 3, 0x12, 1, b'g']);
        }
        if let Some(version) = opset {
            data.extend([0x42, 4, 0x0a, 0, 0x10, version]);
        }
        data
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(inspect(&file(Some(17), true)), Ok(()));
        let said = |data: &[u8]| inspect(data).unwrap_err().to_string();
        assert!(said(&[]).contains("empty"));
        assert!(said(&file(Some(3), true)).contains("operator set 3"));
        assert!(said(&file(Some(99), true)).contains("operator set 99"));
        assert!(said(&file(Some(17), false)).contains("without a graph"));
        assert!(said(&file(None, true)).contains("version"));
        assert!(said(&file(Some(17), true)[..6]).contains("cut short"));
        assert!(said(b"PK\x03\x04rest").contains("PyTorch"));
        assert!(said(b"<!DOCTYPE html><html>").contains("web page"));
        assert!(said(b"version https://git-lfs.github.com/spec/v1").contains("git lfs pull"));
        assert!(said(b"no network at all").contains("no ONNX file"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = inspect(&data);
        }
    }
}

//! Why bytes were refused, and where in the file they stand.

use thiserror::Error;

/// A reason to refuse a file or a part of it. Offsets count bytes from the beginning of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// The file is shorter than what its own header or this format asks for.
    #[error("too short at offset {offset}: need {need} bytes, found {found}")]
    TooShort {
        /// Where the missing bytes should begin.
        offset: u64,
        /// How many bytes were needed there.
        need: u64,
        /// How many there are.
        found: u64,
    },
    /// The first bytes are not those of a ring file.
    #[error("not a ring file: wrong magic bytes at offset 0")]
    Magic,
    /// The file was written by a newer format.
    #[error("format version {0} at offset 8 is not supported")]
    Version(u32),
    /// The file needs features that this reader does not have.
    #[error("unknown incompatible features {0:#x} at offset 24: a newer viztracer-ring wrote this file")]
    Features(u64),
    /// The checksum of the header does not match its bytes.
    #[error("header checksum mismatch at offset {offset}: stored {stored:#010x}, computed {computed:#010x}")]
    HeaderChecksum {
        /// Where the checksum stands.
        offset: u64,
        /// The stored value.
        stored: u32,
        /// The value computed from the bytes.
        computed: u32,
    },
    /// A field holds a value that no writer produces.
    #[error("bad {field} at offset {offset}: {value}")]
    Field {
        /// The field's name, as in `FORMAT.md`.
        field: &'static str,
        /// Where it stands.
        offset: u64,
        /// What was found.
        value: u64,
    },
    /// The bytes of a sealed segment do not match its checksum.
    #[error("segment checksum mismatch at offset {0}")]
    SegmentChecksum(u64),
}

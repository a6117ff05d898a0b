//! A recording: one host's files and kernel answers, as a folder.
//!
//! ```text
//! host.json        what it is: schema, origin, when, which kernel, which bpfready
//! paths.json       every path that was looked up: found, absent or failed
//! root/…           the files that were read, at their paths
//! kernel/NAME.json the kernel's answers
//! ```
//!
//! A path that is in neither `paths.json` nor `root/` was never looked up: the answer is
//! `not_recorded`, never "absent". `host.json` is written last, so a recording that was cut short
//! has none. What is taken out before anything is written: [`redact`].

mod format;
mod reader;
mod recorder;
mod redact;

use std::io;
use std::path::PathBuf;

pub use format::{Header, Origin};
pub use reader::Recording;
pub use recorder::{Recorder, Written};

/// A recording that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The folder cannot be opened.
    #[error("cannot open the recording {dir}: {source}")]
    Open {
        /// The folder.
        dir: PathBuf,
        /// What the kernel answered.
        source: io::Error,
    },
    /// There is no `host.json`.
    #[error(
        "{dir} has no host.json: not a recording, or one that was cut short; \
         `bpfready record DIR` makes one"
    )]
    NoHeader {
        /// The folder.
        dir: PathBuf,
    },
    /// A file of the recording could not be read.
    #[error("cannot read {file} of the recording {dir}: {source}")]
    Read {
        /// The folder.
        dir: PathBuf,
        /// The file inside it.
        file: &'static str,
        /// Why.
        source: super::SourceError,
    },
    /// A file of the recording does not have the form that is documented here.
    #[error("{file} of the recording {dir} is malformed or cut short: {source}")]
    Malformed {
        /// The folder.
        dir: PathBuf,
        /// The file inside it.
        file: &'static str,
        /// Where and what.
        source: serde_json::Error,
    },
    /// It was written by a newer `bpfready`.
    #[error(
        "the recording {dir} has schema {found}, this bpfready reads up to {known}: \
         use the bpfready that recorded it, or a newer one"
    )]
    Newer {
        /// The folder.
        dir: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this build reads.
        known: u32,
    },
    /// The folder to write into holds something already.
    #[error("{dir} is not empty: a recording never overwrites, name a new folder")]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// Writing failed.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the kernel answered.
        source: io::Error,
    },
}

//! Why a source of the host could not be used.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::facts::{Cause, Failure};

/// A host source that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file is there and could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// As the host sees it.
        path: PathBuf,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The content is not what the source promises.
    #[error("{path}: expected {expected}, found {found:?}")]
    Malformed {
        /// As the host sees it.
        path: PathBuf,
        /// What the format asks for.
        expected: &'static str,
        /// The part that broke it, shortened.
        found: String,
    },
    /// More than [`MAX_FILE_BYTES`].
    #[error("{path}: larger than {limit} bytes, refused")]
    TooLarge {
        /// As the host sees it.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A recording that never looked there.
    #[error("{path} is not in the recording")]
    NotRecorded {
        /// As the host sees it.
        path: PathBuf,
    },
    /// A recorded failure, as it was.
    #[error("{detail}")]
    Recorded {
        /// The cause of then.
        cause: Cause,
        /// The words of then.
        detail: String,
    },
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::from(&error)
    }
}

impl From<&SourceError> for Failure {
    fn from(error: &SourceError) -> Self {
        let cause = match error {
            SourceError::Read { source, .. } => cause_of_io(source),
            SourceError::Malformed { .. } => Cause::Malformed,
            SourceError::TooLarge { .. } => Cause::TooLarge,
            SourceError::NotRecorded { .. } => Cause::NotRecorded,
            SourceError::Recorded { cause, .. } => *cause,
        };
        Self::new(cause, error.to_string())
    }
}

/// The cause that an I/O error stands for.
pub fn cause_of_io(error: &io::Error) -> Cause {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::PERM | Errno::ACCESS) => Cause::PermissionDenied,
        Some(Errno::NOMEM) => Cause::OutOfMemory,
        Some(Errno::BUSY | Errno::AGAIN | Errno::INTR) => Cause::Busy,
        Some(Errno::TIMEDOUT) => Cause::Timeout,
        Some(_) => Cause::Io,
        None if error.kind() == io::ErrorKind::InvalidData => Cause::Malformed,
        None => Cause::Io,
    }
}

//! Why an object or a program of it could not be had.

use std::fmt::Display;

use rustix::io::Errno;

/// What can go wrong with an object of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The kernel said no; what that proves is for the caller to say.
    #[error("{what}: {errno}")]
    Refused {
        /// What was asked of it.
        what: String,
        /// What it answered.
        errno: Errno,
        /// The verifier's words; empty: it was not asked, or said nothing.
        log: String,
    },
    /// The object is not what this build expects: a bug of ours, which says nothing of the kernel.
    #[error("this build's eBPF object: {0}")]
    Broken(String),
}

impl ObjectError {
    pub(super) fn broken(error: impl Display) -> Self {
        Self::Broken(error.to_string())
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::Broken(format!("it has no {name}"))
    }
}

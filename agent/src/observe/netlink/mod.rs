//! Questions to the kernel over netlink(7): one socket, one question at a time, with a deadline.
//!
//! The framing is `netlink-packet-core`'s; of an answer only the attributes that a fact needs are
//! read, so a newer kernel's longer or unknown attributes cost nothing.

mod attributes;
mod connection;
mod generic;
mod message;

use rustix::io::Errno;

use crate::facts::{Cause, Failure};

pub use attributes::{Attributes, address, attribute, body, nest, text};
pub use connection::Connection;
pub use generic::family_id;
pub use message::{Content, Message, messages};

/// A netlink question without an answer.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The kernel took the question and refused.
    #[error("{}{}", std::io::Error::from(*errno), words.as_ref().map_or(String::new(), |it| format!(": {it}")))]
    Refused {
        /// What it answered.
        errno: Errno,
        /// Its own words (`NLMSGERR_ATTR_MSG`), where it has any.
        words: Option<String>,
    },
    /// The socket could not be opened or used.
    #[error("netlink socket: {}", std::io::Error::from(*.0))]
    Socket(Errno),
    /// No answer within [`connection::ANSWER_LIMIT`].
    #[error("no answer on a netlink socket within {} s", connection::ANSWER_LIMIT.as_secs())]
    Timeout,
    /// The answer breaks the format.
    #[error("netlink answer: expected {expected}, found {found}")]
    Malformed {
        /// What the format asks for.
        expected: &'static str,
        /// What was there instead.
        found: String,
    },
    /// The list changed under the dump each time it was asked (`NLM_F_DUMP_INTR`).
    #[error("the list changed during each of {0} dumps")]
    Interrupted(u32),
    /// The list is longer than a look is ready to hold.
    #[error("more than {0} entries")]
    TooMany(usize),
}

impl NetlinkError {
    /// What the kernel refused with, if it was the kernel that refused.
    pub fn refusal(&self) -> Option<Errno> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            Self::Socket(_)
            | Self::Timeout
            | Self::Malformed { .. }
            | Self::Interrupted(_)
            | Self::TooMany(_) => None,
        }
    }

    pub(crate) fn malformed(expected: &'static str, found: impl Into<String>) -> Self {
        Self::Malformed { expected, found: found.into() }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Refused { errno, .. } | Self::Socket(errno) => match *errno {
                Errno::PERM | Errno::ACCESS => Cause::PermissionDenied,
                Errno::NOMEM | Errno::NOBUFS => Cause::OutOfMemory,
                Errno::BUSY | Errno::AGAIN | Errno::INTR => Cause::Busy,
                _ => Cause::Inconclusive,
            },
            Self::Timeout => Cause::Timeout,
            Self::Malformed { .. } => Cause::Malformed,
            Self::Interrupted(_) => Cause::Busy,
            Self::TooMany(_) => Cause::TooLarge,
        }
    }
}

impl From<NetlinkError> for Failure {
    fn from(error: NetlinkError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

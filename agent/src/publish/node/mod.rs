//! Telling the cluster: labels, conditions and the startup taint of the agent's own Node.
//!
//! What to write is computed by pure functions: [`desired`] from the report, [`plan`] from that and
//! the Node as it is. [`keeper`] carries it out, and is the only part that waits.

pub mod desired;
pub mod event;
pub mod keeper;
pub mod message;
pub mod pace;
pub mod plan;
pub mod promise;
pub mod request;
pub mod tally;

pub use desired::{Desired, Gate, Settings};
pub use keeper::{Keeper, Seen, Wanted};
pub use tally::Tally;

/// The field manager of everything that is applied.
pub const MANAGER: &str = "bpfready-agent";

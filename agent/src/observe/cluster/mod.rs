//! Looking at a cluster: from its API server, from a dump of its objects, and from its agents.
//!
//! Everything is read in pages and trimmed page by page; what the server can select is selected
//! there, so a cluster of 100,000 pods costs no more than its Fargate pods and its CNI's.

#[cfg(feature = "kubernetes")]
pub mod agents;
#[cfg(feature = "kubernetes")]
mod discovery;
#[cfg(feature = "kubernetes")]
mod failure;
#[cfg(feature = "kubernetes")]
pub mod follow;
#[cfg(feature = "kubernetes")]
mod kinds;
#[cfg(feature = "kubernetes")]
mod list;
pub mod objects;
#[cfg(feature = "kubernetes")]
pub mod read;

#[cfg(feature = "kubernetes")]
pub use failure::failure;
#[cfg(feature = "kubernetes")]
pub use kinds::Selection;
#[cfg(feature = "kubernetes")]
pub use list::{Reader, Requests};
#[cfg(feature = "kubernetes")]
pub use read::read;

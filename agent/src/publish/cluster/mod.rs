//! Telling about a cluster: to people, to Terraform, to Prometheus, and on its own objects.

mod cells;
pub mod json;
#[cfg(feature = "kubernetes")]
pub mod lease;
pub mod markdown;
#[cfg(feature = "kubernetes")]
pub mod metrics;
pub mod nodepool;
#[cfg(feature = "kubernetes")]
pub mod page;
#[cfg(feature = "kubernetes")]
mod requests;
pub mod terraform;
pub mod text;
mod words;
#[cfg(feature = "kubernetes")]
pub mod writer;
#[cfg(feature = "kubernetes")]
pub mod writes;

#[cfg(feature = "kubernetes")]
pub use requests::{Author, Ended};

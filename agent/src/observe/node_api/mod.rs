//! What the API server says of the agent's own Node and of the pods on it: two watches by field
//! selector, never a list of all.
//!
//! Only the few fields that are needed are read: the types of `k8s_openapi` would cost megabytes.

mod node;
mod patience;
mod pods;

pub use node::own_node;
pub(super) use patience::Patience;
pub use pods::pods_of;

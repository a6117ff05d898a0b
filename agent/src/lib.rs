//! `bpfready`: which nodes can really run eBPF and Cilium, and what is in the way.
//!
//! Data flows one way: [`observe`] looks at the host, [`facts`] is what it saw,
//! [`judge`] decides (pure), [`publish`] tells, [`cmd`] wires them for a command.

pub mod cmd;
pub mod facts;
pub mod judge;
pub mod observe;
pub mod publish;

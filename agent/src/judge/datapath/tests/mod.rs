//! The judgement on composed hosts.

mod blind;
mod cases;
mod every_cni;
mod every_proxy;
pub(in crate::judge) mod host;
mod issues;
mod lives;
mod nodes;
mod ready;

//! The judgement on composed hosts.

mod cases;
mod every_cni;
mod every_proxy;
mod issues;
mod nodes;
mod ready;

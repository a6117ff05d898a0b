//! Types that the eBPF programs and the agent share, and nothing else.
#![no_std]

pub mod iter;
pub mod selftest;

#[cfg(all(feature = "programs", target_arch = "bpf"))]
mod entry;
#[cfg(all(feature = "programs", target_arch = "bpf"))]
pub mod iter_context;

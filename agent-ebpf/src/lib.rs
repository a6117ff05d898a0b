//! Types that the eBPF programs and the agent share, and nothing else.
#![no_std]

#[cfg(all(feature = "programs", target_arch = "bpf"))]
mod entry;

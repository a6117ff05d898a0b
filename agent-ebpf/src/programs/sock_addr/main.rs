//! Programs that run inside connect(2) of a process of a cgroup.
#![no_std]
#![no_main]

use agent_ebpf as _;

mod connect4;
mod netns_cookie;

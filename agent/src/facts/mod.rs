//! What was seen on a host: plain data, in the kernel's words, without opinion.
//!
//! Every fact has three ends: seen, seen to be absent, could not be looked at.

pub mod agents;
pub mod bpf;
pub mod btf;
pub mod cilium;
pub mod cluster;
pub mod cni;
pub mod config;
pub mod firewall;
pub mod hooks;
pub mod inventory;
pub mod kernel;
pub mod links;
pub mod mounts;
pub mod netprobe;
pub mod networkd;
pub mod nic;
pub mod node_object;
pub mod pins;
pub mod pods;
pub mod prefix;
pub mod privilege;
pub mod routes;
pub mod security;
pub mod selftest;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the shape of [`Facts`] and of recordings; a reader refuses a newer one.
pub const SCHEMA: u32 = 1;

/// One complete look at one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Version of `bpfready` that looked.
    pub agent_version: String,
    /// When the look began, in seconds since the Unix epoch (host clock).
    pub taken_at_seconds: u64,
    /// What the running kernel is.
    pub kernel: kernel::KernelFacts,
    /// With which rights the questions were asked.
    pub privilege: Observed<privilege::Privilege>,
    /// What bpf(2) answered.
    pub bpf: bpf::BpfFacts,
    /// What the kernel's type information says.
    pub btf: Observed<btf::BtfFacts>,
    /// LSMs, lockdown, sysctls.
    pub security: security::SecurityFacts,
    /// Kernel configuration and modules.
    pub config: config::ConfigFacts,
    /// bpffs and cgroup mounts.
    pub mounts: mounts::MountFacts,
    /// Network interfaces, one per `/sys/class/net` entry of the host's namespace.
    pub nics: Observed<Vec<nic::Nic>>,
    /// Programs that did what Cilium's datapath does, and what came out.
    pub selftests: BTreeMap<selftest::Selftest, bpf::Support>,
    /// What a throw-away network namespace could do. Creating one needs CAP_SYS_ADMIN, so on the
    /// default rung these are unknown and the judge falls back to configuration and modules.
    pub net_probes: BTreeMap<netprobe::NetProbe, bpf::Support>,
    /// All programs, maps and links that are loaded now.
    pub inventory: inventory::Inventory,
    /// Interfaces, addresses, routes, rules.
    pub network: links::NetworkFacts,
    /// Where BPF programs are attached.
    pub hooks: hooks::HookFacts,
    /// What is pinned in the host's bpffs mounts.
    pub pins: Observed<pins::Pins>,
    /// nftables, iptables, ipsets, IPVS.
    pub firewall: firewall::FirewallFacts,
    /// What the container runtime will do for the next pod.
    pub cni: cni::CniFacts,
    /// Which network agents run here.
    pub agents: agents::AgentFacts,
    /// What Cilium's agent says of itself; `Known(None)`: nobody listens on its socket.
    pub cilium: Observed<Option<cilium::CiliumStatus>>,
    /// Who else changes routes and rules.
    pub networkd: networkd::NetworkdFacts,
    /// The pods of this node. A look at the host alone asks no API server, so it leaves this
    /// unknown, cause `prerequisite`; the agent fills it.
    pub pods: Observed<pods::NodePods>,
    /// Every source that was asked: how long it took, and how it ended.
    pub sources: Vec<SourceRun>,
}

/// One look at the host: what was there, or why looking failed.
///
/// Absence is a value (`Known(None)`). A failed look is never folded into absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// What was seen.
    Known(T),
    /// Why nothing could be seen.
    Unknown(Failure),
}

impl<T> Observed<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why there is no value, if there is none.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(failure) => Some(failure),
        }
    }

    /// Borrows the value or the failure.
    pub fn as_ref(&self) -> Observed<&T> {
        match self {
            Self::Known(value) => Observed::Known(value),
            Self::Unknown(failure) => Observed::Unknown(failure.clone()),
        }
    }

    /// Changes a known value; a failure stays what it is.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known(value) => Observed::Known(change(value)),
            Self::Unknown(failure) => Observed::Unknown(failure),
        }
    }

    /// Goes on with a known value; a failure stays what it is.
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Observed<U>) -> Observed<U> {
        match self {
            Self::Known(value) => next(value),
            Self::Unknown(failure) => Observed::Unknown(failure),
        }
    }

    /// A failure with this cause and words.
    pub fn unknown(cause: Cause, detail: impl Into<String>) -> Self {
        Self::Unknown(Failure::new(cause, detail))
    }
}

impl<T, E: Into<Failure>> From<Result<T, E>> for Observed<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(error.into()),
        }
    }
}

/// Why a look failed: `cause` for machines (a metric label), `detail` for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One of a closed list.
    pub cause: Cause,
    /// What was asked and what came back.
    pub detail: String,
}

impl Failure {
    /// A failure with this cause and words.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

/// Everything that can stop a look, as a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// EPERM or EACCES: a missing capability, a file mode, or a sandbox.
    PermissionDenied,
    /// A seccomp filter stands before the call, so its errno proves nothing.
    Seccomp,
    /// Kernel lockdown stands before the call.
    Lockdown,
    /// ENOMEM or a memory-lock limit.
    OutOfMemory,
    /// EBUSY, EAGAIN, EINTR: the kernel asked to come again.
    Busy,
    /// The look did not end within its deadline.
    Timeout,
    /// What was read is not what the source promises.
    Malformed,
    /// More than the look is ready to hold in memory.
    TooLarge,
    /// The source speaks about another kernel than the running one.
    WrongKernel,
    /// Another fact that this look needs is unknown or absent.
    Prerequisite,
    /// The kernel answered in a way that proves neither yes nor no.
    Inconclusive,
    /// This machine or this build has no way to look.
    NotSupported,
    /// The recording does not hold this answer.
    NotRecorded,
    /// Any other input or output error.
    Io,
    /// The source itself broke; a bug to report.
    Panicked,
}

impl Cause {
    /// The cause as it is written in JSON and in metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission_denied",
            Self::Seccomp => "seccomp",
            Self::Lockdown => "lockdown",
            Self::OutOfMemory => "out_of_memory",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::WrongKernel => "wrong_kernel",
            Self::Prerequisite => "prerequisite",
            Self::Inconclusive => "inconclusive",
            Self::NotSupported => "not_supported",
            Self::NotRecorded => "not_recorded",
            Self::Io => "io",
            Self::Panicked => "panicked",
        }
    }
}

/// How one source of a snapshot went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceRun {
    /// The source's name, a metric label: `bpf_programs`, `kconfig`, …
    pub source: String,
    /// Wall time of the look, in seconds.
    pub duration_seconds: f64,
    /// `None`: the look as a whole gave a known fact. Single answers inside may still be unknown.
    pub failure: Option<Failure>,
}

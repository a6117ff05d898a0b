//! With which rights the questions were asked: what a "no" is worth depends on it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The rights of the process that looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privilege {
    /// Effective capabilities, as capabilities(7) writes them (`CAP_BPF`); a number the running
    /// build has no name for reads `CAP_63`.
    pub effective: BTreeSet<String>,
    /// Whether the process is in the initial user namespace; bpf(2) counts capabilities there only.
    pub initial_user_namespace: bool,
    /// Seccomp mode of `/proc/self/status` (`Seccomp:`), see proc_pid_status(5).
    pub seccomp: Seccomp,
    /// `NoNewPrivs` of `/proc/self/status`.
    pub no_new_privs: bool,
}

/// Seccomp mode of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seccomp {
    /// Mode 0.
    Disabled,
    /// Mode 1.
    Strict,
    /// Mode 2: a filter is installed; what it denies is not to be seen from here.
    Filter,
}

/// The rungs of the privilege ladder: what a process may ask, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Files, links, routes, XDP features.
    None,
    /// `CAP_BPF` + `CAP_PERFMON` + `CAP_NET_ADMIN`: all probes, self-tests, inventory.
    Bpf,
    /// `+ CAP_NET_RAW`: legacy iptables chains.
    NetRaw,
    /// `+ CAP_SYS_ADMIN`: run-time statistics, throw-away network namespaces.
    SysAdmin,
}

impl Privilege {
    /// Whether an effective capability counts for the kernel at large.
    ///
    /// CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as `bpf_capable()` and
    /// `perfmon_capable()` of `include/linux/capability.h` do.
    pub fn has(&self, capability: &str) -> bool {
        let implied = matches!(capability, "CAP_BPF" | "CAP_PERFMON");
        self.initial_user_namespace
            && (self.effective.contains(capability)
                || implied && self.effective.contains("CAP_SYS_ADMIN"))
    }

    /// Whether a "no" of a bpf(2) probe proves absence: without these the kernel refuses with the
    /// errno of an absent feature (EINVAL, E2BIG) what it would grant to a capable process.
    pub fn proves_absence(&self) -> bool {
        ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"].iter().all(|it| self.has(it))
    }

    /// The highest rung whose capabilities are all there.
    pub fn rung(&self) -> Rung {
        match (self.proves_absence(), self.has("CAP_NET_RAW"), self.has("CAP_SYS_ADMIN")) {
            (false, _, _) => Rung::None,
            (true, true, true) => Rung::SysAdmin,
            (true, true, false) => Rung::NetRaw,
            (true, false, true) => Rung::SysAdmin,
            (true, false, false) => Rung::Bpf,
        }
    }
}

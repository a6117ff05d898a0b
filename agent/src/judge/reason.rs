//! Why, as one closed list: the words of conditions, metric labels and JSON.

use serde::{Deserialize, Serialize};

use crate::facts::Cause;
use crate::facts::bpf::Because;

/// Declares the closed list once: the enum, its words, and the list of all.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why something is as it is. CamelCase, closed: a reader may match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason as JSON, labels and conditions write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

reasons! {
    // Nothing is in the way.
    /// The node has what is asked.
    Supported,
    /// The rule holds.
    Satisfied,
    /// The question does not arise on this node.
    NotApplicable,

    // The kernel says no.
    /// The kernel does not know it: too old, or compiled out.
    NotInKernel,
    /// The kernel knows the helper; this program type may not call it.
    HelperNotForProgramType,
    /// Only sleepable programs may call the helper.
    SleepableOnly,
    /// Loads, but this architecture has no BPF trampoline to attach it with (errno 524).
    NoTrampoline,
    /// There, and switched off by a sysctl or boot parameter.
    SwitchedOff,
    /// It ran, and the result is wrong.
    WrongResult,
    /// The kernel configuration leaves it out.
    NotCompiledIn,
    /// Built as a module that is not on this host.
    ModuleAbsent,
    /// Built as a module that is on disk and not loaded.
    ModuleNotLoaded,
    /// No `/sys/kernel/btf/vmlinux`.
    BtfMissing,
    /// The kernel's type information cannot be parsed.
    BtfMalformed,
    /// The kernel's type information has no such field, function or iterator.
    NotInBtf,
    /// The kernel has no such sysctl.
    SysctlMissing,
    /// A sysctl has a value that is in the way.
    SysctlValue,
    /// Cilium is built for amd64 and arm64 only.
    ArchitectureUnsupported,

    // Network interfaces.
    /// No interface has a driver with native XDP.
    NoNativeXdpDriver,
    /// The MTU is larger than the driver takes in native XDP.
    XdpMtuTooLarge,
    /// More channels are in use than the driver leaves for native XDP.
    XdpTooManyChannels,
    /// The driver is older than Cilium asks.
    XdpDriverTooOld,
    /// The named interface is not on this node.
    DeviceMissing,
    /// The interface cannot take packets beyond 64 KiB.
    DeviceGsoLimit,

    // Cilium's own rules.
    /// The target release does not have this feature.
    NotInRelease,
    /// Nothing is known of the requirements of this release.
    ReleaseUnknown,
    /// The target release itself does not start on this node.
    BlockedByRelease,
    /// Another feature that this one needs does not work here.
    BlockedByFeature,
    /// Two values exclude each other.
    ValuesExclude,
    /// Cilium would do something else instead, and not say so.
    SilentFallback,
    /// Cilium would switch the feature off and log a warning.
    SwitchedOffByCilium,
    /// Cilium would stop at start.
    AgentStops,
    /// The value has a form that is not understood.
    ValueNotUnderstood,
    /// Values that this version does not judge.
    ValuesNotJudged,

    // The node's set-up.
    /// bpf(2) is not there.
    BpfSyscallMissing,
    /// The BPF compiler is off.
    JitOff,
    /// bpffs is not mounted at `/sys/fs/bpf`.
    BpffsNotMounted,
    /// `/sys/fs/bpf` holds another file system.
    BpffsForeign,
    /// bpffs is mounted more than once at one place.
    BpffsStacked,
    /// No cgroup v2 tree is mounted.
    CgroupV2Missing,
    /// Any user may load BPF programs.
    UnprivilegedBpfAllowed,
    /// The NodePort range and the ephemeral port range overlap.
    PortRangesOverlap,
    /// Strict reverse path filtering drops what Cilium sends another way.
    ReversePathFilter,
    /// Options that Cilium documents are missing from the kernel configuration.
    KernelConfigIncomplete,
    /// None of the known places has a kernel configuration.
    KernelConfigMissing,
    /// The kernel configuration found belongs to another kernel.
    KernelConfigForeign,
    /// Lockdown refuses BPF programs that read kernel memory.
    LockdownConfidentiality,
    /// `bpf` is not in the list of active LSMs.
    LsmNotEnabled,
    /// The rights of this process leave questions unanswered.
    PrivilegeTooLow,
    /// The kernel has no scheduler statistics.
    SchedstatMissing,
    /// The kernel has no IPv6, or it is off.
    Ipv6Absent,
    /// perf_event_open(2) is closed to unprivileged processes.
    PerfEventParanoid,
    /// Hardening hides translated instructions from their owner.
    JitHardenHidesInstructions,
    /// A self-test failed although the helper is there.
    SelftestFailed,
    /// The version says yes and the kernel says no.
    CompiledOut,
    /// The version says no and the kernel says yes.
    BackPorted,
    /// The kernel configuration and the kernel contradict each other.
    ConfigDisagrees,
    /// A source of facts broke.
    SourceFailed,

    // The datapath.
    /// Cilium runs here, healthy.
    CiliumHealthy,
    /// Nothing of Cilium is here.
    CiliumAbsent,
    /// Cilium's agent does not run.
    CiliumAgentGone,
    /// Cilium's agent runs and says that it is not well.
    CiliumUnhealthy,
    /// Cilium is installed, and its programs are not attached.
    DatapathNotAttached,
    /// Something else than Cilium carries the pods.
    OtherDatapath,
    /// Two things stand in each other's way.
    DatapathConflict,
    /// What something that is gone left behind.
    DatapathLeftover,
    /// Pods of the old datapath and the new one run side by side.
    Migrating,
    /// The runtime cannot set up a pod.
    CniBroken,
    /// The platform does not let another CNI in.
    PlatformUnsupported,
    /// The kernel cannot run the release that is asked about.
    NotCapable,

    // Could not tell.
    /// Nobody asked.
    NotProbed,
    /// This version does not detect it.
    NotDetected,
    /// A missing capability, a file mode, or a sandbox.
    PermissionDenied,
    /// A seccomp filter stands before the call.
    Seccomp,
    /// Kernel lockdown stands before the call.
    Lockdown,
    /// The kernel had no memory, or a memory-lock limit was hit.
    OutOfMemory,
    /// The kernel asked to come again.
    Busy,
    /// The look did not end in time.
    Timeout,
    /// What was read is not what the source promises.
    Malformed,
    /// More than the look is ready to hold.
    TooLarge,
    /// The source speaks about another kernel.
    WrongKernel,
    /// Another fact that this one needs is unknown.
    PrerequisiteUnknown,
    /// The kernel answered in a way that proves neither yes nor no.
    Inconclusive,
    /// This machine or this build cannot look.
    CannotLook,
    /// The recording does not hold the answer.
    NotRecorded,
    /// An input or output error.
    ReadFailed,
    /// The source of the fact broke.
    ProbeBroke,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Cause> for Reason {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::PermissionDenied => Self::PermissionDenied,
            Cause::Seccomp => Self::Seccomp,
            Cause::Lockdown => Self::Lockdown,
            Cause::OutOfMemory => Self::OutOfMemory,
            Cause::Busy => Self::Busy,
            Cause::Timeout => Self::Timeout,
            Cause::Malformed => Self::Malformed,
            Cause::TooLarge => Self::TooLarge,
            Cause::WrongKernel => Self::WrongKernel,
            Cause::Prerequisite => Self::PrerequisiteUnknown,
            Cause::Inconclusive => Self::Inconclusive,
            Cause::NotSupported => Self::CannotLook,
            Cause::NotRecorded => Self::NotRecorded,
            Cause::Io => Self::ReadFailed,
            Cause::Panicked => Self::ProbeBroke,
        }
    }
}

impl From<Because> for Reason {
    fn from(because: Because) -> Self {
        match because {
            Because::NotInKernel => Self::NotInKernel,
            Because::NotForProgramType => Self::HelperNotForProgramType,
            Because::SleepableOnly => Self::SleepableOnly,
            Because::NoTrampoline => Self::NoTrampoline,
            Because::SwitchedOff => Self::SwitchedOff,
            Because::WrongResult => Self::WrongResult,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_same_in_json_and_in_labels() {
        for reason in Reason::ALL {
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
        }
    }

    /// Kubernetes validates condition reasons with `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`.
    #[test]
    fn every_word_is_a_valid_condition_reason() {
        for reason in Reason::ALL {
            let word = reason.as_str();
            assert!(word.chars().all(|it| it.is_ascii_alphanumeric()), "{word}");
            assert!(word.starts_with(|it: char| it.is_ascii_uppercase()), "{word}");
        }
    }
}

//! What bpf(2) answered, question by question.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Cause, Failure, Observed};

/// Answers of bpf(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BpfFacts {
    /// Whether bpf(2) itself is there.
    pub syscall: Support,
    /// Program types by name (`sched_cls`), and for each the attach types it can be loaded for.
    pub programs: BTreeMap<String, ProgramSupport>,
    /// Map types by name (`lpm_trie`).
    pub maps: BTreeMap<String, Support>,
    /// Map flags by `type+flag` (`hash+no_prealloc`, `array+mmapable`).
    pub map_flags: BTreeMap<String, Support>,
    /// Helpers by program type (`sched_cls`) or, where that decides, by program and attach type
    /// (`tracing/trace_iter`). A row is unknown where no program of its type could be loaded.
    pub helpers: Observed<BTreeMap<String, Observed<HelperRow>>>,
    /// Attach types by name (`cgroup_inet4_connect`), by trying to attach to nothing.
    pub attach_types: BTreeMap<String, Support>,
    /// Link types by name (`tcx`), likewise.
    pub link_types: BTreeMap<String, Support>,
    /// Everything else, by name: see [`Feature`].
    pub features: BTreeMap<Feature, Support>,
}

impl BpfFacts {
    /// Whether programs of `row` (`sched_cls`, `tracing/trace_iter`) may call `helper` (without
    /// `bpf_`). A row that was not asked is unknown.
    pub fn helper(&self, row: &str, helper: &str) -> Support {
        let rows = match &self.helpers {
            Observed::Known(rows) => rows,
            Observed::Unknown(failure) => return Support::Unknown(failure.clone()),
        };
        match rows.get(row) {
            Some(Observed::Known(row)) => row.support(helper),
            Some(Observed::Unknown(failure)) => Support::Unknown(failure.clone()),
            None => Support::unknown(Cause::NotSupported, format!("{row} was not asked")),
        }
    }
}

/// Whether the kernel can do one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It did it.
    Supported,
    /// It said no in a way that proves the absence.
    Unsupported(Absence),
    /// It could not be asked, or the answer proves nothing.
    Unknown(Failure),
}

impl Support {
    /// An unknown with this cause and words.
    pub fn unknown(cause: Cause, detail: impl Into<String>) -> Self {
        Self::Unknown(Failure::new(cause, detail))
    }

    /// A "no" with this reason and words.
    pub fn unsupported(because: Because, detail: impl Into<String>) -> Self {
        Self::Unsupported(Absence { because, detail: detail.into() })
    }

    /// The answer as a word: `supported`, `unsupported`, `unknown`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Unsupported(_) => "unsupported",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// A proven "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// One of a closed list.
    pub because: Because,
    /// errno, verifier line or what else proves it.
    pub detail: String,
}

/// Why the answer is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The kernel does not know it: too old, or compiled out.
    NotInKernel,
    /// The kernel knows the helper; this program type may not call it.
    NotForProgramType,
    /// Only a sleepable program of this type may call it.
    SleepableOnly,
    /// errno 524 (ENOTSUPP): loadable, but this architecture has no BPF trampoline.
    NoTrampoline,
    /// It is there and switched off (a sysctl, a boot parameter).
    SwitchedOff,
    /// It ran and the result is wrong.
    WrongResult,
}

/// One program type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSupport {
    /// Whether a program of this type can be loaded for at least one attach type.
    pub load: Support,
    /// Loading by expected attach type, where the type has any (`cgroup_inet4_connect`).
    pub by_attach_type: BTreeMap<String, Support>,
}

/// Which helpers one program type may call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperRow {
    /// Helpers (without `bpf_`) that the verifier lets this type call.
    pub supported: BTreeSet<String>,
    /// Helpers that the verifier refuses for a reason other than the common one: by name.
    pub refused: BTreeMap<String, Because>,
    /// Helpers of which nothing is known, by name.
    pub unknown: BTreeMap<String, Failure>,
    /// Helpers that this kernel does not know or does not give this type.
    pub unsupported: BTreeSet<String>,
}

impl HelperRow {
    /// What is known of one helper (without `bpf_`); a name that was not asked is unknown.
    pub fn support(&self, helper: &str) -> Support {
        if self.supported.contains(helper) {
            return Support::Supported;
        }
        if let Some(because) = self.refused.get(helper) {
            return Support::unsupported(*because, format!("bpf_{helper}"));
        }
        if self.unsupported.contains(helper) {
            return Support::unsupported(Because::NotForProgramType, format!("bpf_{helper}"));
        }
        match self.unknown.get(helper) {
            Some(failure) => Support::Unknown(failure.clone()),
            None => Support::unknown(Cause::NotSupported, format!("bpf_{helper} was not asked")),
        }
    }
}

/// Single abilities of bpf(2) that are neither type nor helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// More than 4096 instructions in one program (5.2).
    LargeInstructionLimit,
    /// A counted loop (5.3).
    BoundedLoops,
    /// Instruction set v2: JLT and kin (4.14).
    IsaV2,
    /// Instruction set v3: 32-bit jumps (5.1).
    IsaV3,
    /// Instruction set v4: long jumps, signed division (6.6).
    IsaV4,
    /// Programs are compiled to machine code.
    Jit,
    /// Unreachable instructions are removed (5.1).
    DeadCodeElimination,
    /// BPF_MAP_LOOKUP_BATCH on a hash map (5.6).
    BatchMapOperations,
    /// BPF_F_MMAPABLE arrays (5.5).
    MmapableArray,
    /// BPF_TOKEN_CREATE exists (6.9).
    Token,
    /// PROG_LOAD takes a signature (6.18).
    SignedPrograms,
    /// BPF_PROG_ATTACH to a cgroup (CONFIG_CGROUP_BPF).
    CgroupAttach,
    /// BPF_LINK_CREATE exists (5.7).
    BpfLink,
    /// A program may name a global variable: BPF_PSEUDO_MAP_VALUE (5.2).
    GlobalData,
    /// bpf_for_each_map_elem's callback beside a tail call (Cilium's multicast).
    CallbackWithTailCall,
    /// An fentry program attaches: the architecture has BPF trampolines.
    Trampoline,
    /// A BPF LSM program attaches. Whether the kernel asks it is another matter: `bpf` must be in
    /// the list of LSMs.
    LsmAttach,
    /// BPF_PROG_TEST_RUN runs a sched_cls program.
    TestRun,
    /// BTF with functions can be loaded by user space (BPF_BTF_LOAD).
    BtfLoad,
    /// perf has a `kprobe` event source: kprobe programs load everywhere, and attach only here.
    KprobeEvents,
    /// perf has a `uprobe` event source, likewise.
    UprobeEvents,
    /// perf has a `tracepoint` event source, likewise.
    TracepointEvents,
}

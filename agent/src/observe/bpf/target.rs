//! Places in the kernel that tracing, LSM and struct_ops programs are loaded for: BTF ids.

use crate::facts::{Cause, Failure, Observed};
use crate::observe::btf::Btf;

/// BTF ids of places that are safe to name: loading for one attaches to nothing.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    found: Result<Found, Failure>,
}

/// `None`: this kernel's BTF has no such place.
#[derive(Debug, Clone, Default)]
struct Found {
    raw_tracepoint: Option<u32>,
    function: Option<u32>,
    modify_return: Option<u32>,
    iterator: Option<u32>,
    lsm_hook: Option<u32>,
    struct_ops: Option<(u32, u32)>,
    fast_symbols: bool,
}

/// Called by nothing but `BPF_PROG_TEST_RUN` of tracing programs (`net/bpf/test_run.c`).
const FUNCTION: &str = "bpf_fentry_test1";
/// Likewise, and on the list of functions whose return value may be changed.
const MODIFY_RETURN: &str = "bpf_modify_return_test";
/// Any kernel with CONFIG_BPF_SYSCALL has it since 5.8.
const ITERATOR: &str = "bpf_iter_bpf_map";
/// A hook with an integer result that is asked at syslog(2) only.
const LSM_HOOK: &str = "bpf_lsm_syslog";
/// Tracepoints that every kernel has; the first found is taken.
const RAW_TRACEPOINTS: [&str; 2] = ["btf_trace_sched_switch", "btf_trace_task_newtask"];
/// The oldest struct that BPF may implement.
const STRUCT_OPS: (&str, &str) = ("tcp_congestion_ops", "ssthresh");

/// Came with the search by halves for symbols (`kernel/kallsyms.c`, Linux 6.2).
const SINCE_FAST_SYMBOLS: &str = "kallsyms_on_each_match_symbol";

impl Targets {
    /// Looks the places up.
    pub(crate) fn find(btf: &Observed<Option<Btf>>) -> Self {
        let btf = match btf {
            Observed::Known(Some(btf)) => btf,
            Observed::Known(None) => {
                return Self::none(Failure::new(Cause::Prerequisite, "this kernel has no BTF"));
            }
            Observed::Unknown(failure) => {
                let detail = format!("needs the kernel's BTF: {}", failure.detail);
                return Self::none(Failure::new(Cause::Prerequisite, detail));
            }
        };
        Self {
            found: Ok(Found {
                raw_tracepoint: RAW_TRACEPOINTS.iter().find_map(|it| btf.type_id_of_typedef(it)),
                function: btf.type_id_of_func(FUNCTION),
                modify_return: btf.type_id_of_func(MODIFY_RETURN),
                iterator: btf.type_id_of_func(ITERATOR),
                lsm_hook: btf.type_id_of_func(LSM_HOOK),
                fast_symbols: btf.type_id_of_func(SINCE_FAST_SYMBOLS).is_some(),
                struct_ops: btf
                    .type_id_of_struct(STRUCT_OPS.0)
                    .zip(btf.member_position(STRUCT_OPS.0, STRUCT_OPS.1)),
            }),
        }
    }

    /// No BTF to look in.
    pub(crate) fn none(failure: Failure) -> Self {
        Self { found: Err(failure) }
    }

    /// The place to load a program for, by attach type.
    ///
    /// # Errors
    ///
    /// Why there is none: no BTF, or the BTF has no such function.
    pub(crate) fn of(&self, attach_type: &str) -> Result<u32, Failure> {
        let found = self.found.as_ref().map_err(Clone::clone)?;
        let (id, wanted) = match attach_type {
            "trace_raw_tp" => (found.raw_tracepoint, RAW_TRACEPOINTS[0]),
            "trace_fentry" | "trace_fexit" | "trace_fsession" => (found.function, FUNCTION),
            "modify_return" => (found.modify_return, MODIFY_RETURN),
            "trace_iter" => (found.iterator, ITERATOR),
            _ => (found.lsm_hook, LSM_HOOK),
        };
        id.ok_or_else(|| not_there(wanted))
    }

    /// Whether the kernel finds a symbol without walking through all of them, which each load for
    /// one of its functions makes it do.
    pub(crate) fn fast_symbols(&self) -> bool {
        self.found.as_ref().is_ok_and(|it| it.fast_symbols)
    }

    /// A struct that BPF may implement, and the number of a member.
    ///
    /// # Errors
    ///
    /// As [`Targets::of`].
    pub(crate) fn struct_ops(&self) -> Result<(u32, u32), Failure> {
        let found = self.found.as_ref().map_err(Clone::clone)?;
        found.struct_ops.ok_or_else(|| not_there(STRUCT_OPS.0))
    }
}

fn not_there(wanted: &str) -> Failure {
    Failure::new(Cause::Prerequisite, format!("the kernel's BTF has no {wanted}"))
}

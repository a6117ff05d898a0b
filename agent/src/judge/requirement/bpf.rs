//! Requirements that bpf(2) itself answers.

use super::Met;
use super::names;
use crate::facts::bpf::{Because, Feature, Support};
use crate::facts::security::Lockdown;
use crate::facts::selftest::Selftest;
use crate::facts::{Facts, Observed};
use crate::judge::reason::Reason;

/// Turns an answer of the kernel into words about `what`.
fn told(support: Option<&Support>, what: &str) -> Met {
    match support {
        None => Met::unknown(Reason::NotProbed, format!("{what}: not probed")),
        Some(Support::Supported) => Met::yes(format!("{what}: works")),
        Some(Support::Unsupported(absence)) => Met::no(
            absence.because.into(),
            format!("{what}: {}{}", because(absence.because), detail(&absence.detail)),
        ),
        Some(Support::Unknown(failure)) => Met::unknown(
            failure.cause.into(),
            format!("{what}: could not tell{}", detail(&failure.detail)),
        ),
    }
}

fn detail(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

fn because(because: Because) -> &'static str {
    match because {
        Because::NotInKernel => "this kernel does not have it",
        Because::NotForProgramType => "not allowed for this program type",
        Because::SleepableOnly => "only for sleepable programs",
        Because::NoTrampoline => "this architecture has no BPF trampoline here",
        Because::SwitchedOff => "switched off",
        Because::WrongResult => "ran with a wrong result",
    }
}

pub(super) fn syscall(facts: &Facts) -> Met {
    told(Some(&facts.bpf.syscall), "bpf(2)")
}

pub(super) fn program(facts: &Facts, kind: &str) -> Met {
    let support = facts.bpf.programs.get(kind).map(|it| &it.load);
    told(support, &format!("program type {kind}"))
}

pub(super) fn program_for(facts: &Facts, kind: &str, attach: &str) -> Met {
    let what = format!("program type {kind} for {attach}");
    let Some(row) = facts.bpf.programs.get(kind) else { return told(None, &what) };
    // A kernel without the program type has it for no attach type either.
    let support = row.by_attach_type.get(attach).or(match row.load {
        Support::Unsupported(_) => Some(&row.load),
        Support::Supported | Support::Unknown(_) => None,
    });
    told(support, &what)
}

pub(super) fn attach(facts: &Facts, name: &str) -> Met {
    told(facts.bpf.attach_types.get(name), &format!("attach type {name}"))
}

pub(super) fn link(facts: &Facts, name: &str) -> Met {
    told(facts.bpf.link_types.get(name), &format!("link type {name}"))
}

pub(super) fn map(facts: &Facts, kind: &str) -> Met {
    told(facts.bpf.maps.get(kind), &format!("map type {kind}"))
}

pub(super) fn map_flag(facts: &Facts, name: &str) -> Met {
    told(facts.bpf.map_flags.get(name), &format!("map flag {name}"))
}

pub(super) fn feature(facts: &Facts, feature: Feature) -> Met {
    told(facts.bpf.features.get(&feature), names::feature(feature))
}

pub(super) fn selftest(facts: &Facts, test: Selftest) -> Met {
    told(facts.selftests.get(&test), names::selftest(test))
}

pub(super) fn helper(facts: &Facts, program: &str, helper: &str) -> Met {
    let what = format!("bpf_{helper} in {program}");
    let no_row = matches!(&facts.bpf.helpers, Observed::Known(rows) if !rows.contains_key(program));
    if !no_row {
        let support = facts.bpf.helper(program, helper);
        return locked_down(facts, helper, &support)
            .unwrap_or_else(|| told(Some(&precise(facts, helper, support)), &what));
    }
    // A program type that cannot be loaded can call nothing.
    match facts.bpf.programs.get(program).map(|it| &it.load) {
        Some(load @ Support::Unsupported(_)) => told(Some(load), &what),
        Some(Support::Supported | Support::Unknown(_)) | None => told(None, &what),
    }
}

/// Names lockdown where it, not the kernel's build, takes a helper away: in mode
/// `confidentiality` `security_locked_down(LOCKDOWN_BPF_READ_KERNEL)` of
/// `kernel/trace/bpf_trace.c` leaves the helpers that read kernel memory out.
fn locked_down(facts: &Facts, helper: &str, support: &Support) -> Option<Met> {
    let reads = matches!(helper, "probe_read" | "probe_read_str")
        || helper.starts_with("probe_read_kernel");
    let locked =
        matches!(facts.security.lockdown, Observed::Known(Some(Lockdown::Confidentiality)));
    let refused = matches!(support, Support::Unsupported(_));
    (reads && locked && refused).then(|| {
        let evidence = format!("bpf_{helper}: refused by kernel lockdown (confidentiality)");
        Met::no(Reason::LockdownConfidentiality, evidence)
    })
}

/// Says "not in this kernel" instead of "not for this type" when the kernel's own list of helpers
/// (`enum bpf_func_id`) does not have it.
fn precise(facts: &Facts, helper: &str, support: Support) -> Support {
    let Support::Unsupported(absence) = &support else { return support };
    let listed = facts.btf.known().and_then(|it| it.vmlinux.as_ref()?.helpers.as_ref());
    match listed {
        Some(names) if !names.values().any(|it| it == helper) => Support::unsupported(
            Because::NotInKernel,
            "absent from the kernel's enum bpf_func_id".to_owned(),
        ),
        Some(_) | None => Support::Unsupported(absence.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::report::Ternary;
    use crate::judge::requirement::Requirement::{self, Helper, Map, Program, ProgramFor};
    use crate::judge::sample;

    #[track_caller]
    fn expect(facts: &Facts, needs: Requirement, want: (Ternary, Reason)) {
        let met = needs.met_by(facts);
        assert_eq!((met.holds, met.reason), want, "{:?}", met.evidence);
    }

    #[test]
    fn what_was_not_asked_is_unknown_and_not_absent() {
        let facts = sample::kernel(6, 12);
        for needs in [
            Program("flow_dissector"),
            ProgramFor("sched_cls", "tcx_ingress"),
            Helper("sched_cls", "never_asked"),
            Helper("flow_dissector", "redirect"),
            Map("arena"),
        ] {
            assert_eq!(needs.met_by(&facts).holds, Ternary::Unknown, "{needs:?}");
        }
    }

    #[test]
    fn a_program_type_that_is_absent_has_no_attach_type_and_no_helper() {
        let mut facts = sample::kernel(4, 14);
        let absent = (Ternary::No, Reason::NotInKernel);
        expect(&facts, ProgramFor("cgroup_sock_addr", "cgroup_inet4_connect"), absent);
        if let Observed::Known(rows) = &mut facts.bpf.helpers {
            rows.remove("cgroup_sock_addr");
        }
        expect(&facts, Helper("cgroup_sock_addr", "get_netns_cookie"), absent);
    }

    #[test]
    fn the_kernels_own_list_tells_too_old_from_not_for_this_type() {
        let mut facts = sample::kernel(5, 4);
        let needs = Helper("sched_cls", "redirect_peer");
        expect(&facts, needs, (Ternary::No, Reason::HelperNotForProgramType));
        let Observed::Known(btf) = &mut facts.btf else { panic!("the sample has BTF") };
        let listed = [(23, "redirect".to_owned())].into();
        btf.vmlinux.as_mut().unwrap().helpers = Some(listed);
        expect(&facts, needs, (Ternary::No, Reason::NotInKernel));
    }
}

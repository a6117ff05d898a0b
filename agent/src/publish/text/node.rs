//! What the node is, in four lines.

use super::datapath;
use super::layout::{ASIDE, Page, Word, first_of, styled};
use crate::facts::privilege::{Privilege, Rung, Seccomp};
use crate::facts::{Facts, Observed};
use crate::judge::NodeReport;
use crate::judge::report::{CiliumVerdict, EbpfVerdict, Extent, Release, Ternary};

pub(super) const WIDTH: [usize; 1] = [10];

/// Kernel, system, rights, eBPF by use, and the releases.
pub(super) fn node(page: &mut Page, report: &NodeReport) {
    page.item("", "");
    page.row(["Node"], WIDTH, &system(&report.facts));
    page.row(["Asked as"], WIDTH, &rights(&report.facts.privilege));
    page.row(["eBPF"], WIDTH, &ebpf(&report.verdict.ebpf));
    shortcomings(page, &report.verdict.ebpf);
    page.row(["Cilium"], WIDTH, &releases(&report.verdict.cilium));
    datapath::datapath(page, &report.verdict);
}

fn system(facts: &Facts) -> String {
    let kernel = match &facts.kernel.uname {
        Observed::Known(uname) => format!("Linux {} {}", uname.release, uname.machine),
        Observed::Unknown(failure) => format!("unknown kernel ({})", failure.detail),
    };
    match &facts.kernel.os {
        Observed::Known(Some(os)) if !os.pretty_name.is_empty() => {
            format!("{kernel}, {}", os.pretty_name)
        }
        Observed::Known(Some(os)) => format!("{kernel}, {} {}", os.id, os.version_id),
        Observed::Known(None) => format!("{kernel}, no os-release"),
        Observed::Unknown(_) => format!("{kernel}, unknown system"),
    }
}

fn rights(privilege: &Observed<Privilege>) -> String {
    let privilege = match privilege {
        Observed::Known(privilege) => privilege,
        Observed::Unknown(failure) => return format!("unknown rights ({})", failure.detail),
    };
    let rung = match privilege.rung() {
        Rung::None => "a process without CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
        Rung::Bpf => "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
        Rung::NetRaw => "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_NET_RAW",
        Rung::SysAdmin => "CAP_SYS_ADMIN and CAP_NET_ADMIN",
    };
    let namespace = match privilege.initial_user_namespace {
        true => "",
        false => ", in a user namespace, where capabilities do not count for bpf(2)",
    };
    let filter = match privilege.seccomp {
        Seccomp::Disabled => "",
        Seccomp::Strict | Seccomp::Filter => ", behind a seccomp filter",
    };
    format!("{rung}{namespace}{filter}")
}

fn ebpf(ebpf: &EbpfVerdict) -> String {
    let parts = [("datapath", ebpf.datapath), ("tracing", ebpf.tracing), ("LSM", ebpf.lsm)];
    let parts = parts.map(|(name, extent)| format!("{name} {}", Word::from(extent).styled()));
    format!("{} ({})", Word::from(ebpf.status).styled(), parts.join(", "))
}

/// Why eBPF is not there in full, one line a use.
fn shortcomings(page: &mut Page, ebpf: &EbpfVerdict) {
    let parts = [
        ("datapath", ebpf.datapath, &ebpf.datapath_why),
        ("tracing", ebpf.tracing, &ebpf.tracing_why),
        ("LSM", ebpf.lsm, &ebpf.lsm_why),
    ];
    for (name, extent, why) in parts {
        if extent != Extent::Full {
            let why = first_of(&why.evidence).unwrap_or_else(|| why.reason.as_str().to_owned());
            page.row([""], WIDTH, &styled(ASIDE, &format!("{name}: {why}")));
        }
    }
}

/// Every release and its answer, neighbours with the same answer together:
/// `1.13 to 1.17 yes, 1.18 to 1.20 no`.
fn releases(cilium: &CiliumVerdict) -> String {
    let mut runs: Vec<(Release, Release, Ternary)> = Vec::new();
    for (release, answer) in &cilium.releases {
        match runs.last_mut() {
            Some((_, last, same)) if same == answer => *last = *release,
            _ => runs.push((*release, *release, *answer)),
        }
    }
    let run = |(first, last, answer): &(Release, Release, Ternary)| {
        let word = Word::from(*answer).styled();
        if first == last { format!("{first} {word}") } else { format!("{first} to {last} {word}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

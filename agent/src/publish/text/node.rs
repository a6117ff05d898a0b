//! What the node is, in four lines.

use super::layout::{Page, Word};
use crate::facts::privilege::{Privilege, Rung};
use crate::facts::{Facts, Observed};
use crate::judge::NodeReport;
use crate::judge::report::{CiliumVerdict, EbpfVerdict};

const WIDTH: [usize; 1] = [10];

/// Kernel, system, rights, eBPF by use, and the releases.
pub(super) fn node(page: &mut Page, report: &NodeReport) {
    page.item("", "");
    page.row(["Node"], WIDTH, &system(&report.facts));
    page.row(["Asked as"], WIDTH, &rights(&report.facts.privilege));
    page.row(["eBPF"], WIDTH, &ebpf(&report.verdict.ebpf));
    page.row(["Cilium"], WIDTH, &releases(&report.verdict.cilium));
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
    match privilege.initial_user_namespace {
        true => rung.to_owned(),
        false => format!("{rung} (in a user namespace: capabilities do not count for bpf)"),
    }
}

fn ebpf(ebpf: &EbpfVerdict) -> String {
    let parts = [("datapath", ebpf.datapath), ("tracing", ebpf.tracing), ("LSM", ebpf.lsm)];
    let parts = parts.map(|(name, extent)| format!("{name} {}", Word::from(extent).styled()));
    format!("{} ({})", Word::from(ebpf.status).styled(), parts.join(", "))
}

/// Every release and its answer, such as `1.17 yes  1.18 no`; one stays on one line.
fn releases(cilium: &CiliumVerdict) -> String {
    const TOGETHER: char = '\u{a0}';
    let one =
        |(release, answer): (_, &_)| format!("{release}{TOGETHER}{}", Word::from(*answer).styled());
    cilium.releases.iter().map(one).collect::<Vec<_>>().join("  ")
}

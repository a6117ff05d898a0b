//! The datapath's verdict on real kernel objects, by the real binary, live.
//!
//! Each host is a root with network, mount and pid namespaces of its own ([`host`]): pods are
//! namespaces behind real pairs, programs are loaded and attached by bpf(2) and rtnetlink
//! ([`kernel`]), chains and tables are nft's and iptables', agents are processes, ports and sockets.
//! Each is looked at twice, as root and with the DaemonSet's three capabilities, and the verdicts
//! must be the same. Expected values are those of `facts/cni-fingerprints.md`.
//!
//! The 20 cases of its § 9, and where they are:
//!
//! | case | here |
//! | --- | --- |
//! | 1, 3, 4, 5, 7–11, 16–19 | [`cases`], by their numbers |
//! | 2, 6 | [`cnis`]: chained by tcx alone; ENI mode. The local rule at 20 is in case 5 |
//! | 12, 15 | [`kinds`], by their numbers |
//! | 13, 14 | [`proxies`] |
//! | 20 | nowhere: no agent is on a Fargate node; in the cluster's report |
//!
//! What the kernel of this machine and of CI (6.18, `/proc/config.gz`) cannot host is in [`kinds`]:
//! links of the kinds dummy, geneve, ipip, netkit, openvswitch, vlan and wireguard, and IPVS.
//! `cargo xtask kernels datapath` runs it on Debian's 6.12, which has all of them.

mod cases;
mod cnis;
mod conflicts;
mod host;
mod kernel;
mod kinds;
mod leftovers;
mod nodes;
mod proxies;
mod switch;

use bpfready::judge::report::{IssueKind, Verdict};

/// What the agent of the recorded node said.
const CILIUM_STATUS: &str =
    include_str!("../../recordings/cilium-1.17-vxlan-kpr-tcx/v1-healthz.json");

/// The issues are these and no others, each with evidence and remedy.
#[track_caller]
fn expect_issues(verdict: &Verdict, conflicts: &[&str], leftovers: &[&str]) {
    let issues = &verdict.datapath.issues;
    for (kind, want) in [(IssueKind::Conflict, conflicts), (IssueKind::Leftover, leftovers)] {
        let of_kind = issues.iter().filter(|it| it.kind == kind);
        let mut got: Vec<&str> = of_kind.map(|it| it.id.as_str()).collect();
        let mut want = want.to_vec();
        got.sort_unstable();
        want.sort_unstable();
        assert_eq!(got, want, "{kind:?}: {:#?}", verdict.datapath);
    }
    for issue in issues {
        assert!(!issue.remedy.is_empty() && !issue.evidence.is_empty(), "{issue:#?}");
    }
}

//! Cilium's features on this node: what each needs of the kernel, which others it needs, and what
//! Cilium does when they are missing.

mod bandwidth;
mod big_tcp;
mod datapath;
mod devices;
mod encryption;
mod gateway;
mod load_balancing;
mod proxy;
mod routing;
mod socket_lb;
pub mod uplinks;
mod xdp;

use std::collections::BTreeMap;

use super::reason::Reason;
use super::releases::Ended;
use super::report::{FeatureStatus, FeatureVerdict, Release, Ternary};
use super::requirement::{Met, Requirement};
use crate::facts::Facts;
use crate::facts::nic::Nic;

/// One feature: a row of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct CiliumFeature {
    /// Its key in JSON: `kube-proxy-replacement`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// First kernel that Cilium documents for it; empty when none. Never decides.
    pub kernel: &'static str,
    /// Where the row comes from.
    pub source: &'static str,
    /// First release that has it; `None`: all known ones.
    pub since: Option<Release>,
    /// What it needs of the kernel.
    pub needs: Requirement,
    /// What it needs of the node that no [`Requirement`] can say.
    pub also: Option<fn(&Facts) -> Met>,
    /// Other features without which it does not work.
    pub requires: &'static [&'static str],
    /// Combination rules and fallbacks of Cilium.
    pub caveats: &'static [&'static str],
}

impl CiliumFeature {
    const fn new(
        name: &'static str,
        title: &'static str,
        kernel: &'static str,
        needs: Requirement,
        source: &'static str,
    ) -> Self {
        let (since, also) = (None, None);
        Self { name, title, kernel, source, since, needs, also, requires: &[], caveats: &[] }
    }

    const fn since(mut self, minor: u16) -> Self {
        self.since = Some(Release::one(minor));
        self
    }

    const fn also(mut self, check: fn(&Facts) -> Met) -> Self {
        self.also = Some(check);
        self
    }

    const fn requires(mut self, features: &'static [&'static str]) -> Self {
        self.requires = features;
        self
    }

    const fn caveats(mut self, sentences: &'static [&'static str]) -> Self {
        self.caveats = sentences;
        self
    }
}

/// `Documentation/operations/system_requirements.rst` of Cilium.
const REQUIREMENTS_RST: &str = "https://docs.cilium.io/en/stable/operations/system_requirements/#required-kernel-versions-for-advanced-features";
/// `Documentation/network/kubernetes/kubeproxy-free.rst` of Cilium.
const KUBEPROXY_FREE: &str = "https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/";
/// `daemon/cmd/kube_proxy_replacement.go` of Cilium.
const KPR_GO: &str =
    "https://github.com/cilium/cilium/blob/v1.18.0/daemon/cmd/kube_proxy_replacement.go";
/// `pkg/datapath/linux/probes/probes.go` of Cilium.
const PROBES_GO: &str =
    "https://github.com/cilium/cilium/blob/v1.18.0/pkg/datapath/linux/probes/probes.go";

/// All features, family by family.
const FAMILIES: &[&[CiliumFeature]] = &[
    datapath::FEATURES,
    proxy::FEATURES,
    load_balancing::FEATURES,
    socket_lb::FEATURES,
    routing::FEATURES,
    bandwidth::FEATURES,
    big_tcp::FEATURES,
    devices::FEATURES,
    xdp::FEATURES,
    encryption::FEATURES,
    gateway::FEATURES,
];

/// All features, in the order they are told.
pub fn all() -> impl Iterator<Item = &'static CiliumFeature> {
    FAMILIES.iter().copied().flatten()
}

/// The feature of this name.
pub fn named(name: &str) -> Option<&'static CiliumFeature> {
    all().find(|it| it.name == name)
}

/// Whether the node's uplinks run XDP programs in their driver.
pub fn native_xdp(facts: &Facts) -> Met {
    xdp::native(facts)
}

/// Whether one interface does.
pub fn native_xdp_on(nic: &Nic, facts: &Facts) -> Met {
    xdp::device(nic, facts)
}

/// What decides beside the facts: the release in question, and how its own list ended.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The release.
    pub release: Release,
    /// How each of its start-up requirements ended.
    pub ended: &'a [Ended],
}

/// Judges every feature for the target release.
pub fn verdicts(facts: &Facts, target: Target<'_>) -> BTreeMap<String, FeatureVerdict> {
    all().map(|it| (it.name.to_owned(), told(it, it.met_by(facts, target)))).collect()
}

fn told(feature: &CiliumFeature, met: Met) -> FeatureVerdict {
    FeatureVerdict {
        status: match met.holds {
            Ternary::Yes => FeatureStatus::Supported,
            Ternary::No => FeatureStatus::Unsupported,
            Ternary::Unknown => FeatureStatus::Unknown,
        },
        reason: met.reason,
        evidence: met.evidence,
        title: feature.title.into(),
        kernel: feature.kernel.into(),
        caveats: feature.caveats.iter().map(|it| (*it).to_owned()).collect(),
    }
}

impl CiliumFeature {
    /// Whether it works here with the target release. The feature's own needs are told first,
    /// then the features it needs, then the release itself.
    pub fn met_by(&self, facts: &Facts, target: Target<'_>) -> Met {
        if let Some(since) = self.since
            && target.release < since
        {
            let evidence = format!("Cilium {} does not have it, {since} does", target.release);
            return Met::no(Reason::NotInRelease, evidence);
        }
        let mut parts = vec![self.needs.met_by(facts)];
        parts.extend(self.also.map(|check| check(facts)));
        parts.extend(self.requires.iter().map(|it| dependency(it, facts, target)));
        parts.push(self.release(target));
        Met::all(parts)
    }

    /// Whether the target release itself starts. For the datapath that is the question; for every
    /// other feature it is one thing in the way.
    fn release(&self, target: Target<'_>) -> Met {
        let rows = target.ended.iter().filter(|it| it.fatal.concerns(target.release));
        let base = Met::all(rows.map(|it| it.met.clone()));
        if self.name == datapath::NAME {
            return base;
        }
        let release = target.release;
        match base.holds {
            Ternary::Yes => Met { evidence: Vec::new(), ..base },
            Ternary::No => Met::no(
                Reason::BlockedByRelease,
                format!("Cilium {release} does not start here: {}", base.evidence.join("; ")),
            ),
            Ternary::Unknown => Met::unknown(
                base.reason,
                format!(
                    "whether Cilium {release} starts here is open: {}",
                    base.evidence.join("; ")
                ),
            ),
        }
    }
}

/// A feature that another one needs.
fn dependency(name: &str, facts: &Facts, target: Target<'_>) -> Met {
    let Some(feature) = named(name) else {
        return Met::unknown(Reason::NotProbed, format!("{name}: not judged"));
    };
    let met = feature.met_by(facts, target);
    let why = met.evidence.join("; ");
    match met.holds {
        Ternary::Yes => Met { evidence: Vec::new(), ..met },
        Ternary::No => Met::no(
            Reason::BlockedByFeature,
            format!("it needs {name}, which does not work here: {why}"),
        ),
        Ternary::Unknown => {
            Met::unknown(met.reason, format!("it needs {name}, of which is open: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::bpf::{Because, Support};
    use crate::facts::config::ModuleState;
    use crate::facts::netprobe::NetProbe;
    use crate::facts::{Cause, Observed};
    use crate::judge::{releases, sample};

    fn all_on(facts: &Facts, minor: u16) -> BTreeMap<String, FeatureVerdict> {
        let ended = releases::ask(facts);
        verdicts(facts, Target { release: Release::one(minor), ended: &ended })
    }

    #[track_caller]
    fn expect(facts: &Facts, minor: u16, want: &[(&str, FeatureStatus, Reason)]) {
        let got = all_on(facts, minor);
        for (name, status, reason) in want {
            let it = &got[*name];
            assert_eq!((it.status, it.reason), (*status, *reason), "{name}: {:?}", it.evidence);
        }
    }

    use FeatureStatus::{Supported, Unknown, Unsupported};

    #[test]
    fn names_are_unique_and_what_they_require_exists() {
        for feature in all() {
            assert_eq!(all().filter(|it| it.name == feature.name).count(), 1, "{}", feature.name);
            for name in feature.requires {
                assert!(named(name).is_some(), "{} requires {name}", feature.name);
            }
            assert!(feature.source.starts_with("https://"), "{}", feature.name);
        }
    }

    /// A host on which nothing is missing: an interface that takes big packets and runs XDP,
    /// net_cls for MKE.
    #[test]
    fn everything_works_where_nothing_is_missing() {
        let mut facts = sample::kernel(6, 12);
        let nic = Nic { tso_max_bytes: Some(524_280), ..sample::ena(1500, 1, 4) };
        facts.nics = Observed::Known(vec![nic]);
        facts.mounts.net_cls = Observed::Known(true);
        for (name, it) in all_on(&facts, 20) {
            assert_eq!(it.status, Supported, "{name}: {:?}", it.evidence);
            assert_eq!(it.reason, Reason::Supported, "{name}");
            assert!(!it.title.is_empty(), "{name}");
        }
    }

    #[test]
    fn nothing_is_supported_or_refused_where_nothing_is_known() {
        for (name, it) in all_on(&sample::unknown(), 20) {
            assert_eq!(it.status, Unknown, "{name}: {it:?}");
        }
    }

    /// Interfaces and mounts speak without any right; bpf(2) does not.
    #[test]
    fn without_capabilities_only_files_and_interfaces_refuse() {
        for (name, it) in all_on(&sample::no_capabilities(), 20) {
            let by_files = ["big-tcp-ipv4", "big-tcp-ipv6", "mke", "xdp-acceleration"];
            let want = if by_files.contains(&name.as_str()) { Unsupported } else { Unknown };
            assert_eq!(it.status, want, "{name}: {it:?}");
        }
    }

    /// The column "doc kernel" of `cilium.md` § 2, on 5.10.
    #[test]
    fn on_5_10_what_came_later_is_missing() {
        let missing = (Unsupported, Reason::NotInKernel);
        let got = all_on(&sample::kernel(5, 10), 20);
        for name in [
            "big-tcp-ipv4",
            "big-tcp-ipv6",
            "managed-neighbours",
            "tcx",
            "netkit",
            "fib-lookup-skip-neigh",
            "multicast",
        ] {
            assert_eq!((got[name].status, got[name].reason), missing, "{name}");
        }
        // A helper that the row does not have: no BTF list in this sample to tell why.
        for name in ["bbr", "xdp-frags", "socket-lb-errors"] {
            let want = (Unsupported, Reason::HelperNotForProgramType);
            assert_eq!((got[name].status, got[name].reason), want, "{name}");
        }
        for name in [
            "ebpf-datapath",
            "hubble",
            "l7-policy",
            "fqdn-filtering",
            "kube-proxy-replacement",
            "session-affinity",
            "bandwidth-manager",
            "host-routing",
            "wireguard",
            "ipsec",
            "egress-gateway",
            "health-datapath",
        ] {
            assert_eq!(got[name].status, Supported, "{name}: {:?}", got[name].evidence);
        }
    }

    #[test]
    fn a_new_kernel_without_netkit_says_so() {
        let mut facts = sample::kernel(6, 12);
        facts.net_probes.clear();
        facts
            .bpf
            .link_types
            .insert("netkit".into(), Support::unsupported(Because::NotInKernel, "EINVAL"));
        sample::lose_option(&mut facts, "CONFIG_NETKIT");
        expect(&facts, 20, &[("netkit", Unsupported, Reason::NotInKernel)]);
    }

    #[test]
    fn what_a_feature_needs_stops_it_by_name() {
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "ENOENT");
        facts.net_probes.insert(NetProbe::FqQdisc, no);
        expect(
            &facts,
            20,
            &[
                ("bandwidth-manager", Unsupported, Reason::NotInKernel),
                ("bbr", Unsupported, Reason::BlockedByFeature),
                ("host-routing", Supported, Reason::Supported),
            ],
        );
        let bbr = &all_on(&facts, 20)["bbr"];
        assert!(bbr.evidence[0].contains("bandwidth-manager"), "{:?}", bbr.evidence);
    }

    #[test]
    fn a_release_that_does_not_start_has_no_features() {
        let mut facts = sample::kernel(6, 12);
        sample::lose_helper(&mut facts, "sched_cls", "csum_level", Because::NotInKernel);
        let absent = Reason::NotInKernel;
        expect(&facts, 18, &[("ebpf-datapath", Unsupported, absent)]);
        expect(&facts, 18, &[("wireguard", Unsupported, Reason::BlockedByRelease)]);
        expect(&facts, 17, &[("wireguard", Supported, Reason::Supported)]);
    }

    #[test]
    fn an_open_question_of_the_release_leaves_its_features_open() {
        let mut facts = sample::kernel(6, 12);
        let hidden = Support::unknown(Cause::Inconclusive, "xlated insns hidden");
        facts.bpf.features.insert(crate::facts::bpf::Feature::DeadCodeElimination, hidden);
        expect(&facts, 18, &[("wireguard", Unknown, Reason::Inconclusive)]);
        expect(&facts, 15, &[("wireguard", Supported, Reason::Supported)]);
    }

    #[test]
    fn a_feature_that_a_release_does_not_have_yet_is_refused() {
        let facts = sample::kernel(6, 12);
        expect(&facts, 15, &[("netkit", Unsupported, Reason::NotInRelease)]);
        expect(&facts, 15, &[("tcx", Unsupported, Reason::NotInRelease)]);
        expect(&facts, 16, &[("netkit", Supported, Reason::Supported)]);
    }

    #[test]
    fn l7_policy_without_xt_tproxy_still_works_by_bpf() {
        let mut facts = sample::kernel(6, 12);
        sample::set_module(&mut facts, "xt_TPROXY", ModuleState::Absent);
        expect(&facts, 20, &[("l7-policy", Supported, Reason::Supported)]);
        sample::lose_helper(&mut facts, "sched_cls", "sk_assign", Because::NotInKernel);
        expect(&facts, 18, &[("l7-policy", Unsupported, Reason::ModuleAbsent)]);
    }

    #[test]
    fn lockdown_and_missing_trampolines_take_no_feature() {
        for facts in [sample::locked_down(), sample::arm64_6_1()] {
            expect(
                &facts,
                20,
                &[
                    ("kube-proxy-replacement", Supported, Reason::Supported),
                    ("hubble", Supported, Reason::Supported),
                    ("wireguard", Supported, Reason::Supported),
                ],
            );
        }
    }
}

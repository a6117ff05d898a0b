//! Rule `config-disagrees`: the kernel configuration and the kernel's own answers tell the same.
//! Where they do not, the answers count.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::bpf::Feature;
use crate::facts::netprobe::NetProbe;
use crate::judge::reason::Reason;
use crate::judge::report::{Severity, Ternary};
use crate::judge::requirement::Requirement::{self, Bpf, Btf, Link, Net, Program, Syscall};

pub(super) const RULE: Rule =
    Rule { id: "config-disagrees", source: "https://github.com/cilium/cilium/issues/14843", check };

/// An option, and the probe that is true exactly where it is set.
const PAIRS: &[(&str, Requirement)] = &[
    ("CONFIG_BPF_SYSCALL", Syscall),
    ("CONFIG_BPF_JIT", Bpf(Feature::Jit)),
    ("CONFIG_CGROUP_BPF", Bpf(Feature::CgroupAttach)),
    ("CONFIG_BPF_LSM", Program("lsm")),
    ("CONFIG_DEBUG_INFO_BTF", Btf),
    ("CONFIG_KPROBE_EVENTS", Bpf(Feature::KprobeEvents)),
    ("CONFIG_UPROBE_EVENTS", Bpf(Feature::UprobeEvents)),
    ("CONFIG_NETKIT", Link("netkit")),
    ("CONFIG_WIREGUARD", Net(NetProbe::WireguardLink)),
    ("CONFIG_VXLAN", Net(NetProbe::VxlanLink)),
    ("CONFIG_GENEVE", Net(NetProbe::GeneveLink)),
    ("CONFIG_NET_SCH_FQ", Net(NetProbe::FqQdisc)),
    ("CONFIG_IPV6", Requirement::Ipv6),
];

fn check(case: &Case<'_>) -> Answer {
    let kconfig = match &case.facts.config.kconfig {
        Observed::Known(Some(kconfig)) => kconfig,
        Observed::Known(None) => {
            return Answer::undetermined(
                Severity::Advisory,
                Reason::KernelConfigMissing,
                "no kernel configuration to compare with",
            );
        }
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Advisory, "the kernel configuration", failure);
        }
    };
    let mut compared = 0;
    let mut evidence = Vec::new();
    for (option, probe) in PAIRS {
        let met = probe.met_by(case.facts);
        let said = kconfig.options.get(*option);
        match (said, met.holds) {
            (_, Ternary::Unknown) => continue,
            (Some(value), Ternary::No) => {
                evidence.push(format!("{option}={value}, but {}", met.evidence.join("; ")));
            }
            (None, Ternary::Yes) => {
                evidence.push(format!("{option} is not set, but {}", met.evidence.join("; ")));
            }
            (Some(_), Ternary::Yes) | (None, Ternary::No) => {}
        }
        compared += 1;
    }
    told(compared, evidence, &kconfig.path)
}

fn told(compared: usize, evidence: Vec<String>, path: &str) -> Answer {
    if !evidence.is_empty() {
        return Answer::fail(
            Severity::Advisory,
            Reason::ConfigDisagrees,
            format!("{path} and the kernel contradict each other; the kernel counts"),
        )
        .remedy(
            "A module may be missing, a boot parameter in the way, or the file another kernel's.",
        )
        .evidence(evidence);
    }
    if compared == 0 {
        let message = "the kernel answered nothing to compare with";
        return Answer::undetermined(Severity::Advisory, Reason::NotProbed, message);
    }
    Answer::pass(format!("{path} agrees with the kernel in {compared} points"))
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::facts::bpf::{Because, Support};
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    /// An option that nobody keeps would read as "not set".
    #[test]
    fn every_option_of_the_list_is_kept() {
        for (option, _) in PAIRS {
            assert!(crate::facts::config::OPTIONS.contains(option), "{option}");
        }
    }

    #[test]
    fn both_directions_are_told() {
        let mut facts = sample::kernel(6, 12);
        sample::lose_option(&mut facts, "CONFIG_VXLAN");
        let no = Support::unsupported(Because::NotInKernel, "EOPNOTSUPP");
        facts.net_probes.insert(NetProbe::WireguardLink, no);
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::ConfigDisagrees);
        assert!(answer.evidence[0].starts_with("CONFIG_WIREGUARD=y, but "), "{answer:?}");
        assert!(answer.evidence[1].starts_with("CONFIG_VXLAN is not set, but "), "{answer:?}");
    }

    #[test]
    fn agreement_passes_and_silence_is_unknown() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.config.kconfig = Observed::Known(None);
        expect(&RULE, &facts, Outcome::Undetermined, Reason::KernelConfigMissing);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}

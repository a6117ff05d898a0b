//! Rule `kernel-options`: the options that Cilium documents are set. Advisory: where a probe
//! exists the probe decides, and Cilium itself only warns.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::config::Kconfig;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "kernel-options",
    source: "https://docs.cilium.io/en/stable/operations/system_requirements/#linux-kernel",
    check,
};

/// Groups of `Documentation/operations/system_requirements.rst`, without `CONFIG_`.
#[rustfmt::skip]
const GROUPS: &[(&str, &[&str])] = &[
    ("base", &[
        "BPF", "BPF_SYSCALL", "BPF_JIT", "NET_CLS_BPF", "NET_CLS_ACT", "NET_SCH_INGRESS",
        "CRYPTO_SHA1", "CRYPTO_USER_API_HASH", "CGROUPS", "CGROUP_BPF", "PERF_EVENTS", "SCHEDSTATS",
    ]),
    ("iptables masquerading", &["NETFILTER_XT_SET", "IP_SET", "IP_SET_HASH_IP", "NETFILTER_XT_MATCH_COMMENT"]),
    ("tunnels and routing", &["VXLAN", "GENEVE", "FIB_RULES"]),
    ("L7 and FQDN policies", &[
        "NETFILTER_XT_TARGET_TPROXY", "NETFILTER_XT_TARGET_MARK", "NETFILTER_XT_TARGET_CT",
        "NETFILTER_XT_MATCH_MARK", "NETFILTER_XT_MATCH_SOCKET",
    ]),
    ("IPsec", &[
        "XFRM", "XFRM_OFFLOAD", "XFRM_STATISTICS", "XFRM_ALGO", "XFRM_USER", "INET_ESP",
        "INET6_ESP", "INET_IPCOMP", "INET6_IPCOMP", "INET_XFRM_TUNNEL", "INET6_XFRM_TUNNEL",
        "INET_TUNNEL", "INET6_TUNNEL", "CRYPTO_AEAD", "CRYPTO_AEAD2", "CRYPTO_GCM",
        "CRYPTO_SEQIV", "CRYPTO_CBC", "CRYPTO_HMAC", "CRYPTO_SHA256", "CRYPTO_AES",
    ]),
    ("bandwidth manager", &["NET_SCH_FQ"]),
    ("netkit", &["NETKIT"]),
];

fn check(case: &Case<'_>) -> Answer {
    let kconfig = match &case.facts.config.kconfig {
        Observed::Known(Some(kconfig)) => kconfig,
        Observed::Known(None) => {
            return Answer::undetermined(
                Severity::Advisory,
                Reason::KernelConfigMissing,
                "no kernel configuration found",
            );
        }
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Advisory, "the kernel configuration", failure);
        }
    };
    let missing: Vec<String> = GROUPS.iter().filter_map(|it| missing(it, kconfig)).collect();
    if missing.is_empty() {
        return Answer::pass("all options that Cilium documents are set");
    }
    Answer::fail(
        Severity::Advisory,
        Reason::KernelConfigIncomplete,
        "options that Cilium documents are not set; the probes say what that means",
    )
    .remedy("Use a kernel with these options where you need what they are for.")
    .evidence(missing)
}

fn missing((group, options): &(&str, &[&str]), kconfig: &Kconfig) -> Option<String> {
    let unset: Vec<&str> = options.iter().copied().filter(|it| !set(kconfig, it)).collect();
    (!unset.is_empty()).then(|| format!("{group}: {}", unset.join(", ")))
}

/// Whether an option is set, under its old or its new name.
fn set(kconfig: &Kconfig, option: &str) -> bool {
    let has = |it: &str| kconfig.options.contains_key(&format!("CONFIG_{it}"));
    has(option)
        || match option {
            // Merged into one option: xt_mark is match and target since 2.6.34.
            "NETFILTER_XT_TARGET_MARK" | "NETFILTER_XT_MATCH_MARK" => has("NETFILTER_XT_MARK"),
            // Only a name for the algorithms' common code; gone as an option of its own.
            "CRYPTO_AEAD" => has("CRYPTO_AEAD2"),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    /// An option that nobody keeps would read as "not set".
    #[test]
    fn every_option_of_the_list_is_kept() {
        for option in GROUPS.iter().flat_map(|(_, options)| options.iter()) {
            let name = format!("CONFIG_{option}");
            assert!(crate::facts::config::OPTIONS.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_told_by_group() {
        let mut facts = sample::kernel(6, 12);
        sample::lose_option(&mut facts, "CONFIG_VXLAN");
        sample::lose_option(&mut facts, "CONFIG_NETKIT");
        let answer = expect(&RULE, &facts, Outcome::Fail, Reason::KernelConfigIncomplete);
        assert_eq!(answer.evidence, ["tunnels and routing: VXLAN", "netkit: NETKIT"]);
        assert_eq!(answer.severity, Severity::Advisory);
    }

    #[test]
    fn complete_passes_and_missing_configuration_is_unknown() {
        let mut facts = sample::kernel(6, 12);
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.config.kconfig = Observed::Known(None);
        expect(&RULE, &facts, Outcome::Undetermined, Reason::KernelConfigMissing);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}

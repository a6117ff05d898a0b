//! The words of closed sets as labels and metric labels write them: those of the JSON.

use crate::facts::privilege::Rung;
use crate::judge::report::{
    Cni, Extent, FeatureStatus, IssueKind, Outcome, ProxyMode, Severity, Ternary,
};

/// A closed set whose members have words.
pub(super) trait Words: Copy + PartialEq + Sized + 'static {
    /// Every member and its word; the word is the one in JSON, checked by a test.
    const WORDS: &'static [(Self, &'static str)];

    /// The member's word.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|it| it.0 == self).map_or("unknown", |it| it.1)
    }
}

impl Words for Ternary {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Yes, "yes"), (Self::No, "no"), (Self::Unknown, "unknown")];
}

impl Words for Extent {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Full, "full"),
        (Self::Partial, "partial"),
        (Self::None, "none"),
        (Self::Unknown, "unknown"),
    ];
}

impl Words for FeatureStatus {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Supported, "supported"),
        (Self::Unsupported, "unsupported"),
        (Self::Unknown, "unknown"),
    ];
}

impl Words for Outcome {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Pass, "pass"),
        (Self::Fail, "fail"),
        (Self::Undetermined, "undetermined"),
        (Self::NotApplicable, "not_applicable"),
    ];
}

impl Words for Severity {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Blocking, "blocking"), (Self::Degraded, "degraded"), (Self::Advisory, "advisory")];
}

impl Words for Rung {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::None, "none"),
        (Self::Bpf, "bpf"),
        (Self::NetRaw, "net_raw"),
        (Self::SysAdmin, "sys_admin"),
    ];
}

impl Words for Cni {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Cilium, "cilium"),
        (Self::AwsVpcCni, "aws-vpc-cni"),
        (Self::AwsVpcCniCilium, "aws-vpc-cni+cilium"),
        (Self::Calico, "calico"),
        (Self::Flannel, "flannel"),
        (Self::Canal, "canal"),
        (Self::Kindnet, "kindnet"),
        (Self::Antrea, "antrea"),
        (Self::OvnKubernetes, "ovn-kubernetes"),
        (Self::KubeOvn, "kube-ovn"),
        (Self::KubeRouter, "kube-router"),
        (Self::AzureCni, "azure-cni"),
        (Self::AzureCniCilium, "azure-cni+cilium"),
        (Self::GkeDataplaneV2, "gke-dataplane-v2"),
        (Self::Weave, "weave"),
        (Self::Bridge, "bridge"),
        (Self::None, "none"),
        (Self::Unknown, "unknown"),
    ];
}

impl Words for ProxyMode {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Iptables, "iptables"),
        (Self::Ipvs, "ipvs"),
        (Self::Nftables, "nftables"),
        (Self::Cilium, "cilium"),
        (Self::Calico, "calico"),
        (Self::None, "none"),
        (Self::Unknown, "unknown"),
    ];
}

impl Words for IssueKind {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Conflict, "conflict"), (Self::Leftover, "leftover")];
}

/// The word of a closed set that has no list here: the one in JSON.
pub(super) fn json_word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect_json<T: Words + serde::Serialize>() {
        for (member, word) in T::WORDS {
            assert_eq!(json_word(member), *word);
        }
    }

    #[test]
    fn words_are_those_of_the_json() {
        expect_json::<Ternary>();
        expect_json::<Extent>();
        expect_json::<FeatureStatus>();
        expect_json::<Outcome>();
        expect_json::<Severity>();
        expect_json::<Rung>();
        expect_json::<Cni>();
        expect_json::<ProxyMode>();
        expect_json::<IssueKind>();
    }
}

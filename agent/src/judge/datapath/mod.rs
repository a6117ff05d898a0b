//! Which datapath carries the pods' packets. This version does not detect it, and says so.

use super::report::{Cni, Confidence, DatapathVerdict, ProxyMode, ServiceProxyVerdict};

const NOT_DETECTED: &str = "not detected by this version";

/// The datapath of this node: unknown.
pub fn datapath() -> DatapathVerdict {
    DatapathVerdict {
        cni: Cni::Unknown,
        mode: "unknown".into(),
        next_pod: Cni::Unknown,
        policy_engine: "unknown".into(),
        confidence: Confidence::None,
        evidence: vec![NOT_DETECTED.into()],
        conflicts: Vec::new(),
        leftovers: Vec::new(),
    }
}

/// Who translates Services: unknown.
pub fn service_proxy() -> ServiceProxyVerdict {
    ServiceProxyVerdict { mode: ProxyMode::Unknown, evidence: vec![NOT_DETECTED.into()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_detected_is_unknown_and_not_none() {
        assert_eq!((datapath().cni, datapath().next_pod), (Cni::Unknown, Cni::Unknown));
        assert_eq!(service_proxy().mode, ProxyMode::Unknown);
        assert_eq!(datapath().evidence, ["not detected by this version"]);
    }

    /// The strings of DESIGN.md § 3.
    #[test]
    fn every_cni_is_written_as_the_contract_says() {
        let want = [
            (Cni::AwsVpcCni, "aws-vpc-cni"),
            (Cni::AwsVpcCniCilium, "aws-vpc-cni+cilium"),
            (Cni::OvnKubernetes, "ovn-kubernetes"),
            (Cni::KubeOvn, "kube-ovn"),
            (Cni::KubeRouter, "kube-router"),
            (Cni::AzureCni, "azure-cni"),
            (Cni::AzureCniCilium, "azure-cni+cilium"),
            (Cni::GkeDataplaneV2, "gke-dataplane-v2"),
            (Cni::Kindnet, "kindnet"),
            (Cni::None, "none"),
            (Cni::Unknown, "unknown"),
        ];
        for (cni, word) in want {
            assert_eq!(serde_json::to_string(&cni).unwrap(), format!("\"{word}\""));
        }
    }
}

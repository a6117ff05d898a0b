//! Which datapath carries the pods' packets. This version does not detect it, and says so.

pub mod verdict;

use verdict::{DatapathVerdict, ServiceProxyVerdict};

const NOT_DETECTED: &str = "not detected by this version";

/// The datapath of this node: unknown.
pub fn datapath() -> DatapathVerdict {
    DatapathVerdict {
        mode: "unknown".into(),
        policy_engine: "unknown".into(),
        evidence: vec![NOT_DETECTED.into()],
        ..DatapathVerdict::default()
    }
}

/// Who translates Services: unknown.
pub fn service_proxy() -> ServiceProxyVerdict {
    ServiceProxyVerdict { evidence: vec![NOT_DETECTED.into()], ..ServiceProxyVerdict::default() }
}

#[cfg(test)]
mod tests {
    use super::verdict::{Cni, ProxyMode};
    use super::*;

    #[test]
    fn what_is_not_detected_is_unknown_and_not_none() {
        assert_eq!((datapath().cni, datapath().next_pod), (Cni::Unknown, Cni::Unknown));
        assert_eq!(service_proxy().mode, ProxyMode::Unknown);
        assert_eq!(datapath().evidence, ["not detected by this version"]);
    }
}

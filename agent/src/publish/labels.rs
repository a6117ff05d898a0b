//! A report as the Node's labels: few, and they change seldom.

use std::collections::BTreeMap;

use super::names::{PREFIX, label};
use super::words::{Words, json_word};
use crate::judge::NodeReport;

/// Every label and its value, under [`PREFIX`]. What could not be told is `unknown`, never absent
/// and never a no.
pub fn labels(report: &NodeReport) -> BTreeMap<String, String> {
    labels_under(PREFIX, report)
}

/// Every label and its value, under another prefix; it ends with `/`.
pub fn labels_under(prefix: &str, report: &NodeReport) -> BTreeMap<String, String> {
    let verdict = &report.verdict;
    [
        (label::EBPF, verdict.ebpf.status.word().to_owned()),
        (label::DATAPATH, json_word(&verdict.datapath.cni)),
        (label::SERVICE_PROXY, json_word(&verdict.service_proxy.mode)),
        (label::CILIUM_CAPABLE, verdict.cilium.capable.word().to_owned()),
        (label::CILIUM_READY, verdict.cilium.ready.word().to_owned()),
        // Only the Node object says, and the agent, which sees it, fills this in.
        (label::COMPUTE, "unknown".to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (format!("{prefix}{key}"), label_value(&value)))
    .collect()
}

/// One `key=value` a line: `kubectl label node NAME $(bpfready check -o labels)`.
pub fn render(report: &NodeReport) -> String {
    labels(report).iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// The word as a label may hold it: `+` is no character of a label value, so
/// `aws-vpc-cni+cilium` becomes `aws-vpc-cni_cilium`.
pub(super) fn label_value(word: &str) -> String {
    word.replace('+', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::report::Cni;

    /// Kubernetes: at most 63 characters, alphanumeric at both ends, `-`, `_` and `.` between.
    #[test]
    fn a_chained_datapath_is_a_valid_label_value() {
        for cni in [Cni::AwsVpcCniCilium, Cni::AzureCniCilium, Cni::Unknown] {
            let value = label_value(&json_word(&cni));
            assert!(value.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it)));
        }
        assert_eq!(label_value(&json_word(&Cni::AwsVpcCniCilium)), "aws-vpc-cni_cilium");
    }
}

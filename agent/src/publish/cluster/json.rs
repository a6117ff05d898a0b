//! A cluster's report as JSON: the contract `bpfready.io/v1`, kind `ClusterReport`.

use crate::judge::ClusterReport;

/// The whole report, indented, with a newline at its end.
///
/// # Errors
///
/// Never for a report of this build; the signature is that of the serialiser.
pub fn render(report: &ClusterReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|it| it + "\n")
}

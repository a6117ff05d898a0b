//! Kube-proxy replacement, and the values that need it.

use super::key::Key;
use super::{Asked, Setting, by_node, excluded};
use crate::judge::reason::Reason;
use crate::judge::report::{Finding, Release, Severity};

const NEED: &str = "Set kubeProxyReplacement=true, or this value to false.";

pub(super) fn findings(asked: &Asked<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(asked.values.kube_proxy_replacement().map(|it| replacement(asked, it)));
    found.extend(old_word(asked));
    if asked.values.kube_proxy_replacement().is_none() {
        found.extend(without_replacement(asked));
    }
    found.extend(egress_without_masquerade(asked));
    found
}

fn replacement(asked: &Asked<'_>, setting: &Setting) -> Finding {
    let met = asked.has("kube-proxy-replacement");
    let remedy = "Use a kernel that has it, or kubeProxyReplacement=false with kube-proxy.";
    by_node(setting, met, Severity::Blocking, "Cilium stops at start", remedy)
}

/// `strict`, `partial`, `probe` and `disabled` are of 1.13; from 1.14 on it is true or false.
fn old_word(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.settings.get(&Key::KubeProxyReplacement)?;
    let new = matches!(setting.text.as_str(), "true" | "false");
    (!new && asked.target > Release::one(13)).then(|| {
        let message =
            format!("{} is a word of Cilium 1.13; from 1.14 on it is true or false", setting.text);
        excluded(
            setting,
            Severity::Degraded,
            Reason::ValueNotUnderstood,
            message,
            "Set it to true or false.",
        )
    })
}

/// What Cilium does with values that need kube-proxy replacement, which is off (the default).
fn without_replacement(asked: &Asked<'_>) -> Vec<Finding> {
    use Severity::{Blocking, Degraded};
    let native = asked.values.settings.get(&Key::Acceleration).filter(|it| it.text != "disabled");
    [
        (
            asked.values.on(Key::BpfMasquerade),
            Degraded,
            "without kube-proxy replacement Cilium masquerades by iptables instead",
        ),
        (
            asked.values.on(Key::EgressGateway),
            Blocking,
            "egress gateways need kube-proxy replacement; Cilium stops at start",
        ),
        (
            asked.values.on(Key::L2Announcements),
            Degraded,
            "without kube-proxy replacement nothing is announced",
        ),
        (native, Degraded, "acceleration needs kube-proxy replacement and does nothing without it"),
    ]
    .into_iter()
    .filter_map(|(setting, severity, message)| {
        let reason =
            if severity == Blocking { Reason::ValuesExclude } else { Reason::SilentFallback };
        Some(excluded(setting?, severity, reason, message, NEED))
    })
    .collect()
}

fn egress_without_masquerade(asked: &Asked<'_>) -> Option<Finding> {
    let setting = asked.values.on(Key::EgressGateway)?;
    (!asked.values.holds(Key::BpfMasquerade, false)).then(|| {
        let message = "egress gateways need BPF masquerading; Cilium stops at start";
        excluded(
            setting,
            Severity::Blocking,
            Reason::ValuesExclude,
            message,
            "Set bpf.masquerade=true.",
        )
    })
}

//! Of Cilium's status, what a verdict may rest on. Total on any JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::facts::cilium::CiliumStatus;

/// Most addresses, controllers and redirects that are kept.
const MOST: usize = 1024;

/// Longest word that is kept.
const MOST_CHARACTERS: usize = 512;

/// Reads a `StatusResponse` (`api/v1/models/status_response.go` of Cilium).
pub(super) fn status(value: &Value) -> CiliumStatus {
    let text = |path: &str| text(value.pointer(path)?);
    let kpr = "/kube-proxy-replacement";
    CiliumStatus {
        state: text("/cilium/state"),
        message: text("/cilium/msg"),
        datapath_mode: text("/datapath-mode"),
        attach_mode: text("/attach-mode"),
        inter_host_routing: text("/routing/inter-host-routing-mode"),
        intra_host_routing: text("/routing/intra-host-routing-mode"),
        tunnel_protocol: text("/routing/tunnel-protocol"),
        kube_proxy_replacement: text(&format!("{kpr}/mode")),
        kube_proxy_features: features(value.pointer(&format!("{kpr}/features"))),
        xdp_acceleration: text(&format!("{kpr}/features/nodePort/acceleration")),
        masquerading: masquerading(value.get("masquerading")),
        encryption: text("/encryption/mode"),
        host_firewall: text("/host-firewall/mode"),
        bandwidth_manager: flag_of_part(value.get("bandwidth-manager"), "enabled"),
        hubble: text("/hubble/state"),
        envoy: text("/proxy/envoy-deployment-mode"),
        redirects: value.pointer("/proxy/total-redirects").and_then(Value::as_u64),
        redirect_names: names(value.pointer("/proxy/redirects")),
        cni_chaining: text("/cni-chaining/mode"),
        cni_file: text("/cni-file/state"),
        allocations: allocations(value.pointer("/ipam/allocations")),
        kubernetes: text("/kubernetes/state"),
        failing_controllers: failing(value.get("controllers")),
        stale: object(value.get("stale")).keys().take(MOST).map(|it| shorten(it)).collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(shorten)
}

fn shorten(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

fn object(value: Option<&Value>) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.and_then(Value::as_object).unwrap_or(&EMPTY)
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A flag that Go leaves out where it is false: absent in a part that is there is `false`.
fn flag_of_part(part: Option<&Value>, key: &str) -> Option<bool> {
    let part = part?.as_object()?;
    Some(part.get(key).and_then(Value::as_bool).unwrap_or(false))
}

fn features(value: Option<&Value>) -> BTreeMap<String, bool> {
    let feature = |(name, part): (&String, &Value)| {
        Some((shorten(name), flag_of_part(Some(part), "enabled")?))
    };
    object(value).iter().take(MOST).filter_map(feature).collect()
}

fn masquerading(value: Option<&Value>) -> Option<String> {
    let part = value?.as_object()?;
    let mode = part.get("mode").and_then(text);
    match part.get("enabled").and_then(Value::as_bool) {
        Some(true) => mode,
        Some(false) => Some("Disabled".into()),
        // Left out where false, unless this release does not know it.
        None => mode.filter(|it| !it.is_empty()).or_else(|| Some("Disabled".into())),
    }
}

fn allocations(value: Option<&Value>) -> BTreeMap<String, String> {
    let allocation = |(address, owner): (&String, &Value)| Some((shorten(address), text(owner)?));
    object(value).iter().take(MOST).filter_map(allocation).collect()
}

fn names(value: Option<&Value>) -> Vec<String> {
    items(value).iter().take(MOST).filter_map(|it| text(it.get("name")?)).collect()
}

/// Controllers whose last run failed; one that never ran is not among them.
fn failing(value: Option<&Value>) -> Vec<String> {
    let fails = |it: &&Value| {
        let failures = it.pointer("/status/consecutive-failure-count").and_then(Value::as_u64);
        failures.unwrap_or(0) > 0
    };
    items(value).iter().filter(fails).take(MOST).filter_map(|it| text(it.get("name")?)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Of the Cilium 1.17 agent in `shared/recordings/cilium-1.17-vxlan-kpr-tcx`, in parts.
    fn recorded() -> Value {
        json!({
            "attach-mode": "tcx",
            "bandwidth-manager": {"devices": null},
            "cilium": {"msg": " (v-)", "state": "Ok"},
            "cni-chaining": {"mode": "none"},
            "cni-file": {"msg": "successfully wrote", "state": "Ok"},
            "controllers": [
                {"name": "link-cache", "status": {"success-count": 54}},
                {"name": "broken", "status": {"consecutive-failure-count": 3}}
            ],
            "datapath-mode": "veth",
            "encryption": {"mode": "Disabled"},
            "hubble": {"state": "Ok"},
            "ipam": {"allocations": {"10.244.0.163": "router", "10.244.0.176": "health"}},
            "kube-proxy-replacement": {
                "features": {
                    "nat46X64": {},
                    "nodePort": {"acceleration": "Disabled", "enabled": true, "mode": "SNAT"},
                    "socketLB": {"enabled": true}
                },
                "mode": "True"
            },
            "masquerading": {"enabled": true, "mode": "BPF"},
            "routing": {
                "inter-host-routing-mode": "Tunnel",
                "intra-host-routing-mode": "BPF",
                "tunnel-protocol": "vxlan"
            }
        })
    }

    #[test]
    fn the_recorded_agent_is_read() {
        let status = status(&recorded());
        assert_eq!(status.state.as_deref(), Some("Ok"));
        assert_eq!(status.attach_mode.as_deref(), Some("tcx"));
        assert_eq!(status.inter_host_routing.as_deref(), Some("Tunnel"));
        assert_eq!(status.intra_host_routing.as_deref(), Some("BPF"));
        assert_eq!(status.kube_proxy_replacement.as_deref(), Some("True"));
        assert!(status.kube_proxy_features["socketLB"]);
        assert!(!status.kube_proxy_features["nat46X64"]);
        assert_eq!(status.masquerading.as_deref(), Some("BPF"));
        assert_eq!(status.bandwidth_manager, Some(false));
        assert_eq!(status.allocations["10.244.0.176"], "health");
        assert_eq!(status.failing_controllers, ["broken"]);
    }

    #[test]
    fn an_agent_that_says_nothing_is_no_agent_that_says_no() {
        assert_eq!(status(&json!({})), CiliumStatus::default());
        assert_eq!(status(&json!([1, "x"])), CiliumStatus::default());
        let odd =
            json!({"cilium": "x", "controllers": {}, "ipam": {"allocations": []}, "stale": 7});
        assert_eq!(status(&odd), CiliumStatus::default());
    }
}

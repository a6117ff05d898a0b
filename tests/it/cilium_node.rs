//! A real Cilium 1.17 node, recorded with `ip`, `bpftool` and the agent's socket: turned into facts
//! here, and judged as it was, with the socket gone, and with the agent gone.

use bpfready::facts::agents::{Answer, Endpoint, SocketState};
use bpfready::facts::cilium::CiliumStatus;
use bpfready::facts::cni::{Choice, ConfContent, ConfFile};
use bpfready::facts::{Cause, Facts, Failure, Observed};
use bpfready::judge::report::{Cni, Confidence, ProxyMode, Ternary, Verdict};
use bpfready::judge::{Policy, judge};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::hosts;

const CONF: &str = "/etc/cni/net.d/05-cilium.conflist";
const SOCKET: &str = "/var/run/cilium/cilium.sock";

fn text(name: &str) -> String {
    let dir = bpfready_tests::root().join("tests/recordings/cilium-1.17-vxlan-kpr-tcx");
    std::fs::read_to_string(dir.join(name)).unwrap()
}

fn read(name: &str) -> Vec<Value> {
    serde_json::from_str(&text(name)).unwrap()
}

/// A fact of the type that its place asks for.
#[track_caller]
fn known<T: DeserializeOwned>(value: Value) -> Observed<T> {
    Observed::Known(serde_json::from_value(value).unwrap())
}

/// The recorded node: the capable kernel of the same machine, and the network of the recording.
fn node() -> Facts {
    let mut facts = hosts::facts(&hosts::dir().join("linux-6.18-root"));
    network(&mut facts);
    hooks(&mut facts);
    let not_recorded = || Failure::new(Cause::NotRecorded, "not in this recording");
    facts.firewall.nftables = Observed::Known(Vec::new());
    facts.agents.processes = Observed::Unknown(not_recorded());
    agent(&mut facts);
    configuration(&mut facts);
    facts
}

fn index(name: &Value) -> Value {
    let links = read("ip-link.json");
    links.iter().find(|it| it["ifname"] == *name).map_or(Value::Null, |it| it["ifindex"].clone())
}

fn network(facts: &mut Facts) {
    let links = read("ip-link.json");
    let link = |it: &Value| {
        let up = it["flags"].as_array().unwrap().contains(&"UP".into());
        json!({
            "index": it["ifindex"], "name": it["ifname"], "kind": it["linkinfo"]["info_kind"],
            "peer_namespace": it["link_netnsid"], "mtu_bytes": it["mtu"], "state": "unknown",
            "flags": if up { 1 } else { 0 },
        })
    };
    facts.network.links = known(links.iter().map(link).collect());
    let routes = read("ip-route.json");
    let unicast = routes.iter().filter(|it| it.get("type").is_none());
    let route = |it: &Value| {
        let to = it["dst"].as_str().unwrap();
        let to = match to {
            "default" => "0.0.0.0/0".to_owned(),
            host if !host.contains('/') => format!("{host}/32"),
            net => net.to_owned(),
        };
        json!({
            "table": 254, "destination": to, "kind": "unicast", "protocol": 2, "scope": 0,
            "link": index(&it["dev"]), "gateway": it["gateway"], "flags": 0,
        })
    };
    let list: Vec<Value> = unicast.map(route).collect();
    facts.network.routes = known(json!({"list": list, "left_out": 0}));
    let table = |it: &Value| match it["table"].as_str().unwrap() {
        "local" => 255,
        "main" => 254,
        _ => 253,
    };
    let rules = read("ip-rule.json");
    let rule = |it: &Value| json!({"ipv6": false, "priority": it["priority"], "action": {"table": table(it)}});
    facts.network.rules = known(rules.iter().map(rule).collect());
    let addresses = read("ip-addr.json").into_iter().flat_map(|link| {
        let of_link = link["addr_info"].as_array().unwrap().clone();
        of_link.into_iter().filter(|it| it["scope"] == "global").map(move |it| {
            let address = format!("{}/{}", it["local"].as_str().unwrap(), it["prefixlen"]);
            json!({"link": link["ifindex"], "address": address, "scope": 0})
        })
    });
    facts.network.addresses = known(addresses.collect());
    facts.network.neighbors = Observed::Known(Vec::new());
}

fn hooks(facts: &mut Facts) {
    let tc = read("bpftool-net.json")[0]["tc"].as_array().unwrap().clone();
    let attached = tc.iter().map(|it| {
        let direction = it["kind"].as_str().unwrap().strip_prefix("tcx/").unwrap();
        json!({
            "link": it["ifindex"], "direction": direction, "program_id": it["prog_id"],
            "bpf_link_id": it["link_id"],
        })
    });
    facts.hooks.tcx = known(attached.collect());
    facts.hooks.filters = Observed::Known(Vec::new());
    facts.hooks.xdp = Observed::Known(Vec::new());
    facts.hooks.netkit = Observed::Known(Vec::new());
    let programs = read("bpftool-prog.json");
    // bpftool completes names from BTF; the kernel keeps 15 characters.
    let program = |it: &Value| {
        let name: String = it["name"].as_str().unwrap().chars().take(15).collect();
        json!({"id": it["id"], "program_type": 3, "name": name, "tag": it["tag"]})
    };
    facts.inventory.programs = known(programs.iter().map(program).collect());
    let mut of_root: serde_json::Map<String, Value> = serde_json::Map::new();
    for it in read("bpftool-cgroup.json")[0]["programs"].as_array().unwrap() {
        let hook = it["attach_type"].as_str().unwrap().to_owned();
        of_root.insert(hook, json!({"known": [it["id"]]}));
    }
    let root = json!({"cgroup_id": 1, "programs": of_root});
    facts.hooks.cgroups = known(json!({"/run/cilium/cgroupv2": {"known": root}}));
    let pins = text("bpffs.txt");
    let pins = pins.lines().filter(|it| it.contains("/links/") || it.contains("/globals/cilium_"));
    let unknown = json!({"unknown": {"cause": "not_recorded", "detail": "ids"}});
    let list: Vec<Value> = pins.map(|it| json!({"path": it, "object": unknown})).collect();
    facts.pins = known(json!({"list": list, "truncated": false}));
}

/// The agent's socket and health port, as the recording has them.
fn agent(facts: &mut Facts) {
    let said: Value = serde_json::from_str(&text("v1-healthz.json")).unwrap();
    let word = |path: &str| said.pointer(path).and_then(Value::as_str).map(str::to_owned);
    facts.cilium = Observed::Known(Some(CiliumStatus {
        state: word("/cilium/state"),
        message: word("/cilium/msg"),
        datapath_mode: word("/datapath-mode"),
        attach_mode: word("/attach-mode"),
        inter_host_routing: word("/routing/inter-host-routing-mode"),
        intra_host_routing: word("/routing/intra-host-routing-mode"),
        tunnel_protocol: word("/routing/tunnel-protocol"),
        kube_proxy_replacement: word("/kube-proxy-replacement/mode"),
        masquerading: word("/masquerading/mode"),
        encryption: word("/encryption/mode"),
        hubble: word("/hubble/state"),
        cni_chaining: word("/cni-chaining/mode"),
        ..CiliumStatus::default()
    }));
    // The recording has this one alone.
    facts.agents.sockets.clear();
    facts.agents.sockets.insert(SOCKET.into(), Observed::Known(SocketState::Listening));
    let status = text("healthz-9879.txt").trim().parse().unwrap();
    for (endpoint, status) in [(Endpoint::CiliumStatus, 200), (Endpoint::CiliumHealthz, status)] {
        let answer = Answer::Http { status, body: String::new() };
        facts.agents.endpoints.insert(endpoint, Observed::Known(answer));
    }
}

fn configuration(facts: &mut Facts) {
    let conf: Value = serde_json::from_str(&text("05-cilium.conflist")).unwrap();
    let plugins = conf["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!({"plugin_type": it["type"], "settings": {}}));
    let plugins: Vec<Value> = plugins.collect();
    let network = json!({"name": conf["name"], "is_list": true, "plugins": plugins});
    let content = ConfContent::Network(serde_json::from_value(network).unwrap());
    let file = ConfFile { path: CONF.into(), content: Observed::Known(content) };
    facts.cni.files = Observed::Known(Some(vec![file]));
    facts.cni.choice = Observed::Known(Choice::Takes(CONF.into()));
    facts.cni.disabled = Observed::Known(Vec::new());
}

fn socket_removed(facts: &mut Facts) {
    facts.cilium = Observed::Known(None);
    facts.agents.sockets.insert(SOCKET.into(), Observed::Known(SocketState::Absent));
    facts.agents.endpoints.insert(Endpoint::CiliumStatus, Observed::Known(Answer::NobodyListens));
}

fn agent_gone(facts: &mut Facts) {
    socket_removed(facts);
    facts.agents.processes = Observed::Known(Vec::new());
    facts.agents.endpoints.insert(Endpoint::CiliumHealthz, Observed::Known(Answer::NobodyListens));
}

fn verdict(facts: Facts) -> Verdict {
    judge(facts, &Policy::default()).verdict
}

#[test]
fn the_recorded_node_is_cilium_by_vxlan_with_everything_in_ebpf() {
    let verdict = verdict(node());
    let datapath = &verdict.datapath;
    assert_eq!((datapath.cni, datapath.mode.as_str()), (Cni::Cilium, "vxlan"), "{datapath:#?}");
    assert_eq!((datapath.next_pod, datapath.policy_engine.as_str()), (Cni::Cilium, "cilium"));
    assert_eq!(datapath.confidence, Confidence::Medium, "there is no pod to trace");
    for (aspect, value) in [
        ("attach", "tcx"),
        ("device", "veth"),
        ("host-routing", "bpf"),
        ("masquerading", "bpf"),
        ("kube-proxy-replacement", "true"),
        ("hubble", "ok"),
    ] {
        assert_eq!(datapath.modes[aspect], value, "{:#?}", datapath.modes);
    }
    assert!(datapath.issues.is_empty(), "{:#?}", datapath.issues);
    let proxy = &verdict.service_proxy;
    assert_eq!((proxy.mode, proxy.confidence), (ProxyMode::Cilium, Confidence::High));
    assert_eq!(verdict.cilium.ready, Ternary::Yes, "{:#?}", verdict.cilium.ready_why);
}

#[test]
fn without_the_socket_it_is_cilium_by_the_kernel_alone() {
    let mut facts = node();
    socket_removed(&mut facts);
    let not_asked = Failure::new(Cause::NotRecorded, "not asked");
    facts.agents.endpoints.insert(Endpoint::CiliumHealthz, Observed::Unknown(not_asked));
    let verdict = verdict(facts);
    let datapath = &verdict.datapath;
    assert_eq!((datapath.cni, datapath.mode.as_str()), (Cni::Cilium, "vxlan"), "{datapath:#?}");
    assert_eq!(datapath.modes["attach"], "tcx");
    assert_eq!(verdict.service_proxy.mode, ProxyMode::Cilium);
    assert_eq!(verdict.cilium.ready, Ternary::Unknown);
}

#[test]
fn without_agent_and_socket_it_is_a_leftover() {
    let mut facts = node();
    agent_gone(&mut facts);
    let verdict = verdict(facts);
    let datapath = &verdict.datapath;
    assert_eq!((datapath.cni, datapath.next_pod), (Cni::Unknown, Cni::None), "{datapath:#?}");
    let ids: Vec<&str> = datapath.issues.iter().map(|it| it.id.as_str()).collect();
    for id in ["cilium-programs-left", "cilium-conf-without-agent"] {
        assert!(ids.contains(&id), "{ids:?}");
    }
    assert!(!datapath.leftovers.is_empty());
    assert_eq!(verdict.cilium.ready, Ternary::No);
}

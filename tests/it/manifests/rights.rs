//! What the two ServiceAccounts may do, and above all what they may not.

use std::collections::BTreeSet;

use serde_json::Value;

use super::documents::{OVERLAYS, kustomized, named};

/// `verb group/resource` of every rule bound to an account, all namespaces together.
fn rights(documents: &[Value], account: &str) -> BTreeSet<String> {
    let is_bound = |binding: &&Value| {
        let subjects = binding["subjects"].as_array();
        subjects.is_some_and(|it| it.iter().any(|it| it["name"] == account))
    };
    let roles = documents.iter().filter(is_bound).map(|it| &it["roleRef"]);
    let role_of = |it: &Value| {
        let is_it =
            |role: &&Value| role["kind"] == it["kind"] && role["metadata"]["name"] == it["name"];
        documents.iter().find(is_it).unwrap_or_else(|| panic!("{it} is bound and not there"))
    };
    let rules = roles.flat_map(|it| role_of(it)["rules"].as_array().unwrap());
    rules.flat_map(one_by_one).collect()
}

fn one_by_one(rule: &Value) -> Vec<String> {
    let words = |key: &str| -> Vec<String> {
        let words = rule[key].as_array().into_iter().flatten();
        words.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let urls = words("nonResourceURLs");
    let resources = words("apiGroups").into_iter().flat_map(|group| {
        words("resources").into_iter().map(move |it| format!("{group}/{it}")).collect::<Vec<_>>()
    });
    let targets: Vec<String> = resources.chain(urls).collect();
    let verbs = words("verbs");
    verbs.iter().flat_map(|verb| targets.iter().map(move |it| format!("{verb} {it}"))).collect()
}

/// The agent's rights, one by one: a new one is a decision.
#[test]
fn the_agent_has_these_rights_and_no_others() {
    let rights = rights(&kustomized("overlays/least-privilege"), "bpfready-agent");
    let expected = [
        "create events.k8s.io/events",
        "list /nodes",
        "list /pods",
        "patch /nodes",
        "patch /nodes/status",
        "patch events.k8s.io/events",
        "watch /nodes",
        "watch /pods",
    ];
    assert_eq!(rights.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn the_controller_writes_to_these_and_no_others() {
    let rights = rights(&kustomized("overlays/least-privilege"), "bpfready-controller");
    let reads = |it: &&String| ["get ", "list ", "watch "].iter().any(|verb| it.starts_with(verb));
    let writes: Vec<&str> = rights.iter().filter(|it| !reads(it)).map(String::as_str).collect();
    let expected = [
        "create coordination.k8s.io/leases",
        "create events.k8s.io/events",
        "patch /nodes",
        "patch /nodes/status",
        "patch /pods",
        "patch coordination.k8s.io/leases",
        "patch events.k8s.io/events",
        "update coordination.k8s.io/leases",
    ];
    assert_eq!(writes, expected);
}

/// A write on the template of a NodePool replaces its nodes.
#[test]
fn no_overlay_but_one_writes_to_karpenter() {
    for name in OVERLAYS {
        let documents = kustomized(&format!("overlays/{name}"));
        for account in ["bpfready-agent", "bpfready-controller"] {
            let rights = rights(&documents, account);
            let karpenter = rights.iter().filter(|it| it.contains("karpenter"));
            let writes: Vec<_> = karpenter.filter(|it| it.starts_with("patch")).collect();
            let may = name == "nodepool-labels" && account == "bpfready-controller";
            let expected: &[&str] = if may { &["patch karpenter.sh/nodepools"] } else { &[] };
            assert_eq!(writes, expected, "{name}, {account}");
        }
    }
}

#[test]
fn nobody_reads_a_secret_or_has_a_wildcard() {
    for name in OVERLAYS {
        let documents = kustomized(&format!("overlays/{name}"));
        for account in ["bpfready-agent", "bpfready-controller"] {
            for right in rights(&documents, account) {
                assert!(!right.contains('*'), "{name}: {right}");
                let (_, target) = right.split_once(' ').unwrap();
                for word in ["secrets", "exec", "proxy", "impersonate", "bind", "escalate"] {
                    assert!(!target.ends_with(word), "{name}: {right}");
                }
                assert!(!right.starts_with("delete"), "{name}: {right}");
            }
        }
    }
}

/// What is switched off has no right.
#[test]
fn each_switch_of_fargate_takes_its_right_with_it() {
    for (switch, right) in [
        ("fargate.labelNodes", "patch /nodes"),
        ("fargate.annotatePods", "patch /pods"),
        ("fargate.events", "create events.k8s.io/events"),
    ] {
        let documents = super::documents::templated_with(&format!("{switch}=false"));
        let rights = rights(&documents, "bpfready-controller");
        assert!(!rights.contains(right), "{switch} is off: {right}");
    }
}

/// Prometheus cannot check whose certificate it is that a pod made for itself.
#[test]
fn the_token_that_prometheus_shows_to_agents_may_only_read_their_pages() {
    let documents = super::documents::templated_with(
        "secureServing.enabled=true,monitoring.podMonitor=true,monitoring.annotations=false",
    );
    let monitor = named(&documents, "PodMonitor", "bpfready-agent");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["scheme"], "https");
    let credentials = &endpoint["authorization"]["credentials"];
    assert_eq!(credentials["key"], "token", "the key that Kubernetes fills in");
    let secret = named(&documents, "Secret", credentials["name"].as_str().unwrap());
    assert_eq!(secret["type"], "kubernetes.io/service-account-token");
    let account = &secret["metadata"]["annotations"]["kubernetes.io/service-account.name"];
    let rights = rights(&documents, account.as_str().unwrap());
    assert_eq!(rights.iter().collect::<Vec<_>>(), ["get /", "get /metrics", "get /report"]);
    for document in &documents {
        assert_eq!(
            super::schema::complaint(document),
            None,
            "{}",
            super::documents::title(document)
        );
    }
}

//! The rights of the manifests are enough, and each is needed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bpfready_tests::apiserver::ApiServer;
use serde_json::{Value, json};

use super::{Agent, Cluster, PROMISE, SOON, desired, label, pod, ready, rights};

/// What a right is for, each by its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    LabelsAreWritten,
    ConditionsAreWritten,
    ChangesAreSeen,
    PodsAreSeen,
    NewPodsAreSeen,
    EventsAreTold,
    RepeatedEventsAreCounted,
}

const CLAIMS: [Claim; 7] = [
    Claim::LabelsAreWritten,
    Claim::ConditionsAreWritten,
    Claim::ChangesAreSeen,
    Claim::PodsAreSeen,
    Claim::NewPodsAreSeen,
    Claim::EventsAreTold,
    Claim::RepeatedEventsAreCounted,
];

/// Group, resource and verb of a right, and the first claim that falls without it.
const RIGHTS: [(&str, &str, &str, Claim); 8] = [
    ("", "nodes", "list", Claim::LabelsAreWritten),
    ("", "nodes", "watch", Claim::ChangesAreSeen),
    ("", "nodes", "patch", Claim::LabelsAreWritten),
    ("", "nodes/status", "patch", Claim::ConditionsAreWritten),
    ("", "pods", "list", Claim::PodsAreSeen),
    ("", "pods", "watch", Claim::NewPodsAreSeen),
    ("events.k8s.io", "events", "create", Claim::EventsAreTold),
    ("events.k8s.io", "events", "patch", Claim::RepeatedEventsAreCounted),
];

/// Runs the agent with these rights and says which claims hold, up to the last in question.
async fn claims(rights: &[Value], last: Claim, patience: Duration) -> Vec<Claim> {
    let promised = json!({PROMISE: "aws-vpc-cni"});
    let cluster = Cluster::with(ApiServer::start().await, promised, rights).await;
    let agent = cluster.agent();
    let mut held = Vec::new();
    let end = CLAIMS.iter().position(|it| *it == last).unwrap();
    for claim in CLAIMS.into_iter().take(end + 1) {
        let started = Instant::now();
        begin(claim, &cluster, &agent).await;
        while started.elapsed() < patience {
            if holds(claim, &cluster, &agent).await {
                held.push(claim);
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    held
}

async fn begin(claim: Claim, cluster: &Cluster, agent: &Agent) {
    match claim {
        Claim::ChangesAreSeen => {
            cluster.merge(json!({"metadata": {"labels": {"bpfready.io/ebpf": null}}})).await;
        }
        Claim::NewPodsAreSeen => {
            agent.pods.store(0, Ordering::Relaxed);
            let mut pod = pod();
            pod["metadata"]["name"] = "another".into();
            cluster.server.create(&pod).await;
        }
        Claim::RepeatedEventsAreCounted => {
            // Kept, and then broken as before: the same Event.
            let mut kept = desired();
            kept.datapath = "aws-vpc-cni".into();
            agent.wants(kept);
            tokio::time::sleep(Duration::from_millis(200)).await;
            agent.wants(desired());
        }
        Claim::LabelsAreWritten
        | Claim::ConditionsAreWritten
        | Claim::PodsAreSeen
        | Claim::EventsAreTold => {}
    }
}

async fn holds(claim: Claim, cluster: &Cluster, agent: &Agent) -> bool {
    let node = cluster.nodes.get("a").await.unwrap();
    match claim {
        Claim::LabelsAreWritten | Claim::ChangesAreSeen => {
            label(&node, "bpfready.io/ebpf") == Some("full")
        }
        Claim::ConditionsAreWritten => ready(&node).is_some(),
        Claim::PodsAreSeen | Claim::NewPodsAreSeen => agent.pods.load(Ordering::Relaxed) > 0,
        Claim::EventsAreTold => !cluster.events("PromiseMismatch").await.is_empty(),
        Claim::RepeatedEventsAreCounted => {
            let events = cluster.events("PromiseMismatch").await;
            events.iter().any(|it| it.series.as_ref().is_some_and(|it| it.count >= Some(2)))
        }
    }
}

/// The same documents with one verb of one resource taken out.
fn without(group: &str, resource: &str, verb: &str) -> Vec<Value> {
    let mut documents = rights();
    let mut taken = 0;
    for document in &mut documents {
        let Some(rules) = document["rules"].as_array_mut() else { continue };
        for rule in rules.iter_mut().filter(|it| it["apiGroups"][0] == group) {
            let resources = rule["resources"].as_array().unwrap();
            if resources.iter().any(|it| it == resource) {
                let verbs = rule["verbs"].as_array_mut().unwrap();
                let before = verbs.len();
                verbs.retain(|it| it != verb);
                taken += before - verbs.len();
            }
        }
    }
    assert_eq!(taken, 1, "{group}/{resource} {verb} is in the manifests once");
    for document in &mut documents {
        let Some(rules) = document["rules"].as_array_mut() else { continue };
        // A rule without verbs is not valid.
        rules.retain(|it| it["verbs"] != json!([]));
    }
    documents
}

#[tokio::test]
async fn with_the_rights_of_the_manifests_every_claim_holds() {
    assert_eq!(claims(&rights(), Claim::RepeatedEventsAreCounted, SOON).await, CLAIMS);
}

/// One test a right: its name says what the agent can no longer do.
macro_rules! without_the_right {
    ($($name:ident: $at:literal,)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (group, resource, verb, claim) = RIGHTS[$at];
            // Shorter than the backoff after which a watch that is refused lists again.
            let patience = Duration::from_millis(400);
            let held = claims(&without(group, resource, verb), claim, patience).await;
            assert!(!held.contains(&claim), "{claim:?} holds without {resource} {verb}");
        }
    )*};
}

without_the_right! {
    without_listing_nodes_no_label_is_written: 0,
    without_watching_nodes_no_change_is_seen: 1,
    without_patching_nodes_no_label_is_written: 2,
    without_patching_their_status_no_condition_is_written: 3,
    without_listing_pods_none_is_seen: 4,
    without_watching_pods_no_new_one_is_seen: 5,
    without_creating_events_none_is_told: 6,
    without_patching_events_no_repetition_is_counted: 7,
}

/// Every right of the manifests is one of those above: none is without need, none without a test.
#[test]
fn the_manifests_give_no_right_that_is_not_tested() {
    let mut given = Vec::new();
    for document in rights() {
        let rules = document["rules"].as_array().cloned().unwrap_or_default();
        for rule in rules {
            let list = |field: &str| rule[field].as_array().cloned().unwrap_or_default();
            for (group, resource) in list("apiGroups")
                .iter()
                .flat_map(|group| list("resources").into_iter().map(move |it| (group.clone(), it)))
            {
                given.extend(
                    list("verbs").into_iter().map(|it| (group.clone(), resource.clone(), it)),
                );
            }
        }
    }
    let tested = RIGHTS.map(|(group, resource, verb, _)| {
        (Value::from(group), Value::from(resource), Value::from(verb))
    });
    for right in &given {
        assert!(tested.contains(right), "{right:?} is in the manifests without a test");
    }
    assert_eq!(given.len(), tested.len());
}

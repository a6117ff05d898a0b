//! Faults that tests ask for.

use bpfready_tests::apiserver::{Fault, Match};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::api::{
    DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use serde_json::json;

use super::{code, label, with_node};

#[tokio::test]
async fn faults_happen_as_often_as_they_were_injected() {
    let (server, nodes) = with_node().await;
    let which = || Match::verb("get", "nodes");
    let faults = server.faults();
    faults.inject(which(), Fault::TooManyRequests { retry_after: 1 }, 1);
    assert_eq!(code(nodes.get("a").await), 429);
    faults.inject(which(), Fault::Status(503), 2);
    assert_eq!(code(nodes.get("a").await), 503);
    assert_eq!(code(nodes.get("a").await), 503);
    faults.inject(which(), Fault::Unauthorized, 1);
    assert_eq!(code(nodes.get("a").await), 401);
    faults.inject(which(), Fault::Reset, 1);
    let error = nodes.get("a").await.expect_err("the connection was cut");
    assert!(!matches!(error, kube::Error::Api(_)), "{error}");
    nodes.get("a").await.unwrap();
    assert_eq!(faults.left(), 0);
    faults.inject(Match::verb("patch", "nodes"), Fault::ResetAfter, 1);
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.expect_err("no answer came");
    assert_eq!(label(&nodes.get("a").await.unwrap(), "x"), Some("1"), "it was carried out");
    faults.inject(Match::verb("watch", "nodes"), Fault::Gone, 1);
    let mut events = nodes.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let event = events.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Error(ref it) if it.code == 410), "{event:?}");
    assert_eq!(server.log().counts().get(&("get", "nodes".into(), String::new(), 503)), Some(&2));
}

#[tokio::test]
async fn a_hook_writes_before_the_request_that_it_waits_for() {
    let (server, nodes) = with_node().await;
    let other = nodes.clone();
    server.before(Match::verb("patch", "nodes"), move || async move {
        let meta = ObjectMeta { name: Some("between".into()), ..ObjectMeta::default() };
        let node = Node { metadata: meta, ..Node::default() };
        other.create(&PostParams::default(), &node).await.unwrap();
    });
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    nodes.delete("between", &DeleteParams::default()).await.unwrap();
}

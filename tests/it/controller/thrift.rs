//! What the controller costs the API server: everything that there is on each node is listed once,
//! and a server that is slow is not asked again before it has answered.

use std::time::Duration;

use bpfready_tests::apiserver::{ApiServer, Fault, Match, Record};

use super::kinds::create;
use super::process::{Controller, eventually, rights};

/// Lists of this kind, in the order in which they came.
fn lists(server: &ApiServer, resource: &str) -> Vec<Record> {
    let mut lists = server.log().records();
    lists.retain(|it| it.verb == "list" && it.resource == resource);
    lists.sort_by_key(|it| it.at);
    lists
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_pods_are_listed_once_and_then_watched() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    create(&server, "ec2-karpenter-cilium").await;
    server.log().clear();
    let controller = Controller::start(&server, &token, "one", &[]);
    eventually("it has judged", || async { controller.report().await.is_some() }).await;
    eventually("the rest was read again and again", || async {
        lists(&server, "daemonsets.apps").len() >= 3
    })
    .await;
    // Of Fargate, of Cilium, of the VPC CNI, of our agent, and those that wait.
    let mut asked: Vec<String> = lists(&server, "pods").into_iter().map(|it| it.query).collect();
    asked.sort();
    asked.dedup();
    assert_eq!((asked.len(), lists(&server, "pods").len()), (5, 5), "{asked:#?}");
    assert_eq!(lists(&server, "nodes").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_is_not_asked_twice_at_once() {
    let server = ApiServer::start().await;
    let token = rights(&server).await;
    let slow = Duration::from_secs(3);
    server.faults().inject(Match::verb("list", "daemonsets.apps"), Fault::Slow(slow), 1);
    server.log().clear();
    let _controller = Controller::start(&server, &token, "one", &[]);
    eventually("it was asked again", || async { lists(&server, "daemonsets.apps").len() >= 2 })
        .await;
    let asked = lists(&server, "daemonsets.apps");
    let waited = asked[1].at.duration_since(asked[0].at);
    assert!(waited >= slow, "asked again after {waited:?}, before it had answered");
}

//! What an agent works through.

use std::time::{Duration, Instant};

use bpfready_tests::apiserver::{Fault, Match};
use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use super::{Cluster, SOON, desired, label};

/// The request meets the fault; afterwards the Node is as it should be, and changes are heard of.
async fn survives(which: Match, fault: Fault) {
    let cluster = Cluster::start().await;
    let agent = cluster.agent();
    cluster.until_published().await;
    cluster.server.faults().inject(which.clone(), fault.clone(), 1);
    if which.verb == "watch" {
        // What is open ends, so that the watch is begun anew and meets the fault.
        cluster.server.cut_connections();
    }
    let mut next = desired();
    next.labels.insert("bpfready.io/ebpf".into(), "partial".into());
    agent.wants(next);
    let is_next = |it: &Node| label(it, "bpfready.io/ebpf") == Some("partial");
    cluster.until(&format!("{fault:?}"), is_next).await;
    let started = Instant::now();
    while cluster.server.faults().left() > 0 {
        assert!(started.elapsed() < SOON, "{fault:?} was not met");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.merge(json!({"metadata": {"labels": {"bpfready.io/ebpf": null}}})).await;
    cluster.until(&format!("after {fault:?}"), is_next).await;
}

/// Each on a cluster of its own, all at once: nearly all the time is spent waiting.
async fn survives_each(verb: &'static str, faults: impl IntoIterator<Item = Fault>) {
    let all = faults.into_iter().map(|it| survives(Match::verb(verb, "nodes"), it));
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_write_survives_throttling_overload_conflicts_and_an_expired_token() {
    let codes = [409, 500, 503, 504].map(Fault::Status);
    let others = [Fault::TooManyRequests { retry_after: 1 }, Fault::Unauthorized];
    survives_each("patch", codes.into_iter().chain(others)).await;
}

#[tokio::test]
async fn a_write_survives_broken_connections_before_and_after_it_was_carried_out() {
    let slow = Fault::Slow(Duration::from_millis(500));
    survives_each("patch", [Fault::Reset, Fault::ResetAfter, slow]).await;
}

#[tokio::test]
async fn a_watch_survives_what_ends_or_refuses_it() {
    let ends = [Fault::Gone, Fault::Reset, Fault::EndWatch(Duration::from_millis(50))];
    let refusals = [Fault::Status(500), Fault::Unauthorized];
    let throttles = [Fault::TooManyRequests { retry_after: 1 }];
    survives_each("watch", ends.into_iter().chain(refusals).chain(throttles)).await;
}

//! Lists, pages, selectors and watches.

use bpfready_tests::apiserver::ApiServer;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::json;

use super::{code, get, label, node, pod, with_node};

#[tokio::test]
async fn every_change_has_a_higher_revision_and_a_watch_sees_them_in_order() {
    let (_server, nodes) = with_node().await;
    let list = nodes.list(&ListParams::default()).await.unwrap();
    let from = list.metadata.resource_version.unwrap();
    let one = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &one).await.unwrap();
    nodes.delete("a", &DeleteParams::default()).await.unwrap();
    let fields = WatchParams::default().fields("metadata.name=a");
    let events = nodes.watch(&fields, &from).await.unwrap();
    let events: Vec<_> = events.take(2).try_collect().await.unwrap();
    let [WatchEvent::Modified(changed), WatchEvent::Deleted(gone)] = events.as_slice() else {
        panic!("{events:?}");
    };
    let revision =
        |it: &Node| it.metadata.resource_version.clone().unwrap().parse::<u64>().unwrap();
    assert!(from.parse::<u64>().unwrap() < revision(changed));
    assert!(revision(changed) < revision(gone));
    assert_eq!(label(gone, "x"), Some("1"));
}

#[tokio::test]
async fn a_list_in_pages_shows_what_was_there_at_its_first_page() {
    let server = ApiServer::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        server.create(&node(name)).await;
    }
    let nodes: Api<Node> = Api::all(server.admin());
    let first = nodes.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    nodes.delete("c", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.clone().unwrap();
    let next = ListParams::default().limit(2).continue_token(&token);
    let second = nodes.list(&next).await.unwrap();
    let names: Vec<_> = second.items.iter().filter_map(|it| it.metadata.name.clone()).collect();
    assert_eq!(names, ["c", "d"]);
    assert_eq!(first.metadata.resource_version, second.metadata.resource_version);
}

#[tokio::test]
async fn selectors_choose_and_a_watch_is_told_what_leaves_the_choice() {
    let (server, nodes) = with_node().await;
    server.create(&node("b")).await;
    server.create(&pod("p", "a")).await;
    server.create(&pod("q", "b")).await;
    let pods: Api<Pod> = Api::all(server.admin());
    let on_a = pods.list(&ListParams::default().fields("spec.nodeName=a")).await.unwrap();
    assert_eq!(on_a.items.len(), 1);
    assert_eq!(code(pods.list(&ListParams::default().fields("spec.x=a")).await), 400);
    let labels = ListParams::default().labels("app in (p, q),app!=q");
    assert_eq!(pods.list(&labels).await.unwrap().items.len(), 1);
    let revision = on_a.metadata.resource_version.unwrap();
    let chosen = WatchParams::default().labels("kubernetes.io/hostname=a");
    let patch = Patch::Merge(json!({"metadata": {"labels": {"kubernetes.io/hostname": "z"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    let mut events = nodes.watch(&chosen, &revision).await.unwrap().boxed();
    let event = events.next().await.unwrap().unwrap();
    let WatchEvent::Deleted(before) = event else { panic!("{event:?}") };
    assert_eq!(label(&before, "kubernetes.io/hostname"), Some("a"));
}

#[tokio::test]
async fn metadata_alone_can_be_read_listed_and_watched() {
    let (server, nodes) = with_node().await;
    let one = nodes.get_metadata("a").await.unwrap();
    assert_eq!(one.types.unwrap().kind, "PartialObjectMetadata");
    let list = nodes.list_metadata(&ListParams::default()).await.unwrap();
    let revision = list.metadata.resource_version.unwrap();
    assert_eq!(list.items.len(), 1);
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    nodes.patch("a", &PatchParams::default(), &patch).await.unwrap();
    let mut watch = nodes.watch_metadata(&WatchParams::default(), &revision).await.unwrap().boxed();
    let event = watch.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Modified(_)), "{event:?}");
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let one = get(&server, "/api/v1/nodes/a", accept).await;
    assert_eq!(one.get("spec"), None);
}

/// The real server promises no bookmark; when it sends one, the agent must take it.
#[tokio::test]
async fn a_watch_ends_at_its_time_with_a_bookmark_before_it() {
    let server = ApiServer::in_process().await;
    server.seed([node("a")]);
    let nodes: Api<Node> = Api::all(server.admin());
    let revision = nodes.list(&ListParams::default()).await.unwrap().metadata.resource_version;
    let params = WatchParams::default().timeout(3);
    let events = nodes.watch(&params, &revision.unwrap()).await.unwrap();
    let events: Vec<_> = events.try_collect().await.unwrap();
    assert!(matches!(events.as_slice(), [WatchEvent::Bookmark(_)]), "{events:?}");
}

/// Only the in-process server forgets on demand.
#[tokio::test]
async fn a_watch_from_a_forgotten_revision_is_told_so() {
    let server = ApiServer::in_process().await;
    let nodes: Api<Node> = Api::all(server.admin());
    server.seed([node("a")]);
    server.compact();
    let mut events = nodes.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    let event = events.next().await.unwrap().unwrap();
    let WatchEvent::Error(status) = event else { panic!("{event:?}") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn a_streamed_list_ends_with_a_marked_bookmark() {
    let (_server, nodes) = with_node().await;
    let params = WatchParams::default().initial_events();
    let mut events = nodes.watch(&params, "0").await.unwrap().boxed();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Added(_)), "{first:?}");
    let second = events.next().await.unwrap().unwrap();
    let WatchEvent::Bookmark(mark) = second else { panic!("{second:?}") };
    let annotations = mark.metadata.annotations;
    assert_eq!(annotations.get("k8s.io/initial-events-end").map(String::as_str), Some("true"));
}

/// Only the in-process server forgets on demand.
#[tokio::test]
async fn a_list_that_was_compacted_away_is_gone() {
    let server = ApiServer::in_process().await;
    server.seed([node("a"), node("b")]);
    let nodes: Api<Node> = Api::all(server.admin());
    let first = nodes.list(&ListParams::default().limit(1)).await.unwrap();
    server.compact();
    let token = first.metadata.continue_.unwrap();
    let next = ListParams::default().limit(1).continue_token(&token);
    assert_eq!(code(nodes.list(&next).await), 410);
}

//! Everything that is watched, as one stream: read once, and then told as it changes.

use std::sync::{Arc, Mutex};

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt as _, Stream, StreamExt as _};
use kube::Client;
use tokio::sync::oneshot;

use crate::facts::cluster::text::Interner;
use crate::facts::cluster::{Node, Pod};
use crate::observe::cluster::Selection;
use crate::observe::cluster::follow::{Change, follow};

/// Which pods are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pods {
    /// Fargate's.
    Fargate,
    /// Of Cilium's agent.
    Cilium,
    /// Of the AWS VPC CNI.
    VpcCni,
    /// Of our own agent.
    Agents,
    /// Of DaemonSets, that wait for a node.
    Pending,
}

impl Pods {
    pub(super) const ALL: [Self; 5] =
        [Self::Fargate, Self::Cilium, Self::VpcCni, Self::Agents, Self::Pending];

    fn selection(self) -> Selection {
        match self {
            Self::Fargate => Selection::fargate_pods(),
            Self::Cilium => Selection::cilium_pods(),
            Self::VpcCni => Selection::vpc_cni_pods(),
            Self::Agents => Selection::agent_pods(),
            Self::Pending => Selection::pending_pods(),
        }
    }

    fn wanted(self) -> fn(&Pod) -> bool {
        match self {
            Self::Pending => Pod::is_of_daemon_set,
            Self::Fargate | Self::Cilium | Self::VpcCni | Self::Agents => |_| true,
        }
    }
}

/// What a watch says.
pub(super) enum Heard {
    Nodes(Change<Node>),
    Pods(Pods, Change<Pod>),
}

/// All of them. Each begins when the one before was read whole or in vain: a page of each at once
/// would be most of the memory that the controller ever takes.
pub(super) fn watches(client: &Client, prefix: &str) -> impl Stream<Item = Heard> + use<> {
    let interner = Arc::new(Mutex::new(Interner::for_prefix(prefix)));
    let nodes = Selection::nodes();
    let nodes = follow::<Node>(client.clone(), (&nodes, "Node"), Arc::clone(&interner), |_| true);
    let mut all = vec![nodes.map(Heard::Nodes).boxed()];
    for which in Pods::ALL {
        let (selection, interner) = (which.selection(), Arc::clone(&interner));
        let pods = follow::<Pod>(client.clone(), (&selection, "Pod"), interner, which.wanted());
        all.push(pods.map(move |it| Heard::Pods(which, it)).boxed());
    }
    in_turn(all)
}

/// The streams together, none begun before the one before it has said something.
fn in_turn<T: Send + 'static>(
    streams: Vec<BoxStream<'static, T>>,
) -> SelectAll<BoxStream<'static, T>> {
    let mut turn: Option<oneshot::Receiver<()>> = None;
    let begun = streams.into_iter().map(|stream| {
        let (told, next) = oneshot::channel();
        let (turn, mut told) = (turn.replace(next), Some(told));
        let begin = async move {
            if let Some(turn) = turn {
                // A stream that ended has said all it will.
                let _ = turn.await;
            }
            stream
        };
        let tell = move |_: &T| {
            if let Some(told) = told.take() {
                let _ = told.send(());
            }
        };
        begin.flatten_stream().inspect(tell).boxed()
    });
    begun.collect()
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn each_begins_when_the_one_before_has_said_something() {
        let begun = Arc::new(Mutex::new(Vec::new()));
        let streams = (0..3).map(|number| {
            let begun = Arc::clone(&begun);
            let first = async move {
                begun.lock().unwrap().push(number);
                number
            };
            stream::once(first).chain(stream::pending()).boxed()
        });
        let mut all = in_turn(streams.collect());
        for number in 0..3 {
            assert_eq!(all.next().await, Some(number));
            assert_eq!(*begun.lock().unwrap(), (0..=number).collect::<Vec<_>>());
        }
    }
}

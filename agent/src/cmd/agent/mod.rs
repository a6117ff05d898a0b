//! `bpfready agent`: looks, judges, publishes and serves, for months.

mod agree;
pub(super) mod args;
mod bell;
mod cache;
mod changes;
mod client;
mod files;
mod latest;
mod looker;
pub(super) mod memory;
mod meter;
mod process;
mod programs;
mod site;
mod supervise;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use kube::Client;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Answer;
use crate::observe::node_api::{own_node, pods_of};
use crate::publish::node::{Keeper, Seen, Tally, Wanted};
use crate::publish::serve::{self, Server};
pub use args::Args;
use bell::Bell;
use latest::Latest;
use looker::{Looker, Pods};
use supervise::Supervisor;

/// The server drains a second; what is left of two is for everything else.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Everything that the parts of the agent share.
#[derive(Debug, Default)]
struct Shared {
    latest: Latest,
    bell: Bell,
    pods: Pods,
    tally: Arc<Tally>,
    stats: Arc<serve::Stats>,
    supervisor: Supervisor,
    process: process::Process,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
///
/// When the port is taken, the host or the cluster's configuration cannot be read, or the TLS
/// certificate cannot be used. Whatever goes wrong later is told and tried again.
pub fn run(args: &Args) -> anyhow::Result<Answer> {
    // One thread serves and writes, one looks, one watches: more would only cost memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let answer = runtime.block_on(agent(args));
    // Nothing is waited for: what was asked of the kernel is undone by the end of the process.
    runtime.shutdown_background();
    answer
}

async fn agent(args: &Args) -> anyhow::Result<Answer> {
    agree::check(args)?;
    for doubt in agree::doubts(args) {
        tracing::warn!("{doubt}");
    }
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let client = client::client(args).await?;
    let server = server(args, client.as_ref())?;
    let listener = serve::listen(args.listen())
        .await
        .with_context(|| format!("cannot listen on {} (--listen)", args.listen()))?;
    let port = listener.local_addr().context("cannot tell the port")?;
    let shared = Arc::new(Shared::default());
    let (stop, stopped) = watch::channel(false);
    let (wanted, wants) = watch::channel(None);
    Looker::start(args, Arc::clone(&shared), wanted)?;
    if let Some(client) = client {
        publish(args, &client, &shared, wants);
    }
    let serving = start_serving(server, &shared, listener, stopped);
    tracing::info!(address = %port, version = env!("CARGO_PKG_VERSION"), "serving");
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
        _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
    }
    let _ = stop.send(true);
    let _ = tokio::time::timeout(FAREWELL, serving).await;
    Ok(Answer::Yes)
}

fn server(args: &Args, client: Option<&Client>) -> anyhow::Result<Server> {
    Ok(Server {
        routes: Vec::new(),
        access: args.access(client),
        tls: args.tls()?,
        limits: args.limits(),
        stats: Arc::default(),
    })
}

fn start_serving(
    server: Server,
    shared: &Arc<Shared>,
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let routes = site::routes(shared);
    let stats = Arc::clone(&shared.stats);
    let server = Arc::new(Server { routes, stats, ..server });
    tokio::spawn(serve::serve(server, listener, stopped))
}

/// Starts what speaks to the API server: two watches and the keeper of the Node.
fn publish(
    args: &Args,
    client: &Client,
    shared: &Arc<Shared>,
    wants: watch::Receiver<Option<Wanted>>,
) {
    let node = args.node().unwrap_or_default().to_owned();
    let (seen, sees) = watch::channel(Seen::Nothing);
    let seen = Arc::new(seen);
    let spread = args.spread();
    let (who, instance) = (node.clone(), args.pod_name.clone());
    let (keeps, tally) = (client.clone(), Arc::clone(&shared.tally));
    shared.supervisor.spawn(shared, "keeper", move || {
        let mut keeper = Keeper::new(
            keeps.clone(),
            (&who, instance.clone()),
            spread,
            Arc::clone(&tally),
            (sees.clone(), wants.clone()),
        );
        async move { keeper.run().await }
    });
    let (watched, name) = (client.clone(), node.clone());
    shared.supervisor.spawn(shared, "node_watch", move || {
        let states = own_node(watched.clone(), &name);
        let seen = Arc::clone(&seen);
        states.for_each(move |state| {
            seen.send_replace(state.map_or(Seen::Absent, |it| Seen::Node(Arc::new(it))));
            std::future::ready(())
        })
    });
    let (watched, listens) = (client.clone(), Arc::clone(shared));
    shared.supervisor.spawn(shared, "pod_watch", move || {
        let lists = pods_of(watched.clone(), &node);
        let shared = Arc::clone(&listens);
        lists.for_each(move |pods| {
            shared.pods.put(pods);
            shared.bell.ring("pods");
            std::future::ready(())
        })
    });
}

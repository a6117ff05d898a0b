//! `bpfready controller`: the whole cluster, for good.

mod args;
mod latest;
mod site;
mod starts;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

pub use args::Args;

use super::Answer;
use super::agent::memory;
use super::cluster::reports::reduce;
use super::cluster::source::addresses;
use crate::facts::cluster::text::Interner;
use crate::facts::cluster::{Cluster, Node, Pod, Time};
use crate::judge;
use crate::judge::cluster::Measurements;
use crate::observe::cluster::follow::{Change, follow};
use crate::observe::cluster::{Reader, Selection, agents, read};
use crate::publish::cluster::Author;
use crate::publish::cluster::lease;
use crate::publish::cluster::metrics::Starts;
use crate::publish::cluster::writer::{Sent, Writer};
use crate::publish::cluster::writes::{Write, missing};
use crate::publish::serve;
use latest::{Latest, Published};
use starts::Counted;
use world::World;

/// From a change to the judgement that holds it: a burst is judged once.
const SETTLE: Duration = Duration::from_secs(1);
/// How long what is in flight may take at the end.
const DRAIN: Duration = Duration::from_millis(1500);

/// What the parts of the controller share.
pub(super) struct Shared {
    latest: Latest,
    starts: Starts,
    sent: Arc<Sent>,
    reader: Reader,
    leads: watch::Receiver<bool>,
}

/// Runs until a signal ends it.
///
/// # Errors
///
/// When it cannot start: no way to the API server, the port is taken, values that cannot be read.
pub fn run(args: &Args) -> anyhow::Result<Answer> {
    let node_policy = args.asked.node_policy()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start")?;
    runtime.block_on(control(args, Arc::new(node_policy)))?;
    // A request that hangs keeps nobody from ending.
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(Answer::Yes)
}

async fn control(args: &Args, node_policy: Arc<judge::Policy>) -> anyhow::Result<()> {
    let client = args.client().await?;
    let listener = serve::listen(args.listen)
        .await
        .with_context(|| format!("cannot serve on {} (--listen)", args.listen))?;
    let (stop, stopped) = watch::channel(false);
    let (lead, leads) = watch::channel(false);
    let (tell, told) = watch::channel(Arc::new(Vec::new()));
    let shared = Arc::new(Shared {
        latest: Latest::default(),
        starts: Starts::default(),
        sent: Arc::default(),
        reader: Reader::new(client.clone()),
        leads: leads.clone(),
    });
    let server = Arc::new(serve::Server {
        routes: site::routes(&shared),
        access: serve::access::Access::Open,
        tls: None,
        limits: serve::Limits::default(),
        stats: Arc::default(),
    });
    let candidate = args.candidate();
    let writer = Writer {
        client: client.clone(),
        author: Author { instance: candidate.identity.clone(), prefix: args.prefix.clone() },
        pace: args.pace(),
        leads,
        missing: told,
        sent: Arc::clone(&shared.sent),
    };
    let serving = tokio::spawn(serve::serve(server, listener, stopped.clone()));
    let election = {
        let (client, stopped) = (client.clone(), stopped.clone());
        tokio::spawn(async move { lease::take_part(client, candidate, &lead, stopped).await })
    };
    tokio::spawn(writer.run());
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    tracing::info!(listen = %args.listen, "watching");
    tokio::select! {
        () = Loop::new(args, node_policy, shared, tell).run() => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.send_replace(true);
    let ended = async { tokio::join!(serving, election) };
    let _ = tokio::time::timeout(DRAIN, ended).await;
    Ok(())
}

/// News for the world.
enum News {
    Rest(Box<Cluster>),
    Measured(Measurements),
}

/// Hears, judges, tells.
struct Loop<'a> {
    args: &'a Args,
    node_policy: Arc<judge::Policy>,
    shared: Arc<Shared>,
    tell: watch::Sender<Arc<Vec<Write>>>,
    world: World,
    counted: Counted,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    /// Agents are being asked.
    asking: bool,
    asked: Option<Instant>,
}

impl<'a> Loop<'a> {
    fn new(
        args: &'a Args,
        node_policy: Arc<judge::Policy>,
        shared: Arc<Shared>,
        tell: watch::Sender<Arc<Vec<Write>>>,
    ) -> Self {
        let now = now();
        Self {
            args,
            node_policy,
            shared,
            tell,
            world: World::new(Cluster::not_read(now)),
            counted: Counted::new(Time(i64::try_from(now).unwrap_or(i64::MAX))),
            news: mpsc::channel(2),
            asking: false,
            asked: None,
        }
    }

    async fn run(mut self) {
        let client = self.shared.reader.client().clone();
        let interner = || Interner::for_prefix(&self.args.prefix);
        let nodes = follow::<Node>(client.clone(), &Selection::nodes(), "Node", interner());
        let pods = follow::<Pod>(client, &Selection::fargate_pods(), "Pod", interner());
        tokio::pin!(nodes, pods);
        let mut refresh = interval(self.args.refresh());
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut settle = interval(SETTLE);
        settle.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changed = false;
        loop {
            tokio::select! {
                Some(change) = nodes.next() => {
                    changed |= is_news(&change);
                    self.world.nodes(change);
                }
                Some(change) = pods.next() => {
                    changed |= is_news(&change);
                    self.world.pods(change);
                }
                Some(news) = self.news.1.recv() => {
                    self.hear(news);
                    changed = true;
                }
                _ = refresh.tick() => self.refresh(),
                _ = settle.tick(), if changed && self.world.is_whole() => {
                    self.judge();
                    changed = false;
                }
            }
        }
    }

    /// Reads beside the loop: watches go on meanwhile.
    fn refresh(&self) {
        let (shared, news) = (Arc::clone(&self.shared), self.news.0.clone());
        let mut interner = Interner::for_prefix(&self.args.prefix);
        tokio::spawn(async move {
            let rest = read::rest(&shared.reader, &mut interner, now()).await;
            let _ = news.send(News::Rest(Box::new(rest))).await;
        });
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Rest(rest) => {
                self.world.rest(*rest);
                self.ask_agents();
            }
            News::Measured(measurements) => {
                self.asking = false;
                self.world.measurements = measurements;
            }
        }
    }

    fn ask_agents(&mut self) {
        let Some(often) = self.args.reports() else { return };
        if self.asking || self.asked.is_some_and(|it| it.elapsed() < often) {
            return;
        }
        (self.asking, self.asked) = (true, Some(Instant::now()));
        let (nodes, asking) = (addresses(&self.world.cluster), self.args.asking());
        let (policy, news) = (Arc::clone(&self.node_policy), self.news.0.clone());
        tokio::spawn(async move {
            let measured = agents::ask(nodes, asking, |it| reduce(&policy, it)).await;
            let _ = news.send(News::Measured(measured)).await;
        });
    }

    fn judge(&mut self) {
        let began = Instant::now();
        self.world.cluster.taken_at_seconds = now();
        let World { cluster, measurements, .. } = &self.world;
        let report = judge::cluster::judge(cluster, measurements, &self.args.asked.policy());
        self.counted.count(cluster, &report, &self.shared.starts);
        let missing = missing(cluster, &report, self.args.switches());
        let pending = missing.len();
        self.tell.send_replace(Arc::new(missing));
        let failures = cluster.failures();
        match Published::of(&report, &failures, began.elapsed(), pending) {
            Ok(published) => self.shared.latest.set(published),
            Err(error) => tracing::error!(%error, "cannot publish the report"),
        }
        tracing::debug!(nodes = report.nodes.len(), pending, took = ?began.elapsed(), "judged");
        drop(report);
        memory::give_back();
    }
}

fn is_news<T>(change: &Change<T>) -> bool {
    !matches!(change, Change::Broken(_))
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

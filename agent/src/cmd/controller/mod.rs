//! `bpfready controller`: the whole cluster, for good.

mod args;
mod latest;
mod site;
mod starts;
mod watches;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

pub use args::Args;

use super::Answer;
use super::agent::memory;
use super::cluster::reports::Reducer;
use super::cluster::source::addresses;
use crate::facts::cluster::text::Interner;
use crate::facts::cluster::{Cluster, Time};
use crate::judge;
use crate::judge::cluster::Measurements;
use crate::observe::cluster::{Reader, agents, read};
use crate::publish::cluster::Author;
use crate::publish::cluster::lease;
use crate::publish::cluster::metrics::Starts;
use crate::publish::cluster::writer::{Sent, Writer};
use crate::publish::cluster::writes::{Write, missing};
use crate::publish::serve;
use latest::{Latest, Published};
use starts::Counted;
use watches::watches;
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
    let mut election = {
        let (client, stopped) = (client.clone(), stopped.clone());
        tokio::spawn(async move { lease::take_part(client, candidate, &lead, stopped).await })
    };
    let mut writing = tokio::spawn(writer.run());
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    tracing::info!(listen = %args.listen, "watching");
    tokio::select! {
        () = Loop::new(args, node_policy, shared, tell).run() => {}
        // A leader that writes nothing, or that no longer looks whether it leads, is worse than none.
        ended = &mut election => anyhow::bail!("the election broke: {ended:?}. Please report this"),
        ended = &mut writing => anyhow::bail!("the writer broke: {ended:?}. Please report this"),
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
    /// What is not watched is being read. A server that is slow is not asked twice at once.
    reading: Option<JoinHandle<()>>,
    /// Agents are being asked.
    asking: Option<JoinHandle<()>>,
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
            reading: None,
            asking: None,
            asked: None,
        }
    }

    async fn run(mut self) {
        let heard = watches(self.shared.reader.client(), &self.args.prefix);
        tokio::pin!(heard);
        let mut refresh = interval(self.args.refresh());
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut settle = interval(SETTLE);
        settle.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changed = false;
        loop {
            tokio::select! {
                Some(heard) = heard.next() => changed |= self.world.hear(heard),
                Some(news) = self.news.1.recv() => {
                    self.hear(news);
                    changed = true;
                }
                _ = refresh.tick() => self.refresh(),
                _ = settle.tick(), if changed && self.world.is_whole() => {
                    self.judge();
                    changed = false;
                    // The first time; after that they are asked when the rest was read.
                    if self.asked.is_none() {
                        self.ask_agents();
                    }
                }
            }
        }
    }

    /// Reads beside the loop: watches go on meanwhile.
    fn refresh(&mut self) {
        if is_under_way(self.reading.as_ref()) {
            tracing::warn!("the API server has not answered everything since the last time");
            return;
        }
        let (shared, news) = (Arc::clone(&self.shared), self.news.0.clone());
        let mut interner = Interner::for_prefix(&self.args.prefix);
        self.reading = Some(tokio::spawn(async move {
            let rest = read::rest(&shared.reader, &mut interner, now()).await;
            let _ = news.send(News::Rest(Box::new(rest))).await;
        }));
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Rest(rest) => {
                self.world.rest(*rest);
                self.ask_agents();
            }
            News::Measured(measurements) => self.world.measurements = measurements,
        }
    }

    /// Asks where agents are; before the nodes and their pods were listed nobody knows.
    fn ask_agents(&mut self) {
        let Some(often) = self.args.reports().filter(|_| self.world.is_whole()) else { return };
        let is_soon = self.asked.is_some_and(|it| it.elapsed() < often);
        if is_soon || is_under_way(self.asking.as_ref()) {
            return;
        }
        self.asked = Some(Instant::now());
        let (nodes, asking) = (addresses(&self.world.cluster), self.args.asking());
        // Anew each time: what no node says any more is forgotten.
        let reducer = Reducer::new((*self.node_policy).clone());
        let news = self.news.0.clone();
        self.asking = Some(tokio::spawn(async move {
            let measured = agents::ask(nodes, asking, |it| reducer.reduce(it)).await;
            let _ = news.send(News::Measured(measured)).await;
        }));
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

fn is_under_way(task: Option<&JoinHandle<()>>) -> bool {
    task.is_some_and(|it| !it.is_finished())
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

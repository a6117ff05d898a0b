//! `cargo xtask bench fleet`: 5,000 agents against one API server, all in this process.
//!
//! Each has its own watch of its own Node and the real keeper; only what it wants is given. Prints
//! the writes per second when all start at once, in steady state, and after a change that reaches
//! all of them in the same moment. Traffic goes to 127.0.0.1 only.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bpfready::observe::node_api::own_node;
use bpfready::publish::node::desired::{Status, WantedCondition};
use bpfready::publish::node::pace::{Spread, Urgency};
use bpfready::publish::node::{Desired, Keeper, Seen, Tally, Wanted};
use bpfready_tests::apiserver::ApiServer;
use futures::StreamExt as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::sync::watch;

const AGENTS: usize = 5_000;
/// Agents that share a connection pool; a pool opens a connection for each watch anyway.
const POOL: usize = 100;
/// How long steady state is looked at: until each has sent its heartbeat.
const STEADY: Duration = Duration::from_secs(330);
/// Each watch and each connection of a write is a socket at either end.
const DESCRIPTORS: u64 = 65_536;
/// A phase is over when nobody has anything to write, or after so long: then the server is too slow
/// for the figure to mean anything.
const LONGEST: Duration = Duration::from_secs(60);

type Wants = watch::Sender<Option<Wanted>>;

fn main() -> Result<(), Box<dyn Error>> {
    let enough = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    // Only root may have more than the limit; what exceeds it meets agents that try again.
    setrlimit(Resource::Nofile, enough).or_else(|_| {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(fleet())
}

async fn fleet() -> Result<(), Box<dyn Error>> {
    let server = ApiServer::in_process().await;
    server.seed((0..AGENTS).map(node));
    let spread = Spread::default();
    println!("{AGENTS} agents; heartbeat {:?}, spread {:?}", spread.heartbeat, spread.routine);
    let agents = start(&server, spread);
    watched(&server).await?;
    println!("\n| phase | seconds | writes | mean a second | most in a second | wanted |");
    println!("| --- | --- | --- | --- | --- | --- |");
    #[expect(clippy::cast_precision_loss, reason = "five thousand fit")]
    let (all, routine) = (AGENTS as f64, spread.routine.as_secs_f64());
    // Spread evenly, with half as many more for luck of the draw. A start writes labels and
    // condition, a change tells of itself by an Event as well.
    let spread_over = |writes: f64, seconds: f64| 1.5 * writes * all / seconds;
    let until = |ebpf| Until::All(ebpf, LONGEST);
    want(&agents, "full", Urgency::Routine);
    measure(&server, "all start at once", until("full"), spread_over(2.0, routine)).await?;
    // The first heartbeat is the most crowded: it comes a tenth early to a tenth late.
    let beats = spread_over(1.0, spread.heartbeat.as_secs_f64() / 5.0);
    measure(&server, "steady state", Until::Time(STEADY), beats).await?;
    want(&agents, "partial", Urgency::Routine);
    let changes = spread_over(3.0, routine);
    measure(&server, "all change at once, at a routine look", until("partial"), changes).await?;
    want(&agents, "none", Urgency::Event);
    let told = f64::INFINITY;
    measure(&server, "all change at once, by an event on each", until("none"), told).await
}

/// When a phase ends.
enum Until {
    /// Every Node says this, or so long has passed: an update was lost, or the server is too slow.
    All(&'static str, Duration),
    /// So long has passed.
    Time(Duration),
}

/// Waits until every agent has its watch, as agents that have run for a while.
async fn watched(server: &ApiServer) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    while server.watches() < AGENTS {
        if started.elapsed() > LONGEST {
            return Err(
                format!("{} of {AGENTS} watches after {LONGEST:?}", server.watches()).into()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{AGENTS} watches after {:.1?}.", started.elapsed());
    Ok(())
}

fn node(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name(number),
        "labels": {"kubernetes.io/hostname": name(number), "kubernetes.io/os": "linux"}}})
}

fn name(number: usize) -> String {
    format!("ip-10-0-{}-{}", number / 256, number % 256)
}

fn start(server: &ApiServer, spread: Spread) -> Vec<Wants> {
    let mut client = server.admin();
    let one = |number: usize| {
        if number.is_multiple_of(POOL) {
            client = server.admin();
        }
        let (seen, sees) = watch::channel(Seen::Nothing);
        let (wanted, wants) = watch::channel(None);
        let who = name(number);
        let tally = Arc::new(Tally::default());
        let mut keeper = Keeper::new(client.clone(), (&who, None), spread, tally, (sees, wants));
        tokio::spawn(async move { keeper.run().await });
        let states = own_node(client.clone(), &who);
        tokio::spawn(states.for_each(move |state| {
            seen.send_replace(state.map_or(Seen::Absent, |it| Seen::Node(Arc::new(it))));
            std::future::ready(())
        }));
        wanted
    };
    (0..AGENTS).map(one).collect()
}

fn want(agents: &[Wants], ebpf: &str, urgency: Urgency) {
    let status = if ebpf == "full" { Status::True } else { Status::False };
    let condition = WantedCondition {
        kind: "bpfready.io/EbpfReady".into(),
        status,
        reason: "Measured".into(),
        message: format!("eBPF: {ebpf}."),
    };
    let desired = Arc::new(Desired {
        labels: [("bpfready.io/ebpf".to_owned(), ebpf.to_owned())].into(),
        conditions: vec![condition],
        taint: "bpfready.io/not-ready".into(),
        is_gate_open: true,
        promise: "bpfready.io/expect-datapath".into(),
        compute: "bpfready.io/compute".into(),
        datapath: "cilium".into(),
    });
    for agent in agents {
        agent.send_replace(Some(Wanted { desired: Arc::clone(&desired), urgency }));
    }
}

async fn measure(
    server: &ApiServer,
    phase: &str,
    until: Until,
    wanted: f64,
) -> Result<(), Box<dyn Error>> {
    server.log().clear();
    let started = Instant::now();
    let is_whole = match until {
        Until::Time(time) => {
            tokio::time::sleep(time).await;
            true
        }
        Until::All(ebpf, longest) => settled(server, ebpf, started + longest).await,
    };
    let time = started.elapsed();
    let records = server.log().records();
    let writes: Vec<u64> = records
        .iter()
        .filter(|it| matches!(it.verb, "create" | "update" | "patch"))
        .map(|it| it.at.saturating_duration_since(started).as_secs())
        .collect();
    let most = (0..=time.as_secs()).map(|second| writes.iter().filter(|it| **it == second).count());
    let most = most.max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "so many writes fit")]
    let (count, most_f) = (writes.len() as f64, most as f64);
    let verdict = match wanted {
        _ if !is_whole => "NOT OVER: no figure".to_owned(),
        it if it.is_infinite() => "told".to_owned(),
        it if most_f <= it => format!("at most {it:.0}: yes"),
        it => format!("at most {it:.0}: NO"),
    };
    let (seconds, mean) = (time.as_secs_f64(), count / time.as_secs_f64());
    println!("| {phase} | {seconds:.0} | {} | {mean:.1} | {most} | {verdict} |", writes.len());
    if is_whole { Ok(()) } else { Err("the API server was too slow, or updates were lost".into()) }
}

/// Whether every Node says what its agent wanted last: no update is lost, however busy this machine
/// is. Asking costs the server a look at all Nodes, so it is done every other second.
async fn settled(server: &ApiServer, ebpf: &str, until: Instant) -> bool {
    let client = server.admin();
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Of descriptors there may be too few for a moment, when all write at once.
        let nodes = list(&client).await.unwrap_or_default();
        let says = |it: &&Value| {
            let condition = &it["status"]["conditions"][0]["message"];
            it["metadata"]["labels"]["bpfready.io/ebpf"] == ebpf
                && *condition == format!("eBPF: {ebpf}.")
        };
        if nodes.iter().filter(says).count() == AGENTS {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
    }
}

async fn list(client: &kube::Client) -> Result<Vec<Value>, Box<dyn Error>> {
    let request = http::Request::get("/api/v1/nodes").body(Vec::new())?;
    let list: Value = client.request(request).await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

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
/// How long steady state is looked at.
const STEADY: Duration = Duration::from_secs(60);
/// A start and a change are over by then: the spread of thirty seconds and what follows it.
const OVER: Duration = Duration::from_secs(45);

type Wants = watch::Sender<Option<Wanted>>;

fn main() -> Result<(), Box<dyn Error>> {
    // Each watch is a socket at either end; what exceeds the limit meets agents that try again.
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(fleet())
}

async fn fleet() -> Result<(), Box<dyn Error>> {
    let server = ApiServer::in_process().await;
    server.seed((0..AGENTS).map(node));
    let spread = Spread::default();
    println!("{AGENTS} agents; heartbeat {:?}, spread {:?}", spread.heartbeat, spread.routine);
    println!("\n| phase | seconds | writes | mean a second | most in a second | wanted |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let agents = start(&server, spread);
    #[expect(clippy::cast_precision_loss, reason = "five thousand fit")]
    let (all, routine) = (AGENTS as f64, spread.routine.as_secs_f64());
    want(&agents, "full", Urgency::Routine);
    // Labels, condition: two writes an agent, and one more for luck of the draw.
    measure(&server, "all start at once", OVER, 3.0 * all / routine).await;
    let beats = all / spread.heartbeat.as_secs_f64();
    measure(&server, "steady state", STEADY, 3.0 * beats).await;
    want(&agents, "partial", Urgency::Routine);
    measure(&server, "all change at once, at a routine look", OVER, 3.0 * all / routine).await;
    want(&agents, "none", Urgency::Event);
    measure(&server, "all change at once, by an event on each", OVER, f64::INFINITY).await;
    settled(&server).await
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

async fn measure(server: &ApiServer, phase: &str, time: Duration, wanted: f64) {
    server.log().clear();
    let started = Instant::now();
    tokio::time::sleep(time).await;
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
        it if it.is_infinite() => "told".to_owned(),
        it if most_f <= it => format!("at most {it:.0}: yes"),
        it => format!("at most {it:.0}: NO"),
    };
    let (seconds, mean) = (time.as_secs(), count / time.as_secs_f64());
    println!("| {phase} | {seconds} | {} | {mean:.1} | {most} | {verdict} |", writes.len());
}

/// Every Node says what its agent wanted last: no update is lost, however busy this machine is.
async fn settled(server: &ApiServer) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    loop {
        let request = http::Request::get("/api/v1/nodes?labelSelector=bpfready.io/ebpf=none");
        let list: Value = server.admin().request(request.body(Vec::new())?).await?;
        let done = list["items"].as_array().map_or(0, Vec::len);
        if done == AGENTS || started.elapsed() > 2 * OVER {
            println!("\n{done} of {AGENTS} Nodes say what was wanted last.");
            return if done == AGENTS { Ok(()) } else { Err("updates were lost".into()) };
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

//! The arguments of the controller.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgAction, Args as ClapArgs};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::cmd::agent::args::{address, prefix};
use crate::cmd::cluster::AskedArgs;
use crate::cmd::logging::LogFormat;
use crate::cmd::token;
use crate::observe::cluster::agents::Asking;
use crate::publish::cluster::lease::Candidate;
use crate::publish::cluster::writes::Switches;

/// Watch this cluster for good: report Fargate, keep the matrix, check NodePools
///
/// Runs as a Deployment. All replicas watch and serve; one of them, by Lease, writes and tells
/// Prometheus about the cluster. Never writes a NodePool's, NodeClaim's or NodeClass' spec.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub(super) asked: AskedArgs,
    /// Where to serve: ADDRESS:PORT, or :PORT on all addresses
    #[arg(long, env = "BPFREADY_LISTEN", value_name = "ADDRESS", default_value = ":9770", value_parser = address)]
    pub(super) listen: SocketAddr,
    /// Prefix of labels, conditions, annotations and taint, as the agents have it
    #[arg(long, env = "BPFREADY_PREFIX", value_name = "DOMAIN", default_value = "bpfready.io", value_parser = prefix)]
    pub(super) prefix: String,
    /// Label Fargate Nodes and set their condition EbpfReady
    #[arg(long, env = "BPFREADY_FARGATE_NODES", value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    fargate_nodes: bool,
    /// Annotate Fargate Pods
    #[arg(long, env = "BPFREADY_FARGATE_PODS", value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    fargate_pods: bool,
    /// Send one Event about each Fargate Pod
    #[arg(long, env = "BPFREADY_FARGATE_EVENTS", value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    fargate_events: bool,
    /// Label NodePools' metadata with what is verified on their nodes; needs a right of its own
    #[arg(long, env = "BPFREADY_LABEL_NODEPOOLS", value_name = "BOOL", default_value_t = false, action = ArgAction::Set)]
    label_nodepools: bool,
    /// Most writes a second
    #[arg(long, env = "BPFREADY_WRITES_PER_SECOND", value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    writes_per_second: u32,
    /// Read what is not watched this often, in seconds
    #[arg(long, env = "BPFREADY_REFRESH", value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    refresh: u64,
    /// Ask the agents for their reports this often, in seconds; 0: never, labels tell a part
    #[arg(long, env = "BPFREADY_REPORTS", value_name = "SECONDS", default_value_t = 300)]
    reports: u64,
    /// The agents' port
    #[arg(long, env = "BPFREADY_AGENT_PORT", value_name = "PORT", default_value_t = 9770)]
    agent_port: u16,
    /// Namespace of the Lease
    #[arg(long, env = "BPFREADY_NAMESPACE", value_name = "NAME", default_value = "bpfready")]
    namespace: String,
    /// Name of the Lease
    #[arg(
        long,
        env = "BPFREADY_LEASE",
        value_name = "NAME",
        default_value = "bpfready-controller"
    )]
    lease: String,
    /// How long a leader leads without a word from it, in seconds
    #[arg(long, env = "BPFREADY_LEASE_SECONDS", value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=600))]
    lease_seconds: u64,
    /// Who this is among the replicas; in a pod: its name
    #[arg(long, env = "BPFREADY_POD_NAME", value_name = "NAME")]
    pod_name: Option<String>,
    /// How to log
    #[arg(long, env = "BPFREADY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(in crate::cmd) log_format: LogFormat,
    /// Reach the cluster by this kubeconfig; else by KUBECONFIG, else as a pod
    #[arg(long, env = "BPFREADY_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  bpfready controller --kubeconfig ~/.kube/config --namespace default
  bpfready controller --fargate-pods false --fargate-events false
  bpfready controller --policy strict-cluster-wide

Ends with 0 after SIGTERM or SIGINT, with 2 when it cannot start. Gives its Lease back, deletes nothing.
";

/// A name that no other replica has: in containers all have the same process id, and on the host's
/// network the same host name too.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let chance = RandomState::new().hash_one(std::process::id());
    format!("{}-{chance:016x}", host.trim())
}

impl Args {
    pub(super) fn switches(&self) -> Switches {
        Switches {
            nodes: self.fargate_nodes,
            pods: self.fargate_pods,
            events: self.fargate_events,
            node_pools: self.label_nodepools,
            assumed: self.asked.policy().fargate,
        }
    }

    /// From one write to the next.
    pub(super) fn pace(&self) -> Duration {
        Duration::from_secs(1) / self.writes_per_second
    }

    pub(super) fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh)
    }

    /// How often agents are asked; `None`: never.
    pub(super) fn reports(&self) -> Option<Duration> {
        (self.reports > 0).then(|| Duration::from_secs(self.reports))
    }

    pub(super) fn asking(&self) -> Asking {
        Asking { port: self.agent_port, ..Asking::default() }
    }

    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            namespace: self.namespace.clone(),
            name: self.lease.clone(),
            identity: self.pod_name.clone().unwrap_or_else(identity),
            lasts: Duration::from_secs(self.lease_seconds),
        }
    }

    pub(super) async fn client(&self) -> anyhow::Result<Client> {
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path)
                    .with_context(|| format!("cannot use {} (--kubeconfig)", path.display()))?;
                Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
            }
            None => Config::infer().await.context(
                "no way to the API server: neither a kubeconfig nor a pod's service account",
            )?,
        };
        config.connect_timeout = Some(Duration::from_secs(10));
        // Each part decides when to try again.
        config.default_retry = false;
        token::client(config)
    }
}

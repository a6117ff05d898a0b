//! Where a cluster is looked at: an API server by its kubeconfig, or a dump of objects.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use clap::{Args as ClapArgs, ValueEnum};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::objects;
use super::reports::Reducer;
use crate::cmd::agent::args::prefix;
use crate::cmd::progress;
use crate::facts::cluster::{Cluster, Interner, Text};
use crate::judge::Policy;
use crate::judge::cluster::{Measurements, nodes_with_agents};
use crate::observe::cluster::agents::{self, Asking};
use crate::observe::cluster::{self, Reader, failure};

/// Where to look.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct SourceArgs {
    /// The kubeconfig; without it: $KUBECONFIG, ~/.kube/config, or the pod's ServiceAccount
    #[arg(long, value_name = "FILE", conflicts_with = "objects")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; without it: its current one
    #[arg(long, env = "BPFREADY_CONTEXT", value_name = "NAME", conflicts_with = "objects")]
    pub(super) context: Option<String>,
    /// Judge a dump of objects instead: YAML or JSON of `kubectl get`; `-` is standard input
    ///
    /// A file, or a folder of files. A kind of which it holds nothing, not even an empty list, is
    /// unknown.
    #[arg(long, value_name = "PATH")]
    pub(super) objects: Option<PathBuf>,
    /// How agents are asked for their reports
    #[arg(long, env = "BPFREADY_AGENTS", value_enum, default_value_t = Agents::Address)]
    pub(super) agents: Agents,
    /// The agents' port
    #[arg(long, env = "BPFREADY_AGENT_PORT", value_name = "PORT", default_value_t = 9770)]
    pub(super) agent_port: u16,
    /// Prefix of labels, conditions, annotations and taint, as the agents have it
    #[arg(long, env = "BPFREADY_PREFIX", value_name = "DOMAIN", default_value = "bpfready.io", value_parser = prefix)]
    pub(super) prefix: String,
}

/// How agents are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Agents {
    /// By their nodes' addresses; labels tell a part where that does not work
    Address,
    /// Not at all: labels only
    Labels,
}

impl SourceArgs {
    /// Looks once.
    pub(super) fn look(&self, policy: Policy) -> anyhow::Result<(Cluster, Measurements)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        if let Some(path) = &self.objects {
            let documents = objects::read(path)?;
            let cluster = cluster::objects::cluster(documents, &self.prefix, now)?;
            return Ok((cluster, Measurements::new()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start")?;
        progress::during("asking the API server", || runtime.block_on(self.ask(policy, now)))
    }

    async fn ask(&self, policy: Policy, now: u64) -> anyhow::Result<(Cluster, Measurements)> {
        let reader = Reader::new(self.client().await?);
        reach(&reader).await?;
        let cluster = cluster::read(&reader, &mut Interner::for_prefix(&self.prefix), now).await;
        let measurements = match self.agents {
            Agents::Labels => Measurements::new(),
            Agents::Address => {
                let asking = Asking { port: self.agent_port, ..Asking::default() };
                let reducer = Reducer::new(policy);
                agents::ask(addresses(&cluster), asking, |it| reducer.reduce(it)).await
            }
        };
        tracing::debug!(requests = reader.requests().0, "asked the API server");
        Ok((cluster, measurements))
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let options =
            KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = match &self.kubeconfig {
            Some(path) => {
                let kubeconfig = Kubeconfig::read_from(path).map_err(unread);
                let kubeconfig =
                    kubeconfig.with_context(|| format!("cannot read {}", path.display()))?;
                let named = || format!("cannot use {}", path.display());
                let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
                config.map_err(unread).with_context(named)
            }
            None if self.context.is_some() => {
                let config = Config::from_kubeconfig(&options).await;
                config.map_err(unread).context("cannot use the kubeconfig")
            }
            None => Config::infer()
                .await
                .context("no way to an API server: give --kubeconfig or set $KUBECONFIG"),
        };
        let mut config = config?;
        config.connect_timeout = Some(Duration::from_secs(10));
        Client::try_from(config).context("cannot use the kubeconfig")
    }
}

/// One question before the others: who cannot be reached, or does not know the asker, would only be
/// told as a page of unknowns.
async fn reach(reader: &Reader) -> anyhow::Result<()> {
    let Err(error) = reader.knock().await else { return Ok(()) };
    bail!(match &error {
        kube::Error::Api(status) if status.code == 401 =>
            "the API server does not accept these credentials (401 Unauthorized)".to_owned(),
        // It answered: what else it refuses is told part by part.
        kube::Error::Api(_) => return Ok(()),
        error => failure("the API server does not answer", error).detail,
    })
}

/// What is wrong with a kubeconfig, without the path, which its reader knows.
fn unread(error: KubeconfigError) -> anyhow::Error {
    match error {
        KubeconfigError::ReadConfig(source, _) => source.into(),
        KubeconfigError::LoadContext(name) => anyhow!("it has no context {name:?}"),
        other => other.into(),
    }
}

/// The agents and their nodes' addresses.
pub(in crate::cmd) fn addresses(cluster: &Cluster) -> Vec<(Text, Option<std::net::IpAddr>)> {
    let with_agents = nodes_with_agents(cluster);
    let nodes = Cluster::known(&cluster.nodes).iter();
    let nodes = nodes.filter(|it| with_agents.contains(&it.metadata.name));
    nodes
        .map(|it| (it.metadata.name.clone(), it.internal_ip().and_then(|it| it.parse().ok())))
        .collect()
}

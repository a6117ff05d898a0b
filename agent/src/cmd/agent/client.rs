//! The way to the API server.

use std::time::Duration;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::Args;
use crate::cmd::token;

/// A client, unless the agent stands alone. The server need not answer yet.
pub(super) async fn client(args: &Args) -> anyhow::Result<Option<Client>> {
    if args.standalone {
        return Ok(None);
    }
    let mut config = match &args.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("cannot use {} (--kubeconfig)", path.display()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await.context(
            "no way to the API server: neither a kubeconfig nor a pod's service account; \
             --standalone does without",
        )?,
    };
    config.connect_timeout = Some(Duration::from_secs(10));
    // Each part decides when to try again: a Node's state may have changed meanwhile.
    config.default_retry = false;
    token::client(config).map(Some)
}

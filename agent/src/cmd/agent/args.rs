//! The arguments of the agent.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args as ClapArgs, ValueEnum, value_parser};
use k8s_openapi::jiff::SignedDuration;
use kube::Client;

use crate::cmd::host::HostArgs;
use crate::cmd::logging::LogFormat;
use crate::judge::report::Release;
use crate::publish::names::PREFIX;
use crate::publish::node::pace::Spread;
use crate::publish::node::{Gate, Settings};
use crate::publish::serve::Limits;
use crate::publish::serve::access::{Access, Reviewer};
use crate::publish::serve::tls::Tls;

/// Watch this node for good: serve metrics and a report, keep the Node's labels true
///
/// Runs as a DaemonSet. Probes the kernel once a boot, looks again when something on the node
/// changes and every few minutes, and writes to its own Node only when that has to change.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The Node to write to: the one this runs on; needed, unless --standalone
    #[arg(long, env = "BPFREADY_NODE_NAME", value_name = "NAME", value_parser = node_name, help_heading = CLUSTER)]
    node_name: Option<String>,
    /// Serve metrics and report only; speak to no API server
    #[arg(long, env = "BPFREADY_STANDALONE", help_heading = CLUSTER)]
    pub(super) standalone: bool,
    /// Where to serve: ADDRESS:PORT, or :PORT on all addresses
    ///
    /// Whoever reaches an open port reads which eBPF features, CNI and Cilium this node has. See
    /// --secure.
    #[arg(long, env = "BPFREADY_LISTEN", value_name = "ADDRESS", default_value = ":9770", value_parser = address, help_heading = SERVING)]
    listen: SocketAddr,
    /// Serve over TLS, and only to those who may `get` the path by the cluster's RBAC
    ///
    /// By TokenReview and SubjectAccessReview, as controller-runtime's secure metrics. Without
    /// --tls-cert the certificate is made at start and signed by itself. /healthz and /readyz stay
    /// open for kubelets.
    #[arg(long, env = "BPFREADY_SECURE", help_heading = SERVING)]
    pub(super) secure: bool,
    /// Certificate chain for TLS, PEM; read again when it changes
    #[arg(long, env = "BPFREADY_TLS_CERT", value_name = "FILE", requires = "tls_key", help_heading = SERVING)]
    pub(super) tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, env = "BPFREADY_TLS_KEY", value_name = "FILE", requires = "tls_cert", help_heading = SERVING)]
    tls_key: Option<PathBuf>,
    /// Most open connections; more are closed at once
    #[arg(long, env = "BPFREADY_MAX_CONNECTIONS", value_name = "NUMBER", default_value_t = 64, value_parser = value_parser!(u16).range(1..), help_heading = SERVING)]
    max_connections: u16,
    /// Take the startup taint PREFIX/not-ready away once this holds; without it, no taint is touched
    #[arg(long, env = "BPFREADY_GATE", value_name = "WHAT", value_enum, help_heading = CLUSTER)]
    pub(super) gate: Option<GateName>,
    /// Prefix of labels, conditions and taint
    #[arg(long, env = "BPFREADY_PREFIX", value_name = "DOMAIN", default_value = "bpfready.io", value_parser = prefix, help_heading = CLUSTER)]
    pub(super) prefix: String,
    /// The Cilium release in question, such as 1.18; else the one that runs here, else the newest
    #[arg(long, env = "BPFREADY_TARGET_CILIUM", value_name = "RELEASE", help_heading = JUDGING)]
    pub(super) target_cilium: Option<Release>,
    /// Judge exactly what this Cilium configuration (Helm values or ConfigMap) asks of this node
    #[arg(long, env = "BPFREADY_CILIUM_VALUES", value_name = "FILE", help_heading = JUDGING)]
    pub(super) cilium_values: Option<PathBuf>,
    /// Look again this often even if nothing seems to change
    #[arg(long, env = "BPFREADY_INTERVAL", value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = LOOKING)]
    pub(super) interval: Duration,
    /// Write the conditions' heartbeat this often
    #[arg(long, env = "BPFREADY_HEARTBEAT", value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = CLUSTER)]
    heartbeat: Duration,
    /// Spread writes that all nodes may do at once, such as those at start, over this time
    #[arg(long, env = "BPFREADY_SPREAD", value_name = "DURATION", default_value = "30s", value_parser = duration, help_heading = CLUSTER)]
    spread: Duration,
    /// Remember what the kernel answered here across restarts of the agent, until the next boot
    #[arg(long, env = "BPFREADY_STATE_DIR", value_name = "DIR", help_heading = LOOKING)]
    pub(super) state_dir: Option<PathBuf>,
    /// Also write the labels for Node Feature Discovery here (its features.d)
    #[arg(long, env = "BPFREADY_NFD_DIR", value_name = "DIR", help_heading = OUTPUTS)]
    pub(super) nfd_dir: Option<PathBuf>,
    /// Also write the metrics for node_exporter's textfile collector here
    #[arg(long, env = "BPFREADY_TEXTFILE_DIR", value_name = "DIR", help_heading = OUTPUTS)]
    pub(super) textfile_dir: Option<PathBuf>,
    /// Also serve one series for each loaded BPF program, at most 50
    #[arg(long, env = "BPFREADY_PROGRAMS", help_heading = OUTPUTS)]
    programs: bool,
    /// Switch the kernel's run-time statistics on and tell them for each program; implies --programs
    ///
    /// Needs CAP_SYS_ADMIN. Costs about 20 ns for each run of any BPF program on this node.
    #[arg(long, env = "BPFREADY_STATISTICS", help_heading = OUTPUTS)]
    pub(super) statistics: bool,
    /// Reach the cluster by this kubeconfig; else by KUBECONFIG, else as a pod
    #[arg(long, env = "BPFREADY_KUBECONFIG", value_name = "FILE", help_heading = CLUSTER)]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The agent's own pod, named in Events
    #[arg(long, env = "BPFREADY_POD_NAME", value_name = "NAME", hide = true)]
    pub(super) pod_name: Option<String>,
    /// How to log
    #[arg(long, env = "BPFREADY_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(in crate::cmd) log_format: LogFormat,
    #[command(flatten)]
    pub(super) host: HostArgs,
}

const CLUSTER: &str = "On the Node object";
const SERVING: &str = "Serving";
const LOOKING: &str = "Looking";
const JUDGING: &str = "Judging";
const OUTPUTS: &str = "More output";

const EXAMPLES: &str = "\
Examples:
  bpfready agent --standalone                      metrics on :9770, no Kubernetes
  bpfready agent --node-name $(hostname) --kubeconfig ~/.kube/config
  bpfready agent --node-name n1 --gate cilium      keep the startup taint until Cilium is ready
  bpfready --log info,bpfready::publish=debug agent --standalone --log-format json

Ends with 0 after SIGTERM or SIGINT, with 2 when it cannot start. Deletes nothing on its way out.
";

/// What must hold before the startup taint goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GateName {
    /// The kernel can carry packets by eBPF
    Ebpf,
    /// Cilium runs here, healthy
    Cilium,
}

impl Args {
    /// The Node; a variable that is set to nothing names none.
    pub(super) fn node(&self) -> Option<&str> {
        self.node_name.as_deref().filter(|it| !it.is_empty())
    }

    /// Where answers of the kernel are remembered.
    pub(super) fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref().filter(|_| !self.host.is_recorded())
    }

    pub(super) fn listen(&self) -> SocketAddr {
        self.listen
    }

    pub(super) fn tells_programs(&self) -> bool {
        self.programs || self.statistics
    }

    pub(super) fn settings(&self) -> Settings {
        let gate = self.gate.map(|it| match it {
            GateName::Ebpf => Gate::Ebpf,
            GateName::Cilium => Gate::Cilium,
        });
        Settings { prefix: self.prefix.clone(), gate }
    }

    pub(super) fn spread(&self) -> Spread {
        Spread { routine: self.spread, heartbeat: self.heartbeat, ..Spread::default() }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { connections: self.max_connections.into(), ..Limits::default() }
    }

    pub(super) fn access(&self, client: Option<&Client>) -> Access {
        match client {
            Some(client) if self.secure => Access::Reviewed(Reviewer::new(client.clone())),
            _ => Access::Open,
        }
    }

    pub(super) fn tls(&self) -> anyhow::Result<Option<Tls>> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let tls =
                    Tls::open(certificate, key).context("cannot serve over TLS (--tls-cert)")?;
                Ok(Some(tls))
            }
            _ if self.secure => {
                let names = self.node().into_iter().chain(["localhost"]).map(ToOwned::to_owned);
                Ok(Some(Tls::self_signed(names.collect()).context("cannot make a certificate")?))
            }
            _ => Ok(None),
        }
    }
}

pub(in crate::cmd) fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    whole
        .parse()
        .map_err(|_| "expected ADDRESS:PORT such as 127.0.0.1:9770 or [::1]:9770, or :PORT".into())
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
    parsed
        .filter(|it| (SHORTEST..=LONGEST).contains(it))
        .ok_or_else(|| "expected a duration from 100ms to 168h, such as 30s, 5m or 1h30m".into())
}

/// A DNS subdomain (RFC 1123), with or without the `/` that ends it.
pub(in crate::cmd) fn prefix(text: &str) -> Result<String, String> {
    let domain = text.strip_suffix('/').unwrap_or(text);
    if !is_subdomain(domain) {
        return Err(format!("expected a DNS name such as {}", PREFIX.trim_end_matches('/')));
    }
    let is_reserved = ["kubernetes.io", "k8s.io", "karpenter.sh"]
        .iter()
        .any(|it| domain == *it || domain.ends_with(&format!(".{it}")));
    if is_reserved {
        return Err("this domain belongs to Kubernetes or Karpenter".into());
    }
    Ok(format!("{domain}/"))
}

/// Empty is left to [`Args::node`]: a variable can be there and hold nothing.
fn node_name(text: &str) -> Result<String, String> {
    if text.is_empty() || is_subdomain(text) {
        return Ok(text.to_owned());
    }
    Err("expected the name of a Node (kubectl get nodes) such as ip-10-0-1-2.ec2.internal".into())
}

/// A DNS subdomain, RFC 1123: what domains and names of Nodes are.
fn is_subdomain(name: &str) -> bool {
    let is_end = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_part = |it: &str| {
        it.starts_with(is_end)
            && it.ends_with(is_end)
            && it.chars().all(|it| is_end(it) || it == '-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_lack_all_but_its_port() {
        assert_eq!(address(":9770").unwrap().to_string(), "[::]:9770");
        assert_eq!(address("127.0.0.1:1").unwrap().to_string(), "127.0.0.1:1");
        assert!(address("9770").unwrap_err().contains("expected ADDRESS:PORT"));
    }

    #[test]
    fn durations_are_written_as_people_do() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("168h"), Ok(LONGEST));
        for wrong in ["5", "-5m", "soon", "1ms", "169h", "9000000000h"] {
            assert!(duration(wrong).unwrap_err().starts_with("expected"), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_is_a_domain_that_is_nobody_elses() {
        assert_eq!(prefix("bpfready.io"), Ok("bpfready.io/".into()));
        assert_eq!(prefix("a-1.example.org/"), Ok("a-1.example.org/".into()));
        for wrong in ["", "UPPER.io", "-a.io", "a..b", "x.kubernetes.io", "karpenter.sh"] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
    }
}

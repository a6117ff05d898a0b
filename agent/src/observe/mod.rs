//! Looking at the host: the only layer that reads. A snapshot never fails as a whole.

mod again;
pub mod agents;
#[cfg(test)]
mod as_if;
mod beside;
pub mod bpf;
pub mod btf;
mod capability;
pub mod cluster;
pub mod cni;
pub mod config;
mod datapath;
mod deadline;
pub mod firewall;
pub mod hooks;
pub mod host;
mod inside;
pub mod inventory;
pub mod kernel;
pub mod links;
pub mod local;
pub mod mounts;
pub mod net_probe;
pub mod netlink;
pub mod networkd;
pub mod nic;
mod node;
#[cfg(feature = "kubernetes")]
pub mod node_api;
mod object;
mod pins;
pub mod privilege;
mod procfs;
pub mod recording;
pub mod security;
pub mod selftest;
mod source_error;
pub mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::facts::{Cause, Facts, Failure, Observed, SCHEMA, SourceRun};
pub use again::{Earlier, Look, PROBES};
use again::{Kept, Probed};
use beside::Beside;
use capability::Capability;
pub use host::{Host, SourceError};

/// Asks every source once and gathers what they say.
pub fn snapshot(host: &Host) -> Facts {
    look_again(host, None).facts
}

/// Asks every source but the [`PROBES`], if what an earlier look says of them still holds.
pub fn look_again(host: &Host, earlier: Option<Earlier>) -> Look {
    let when = When::of(host);
    let mut looks = Looks::default();
    let kernel = kernel::kernel(host, &mut looks);
    let privilege = looks.observed("privilege", || privilege::privilege(host));
    let config = config::config(host, &mut looks, &kernel.uname);
    let mounts = mounts::mounts(host, &mut looks);
    let around = datapath::Ground { privilege: &privilege, config: &config, mounts: &mounts };
    let (capability, node, seen) = beside_the_network(host, &mut looks, around, |looks| {
        let kept = Kept::of(earlier, &kernel, &privilege, looks);
        Capability::of(host, looks, &privilege, &config, kept)
    });
    let Capability { btf, inventory, probed, layout, is_probed } = capability;
    let Probed { bpf, selftests, net_probes } = probed;
    let facts = Facts {
        schema: SCHEMA,
        agent_version: when.agent_version,
        taken_at_seconds: when.taken_at_seconds,
        security: security::security(host, &mut looks),
        mounts,
        nics: looks.observed("nics", || nic::nics(host)),
        net_probes,
        bpf,
        selftests,
        inventory,
        network: seen.network,
        hooks: seen.hooks,
        pins: seen.pins,
        firewall: seen.firewall,
        cni: node.cni,
        agents: node.agents,
        cilium: node.cilium,
        networkd: node.networkd,
        pods: Observed::unknown(Cause::Prerequisite, "no API server was asked"),
        kernel,
        privilege,
        btf,
        config,
        sources: looks.into_runs(),
    };
    Look { facts, is_probed, layout }
}

/// Does `work` while the node's agents and its network are asked, which are waited for more than
/// they compute.
fn beside_the_network<T>(
    host: &Host,
    looks: &mut Looks,
    around: datapath::Ground<'_>,
    work: impl FnOnce(&mut Looks) -> T,
) -> (T, node::Node, datapath::Seen) {
    let (node, seen) = (|| node::node(host), || datapath::look(host, around));
    let (done, (node, runs), (seen, more)) = thread::scope(|scope| {
        let node = Beside::start(scope, &node);
        let seen = Beside::start(scope, &seen);
        let done = work(looks);
        let caught = "`Looks` catches what a source throws";
        (done, node.join().expect(caught), seen.join().expect(caught))
    });
    looks.runs.extend(runs.into_iter().chain(more));
    (done, node, seen)
}

/// When a host was looked at and by which version: now, or what its recording says.
struct When {
    taken_at_seconds: u64,
    agent_version: String,
}

impl When {
    fn of(host: &Host) -> Self {
        let header = host.recording().map(recording::Recording::header);
        Self {
            taken_at_seconds: header.map_or_else(now_seconds, |it| it.taken_at_seconds),
            agent_version: header
                .map_or_else(|| env!("CARGO_PKG_VERSION").into(), |it| it.agent_version.clone()),
        }
    }
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// Runs sources, times each, and keeps a source that breaks from taking the snapshot with it.
#[derive(Debug, Default)]
pub struct Looks {
    runs: Vec<SourceRun>,
}

impl Looks {
    /// Runs one source whose whole answer is one observation.
    pub fn observed<T>(&mut self, source: &str, look: impl FnOnce() -> Observed<T>) -> Observed<T> {
        self.timed(source, look, |it| it.failure().cloned()).unwrap_or_else(Observed::Unknown)
    }

    /// Runs one source that answers many questions, each with its own end. If it breaks,
    /// `all_unknown` says what that means for every question.
    pub fn many<T>(
        &mut self,
        source: &str,
        look: impl FnOnce() -> T,
        all_unknown: impl FnOnce(Failure) -> T,
    ) -> T {
        self.timed(source, look, |_| None).unwrap_or_else(all_unknown)
    }

    /// Adds time that a source took outside its run.
    fn lengthen(&mut self, source: &str, by: Duration) {
        for run in self.runs.iter_mut().filter(|it| it.source == source) {
            run.duration_seconds += by.as_secs_f64();
        }
    }

    /// The runs so far, in order.
    pub fn into_runs(self) -> Vec<SourceRun> {
        self.runs
    }

    fn timed<T>(
        &mut self,
        source: &str,
        look: impl FnOnce() -> T,
        failure_of: impl FnOnce(&T) -> Option<Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(look)).map_err(|panic| broken(&*panic));
        let duration = start.elapsed();
        let failure = match &result {
            Ok(value) => failure_of(value),
            Err(failure) => Some(failure.clone()),
        };
        tracing::debug!(source, ?duration, ?failure, "looked");
        self.runs.push(SourceRun {
            source: source.to_owned(),
            duration_seconds: duration.as_secs_f64(),
            failure,
        });
        result
    }
}

fn broken(panic: &(dyn std::any::Any + Send)) -> Failure {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Failure::new(Cause::Panicked, format!("the source panicked: {words}; please report this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_panics_costs_that_source_only() {
        let mut looks = Looks::default();
        let lost: Observed<u32> = looks.observed("bad", || panic!("boom"));
        let kept: Observed<u32> = looks.observed("good", || Observed::Known(7));
        assert_eq!(lost.failure().map(|it| it.cause), Some(Cause::Panicked));
        assert_eq!(kept, Observed::Known(7));
        let runs = looks.into_runs();
        assert_eq!(runs.len(), 2);
        assert!(runs[0].failure.is_some() && runs[1].failure.is_none());
    }
}

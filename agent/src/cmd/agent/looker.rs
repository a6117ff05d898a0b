//! The looker: a thread that looks, judges and leaves the result for those who tell it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::watch;

use super::changes::{CHANGES, Changes};
use super::latest::{Published, encoded, json, page};
use super::meter::Meter;
use super::programs::Programs;
use super::{Args, Shared, cache, files, memory};
use crate::cmd::values;
use crate::facts::pods::NodePods;
use crate::facts::{Facts, Observed};
use crate::judge::{NodeReport, Policy, judge};
use crate::observe::{Earlier, Host, PROBES, look_again};
use crate::publish::node::pace::{Urgency, chance};
use crate::publish::node::{Settings, Wanted, desired};
use crate::publish::prometheus;

/// Between a look that broke and the next.
const RECOVERY: Duration = Duration::from_secs(10);
/// A look may take this part of the time; under a storm of changes there are pauses.
const SHARE: u32 = 10;
/// The longest of these pauses: with what the watcher waits for quiet, a change that comes right
/// after another is still told within a second. A lasting storm is the watcher's to slow down.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The pods of this node, as the API server told them last.
#[derive(Debug, Default)]
pub(super) struct Pods(Mutex<Option<NodePods>>);

impl Pods {
    pub(super) fn put(&self, pods: NodePods) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pods);
    }

    fn get(&self) -> Option<NodePods> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks and judges.
pub(super) struct Looker {
    host: Host,
    policy: Policy,
    settings: Settings,
    node: Option<String>,
    interval: Duration,
    tells_programs: bool,
    meter: Meter,
    state_dir: Option<PathBuf>,
    outputs: files::Outputs,
    shared: Arc<Shared>,
    wanted: watch::Sender<Option<Wanted>>,
    changes: Changes,
    /// The look before, with what holds until the next boot.
    earlier: Option<Earlier>,
    /// When the kernel was probed.
    probed: Instant,
}

impl Looker {
    /// Opens the host and starts the thread.
    pub(super) fn start(
        args: &Args,
        shared: Arc<Shared>,
        wanted: watch::Sender<Option<Wanted>>,
    ) -> anyhow::Result<()> {
        let values = args.cilium_values.as_deref().map(values::read).transpose()?;
        let host = args.host.open()?;
        let changes = Changes::start(args, &shared)?;
        let mut looker = Self {
            host,
            policy: Policy { target: args.target_cilium, values },
            settings: args.settings(),
            node: args.node().map(ToOwned::to_owned),
            interval: args.interval,
            tells_programs: args.tells_programs(),
            meter: Meter::new(args.statistics),
            state_dir: args.state_dir().map(ToOwned::to_owned),
            outputs: files::Outputs::of(args),
            wanted,
            changes,
            earlier: args
                .state_dir()
                .and_then(cache::load)
                .map(|facts| Earlier { facts, layout: None }),
            probed: Instant::now(),
            shared,
        };
        let thread = thread::Builder::new().name("look".into());
        thread.spawn(move || looker.run()).context("cannot start a thread")?;
        Ok(())
    }

    fn run(&mut self) {
        let mut by = vec!["start"];
        let mut since = None;
        loop {
            let began = Instant::now();
            self.shared.latest.begin();
            let urgency = if since.is_some() { Urgency::Event } else { Urgency::Routine };
            let looked = catch_unwind(AssertUnwindSafe(|| self.look(urgency)));
            let is_broken = looked.is_err();
            self.shared.latest.end(looked.ok());
            self.shared.latest.count(by, since);
            if is_broken {
                // What it held is lost with it; the next look begins from nothing.
                self.shared.supervisor.broke("look");
                thread::sleep(RECOVERY);
            }
            memory::give_back();
            // After a storm's look comes a pause; one change alone is looked at when it comes.
            let pause = if since.is_some() { began.elapsed() * SHARE } else { Duration::ZERO };
            (by, since) = self.wait();
            thread::sleep(pause.min(LONGEST_PAUSE).saturating_sub(began.elapsed()));
        }
    }

    /// Waits until there is a reason to look: what it is, and since when, if it is a change.
    fn wait(&self) -> (Vec<&'static str>, Option<Instant>) {
        // A little later than the watcher's own interval, which then comes first.
        let most = self.interval.mul_f64(1.1 + chance() / 10.0);
        let Some(rung) = self.shared.bell.wait(most) else { return (vec!["interval"], None) };
        let mut by: Vec<&'static str> = rung.by.into_iter().filter(|it| *it != CHANGES).collect();
        let mut since = (!by.is_empty()).then_some(rung.since);
        if let Some(changed) = self.changes.take() {
            by.extend(changed.by);
            since = [since, changed.since].into_iter().flatten().min();
        }
        (by, since)
    }

    fn look(&mut self, urgency: Urgency) -> Published {
        let began = Instant::now();
        let look = self.changes.during_a_look(|| look_again(&self.host, self.earlier.take()));
        let mut facts = look.facts;
        if look.is_probed {
            self.probed = began;
            self.remember(&facts);
        }
        if let Some(pods) = self.shared.pods.get() {
            facts.pods = Observed::Known(pods);
        }
        self.meter.hold(&self.host, &facts.privilege);
        let report = judge(facts, &self.policy);
        let published = self.finish(&report, began);
        self.want(&report, urgency);
        self.outputs.write(&report, published.metrics.as_deref(), &self.settings, self.interval);
        self.shared.latest.set_blind(self.changes.blind());
        self.earlier = Some(Earlier { facts: report.facts, layout: Some(look.layout) });
        published
    }

    fn finish(&self, report: &NodeReport, began: Instant) -> Published {
        let asked = |source: &str| if PROBES.contains(&source) { self.probed } else { began };
        let sources = report.facts.sources.iter().map(|it| (it.source.clone(), asked(&it.source)));
        let samples = prometheus::of_report(report);
        let inventory = &report.facts.inventory;
        let programs = || Programs::of(inventory, &self.meter, samples.count());
        Published {
            programs: self.tells_programs.then(programs),
            metrics: encoded("metrics", prometheus::part(samples)),
            json: encoded("JSON", json(report)),
            page: encoded("page", page(report, self.node.as_deref())),
            sources: sources.collect(),
            began,
            took: began.elapsed(),
        }
    }

    fn want(&self, report: &NodeReport, urgency: Urgency) {
        let desired = Arc::new(desired::desired(report, &self.settings));
        self.wanted.send_if_modified(|wanted| {
            let is_new = wanted.as_ref().is_none_or(|it| it.desired != desired);
            if is_new {
                *wanted = Some(Wanted { desired, urgency });
            }
            is_new
        });
    }

    fn remember(&self, facts: &Facts) {
        if let Some(dir) = &self.state_dir
            && let Err(error) = cache::store(dir, facts)
        {
            tracing::warn!(%error, dir = %dir.display(), "cannot remember the kernel's answers");
        }
    }
}

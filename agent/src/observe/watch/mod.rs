//! "Look again": what tells that a look at this host would see something else now.
//!
//! ```text
//! rtnetlink groups, inotify, /proc/self/mountinfo, lists of programs ──> calm ──> Watcher::take()
//! ```
//!
//! One thread waits for all of them with poll(2). It never looks itself; it says what moved, when
//! it has been quiet for a moment, and at least every few minutes. A source that cannot work (no
//! inotify left, no right to list programs) costs that source only, is named by
//! [`Watcher::blind`], and is tried again.

mod calm;
mod files;
mod mailbox;
mod mounts;
mod programs;
mod routes;
mod run;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use super::Host;
use super::host::cause_of_io;
use crate::facts::{Cause, Failure};
use mailbox::Mailbox;

/// What may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// A link came, went or changed: also XDP programs, masters, names.
    Links,
    /// An address came or went.
    Addresses,
    /// A route came, went or changed.
    Routes,
    /// A routing rule came or went.
    Rules,
    /// A qdisc or a filter came, went or changed: classic tc programs.
    TrafficControl,
    /// A file in a CNI directory, or the configuration of the runtime.
    Cni,
    /// A pin in a bpffs.
    Pins,
    /// A socket or a sign of life of an agent.
    Sockets,
    /// A bpffs or cgroup mount.
    Mounts,
    /// A program or link was loaded or unloaded: also tcx, netkit and cgroup attachments.
    Programs,
    /// The kernel had more to tell than it keeps: anything may have changed.
    Overrun,
    /// Nothing was seen for [`Pace::full`]; the net under all others.
    Interval,
    /// The watcher broke and was started again: what moved meanwhile is unknown.
    Restarted,
}

impl Trigger {
    /// The trigger as it is written in metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Addresses => "addresses",
            Self::Routes => "routes",
            Self::Rules => "rules",
            Self::TrafficControl => "traffic_control",
            Self::Cni => "cni",
            Self::Pins => "pins",
            Self::Sockets => "sockets",
            Self::Mounts => "mounts",
            Self::Programs => "programs",
            Self::Overrun => "overrun",
            Self::Interval => "interval",
            Self::Restarted => "restarted",
        }
    }
}

/// What a watcher listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// rtnetlink(7) multicast groups of this network namespace.
    Routes,
    /// inotify(7) on directories.
    Files,
    /// The mount table of this mount namespace.
    Mounts,
    /// The lists of loaded programs and links.
    Programs,
    /// The watcher's own thread.
    Thread,
}

impl Source {
    /// The source as it is written in metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Routes => "routes",
            Self::Files => "files",
            Self::Mounts => "mounts",
            Self::Programs => "programs",
            Self::Thread => "thread",
        }
    }
}

/// What moved since the last [`Watcher::take`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Everything that moved.
    pub by: BTreeSet<Trigger>,
    /// When the first of it was seen, on the monotonic clock.
    pub since: Instant,
}

/// How patient a watcher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// It speaks when nothing more came for this long …
    pub quiet: Duration,
    /// … and after this long in any case.
    pub most: Duration,
    /// It may speak this often at once …
    pub burst: u32,
    /// … and under a lasting storm once in this long.
    pub refill: Duration,
    /// Without any change it speaks once in this long.
    pub full: Duration,
    /// How often the lists of programs and links are asked for, at most.
    pub programs: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            most: Duration::from_millis(500),
            burst: 10,
            refill: Duration::from_secs(5),
            full: Duration::from_secs(300),
            programs: Duration::from_millis(300),
        }
    }
}

/// A running watcher; dropping it ends its thread.
#[derive(Debug)]
pub struct Watcher {
    mailbox: Arc<Mailbox>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts to watch this host and calls `wake`, in the watcher's thread, each time there is
    /// something to [`Watcher::take`]. `wake` must not block; tokio's `Notify::notify_one` is made
    /// for it.
    ///
    /// # Errors
    ///
    /// For a recording, where nothing ever changes, and when there is no thread to be had.
    pub fn start(
        host: Host,
        pace: Pace,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        if host.recording().is_some() {
            return Err(Failure::new(Cause::NotRecorded, "a recording does not change"));
        }
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let stop = Arc::new(stop.map_err(|it| no_thread(&it.into()))?);
        let mailbox = Arc::new(Mailbox::new(Box::new(wake)));
        let run = run::Run::new(host, pace, Arc::clone(&mailbox), Arc::clone(&stop));
        let thread = thread::Builder::new().name("watch".into()).spawn(move || run.supervise());
        let thread = Some(thread.map_err(|it| no_thread(&it))?);
        Ok(Self { mailbox, stop, thread })
    }

    /// What moved since this was last asked; `None`: nothing.
    pub fn take(&self) -> Option<Changed> {
        self.mailbox.take()
    }

    /// Sources that see nothing now, and why; what they would have told is then only seen by the
    /// look that comes every [`Pace::full`].
    pub fn blind(&self) -> BTreeMap<Source, Failure> {
        self.mailbox.blind()
    }

    /// Says that this process loads programs of its own until the answer is dropped, so that they
    /// are not taken for a change.
    #[must_use]
    pub fn looking(&self) -> Looking {
        self.mailbox.begin_look();
        Looking(Arc::clone(&self.mailbox))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // An eventfd takes eight bytes unless its counter is full, and then it wakes as well.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // It catches its own panics, so that there is nothing to hear from it.
            let _ = thread.join();
        }
    }
}

/// A look that is going on, see [`Watcher::looking`].
#[derive(Debug)]
pub struct Looking(Arc<Mailbox>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.end_look();
    }
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(cause_of_io(error), format!("cannot start to watch: {error}"))
}

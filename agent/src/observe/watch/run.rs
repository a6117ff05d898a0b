//! The watcher's thread: waits for its sources, and starts again what broke.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::calm::{Calm, wait};
use super::files::Files;
use super::mailbox::Mailbox;
use super::mounts::Mounts;
use super::programs::Programs;
use super::routes::Routes;
use super::targets;
use super::{Pace, Source, Trigger};
use crate::facts::{Cause, Failure};
use crate::observe::mounts::table;
use crate::observe::{Host, cni};

/// How long a source that failed is left alone: doubled from the first to the last.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(120);

/// The longest that the thread sleeps, so that a clock that jumps costs little.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// All that the thread needs.
pub(super) struct Run {
    host: Host,
    pace: Pace,
    mailbox: Arc<Mailbox>,
    stop: Arc<OwnedFd>,
}

/// A source that works, or when it is tried again.
struct Slot<T> {
    source: Source,
    state: Result<T, Instant>,
    backoff: Duration,
}

impl<T> Slot<T> {
    fn new(source: Source, now: Instant) -> Self {
        Self { source, state: Err(now), backoff: FIRST_BACKOFF }
    }

    /// Opens the source if it is not open and its time has come; `true`: it works from now on.
    fn open(
        &mut self,
        mailbox: &Mailbox,
        now: Instant,
        open: impl FnOnce() -> Result<T, Failure>,
    ) -> bool {
        if !matches!(self.state, Err(at) if at <= now) {
            return false;
        }
        match open() {
            Ok(it) => {
                mailbox.set_blind(self.source, None);
                self.state = Ok(it);
                self.backoff = FIRST_BACKOFF;
                true
            }
            Err(failure) => {
                self.fail(mailbox, now, &failure);
                false
            }
        }
    }

    fn fail(&mut self, mailbox: &Mailbox, now: Instant, failure: &Failure) {
        tracing::debug!(
            source = self.source.as_str(),
            ?failure,
            "a source of the watcher is blind"
        );
        mailbox.set_blind(self.source, Some(failure));
        self.state = Err(now + self.backoff);
        self.backoff = (self.backoff * 2).min(LAST_BACKOFF);
    }

    /// Uses the source if it works; a failure closes it.
    fn with(
        &mut self,
        mailbox: &Mailbox,
        now: Instant,
        ask: impl FnOnce(&mut T) -> Result<(), Failure>,
    ) {
        if let Ok(it) = &mut self.state
            && let Err(failure) = ask(it)
        {
            self.fail(mailbox, now, &failure);
        }
    }

    fn working(&self) -> Option<&T> {
        self.state.as_ref().ok()
    }

    /// When this slot wants to be woken by the clock.
    fn due(&self, of: impl FnOnce(&T) -> Option<Instant>) -> Option<Instant> {
        match &self.state {
            Ok(it) => of(it),
            Err(at) => Some(*at),
        }
    }
}

struct Slots {
    routes: Slot<Routes>,
    files: Slot<Files>,
    mounts: Slot<Mounts>,
    programs: Slot<Programs>,
}

/// Which descriptors have something.
#[derive(Default)]
struct Ready {
    stop: bool,
    routes: bool,
    files: bool,
    mounts: bool,
}

/// Why a source is blind at first.
pub(super) const OPENING: &str = "it is being opened";

impl Run {
    pub(super) fn new(host: Host, pace: Pace, mailbox: Arc<Mailbox>, stop: Arc<OwnedFd>) -> Self {
        Self { host, pace, mailbox, stop }
    }

    /// Runs until it is told to stop, also after a panic or an error.
    pub(super) fn supervise(self) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let failure = match catch_unwind(AssertUnwindSafe(|| self.run())) {
                Ok(Ok(())) => return,
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(Cause::Panicked, "the watcher panicked; please report this"),
            };
            tracing::error!(?failure, "the watcher broke and is started again");
            self.mailbox.set_blind(Source::Thread, Some(&failure));
            self.mailbox.put(BTreeSet::from([Trigger::Restarted]), Instant::now());
            if self.is_stopped_within(backoff) {
                return;
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }

    fn run(&self) -> Result<(), Failure> {
        let now = Instant::now();
        let mut slots = Slots {
            routes: Slot::new(Source::Routes, now),
            files: Slot::new(Source::Files, now),
            mounts: Slot::new(Source::Mounts, now),
            programs: Slot::new(Source::Programs, now),
        };
        let mut calm = Calm::new(self.pace, now);
        // Opening reads the kernel's BTF among others: what happens meanwhile is not told.
        let opening = Failure::new(Cause::Busy, OPENING);
        for source in [Source::Routes, Source::Files, Source::Mounts, Source::Programs] {
            self.mailbox.set_blind(source, Some(&opening));
        }
        self.open(&mut slots);
        self.mailbox.set_blind(Source::Thread, None);
        loop {
            let now = Instant::now();
            let ready = self.wait(&slots, wait(self.due(&slots, &calm), now))?;
            if ready.stop {
                return Ok(());
            }
            self.listen(&mut slots, &ready, &mut calm);
            // What a source that was blind did not tell may have happened.
            for source in self.open(&mut slots) {
                calm.note(reopened(source), Instant::now());
            }
            if let Some((by, since)) = calm.say(Instant::now()) {
                self.look_for_directories(&mut slots, &by);
                self.mailbox.put(by, since);
            }
        }
    }

    /// Opens what is not open and due; gives what works again.
    fn open(&self, slots: &mut Slots) -> Vec<Source> {
        let (mailbox, now) = (&*self.mailbox, Instant::now());
        let every = self.pace.programs;
        let opened = [
            (Source::Routes, slots.routes.open(mailbox, now, Routes::open)),
            (Source::Mounts, slots.mounts.open(mailbox, now, Mounts::open)),
            (
                Source::Files,
                slots.files.open(mailbox, now, || Files::open(&self.host, self.targets())),
            ),
            (
                Source::Programs,
                slots.programs.open(mailbox, now, || Programs::open(&self.host, every)),
            ),
        ];
        opened.into_iter().filter(|(_, opened)| *opened).map(|(source, _)| source).collect()
    }

    fn targets(&self) -> Vec<targets::Target> {
        let table = table::mounts(&self.host);
        let cni = cni::cni(&self.host);
        let mut in_effect = vec![cni.conf_dir.value];
        in_effect.extend(cni.bin_dirs.into_iter().map(|it| it.path));
        in_effect.extend(cni.handlers.into_iter().filter_map(|it| it.conf_dir));
        targets::targets(&in_effect, table.known().map_or(&[], Vec::as_slice))
    }

    /// After a change of mounts, and with every full look, directories may be elsewhere.
    fn look_for_directories(&self, slots: &mut Slots, by: &BTreeSet<Trigger>) {
        if by.contains(&Trigger::Mounts) || by.contains(&Trigger::Interval) {
            let targets = self.targets();
            slots.files.with(&self.mailbox, Instant::now(), |it| it.retarget(&self.host, targets));
        }
    }

    fn due(&self, slots: &Slots, calm: &Calm) -> Instant {
        let sources = [
            slots.routes.due(|_| None),
            slots.files.due(|_| None),
            slots.mounts.due(|_| None),
            slots.programs.due(|it| Some(it.due())),
        ];
        sources.into_iter().flatten().fold(calm.due(), Instant::min)
    }

    fn wait(&self, slots: &Slots, timeout: Duration) -> Result<Ready, Failure> {
        let stop = self.stop.as_fd();
        let mut fds = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
        let routes = slots.routes.working().map(Routes::fd);
        let files = slots.files.working().map(Files::fd);
        let mounts = slots.mounts.working().map(Mounts::fd);
        // A descriptor in the place of one that is not open asks for nothing.
        for (fd, events) in
            [(routes, PollFlags::IN), (files, PollFlags::IN), (mounts, PollFlags::PRI)]
        {
            let events = if fd.is_some() { events } else { PollFlags::empty() };
            fds.push(PollFd::from_borrowed_fd(fd.unwrap_or(stop), events));
        }
        let timeout = Timespec::try_from(timeout.min(LONGEST_WAIT)).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::new(Cause::Io, format!("poll: {errno}"))),
        }
        let at = |it: usize| !fds[it].revents().is_empty();
        Ok(Ready { stop: at(0), routes: at(1), files: at(2), mounts: at(3) })
    }

    fn listen(&self, slots: &mut Slots, ready: &Ready, calm: &mut Calm) {
        let (mailbox, now) = (&*self.mailbox, Instant::now());
        let mut triggers = BTreeSet::new();
        if ready.routes {
            slots.routes.with(mailbox, now, |it| it.drain(&mut triggers));
        }
        if ready.files {
            slots.files.with(mailbox, now, |it| it.drain(&self.host, &mut triggers));
        }
        if ready.mounts {
            slots.mounts.with(mailbox, now, |it| it.drain(&mut triggers));
        }
        slots.programs.with(mailbox, now, |it| match () {
            () if it.due() > now => Ok(()),
            () if mailbox.is_looking() => {
                it.wait(now);
                Ok(())
            }
            () => it.ask(now, &mut triggers),
        });
        for trigger in triggers {
            calm.note(trigger, now);
        }
    }

    fn is_stopped_within(&self, time: Duration) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN)];
        let timeout = Timespec::try_from(time).ok();
        poll(&mut fds, timeout.as_ref()).is_ok_and(|it| it > 0)
    }
}

/// What a source that works again may have missed.
fn reopened(source: Source) -> Trigger {
    match source {
        Source::Programs => Trigger::Programs,
        Source::Mounts => Trigger::Mounts,
        Source::Routes | Source::Files | Source::Thread => Trigger::Overrun,
    }
}

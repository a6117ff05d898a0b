//! inotify(7) on directories of the host, and on the nearest parent of those that are not there.
//!
//! It works on bpffs too: pinning goes through `vfs_mkobj()` and `vfs_mkdir()` of `fs/namei.c`,
//! which tell fsnotify.

use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::Trigger;
use super::targets::{Target, is_there};
use crate::facts::{Cause, Failure};
use crate::observe::Host;

/// What moves in a directory that counts. Writes count when the file is closed.
const MOVES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::MASK_ADD);

/// Most watches; a node may have `fs.inotify.max_user_watches` as low as 8192 for all.
const MOST_WATCHES: usize = 512;

/// Room for events: 16 bytes and a name each.
const BUFFER_BYTES: usize = 8 << 10;

/// Buffers that are read in a row before anything else has its turn.
const IN_A_ROW: usize = 64;

/// Watches on directories.
pub(super) struct Files {
    inotify: OwnedFd,
    targets: Vec<Target>,
    /// What each watch is for; one directory may be watched for several things.
    watches: HashMap<i32, Vec<Watch>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Watch {
    /// The directory of a target, or one below it: index of the target, its path, levels to go.
    Inside { target: usize, path: String, depth: u32 },
    /// A parent of a target that is not there: its next name.
    Above { target: usize, name: String },
}

/// One event, apart from the buffer that it came in.
struct Event {
    watch: i32,
    flags: ReadFlags,
    name: String,
}

impl Files {
    pub(super) fn open(host: &Host, targets: Vec<Target>) -> Result<Self, Failure> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .map_err(|errno| refused("no inotify to be had", errno))?;
        let mut files = Self { inotify, targets, watches: HashMap::new() };
        files.arm_all(host)?;
        Ok(files)
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Takes other targets, and looks again for those that were not there.
    pub(super) fn retarget(&mut self, host: &Host, targets: Vec<Target>) -> Result<(), Failure> {
        if self.targets != targets {
            *self = Self::open(host, targets)?;
            return Ok(());
        }
        self.arm_all(host)
    }

    /// Reads what there is to read.
    pub(super) fn drain(
        &mut self,
        host: &Host,
        triggers: &mut BTreeSet<Trigger>,
    ) -> Result<(), Failure> {
        for _ in 0..IN_A_ROW {
            let events = self.read()?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.handle(host, &event, triggers)?;
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<Vec<Event>, Failure> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut events = Vec::new();
        loop {
            match reader.next() {
                Ok(event) => events.push(Event {
                    watch: event.wd(),
                    flags: event.events(),
                    name: event
                        .file_name()
                        .map(|it| it.to_string_lossy().into_owned())
                        .unwrap_or_default(),
                }),
                Err(Errno::AGAIN) => return Ok(events),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(refused("cannot read inotify", errno)),
            }
            if reader.is_buffer_empty() {
                return Ok(events);
            }
        }
    }

    fn handle(
        &mut self,
        host: &Host,
        event: &Event,
        triggers: &mut BTreeSet<Trigger>,
    ) -> Result<(), Failure> {
        if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            triggers.insert(Trigger::Overrun);
            return self.arm_all(host);
        }
        let gone = event.flags.intersects(
            ReadFlags::IGNORED.union(ReadFlags::DELETE_SELF).union(ReadFlags::MOVE_SELF),
        );
        let watches = self.watches.get(&event.watch).cloned().unwrap_or_default();
        if gone {
            self.forget(event.watch, event.flags.contains(ReadFlags::IGNORED));
        }
        for watch in watches {
            match watch {
                Watch::Above { target, name } if gone || name == event.name => {
                    self.rearm(host, target, triggers)?;
                }
                Watch::Above { .. } => {}
                Watch::Inside { target, .. } if gone => self.rearm(host, target, triggers)?,
                Watch::Inside { target, path, depth } => {
                    let Target { trigger, names, .. } = &self.targets[target];
                    if names.counts(&event.name) {
                        triggers.insert(*trigger);
                    }
                    if depth > 0 && event.flags.contains(ReadFlags::ISDIR) {
                        let below = format!("{path}/{}", event.name);
                        self.inside(host, target, &below, depth - 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A directory was moved or deleted: what was watched under its number is no more.
    fn forget(&mut self, watch: i32, kernel_did: bool) {
        self.watches.remove(&watch);
        if !kernel_did {
            // A watch on a directory that was moved away would go on.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
    }

    fn arm_all(&mut self, host: &Host) -> Result<(), Failure> {
        (0..self.targets.len()).try_for_each(|it| self.arm(host, it))
    }

    /// As [`Self::arm`], and tells that the target may hold something else now.
    fn rearm(
        &mut self,
        host: &Host,
        target: usize,
        triggers: &mut BTreeSet<Trigger>,
    ) -> Result<(), Failure> {
        triggers.insert(self.targets[target].trigger);
        self.arm(host, target)
    }

    /// Watches a target, and the nearest parent that is there where it is not.
    fn arm(&mut self, host: &Host, target: usize) -> Result<(), Failure> {
        let Target { path, depth, .. } = self.targets[target].clone();
        let mut here = path.as_str();
        while !is_there(host, if here.is_empty() { "/" } else { here }) {
            let Some((parent, _)) = here.rsplit_once('/') else { return Ok(()) };
            here = parent;
        }
        if here == path {
            return self.inside(host, target, &path, depth);
        }
        let name = path[here.len()..].split('/').find(|it| !it.is_empty()).unwrap_or_default();
        let parent = if here.is_empty() { "/" } else { here };
        self.add(host, parent, Watch::Above { target, name: name.to_owned() })?;
        // It may have come between the look and the watch.
        if is_there(host, &format!("{here}/{name}")) {
            return self.inside(host, target, &path, depth);
        }
        Ok(())
    }

    /// Watches a directory of a target, and those in it.
    fn inside(
        &mut self,
        host: &Host,
        target: usize,
        path: &str,
        depth: u32,
    ) -> Result<(), Failure> {
        let watch = Watch::Inside { target, path: path.to_owned(), depth };
        if !self.add(host, path, watch)? || depth == 0 {
            return Ok(());
        }
        // Not recorded: a watcher works on live hosts only, and its host has no recorder.
        for name in host.list(path).ok().flatten().unwrap_or_default() {
            let below = format!("{path}/{name}");
            self.inside(host, target, &below, depth - 1)?;
        }
        Ok(())
    }

    /// Adds a watch; `false`: there is no such directory, or it may not be read.
    fn add(&mut self, host: &Host, path: &str, watch: Watch) -> Result<bool, Failure> {
        let Ok(Some(handle)) = host.handle(path) else { return Ok(false) };
        if self.watches.len() >= MOST_WATCHES {
            return Ok(false);
        }
        let link = format!("/proc/self/fd/{}", handle.as_raw_fd());
        match inotify::add_watch(&self.inotify, link.as_str(), MOVES) {
            Ok(number) => {
                let watches = self.watches.entry(number).or_default();
                if !watches.contains(&watch) {
                    watches.push(watch);
                }
                Ok(true)
            }
            Err(Errno::NOTDIR | Errno::NOENT | Errno::ACCESS) => Ok(false),
            Err(errno) => Err(refused(&format!("cannot watch {path}"), errno)),
        }
    }
}

fn refused(what: &str, errno: Errno) -> Failure {
    let cause = match errno {
        Errno::PERM | Errno::ACCESS => Cause::PermissionDenied,
        // The user's or the namespace's limit of instances or watches.
        Errno::MFILE | Errno::NFILE | Errno::NOSPC | Errno::NOMEM => Cause::OutOfMemory,
        _ => Cause::Io,
    };
    Failure::new(cause, format!("{what}: {}", std::io::Error::from(errno)))
}

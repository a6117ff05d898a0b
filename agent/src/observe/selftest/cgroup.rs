//! A throw-away cgroup for programs that only run in one.
//!
//! The host's cgroups are not touched: the new one is a child of the root of the v2 tree, and only
//! processes of ours ever enter it. What is attached to it is attached by links, which end with
//! this process. The cgroup itself is removed when its owner is dropped; when the owner is killed,
//! by [`Keeper`]; and when both are killed at once, as with a whole container, by the next
//! self-test: whoever makes one sweeps those whose lock nobody holds. The lock (flock(2) on the
//! directory) says more than a process id would: ids differ between PID namespaces and come again.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use rustix::rand::{GetRandomFlags, getrandom};

use super::keeper::Keeper;
use crate::facts::{Cause, Failure};
use crate::observe::host::cause_of_io;

/// Where v2 trees are mounted: alone, beside v1 (hybrid), by Cilium.
const PLACES: [&str; 3] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/run/cilium/cgroupv2"];
/// `CGROUP2_SUPER_MAGIC` of `include/uapi/linux/magic.h`.
const CGROUP2: u64 = 0x6367_7270;
const PREFIX: &str = "bpfready-selftest-";
/// A cgroup is busy for a moment after its last process has ended.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(1);
/// How often it is made again after another self-test has swept it.
const SWEPT_AT_MOST: u32 = 8;

/// A cgroup that lives as long as this value.
#[derive(Debug)]
pub(super) struct Cgroup {
    root: OwnedFd,
    name: CString,
    directory: OwnedFd,
    _keeper: Keeper,
}

impl Cgroup {
    /// Makes one in the first v2 tree that lets us.
    pub(super) fn create() -> Result<Self, Failure> {
        let mut why = Failure::new(Cause::Prerequisite, "no cgroup v2 tree is mounted");
        for root in PLACES.into_iter().filter_map(|it| open_tree(it).ok()).chain(own_mount().ok()) {
            sweep(&root);
            match Self::create_unswept(&root) {
                Ok(cgroup) => return Ok(cgroup),
                Err(error) => {
                    let detail = format!("cannot make a throw-away cgroup: {error}");
                    why = Failure::new(cause_of_refusal(&error), detail);
                }
            }
        }
        Err(why)
    }

    /// Another self-test may sweep a new cgroup in the moment before it is locked.
    fn create_unswept(root: &OwnedFd) -> io::Result<Self> {
        let mut made = Self::create_in(root.try_clone()?);
        for _ in 0..SWEPT_AT_MOST {
            if !made.as_ref().is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
                break;
            }
            made = Self::create_in(root.try_clone()?);
        }
        made
    }

    fn create_in(root: OwnedFd) -> io::Result<Self> {
        let name = unique_name()?;
        // Before there is anything to remove.
        let keeper = Keeper::start(root.as_fd(), &name)?;
        fs::mkdirat(&root, &name, Mode::from_raw_mode(0o755))?;
        let directory = match lock(root.as_fd(), &name) {
            Ok(directory) => directory,
            Err(errno) => {
                let _ = fs::unlinkat(&root, &name, AtFlags::REMOVEDIR);
                return Err(errno.into());
            }
        };
        Ok(Self { root, name, directory, _keeper: keeper })
    }

    /// Moves a process of ours into it.
    pub(super) fn enter(&self, process: u32) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let file = fs::openat(&self.directory, "cgroup.procs", flags, Mode::empty())?;
        File::from(file).write_all(process.to_string().as_bytes())
    }
}

impl AsFd for Cgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..ATTEMPTS {
            match fs::unlinkat(&self.root, &self.name, AtFlags::REMOVEDIR) {
                Err(Errno::BUSY) => std::thread::sleep(PAUSE),
                Ok(()) => return,
                Err(errno) => {
                    tracing::warn!(name = ?self.name, %errno, "cannot remove the cgroup");
                    return;
                }
            }
        }
        tracing::warn!(name = ?self.name, "the cgroup stays busy");
    }
}

/// The process id alone would not do: a process can have two, and processes of several PID
/// namespaces share the tree. Each owner's [`Keeper`] removes what has its name.
fn unique_name() -> io::Result<CString> {
    let mut random = [0; 8];
    getrandom(&mut random, GetRandomFlags::empty())?;
    let random = u64::from_ne_bytes(random);
    Ok(CString::new(format!("{PREFIX}{}-{random:016x}", std::process::id()))?)
}

/// A directory that is the root of a v2 tree.
fn open_tree(path: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = fs::open(path, flags, Mode::empty())?;
    if fs::fstatfs(&directory)?.f_type as u64 != CGROUP2 {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(directory)
}

/// A mount of the v2 tree that is in no mount namespace and goes with its descriptor: where
/// containers see the tree read-only or not at all. Needs CAP_SYS_ADMIN and Linux 5.2.
fn own_mount() -> io::Result<OwnedFd> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fs::openat(mount, ".", flags, Mode::empty())?)
}

/// Opens a cgroup of ours and says that it is in use.
fn lock(root: BorrowedFd<'_>, name: &CString) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = fs::openat(root, name, flags, Mode::empty())?;
    fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    Ok(directory)
}

/// Removes what killed self-tests have left; one that is in use is locked, or busy.
fn sweep(root: &OwnedFd) {
    let Ok(entries) = fs::Dir::read_from(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_owned();
        if name.to_bytes().starts_with(PREFIX.as_bytes()) && lock(root.as_fd(), &name).is_ok() {
            let removed = fs::unlinkat(root, &name, AtFlags::REMOVEDIR);
            tracing::info!(?name, ?removed, "a cgroup of an earlier self-test");
        }
    }
}

fn cause_of_refusal(error: &io::Error) -> Cause {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        // Containers see the tree read-only.
        Some(Errno::ROFS) => Cause::PermissionDenied,
        // The limit of cgroups or of processes is reached.
        Some(Errno::AGAIN | Errno::NOSPC) => Cause::OutOfMemory,
        // Another self-test has swept it before it was locked.
        Some(Errno::NOENT | Errno::NODEV) => Cause::Busy,
        _ => cause_of_io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_have_one_name() {
        assert_ne!(unique_name().unwrap(), unique_name().unwrap());
    }
}

//! Opening a path inside a root: a symlink of the host must never lead out of it.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};

/// How often openat2(2) is asked again when a rename or mount elsewhere came between (EAGAIN).
const TRIES: usize = 16;

/// Symlinks in one path before it counts as a loop, `MAXSYMLINKS` of `include/linux/namei.h`.
const MOST_LINKS: usize = 40;

/// What becomes of a symlink in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symlinks {
    /// It is followed as if the root were `/`; for a host.
    StayInside,
    /// It is refused (ELOOP), and so is a `..` out of the root (EXDEV); for a folder that someone
    /// may have tampered with.
    Refused,
}

/// Opens `path` inside `root`.
///
/// Kernels before 5.6 have no openat2(2), and old seccomp profiles refuse it with EPERM: there the
/// path is walked step by step. Should the refusal be about the file, the walk meets it again.
pub(super) fn open(
    root: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> Result<OwnedFd> {
    match in_one_call(root, path, flags, links) {
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(root, path, flags, links),
        other => other,
    }
}

fn in_one_call(
    root: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    let resolve = match links {
        Symlinks::StayInside => ResolveFlags::IN_ROOT,
        Symlinks::Refused => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    };
    let open = || fs::openat2(root, path, flags, Mode::empty(), resolve);
    let mut result = open();
    for _ in 1..TRIES {
        if !matches!(result, Err(Errno::AGAIN)) {
            break;
        }
        result = open();
    }
    result
}

/// Every step opens one name in a directory that is held open, and follows no symlink by itself, so
/// nothing that changes meanwhile can lead out.
fn step_by_step(
    root: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> Result<OwnedFd> {
    if links == Symlinks::Refused && path.starts_with('/') {
        return Err(Errno::XDEV);
    }
    let flags = flags | OFlags::CLOEXEC;
    let rest = names(path.as_bytes()).collect();
    let mut walk = Walk { root, links, above: Vec::new(), rest, followed: 0 };
    while let Some(name) = walk.rest.pop_front() {
        if name == b".." {
            walk.up()?;
            continue;
        }
        let next = fs::openat(walk.here(), name.as_slice(), STEP, Mode::empty())?;
        let is_last = walk.rest.is_empty();
        if is_link(&next)? && !(is_last && flags.contains(OFlags::NOFOLLOW)) {
            walk.follow(&next)?;
        } else if is_last {
            return fs::openat(walk.here(), name, flags | OFlags::NOFOLLOW, Mode::empty());
        } else {
            walk.above.push(next);
        }
    }
    fs::openat(walk.here(), ".", flags, Mode::empty())
}

/// How far a walk is.
struct Walk<'a> {
    root: BorrowedFd<'a>,
    links: Symlinks,
    /// The directories between the root and here, the last one being here.
    above: Vec<OwnedFd>,
    /// The names that are still to go.
    rest: VecDeque<Vec<u8>>,
    /// How many symlinks were followed.
    followed: usize,
}

impl Walk<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.above.last().map_or(self.root, AsFd::as_fd)
    }

    /// One directory up; above the root is the root.
    fn up(&mut self) -> Result<()> {
        match (self.above.pop(), self.links) {
            (None, Symlinks::Refused) => Err(Errno::XDEV),
            (Some(_), _) | (None, Symlinks::StayInside) => Ok(()),
        }
    }

    /// Puts the target of `link` before the names that are still to go.
    fn follow(&mut self, link: &OwnedFd) -> Result<()> {
        self.followed += 1;
        if self.followed > MOST_LINKS || self.links == Symlinks::Refused {
            return Err(Errno::LOOP);
        }
        let target = fs::readlinkat(link, "", Vec::new())?.into_bytes();
        if target.starts_with(b"/") {
            self.above.clear();
        }
        self.rest = names(&target).chain(self.rest.drain(..)).collect();
        Ok(())
    }
}

/// Neither follows a link nor asks for a right on what it opens.
const STEP: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn is_link(fd: &OwnedFd) -> Result<bool> {
    Ok(FileType::from_raw_mode(fs::fstat(fd)?.st_mode) == FileType::Symlink)
}

/// The names between the slashes; a slash at the end asks for a directory and becomes none.
fn names(path: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    path.split(|it| *it == b'/').filter(|it| !it.is_empty() && *it != b".").map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    type Open = fn(BorrowedFd<'_>, &str, OFlags, Symlinks) -> Result<OwnedFd>;
    const WAYS: [(&str, Open); 2] = [("openat2", in_one_call), ("walk", step_by_step)];

    /// A root with a file, links of every kind, and beside the root a file that must stay out of
    /// reach.
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("run/deep")).unwrap();
        std::fs::create_dir_all(root.join("var")).unwrap();
        std::fs::write(dir.path().join("outside"), "outside").unwrap();
        std::fs::write(root.join("run/file"), "inside").unwrap();
        let link = |target: &str, path: &str| symlink(target, root.join(path)).unwrap();
        link("/run", "var/run");
        link("../run/file", "var/up");
        link("../../../../outside", "var/out");
        link("/../outside", "out");
        link(dir.path().join("outside").to_str().unwrap(), "absolute");
        link("loop", "loop");
        link("var/run/deep/../file", "chain");
        dir
    }

    fn open_root(dir: &Path) -> OwnedFd {
        fs::open(dir.join("root"), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap()
    }

    /// Content of the file, the errno otherwise, by both ways.
    #[track_caller]
    fn expect(path: &str, expected: std::result::Result<&str, Errno>) {
        let dir = tree();
        let root = open_root(dir.path());
        for (way, open) in WAYS {
            let read = open(root.as_fd(), path, OFlags::RDONLY, Symlinks::StayInside).map(|fd| {
                let mut text = String::new();
                std::fs::File::from(fd).read_to_string(&mut text).unwrap();
                text
            });
            assert_eq!(read.as_deref().map_err(|it| *it), expected, "{path} by {way}");
        }
    }

    #[test]
    fn links_stay_inside_the_root() {
        for path in ["/run/file", "run/file", "/var/run/file", "/var/up", "/chain", "//run/./file"]
        {
            expect(path, Ok("inside"));
        }
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        for path in ["/out", "/var/out", "/absolute", "/../outside", "/var/../../outside"] {
            expect(path, Err(Errno::NOENT));
        }
        expect("/../run/../../run/file", Ok("inside"));
    }

    #[test]
    fn loops_absences_and_files_in_the_way_have_their_errno() {
        expect("/loop", Err(Errno::LOOP));
        expect("/loop/file", Err(Errno::LOOP));
        expect("/none", Err(Errno::NOENT));
        expect("/none/file", Err(Errno::NOENT));
        expect("/run/file/none", Err(Errno::NOTDIR));
    }

    #[test]
    fn a_directory_can_be_opened_also_as_the_root_itself() {
        let dir = tree();
        let root = open_root(dir.path());
        for (way, open) in WAYS {
            for path in ["/", ".", "/run", "/var/run", "/var/run/", "/run/deep/..", "/.."] {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                assert!(
                    open(root.as_fd(), path, flags, Symlinks::StayInside).is_ok(),
                    "{path} by {way}"
                );
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let file = open(root.as_fd(), "/run/file", flags, Symlinks::StayInside);
            assert_eq!(file.err(), Some(Errno::NOTDIR), "by {way}");
        }
    }

    #[test]
    fn a_link_itself_can_be_opened() {
        let dir = tree();
        let root = open_root(dir.path());
        for (way, open) in WAYS {
            let flags = OFlags::PATH | OFlags::NOFOLLOW;
            let link = open(root.as_fd(), "/var/run", flags, Symlinks::StayInside).unwrap();
            let target = fs::readlinkat(&link, "", Vec::new()).unwrap();
            assert_eq!(target.to_bytes(), b"/run", "by {way}");
        }
    }

    #[test]
    fn where_links_are_refused_so_is_every_way_up() {
        let dir = tree();
        let root = open_root(dir.path());
        for (way, open) in WAYS {
            let errno = |path| {
                open(root.as_fd(), path, OFlags::RDONLY, Symlinks::Refused).map(|_| ()).err()
            };
            assert_eq!(errno("run/file"), None, "by {way}");
            assert_eq!(errno("run/deep/../file"), None, "by {way}");
            assert_eq!(errno("var/run/file"), Some(Errno::LOOP), "by {way}");
            assert_eq!(errno("chain"), Some(Errno::LOOP), "by {way}");
            assert_eq!(errno("../outside"), Some(Errno::XDEV), "by {way}");
            assert_eq!(errno("/run/file"), Some(Errno::XDEV), "by {way}");
        }
    }
}

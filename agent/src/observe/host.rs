//! The host as a value: its files under a root, its kernel asked now or replayed.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::inside::{self, Symlinks};
use super::recording::{Recorder, Recording};
pub use super::source_error::{SourceError, cause_of_io};
use crate::facts::mounts::Owner;
use crate::facts::{Failure, Observed};

/// Most bytes that one host file may have; what is longer is refused, not cut.
pub const MAX_FILE_BYTES: u64 = 32 << 20;

/// One host: where its files are, and who answers for its kernel.
///
/// Files are opened inside the root (`openat2` with `RESOLVE_IN_ROOT`, or a walk where there is no
/// such call), so a symlink of the host such as `/var/run -> /run` stays on the host.
#[derive(Debug)]
pub struct Host {
    files: Files,
    recorder: Option<Recorder>,
}

#[derive(Debug)]
enum Files {
    /// A directory of this machine; its kernel is asked now.
    Root(OwnedFd),
    /// Files and answers of another time or machine.
    Recorded(Recording),
}

impl Host {
    /// This machine, files from `/`.
    ///
    /// # Errors
    ///
    /// When `/` cannot be opened.
    pub fn live() -> io::Result<Self> {
        Self::mounted(Path::new("/"))
    }

    /// This machine's kernel, files from `root` (`/host` in a container).
    ///
    /// # Errors
    ///
    /// When `root` is not a directory that can be opened: a typo must not make every file absent.
    pub fn mounted(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(root, flags, Mode::empty())?;
        Ok(Self { files: Files::Root(fd), recorder: None })
    }

    /// A recording: files, kernel answers and rights of another time or machine.
    pub fn recorded(recording: Recording) -> Self {
        Self { files: Files::Recorded(recording), recorder: None }
    }

    /// Writes down everything that is read and answered from now on.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// The recorder, when the look is over.
    pub fn into_recorder(self) -> Option<Recorder> {
        self.recorder
    }

    /// The recording behind this host, if it is one.
    pub fn recording(&self) -> Option<&Recording> {
        match &self.files {
            Files::Root(_) => None,
            Files::Recorded(recording) => Some(recording),
        }
    }

    /// Reads a host file as UTF-8 text; `None`: no such file.
    ///
    /// `path` is absolute, as the host sees it; symlinks resolve inside the root.
    ///
    /// # Errors
    ///
    /// [`SourceError::Read`] for every failure but "not found", permission included;
    /// [`SourceError::Malformed`] for bytes that are not UTF-8.
    pub fn read(&self, path: &str) -> Result<Option<String>, SourceError> {
        let Some(bytes) = self.read_bytes(path)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|error| SourceError::Malformed {
            path: path.into(),
            expected: "UTF-8 text",
            found: shorten(&String::from_utf8_lossy(error.as_bytes())),
        })
    }

    /// Reads a host file; `None`: no such file. Errors as [`Host::read`].
    ///
    /// # Errors
    ///
    /// As [`Host::read`], and [`SourceError::TooLarge`] beyond [`MAX_FILE_BYTES`].
    pub fn read_bytes(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let result = match &self.files {
            Files::Root(root) => read_in(root, path, Symlinks::StayInside),
            Files::Recorded(recording) => recording.read(path),
        };
        if let Some(recorder) = &self.recorder {
            recorder.file(path, &result);
        }
        result
    }

    /// Opens a host file that is too large for a recording; `None`: no such file.
    ///
    /// For use inside [`Host::ask`], so that the recording holds what was made of the file.
    ///
    /// # Errors
    ///
    /// As [`Host::read`]; always [`SourceError::NotRecorded`] on a recording.
    pub fn open_unrecorded(&self, path: &str) -> Result<Option<std::fs::File>, SourceError> {
        match &self.files {
            Files::Root(root) => {
                Ok(open_file_in(root, path, Symlinks::StayInside)?.map(Into::into))
            }
            Files::Recorded(_) => Err(SourceError::NotRecorded { path: path.into() }),
        }
    }

    /// Names in a host directory, sorted; `None`: no such directory.
    ///
    /// # Errors
    ///
    /// As [`Host::read`].
    pub fn list(&self, path: &str) -> Result<Option<Vec<String>>, SourceError> {
        let result = match &self.files {
            Files::Root(root) => list_in(root, path),
            Files::Recorded(recording) => recording.list(path),
        };
        if let Some(recorder) = &self.recorder {
            recorder.directory(path, &result);
        }
        result
    }

    /// Target of a host symlink; `None`: no such file.
    ///
    /// # Errors
    ///
    /// As [`Host::read`]; something else than a symlink is [`SourceError::Read`] with `EINVAL`.
    pub fn link(&self, path: &str) -> Result<Option<String>, SourceError> {
        let result = match &self.files {
            Files::Root(root) => link_in(root, path),
            Files::Recorded(recording) => recording.link(path),
        };
        if let Some(recorder) = &self.recorder {
            recorder.link(path, &result);
        }
        result
    }

    /// What is at a host path, symlinks resolved inside the root; `None`: nothing.
    ///
    /// Not recorded: for use inside [`Host::ask`].
    ///
    /// # Errors
    ///
    /// As [`Host::read`], and [`SourceError::NotRecorded`] on a recording.
    pub fn at(&self, path: &str) -> Result<Option<At>, SourceError> {
        match &self.files {
            Files::Root(root) => at_in(root, path),
            Files::Recorded(_) => Err(SourceError::NotRecorded { path: path.into() }),
        }
    }

    /// Whether nothing at `path` means that the host has nothing there.
    ///
    /// A container has the host's folders only where they are mounted below its root. There a
    /// folder that is missing proves nothing, unless what is above it came by a mount.
    /// Not recorded: for use inside [`Host::ask`].
    ///
    /// # Errors
    ///
    /// As [`Host::at`].
    pub fn proves_absence(&self, path: &str) -> Result<bool, SourceError> {
        let Files::Root(root) = &self.files else {
            return Err(SourceError::NotRecorded { path: path.into() });
        };
        let own = device(root, "/")?;
        if self.root_path()? == "/" {
            return Ok(true);
        }
        let folders = Path::new(path).ancestors().skip(1).filter_map(Path::to_str);
        for (above, folder) in folders.enumerate() {
            if let Some(fd) = open_in(root, folder, OFlags::PATH)? {
                return Ok(above == 0 || device(&fd, folder)? != own);
            }
        }
        Ok(false)
    }

    /// A handle on a host path that is neither read nor written, to connect to or to watch;
    /// symlinks resolve inside the root; `None`: nothing there.
    ///
    /// Not recorded: for use inside [`Host::ask`].
    ///
    /// # Errors
    ///
    /// As [`Host::at`].
    pub fn handle(&self, path: &str) -> Result<Option<OwnedFd>, SourceError> {
        match &self.files {
            Files::Root(root) => open_in(root, path, OFlags::PATH),
            Files::Recorded(_) => Err(SourceError::NotRecorded { path: path.into() }),
        }
    }

    /// Path of the root as this process sees it, `/` for the machine itself.
    ///
    /// Not recorded: for use inside [`Host::ask`].
    ///
    /// # Errors
    ///
    /// As [`Host::at`].
    pub fn root_path(&self) -> Result<String, SourceError> {
        let Files::Root(root) = &self.files else {
            return Err(SourceError::NotRecorded { path: "/".into() });
        };
        let link = format!("/proc/self/fd/{}", root.as_raw_fd());
        let target = fs::readlink(link.as_str(), Vec::new());
        let target = target.map_err(|errno| read_error(&link, errno.into()))?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// Asks the kernel by `live`, or replays what it answered when the recording was made.
    ///
    /// `name` names the answer in a recording; it is used once in the code.
    pub fn ask<T: Serialize + DeserializeOwned>(
        &self,
        name: &'static str,
        live: impl FnOnce() -> T,
        not_recorded: impl FnOnce(Failure) -> T,
    ) -> T {
        match &self.files {
            Files::Recorded(recording) => recording.answer(name).unwrap_or_else(not_recorded),
            Files::Root(_) => {
                let answer = live();
                if let Some(recorder) = &self.recorder {
                    recorder.answer(name, &answer);
                }
                answer
            }
        }
    }

    /// [`Host::ask`] for an answer that is one observation.
    pub fn ask_observed<T: Serialize + DeserializeOwned>(
        &self,
        name: &'static str,
        live: impl FnOnce() -> Observed<T>,
    ) -> Observed<T> {
        self.ask(name, live, Observed::Unknown)
    }
}

/// What is at one path of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Magic number of the file system, by statfs(2).
    pub magic: u64,
    /// Owner and permission bits.
    pub owner: Owner,
}

/// At most 80 characters of `text`, for an error message.
pub fn shorten(text: &str) -> String {
    let text = text.trim_end();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn open_in(root: &OwnedFd, path: &str, flags: OFlags) -> Result<Option<OwnedFd>, SourceError> {
    open_resolved(root, path, flags, Symlinks::StayInside)
}

fn open_resolved(
    root: &OwnedFd,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> Result<Option<OwnedFd>, SourceError> {
    match inside::open(root.as_fd(), path, flags, links) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(read_error(path, errno.into())),
    }
}

fn read_error(path: &str, source: io::Error) -> SourceError {
    SourceError::Read { path: path.into(), source }
}

fn open_file_in(
    root: &OwnedFd,
    path: &str,
    links: Symlinks,
) -> Result<Option<OwnedFd>, SourceError> {
    // O_NONBLOCK: a FIFO in a host directory must not hold the look up.
    open_resolved(root, path, OFlags::RDONLY | OFlags::NONBLOCK, links)
}

/// Reads `path` below `root`, treating symlinks as `links` says.
pub(super) fn read_in(
    root: &OwnedFd,
    path: &str,
    links: Symlinks,
) -> Result<Option<Vec<u8>>, SourceError> {
    let Some(fd) = open_file_in(root, path, links)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = std::fs::File::from(fd).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| read_error(path, error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(SourceError::TooLarge { path: path.into(), limit: MAX_FILE_BYTES });
    }
    Ok(Some(bytes))
}

fn list_in(root: &OwnedFd, path: &str) -> Result<Option<Vec<String>>, SourceError> {
    let Some(fd) = open_in(root, path, OFlags::RDONLY | OFlags::DIRECTORY)? else {
        return Ok(None);
    };
    let wrap = |errno: Errno| read_error(path, errno.into());
    let mut names = Vec::new();
    for entry in fs::Dir::read_from(&fd).map_err(wrap)? {
        let name = entry.map_err(wrap)?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(Some(names))
}

fn link_in(root: &OwnedFd, path: &str) -> Result<Option<String>, SourceError> {
    let Some(fd) = open_in(root, path, OFlags::PATH | OFlags::NOFOLLOW)? else {
        return Ok(None);
    };
    let target = fs::readlinkat(&fd, "", Vec::new()).map_err(|it| match it {
        // An empty path on a descriptor of something that is no symlink answers ENOENT.
        Errno::NOENT => read_error(path, Errno::INVAL.into()),
        other => read_error(path, other.into()),
    })?;
    Ok(Some(target.to_string_lossy().into_owned()))
}

/// The file system that something is on.
fn device(fd: &OwnedFd, path: &str) -> Result<u64, SourceError> {
    fs::fstat(fd).map(|it| it.st_dev).map_err(|errno| read_error(path, errno.into()))
}

fn at_in(root: &OwnedFd, path: &str) -> Result<Option<At>, SourceError> {
    let Some(fd) = open_in(root, path, OFlags::PATH)? else {
        return Ok(None);
    };
    let wrap = |errno: Errno| read_error(path, errno.into());
    let stat = fs::fstat(&fd).map_err(wrap)?;
    let magic = fs::fstatfs(&fd).map_err(wrap)?.f_type.cast_unsigned();
    let owner = Owner { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 };
    Ok(Some(At { magic, owner }))
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A host whose files are what `fill` makes in an empty directory.
    pub(in crate::observe) fn host(fill: impl FnOnce(&Path)) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        let host = Host::mounted(dir.path()).unwrap();
        (dir, host)
    }

    #[test]
    fn a_missing_root_is_an_error_and_not_an_empty_host() {
        assert!(Host::mounted(Path::new("/nonexistent/root")).is_err());
    }

    #[test]
    fn an_absolute_symlink_stays_inside_the_root() {
        let (_dir, host) = host(|root| {
            std::fs::create_dir_all(root.join("run")).unwrap();
            std::fs::create_dir_all(root.join("var")).unwrap();
            std::fs::write(root.join("run/marker"), "inside").unwrap();
            symlink("/run", root.join("var/run")).unwrap();
        });
        assert_eq!(host.read("/var/run/marker").unwrap().as_deref(), Some("inside"));
    }

    #[test]
    fn a_symlink_loop_is_an_error_and_not_an_absence() {
        let (_dir, host) = host(|root| symlink("loop", root.join("loop")).unwrap());
        assert!(matches!(host.read("/loop"), Err(SourceError::Read { .. })));
    }

    #[test]
    fn an_absent_file_is_none() {
        let (_dir, host) = host(|_| {});
        assert_eq!(host.read("/etc/none").unwrap(), None);
        assert_eq!(host.list("/etc").unwrap(), None);
        assert_eq!(host.link("/etc/link").unwrap(), None);
    }

    #[test]
    fn a_link_gives_its_target_and_a_file_is_no_link() {
        let (_dir, host) = host(|root| {
            symlink("../../drivers/ena", root.join("driver")).unwrap();
            std::fs::write(root.join("file"), "").unwrap();
        });
        assert_eq!(host.link("/driver").unwrap().as_deref(), Some("../../drivers/ena"));
        assert!(host.link("/file").is_err());
    }

    #[test]
    fn only_a_folder_that_is_there_proves_absence_in_a_root_elsewhere() {
        let (_dir, host) = host(|root| std::fs::create_dir_all(root.join("run/cilium")).unwrap());
        assert!(host.proves_absence("/run/cilium/cilium.sock").unwrap());
        assert!(!host.proves_absence("/run/aws-node/ipamd.sock").unwrap());
        assert!(!host.proves_absence("/var/run/cilium/cilium.sock").unwrap());
        let live = Host::live().unwrap();
        assert!(live.proves_absence("/run/no-such-folder/some.sock").unwrap());
    }

    #[test]
    fn a_fifo_does_not_hold_the_look_up() {
        let (_dir, host) = host(|root| {
            fs::mknodat(fs::CWD, root.join("fifo"), fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        });
        assert_eq!(host.read_bytes("/fifo").unwrap(), Some(Vec::new()));
    }
}

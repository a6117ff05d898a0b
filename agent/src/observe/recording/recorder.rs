//! Writing a recording: what a look reads and hears is kept, redacted, and written at its end.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::format::{HEADER, Header, Looked, PATHS, Paths, to_json};
use super::{RecordingError, redact};
use crate::facts::{Cause, Failure};
use crate::observe::SourceError;

/// Most bytes of one file that a recording keeps. Larger ones are BTF or module lists, whose
/// meaning is in the kernel's answers; a recording is to be mailed and reviewed.
const MAX_RECORDED_BYTES: usize = 1 << 20;

/// Collects what a look reads, to be written as a recording.
#[derive(Debug, Default)]
pub struct Recorder {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    paths: Paths,
    files: BTreeMap<String, Vec<u8>>,
    answers: BTreeMap<&'static str, Value>,
    redacted: usize,
}

/// What a recording that was written holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Files with content.
    pub files: usize,
    /// Paths that were looked up, found or not.
    pub paths: usize,
    /// Answers of the kernel.
    pub answers: usize,
    /// Secrets that were replaced.
    pub redacted: usize,
    /// Size of it all, in bytes.
    pub bytes: usize,
}

impl Recorder {
    pub(in crate::observe) fn file(
        &self,
        path: &str,
        result: &Result<Option<Vec<u8>>, SourceError>,
    ) {
        let mut seen = self.seen();
        let looked = match result {
            Ok(Some(bytes)) if bytes.len() > MAX_RECORDED_BYTES => left_out(path, bytes.len()),
            Ok(Some(bytes)) => {
                let (clean, redacted) = redact::bytes(bytes);
                seen.redacted += redacted;
                seen.files.insert(path.into(), clean);
                Looked::Found(())
            }
            Ok(None) => Looked::Absent,
            Err(error) => Looked::Failed(error.into()),
        };
        seen.paths.read.insert(path.into(), looked);
    }

    pub(in crate::observe) fn directory(
        &self,
        path: &str,
        result: &Result<Option<Vec<String>>, SourceError>,
    ) {
        self.seen().paths.list.insert(path.into(), Looked::of(result));
    }

    pub(in crate::observe) fn link(
        &self,
        path: &str,
        result: &Result<Option<String>, SourceError>,
    ) {
        self.seen().paths.link.insert(path.into(), Looked::of(result));
    }

    pub(in crate::observe) fn answer<T: Serialize>(&self, name: &'static str, answer: &T) {
        let mut seen = self.seen();
        match serde_json::to_value(answer) {
            Ok(mut value) => {
                seen.redacted += redact::value(&mut value);
                seen.answers.insert(name, value);
            }
            Err(error) => tracing::error!(name, %error, "an answer cannot be recorded"),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A source that panicked holding the lock has at worst lost its own entry.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder for a recording, or takes an empty one.
    ///
    /// # Errors
    ///
    /// [`RecordingError::NotEmpty`] when something is there, [`RecordingError::Write`] when it
    /// cannot be made.
    pub fn prepare(dir: &Path) -> Result<(), RecordingError> {
        let wrap = |source| RecordingError::Write { path: dir.into(), source };
        std::fs::create_dir_all(dir).map_err(wrap)?;
        match std::fs::read_dir(dir).map_err(wrap)?.next() {
            None => Ok(()),
            Some(_) => Err(RecordingError::NotEmpty { dir: dir.into() }),
        }
    }

    /// Writes the recording into `dir`, which [`Recorder::prepare`] has made.
    ///
    /// # Errors
    ///
    /// As [`Recorder::prepare`].
    pub fn write(self, dir: &Path, header: &Header) -> Result<Written, RecordingError> {
        Self::prepare(dir)?;
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        let mut put = |path: PathBuf, content: &[u8]| {
            bytes += content.len();
            write(&path, content).map_err(|source| RecordingError::Write { path, source })
        };
        for (path, content) in &seen.files {
            put(dir.join("root").join(inside(path)), content)?;
        }
        for (name, answer) in &seen.answers {
            put(dir.join("kernel").join(format!("{name}.json")), &json(answer))?;
        }
        put(dir.join(PATHS), &json(&seen.paths))?;
        put(dir.join(HEADER), &json(header))?;
        let Paths { read, list, link } = &seen.paths;
        Ok(Written {
            files: seen.files.len(),
            paths: read.len() + list.len() + link.len(),
            answers: seen.answers.len(),
            redacted: seen.redacted,
            bytes,
        })
    }
}

fn left_out(path: &str, bytes: usize) -> Looked<()> {
    let detail = format!("{path}: {bytes} bytes, too large for a recording and left out");
    Looked::Failed(Failure::new(Cause::NotRecorded, detail))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    to_json(value).expect("strings, numbers and maps with string keys always serialise")
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content)
}

/// The host's path as one below `root/`: `.`, `..` and the leading slash do not lead out.
fn inside(path: &str) -> PathBuf {
    let normal = |it| if let Component::Normal(name) = it { Some(name) } else { None };
    Path::new(path).components().filter_map(normal).collect()
}

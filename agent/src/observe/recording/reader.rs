//! Reading a recording: nothing outside its folder is ever opened.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, Mode, OFlags};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RecordingError;
use super::format::{HEADER, Header, Looked, PATHS, Paths};
use crate::facts::{Cause, Failure, SCHEMA};
use crate::observe::SourceError;
use crate::observe::host::read_in;
use crate::observe::inside::Symlinks;

/// A symlink in a recording leads nowhere, so none of them is followed.
const INSIDE: Symlinks = Symlinks::Refused;

/// A recording that was read from a folder.
#[derive(Debug)]
pub struct Recording {
    dir: OwnedFd,
    header: Header,
    paths: Paths,
}

impl Recording {
    /// Opens the recording in the folder `dir`.
    ///
    /// # Errors
    ///
    /// When `dir` is no folder, has no or a malformed `host.json` or `paths.json`, or a newer
    /// schema. A kernel answer that is missing or malformed is no error here: it costs that answer.
    pub fn open(dir: &Path) -> Result<Self, RecordingError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(dir, flags, Mode::empty())
            .map_err(|it| RecordingError::Open { dir: dir.into(), source: it.into() })?;
        let files = Files { fd: &fd, dir };
        let bytes = files.bytes(HEADER)?.ok_or(RecordingError::NoHeader { dir: dir.into() })?;
        let Schema { schema } = files.parse(HEADER, &bytes)?;
        if schema > SCHEMA {
            return Err(RecordingError::Newer { dir: dir.into(), found: schema, known: SCHEMA });
        }
        let header = files.parse(HEADER, &bytes)?;
        let paths = match files.bytes(PATHS)? {
            Some(bytes) => files.parse(PATHS, &bytes)?,
            None => Paths::default(),
        };
        Ok(Self { header, paths, dir: fd })
    }

    /// What this recording says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads a file of the recording.
    pub(in crate::observe) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        match self.paths.read.get(path) {
            Some(Looked::Absent) => Ok(None),
            Some(Looked::Failed(failure)) => Err(recorded(failure)),
            Some(Looked::Found(())) => match self.content(path)? {
                None => Err(SourceError::Recorded {
                    cause: Cause::Malformed,
                    detail: format!("root{path} is missing: the recording was cut short"),
                }),
                content => Ok(content),
            },
            None => match self.content(path)? {
                None => Err(SourceError::NotRecorded { path: path.into() }),
                content => Ok(content),
            },
        }
    }

    fn content(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        read_in(&self.dir, &format!("root/{}", path.trim_start_matches('/')), INSIDE)
    }

    pub(in crate::observe) fn list(&self, path: &str) -> Result<Option<Vec<String>>, SourceError> {
        replay(self.paths.list.get(path), path)
    }

    pub(in crate::observe) fn link(&self, path: &str) -> Result<Option<String>, SourceError> {
        replay(self.paths.link.get(path), path)
    }

    pub(in crate::observe) fn answer<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let file = format!("kernel/{name}.json");
        let Some(bytes) = read_in(&self.dir, &file, INSIDE)? else {
            return Err(Failure::new(
                Cause::NotRecorded,
                format!("{file} is not in the recording"),
            ));
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            let detail = format!("{file} of the recording is malformed or cut short: {error}");
            Failure::new(Cause::Malformed, detail)
        })
    }
}

fn replay<T: Clone>(looked: Option<&Looked<T>>, path: &str) -> Result<Option<T>, SourceError> {
    looked.map_or_else(|| Err(SourceError::NotRecorded { path: path.into() }), Looked::replay)
}

fn recorded(failure: &Failure) -> SourceError {
    SourceError::Recorded { cause: failure.cause, detail: failure.detail.clone() }
}

/// The part of `host.json` that decides whether the rest can be understood.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

/// The describing files of a recording that is being opened.
struct Files<'a> {
    fd: &'a OwnedFd,
    dir: &'a Path,
}

impl Files<'_> {
    fn bytes(&self, file: &'static str) -> Result<Option<Vec<u8>>, RecordingError> {
        read_in(self.fd, file, INSIDE).map_err(|source| RecordingError::Read {
            dir: self.dir(),
            file,
            source,
        })
    }

    fn parse<T: DeserializeOwned>(
        &self,
        file: &'static str,
        bytes: &[u8],
    ) -> Result<T, RecordingError> {
        serde_json::from_slice(bytes).map_err(|source| RecordingError::Malformed {
            dir: self.dir(),
            file,
            source,
        })
    }

    fn dir(&self) -> PathBuf {
        self.dir.into()
    }
}

//! The two files that describe a recording: `host.json` and `paths.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::facts::{Facts, Failure, SCHEMA};
use crate::observe::SourceError;

/// Name of the file that says what a recording is.
pub(super) const HEADER: &str = "host.json";
/// Name of the file that lists every path that was looked up.
pub(super) const PATHS: &str = "paths.json";

/// What a recording is, its `host.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Shape of the recording; a newer one than [`SCHEMA`] is refused.
    pub schema: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// When the look began, in seconds since the Unix epoch (host clock).
    pub taken_at_seconds: u64,
    /// `uname -r` of the host; `None`: it could not be told.
    pub kernel_release: Option<String>,
    /// Version of `bpfready` that recorded, or whose form a composed one follows.
    pub agent_version: String,
    /// For a composed one: from which sources and by whom. Empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Whether a recording shows a real host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Written by `bpfready record` on that host.
    Recorded,
    /// Written or changed by hand: it proves the code, not the world.
    Composed,
}

impl Header {
    /// The header of a look that was recorded.
    pub fn recorded(facts: &Facts) -> Self {
        Self {
            schema: SCHEMA,
            origin: Origin::Recorded,
            taken_at_seconds: facts.taken_at_seconds,
            kernel_release: facts.kernel.uname.known().map(|it| it.release.clone()),
            agent_version: facts.agent_version.clone(),
            note: String::new(),
        }
    }
}

/// Every path that was looked up, by the way it was looked up, and how it ended.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Paths {
    /// Files: the content of a found one is under `root/`.
    #[serde(default)]
    pub(super) read: BTreeMap<String, Looked<()>>,
    /// Directories and the names in them.
    #[serde(default)]
    pub(super) list: BTreeMap<String, Looked<Vec<String>>>,
    /// Symlinks and their targets.
    #[serde(default)]
    pub(super) link: BTreeMap<String, Looked<String>>,
}

/// How looking a path up ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Looked<T> {
    Absent,
    Found(T),
    Failed(Failure),
}

impl<T: Clone> Looked<T> {
    pub(super) fn of(result: &Result<Option<T>, SourceError>) -> Self {
        match result {
            Ok(Some(value)) => Self::Found(value.clone()),
            Ok(None) => Self::Absent,
            Err(error) => Self::Failed(error.into()),
        }
    }

    pub(super) fn replay(&self) -> Result<Option<T>, SourceError> {
        match self {
            Self::Absent => Ok(None),
            Self::Found(value) => Ok(Some(value.clone())),
            Self::Failed(Failure { cause, detail }) => {
                Err(SourceError::Recorded { cause: *cause, detail: detail.clone() })
            }
        }
    }
}

/// JSON for people and `git diff`: objects over several lines, arrays on one.
pub(super) fn to_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Lines::default());
    value.serialize(&mut serializer)?;
    bytes.push(b'\n');
    Ok(bytes)
}

struct Lines(PrettyFormatter<'static>);

impl Default for Lines {
    fn default() -> Self {
        Self(PrettyFormatter::with_indent(b" "))
    }
}

impl Formatter for Lines {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

//! The files of a CNI directory in the order in which the runtime reads them, and what it takes.

use serde_json::Value;

use super::{multus, network, places};
use crate::facts::cni::{BinDir, Choice, ConfContent, ConfFile, Defect, Network, RuntimeKind};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::{Host, SourceError};

/// Most configuration files of one directory; real ones have one to three.
const MOST_FILES: usize = 128;

/// Every configuration file of a directory; `Known(None)`: there is no such directory.
pub(super) fn files(host: &Host, dir: &str) -> Observed<Option<Vec<ConfFile>>> {
    let names = match host.list(dir) {
        Ok(Some(names)) => names,
        Ok(None) => return Observed::Known(None),
        Err(error) => return Observed::Unknown(error.into()),
    };
    // `Host::list` sorts by bytes, as Go's `sort.Strings` does.
    let names: Vec<String> = names.into_iter().filter(|it| places::is_configuration(it)).collect();
    if names.len() > MOST_FILES {
        let detail = format!("{dir}: {} configuration files, more than {MOST_FILES}", names.len());
        return Observed::unknown(Cause::TooLarge, detail);
    }
    Observed::Known(Some(names.iter().filter_map(|it| file(host, dir, it)).collect()))
}

/// Names that once were configuration and now are none for any runtime.
pub(super) fn disabled(host: &Host, dir: &str) -> Observed<Vec<String>> {
    let once = |it: &String| {
        let stem = it.rsplit_once('.').map_or("", |(stem, _)| stem);
        !places::is_configuration(it) && places::is_configuration(stem)
    };
    let names = host.list(dir).map(Option::unwrap_or_default);
    names.map(|it| it.into_iter().filter(once).collect()).into()
}

/// One file; `None`: it is a directory, which libcni leaves out, or it went away meanwhile.
fn file(host: &Host, dir: &str, name: &str) -> Option<ConfFile> {
    let path = format!("{dir}/{name}");
    let content = match host.read_bytes(&path) {
        Ok(Some(bytes)) => content(host, dir, name, &bytes),
        Ok(None) => absent(host, &path)?,
        Err(error) => match errno(&error) {
            Some(libc::EISDIR) => return None,
            Some(libc::ELOOP) => broken(Defect::SymlinkLoop, error.to_string()),
            Some(libc::ENXIO | libc::ENODEV) => broken(Defect::NotAFile, error.to_string()),
            _ => Observed::Unknown(error.into()),
        },
    };
    Some(ConfFile { path, content })
}

fn broken(defect: Defect, detail: String) -> Observed<ConfContent> {
    Observed::Known(ConfContent::Broken { defect, detail })
}

/// The errno of an error, also of a recorded one, which keeps Rust's words for it.
fn errno(error: &SourceError) -> Option<i32> {
    match error {
        SourceError::Read { source, .. } => source.raw_os_error(),
        SourceError::Recorded { detail, .. } => {
            detail.rsplit_once("(os error ")?.1.trim_end_matches(')').parse().ok()
        }
        SourceError::Malformed { .. }
        | SourceError::TooLarge { .. }
        | SourceError::NotRecorded { .. } => None,
    }
}

fn content(host: &Host, dir: &str, name: &str, bytes: &[u8]) -> Observed<ConfContent> {
    network::parse(name, bytes).map(|content| match content {
        ConfContent::Network(mut network) => {
            let raw: Value = serde_json::from_slice(bytes).unwrap_or_default();
            multus::unwrap(host, &mut network, &raw);
            multus::add_sibling_plugins(host, dir, &mut network, &raw);
            ConfContent::Network(network)
        }
        ConfContent::Broken { .. } => content,
    })
}

/// A name in the list with nothing behind it: a symlink that leads nowhere. Whether the runtime
/// sees its target is certain only where the target's folder is in this root.
fn absent(host: &Host, path: &str) -> Option<Observed<ConfContent>> {
    // Without a link, it has gone meanwhile.
    let Ok(Some(target)) = host.link(path) else { return None };
    let dir = |it: &str| it.rsplit_once('/').map(|(dir, _)| dir.to_owned());
    let folder = match dir(&target) {
        Some(folder) if target.starts_with('/') => folder,
        Some(folder) => format!("{}/{folder}", dir(path)?),
        None => dir(path)?,
    };
    let folder = if folder.is_empty() { "/".to_owned() } else { folder };
    Some(match host.list(&folder) {
        Ok(Some(_)) => {
            broken(Defect::Dangling, format!("{path} leads to {target}, which is not there"))
        }
        Ok(None) | Err(_) => Observed::unknown(
            Cause::Prerequisite,
            format!("{path} leads to {target}, whose folder is not in this root"),
        ),
    })
}

/// What decides among files.
pub(super) struct Rule<'a> {
    /// `None`: which runtime it is could not be told; then only what all do alike is said.
    pub(super) kind: Option<RuntimeKind>,
    /// CRI-O's `cni_default_network`.
    pub(super) default_network: Option<&'a str>,
    pub(super) bin_dirs: &'a [BinDir],
}

impl Rule<'_> {
    /// What the runtime makes of these files.
    pub(super) fn choose(&self, files: &[ConfFile]) -> Observed<Choice> {
        match self.kind {
            Some(RuntimeKind::Containerd) => first_counts(files),
            Some(RuntimeKind::CriO | RuntimeKind::CriDockerd) => self.first_good_counts(files),
            None => {
                let (strict, lenient) = (first_counts(files), self.first_good_counts(files));
                if strict == lenient {
                    return strict;
                }
                let detail = "containerd and CRI-O would choose differently among these files";
                Observed::unknown(Cause::Prerequisite, detail)
            }
        }
    }

    fn first_good_counts(&self, files: &[ConfFile]) -> Observed<Choice> {
        for file in files {
            match &file.content {
                Observed::Unknown(failure) => return Observed::Unknown(unread(file, failure)),
                Observed::Known(ConfContent::Network(network)) if self.takes(network) => {
                    return Observed::Known(Choice::Takes(file.path.clone()));
                }
                Observed::Known(ConfContent::Network(_) | ConfContent::Broken { .. }) => {}
            }
        }
        Observed::Known(Choice::Nothing)
    }

    /// ocicni leaves a network out whose plugins it cannot find.
    fn takes(&self, network: &Network) -> bool {
        let named = self.default_network.is_none_or(|it| network.name.as_deref() == Some(it));
        let missing = |it: &str| is_missing(self.bin_dirs, it);
        named && !network.plugins.iter().any(|it| missing(&it.plugin_type))
    }
}

/// Whether a plugin is known to be in none of the directories.
pub(super) fn is_missing(bin_dirs: &[BinDir], plugin: &str) -> bool {
    let lacks = |dir: &BinDir| {
        dir.names
            .known()
            .and_then(Option::as_ref)
            .is_some_and(|it| !it.iter().any(|it| it == plugin))
    };
    !bin_dirs.is_empty() && bin_dirs.iter().all(lacks)
}

fn first_counts(files: &[ConfFile]) -> Observed<Choice> {
    let Some(first) = files.first() else { return Observed::Known(Choice::Nothing) };
    let path = first.path.clone();
    match &first.content {
        Observed::Unknown(failure) => Observed::Unknown(unread(first, failure)),
        Observed::Known(ConfContent::Network(_)) => Observed::Known(Choice::Takes(path)),
        Observed::Known(ConfContent::Broken { .. }) => Observed::Known(Choice::Broken(path)),
    }
}

fn unread(file: &ConfFile, failure: &Failure) -> Failure {
    let detail = format!("{} decides, and could not be read: {}", file.path, failure.detail);
    Failure::new(failure.cause, detail)
}

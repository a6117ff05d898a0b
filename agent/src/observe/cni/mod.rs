//! The CNI configuration as this node's container runtime reads it.

mod containerd;
mod crio;
mod files;
mod kubelet;
mod multus;
pub mod network;
mod places;
mod runtime;
mod settings;
#[cfg(test)]
mod tests;

use super::{Host, SourceError};
use crate::facts::cni::{BinDir, CniFacts, RuntimeKind, Setting, SettingSource};
use crate::facts::{Failure, Observed};
use files::Rule;
use places::{CONF_DIRS, CONTAINERD, Place};
use runtime::Found;
use settings::Settings;

/// Parses a container runtime's configuration, for those who feed it with foreign bytes.
///
/// # Errors
///
/// When it is no TOML or too large.
pub fn parse_toml(text: &str) -> Result<(), Failure> {
    settings::parse("config.toml", text).map(drop)
}

/// Finds the runtime, reads what it is told, and then its directories as it does.
pub fn cni(host: &Host) -> CniFacts {
    let Found { runtime, place, settings } = runtime::find(host);
    let kind = runtime.known().and_then(Option::as_ref).map(|it| it.kind);
    let told = Told::of(&runtime, place, settings);
    let conf_dir = told.conf_dir();
    let max_conf_num = told.max_conf_num();
    let bin_dirs = told.bin_dirs(host);
    let dir = conf_dir.value.trim_end_matches('/').to_owned();
    let files = files::files(host, &dir);
    let rule = Rule { kind, default_network: told.default_network(), bin_dirs: &bin_dirs };
    let choice = files.as_ref().and_then(|it| rule.choose(it.as_deref().unwrap_or_default()));
    CniFacts {
        runtime,
        max_conf_num,
        handlers: told.settings.handlers.clone(),
        choice,
        disabled: files::disabled(host, &dir),
        unread_dirs: unread_dirs(host, &dir).into(),
        conf_dir: Setting { value: dir, ..conf_dir },
        files,
        bin_dirs,
    }
}

/// What the runtime was told, and whose word stands in where it was told nothing.
struct Told {
    place: Place,
    settings: Settings,
    otherwise: SettingSource,
}

impl Told {
    fn of(
        runtime: &Observed<Option<crate::facts::cni::Runtime>>,
        place: Option<Place>,
        settings: Result<Option<Settings>, Failure>,
    ) -> Self {
        let otherwise = match (&settings, runtime.known()) {
            (Err(failure), _) => SettingSource::Guess(failure.detail.clone()),
            (Ok(Some(it)), _) if it.doubt.is_some() => {
                SettingSource::Guess(it.doubt.clone().unwrap_or_default())
            }
            (Ok(Some(_)), _) => SettingSource::Default,
            (Ok(None), Some(Some(runtime))) => SettingSource::Distribution(runtime.distribution),
            (Ok(None), _) => SettingSource::Guess("no container runtime was found".into()),
        };
        let settings = settings.ok().flatten().unwrap_or_default();
        Self { place: place.unwrap_or(CONTAINERD), settings, otherwise }
    }

    fn or<T>(&self, told: Option<Setting<T>>, value: T) -> Setting<T> {
        told.unwrap_or(Setting { value, source: self.otherwise.clone() })
    }

    fn conf_dir(&self) -> Setting<String> {
        self.or(self.settings.conf_dir.clone(), self.place.conf_dir.to_owned())
    }

    fn max_conf_num(&self) -> Setting<u32> {
        match self.place.kind {
            RuntimeKind::Containerd => self.or(self.settings.max_conf_num.clone(), 1),
            RuntimeKind::CriO | RuntimeKind::CriDockerd => {
                Setting { value: 1, source: SettingSource::Default }
            }
        }
    }

    fn default_network(&self) -> Option<&str> {
        self.settings.default_network.as_deref()
    }

    fn bin_dirs(&self, host: &Host) -> Vec<BinDir> {
        let otherwise = self.place.bin_dirs.iter().map(|it| (*it).to_owned()).collect();
        let Setting { value, source } = self.or(self.settings.bin_dirs.clone(), otherwise);
        let dir =
            |path: String| BinDir { names: host.list(&path).into(), path, source: source.clone() };
        value.into_iter().map(dir).collect()
    }
}

/// Known directories that hold configuration which this runtime does not read.
fn unread_dirs(host: &Host, read: &str) -> Result<Vec<String>, SourceError> {
    let mut dirs = Vec::new();
    for dir in CONF_DIRS.iter().filter(|it| **it != read) {
        let names = host.list(dir)?.unwrap_or_default();
        if names.iter().any(|it| places::is_configuration(it)) {
            dirs.push((*dir).to_owned());
        }
    }
    Ok(dirs)
}

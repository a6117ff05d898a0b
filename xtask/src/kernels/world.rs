//! Debian's archive of another suite and architecture, without touching this system.
//!
//! apt is given a state of its own, so nothing is installed and no pin or source of this machine
//! changes. Signatures and checksums are apt's own, with Debian's keyring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};

use super::arch::Arch;
use crate::{places, process};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// How old the package lists may get.
const LISTS_LAST: Duration = Duration::from_hours(24);

/// A suite with the archives that belong to it, as sources of apt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    Bullseye,
    Bookworm,
    Sid,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Sid => "sid",
        }
    }

    /// Paths and names of its parts on Debian's mirror. Bullseye's kernels are in its security
    /// archive, the newer kernels for bookworm there and in the backports.
    fn parts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Bullseye => &[("debian", "bullseye"), ("debian-security", "bullseye-security")],
            Self::Bookworm => &[
                ("debian", "bookworm"),
                ("debian", "bookworm-backports"),
                ("debian-security", "bookworm-security"),
            ],
            Self::Sid => &[("debian", "sid")],
        }
    }
}

/// One suite for one architecture, ready to fetch from.
#[derive(Debug)]
pub(super) struct World {
    dir: PathBuf,
    arch: Arch,
}

impl World {
    /// Sets the state up, and fetches the package lists when they are a day old or missing.
    pub(super) fn open(suite: Suite, arch: Arch) -> Result<Self> {
        let name = format!("{}-{}", suite.name(), arch.debian());
        let world = Self { dir: places::kernels().join("apt").join(name), arch };
        for dir in ["lists/partial", "cache/archives/partial", "debs"] {
            fs::create_dir_all(world.dir.join(dir))?;
        }
        fs::write(world.dir.join("status"), "")?;
        fs::write(world.dir.join("sources.list"), sources(suite))?;
        if !is_fresh(&world.dir.join("updated")) {
            process::logged(&world.dir.join("update.log"), world.apt("apt-get").arg("update"))?;
            fs::write(world.dir.join("updated"), "")?;
        }
        Ok(world)
    }

    /// The package of the newest version among `{prefix}*{suffix}`.
    pub(super) fn newest(&self, prefix: &str, suffix: &str) -> Result<String> {
        let names = process::text(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        let newest = names.lines().filter(|it| it.ends_with(suffix)).max_by_key(|it| numbers(it));
        newest.map(str::to_owned).with_context(|| format!("no package {prefix}*{suffix}"))
    }

    /// Fetches packages alone and gives back their files. What is there already is only checked.
    pub(super) fn fetch(&self, packages: &[String]) -> Result<Vec<PathBuf>> {
        let mut apt = self.apt("apt-get");
        apt.arg("download").args(packages).current_dir(self.dir.join("debs"));
        process::logged(&self.dir.join("download.log"), &mut apt)?;
        packages.iter().map(|it| newest_deb(&self.dir.join("debs"), it)).collect()
    }

    /// Fetches packages and everything that they depend on, for a system that has nothing.
    pub(super) fn fetch_closure(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let mut apt = self.apt("apt-get");
        apt.args(["install", "--yes", "--no-install-recommends", "--download-only"]);
        process::logged(&self.dir.join("closure.log"), apt.args(packages))?;
        debs_in(&self.dir.join("cache/archives"))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let dir = |name: &str| self.dir.join(name).display().to_string();
        for option in [
            format!("Dir::State::Lists={}", dir("lists")),
            format!("Dir::State::status={}", dir("status")),
            format!("Dir::Etc::SourceList={}", dir("sources.list")),
            "Dir::Etc::SourceParts=-".to_owned(),
            "Dir::Etc::PreferencesParts=-".to_owned(),
            format!("Dir::Cache={}", dir("cache")),
            format!("APT::Architecture={}", self.arch.debian()),
            format!("APT::Architectures={}", self.arch.debian()),
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "Debug::NoLocking=true".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }
}

/// Unpacks packages into a folder that is there only when it is complete.
pub(super) fn unpack(debs: &[PathBuf], dir: &Path) -> Result<()> {
    let partial = dir.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    for deb in debs {
        process::run(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(&partial))?;
    }
    fs::rename(&partial, dir).with_context(|| format!("cannot create {}", dir.display()))
}

fn sources(suite: Suite) -> String {
    let base = mirror();
    let lines = suite
        .parts()
        .iter()
        .map(|(archive, name)| format!("deb [signed-by={KEYRING}] {base}/{archive} {name} main\n"));
    lines.collect()
}

/// The mirror that this machine uses, without the archive's name.
fn mirror() -> String {
    let text = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").unwrap_or_default();
    let uri = text.lines().find_map(|it| it.strip_prefix("URIs:")?.trim().strip_suffix("/debian"));
    uri.unwrap_or("http://deb.debian.org").to_owned()
}

fn is_fresh(stamp: &Path) -> bool {
    let modified = fs::metadata(stamp).and_then(|it| it.modified()).ok();
    let age = modified.and_then(|it| SystemTime::now().duration_since(it).ok());
    age.is_some_and(|it| it < LISTS_LAST)
}

/// The file that `apt-get download` left for a package: `name_version_arch.deb`.
fn newest_deb(dir: &Path, package: &str) -> Result<PathBuf> {
    let prefix = format!("{package}_");
    let debs = debs_in(dir)?;
    let is_it = |it: &PathBuf| {
        it.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
    };
    let newest = debs.into_iter().filter(is_it).max_by_key(|it| numbers(&it.to_string_lossy()));
    newest.with_context(|| format!("apt-get download left no file for {package}"))
}

fn debs_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let paths: Vec<PathBuf> = entries.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    let debs: Vec<PathBuf> =
        paths.into_iter().filter(|it| it.extension().is_some_and(|ext| ext == "deb")).collect();
    if debs.is_empty() {
        bail!("no package in {}", dir.display());
    }
    Ok(debs)
}

/// The numbers of a name in order, so that 6.12.117 is newer than 6.12.95.
fn numbers(name: &str) -> Vec<u64> {
    name.split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let names = [
            "linux-image-6.12.90+deb12.1-cloud-amd64",
            "linux-image-6.12.117+deb12-cloud-amd64",
            "linux-image-6.12.9+deb12-cloud-amd64",
        ];
        assert_eq!(names.iter().max_by_key(|it| numbers(it)), Some(&names[1]));
    }

    #[test]
    fn bullseyes_kernels_come_from_its_security_archive_too() {
        let text = sources(Suite::Bullseye);
        assert!(text.contains("/debian-security bullseye-security main\n"), "{text}");
        assert!(text.lines().all(|it| it.contains("signed-by=")), "{text}");
    }
}

//! Debian's packages on this machine: what is there, and installing what is not.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{places, process};

/// Whether this machine installs its software with apt.
pub(crate) fn is_here() -> bool {
    Path::new("/usr/bin/apt-get").exists() && Path::new("/usr/bin/dpkg-query").exists()
}

/// Those of `packages` that are not installed; `name:arch` asks for a foreign architecture.
pub(crate) fn missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    // dpkg-query exits with 1 when it knows nothing of one name, so its exit code says nothing.
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status} ${Package} ${Architecture}\n"]);
    let output = query.args(packages).output().context("cannot start dpkg-query")?;
    let listing = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(packages.iter().copied().filter(|it| !is_installed(&listing, it)).collect())
}

fn is_installed(listing: &str, package: &str) -> bool {
    let (name, arch) = package.split_once(':').map_or((package, None), |(n, a)| (n, Some(a)));
    listing.lines().any(|line| {
        let mut fields = line.split(' ');
        fields.next() == Some("installed")
            && fields.next() == Some(name)
            && (arch.is_none() || fields.next() == arch)
    })
}

/// Installs packages, without the ones they only recommend.
///
/// Package lists are fetched only when the install fails without: on a new machine they are
/// missing or old.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if process::logged(&places::log("apt-install"), &mut install_command(packages)).is_ok() {
        return Ok(());
    }
    update()?;
    process::logged(&places::log("apt-install"), &mut install_command(packages))
}

/// Unpacks a package below `dir` without installing it.
pub(crate) fn unpack(package: &str, dir: &Path) -> Result<()> {
    let download = || {
        let mut command = apt_get();
        // As root apt fetches as the user `_apt`, who may not write here.
        command.args(["-o", "APT::Sandbox::User=root", "download", package]).current_dir(dir);
        command
    };
    if process::logged(&places::log("apt-download"), &mut download()).is_err() {
        update()?;
        process::logged(&places::log("apt-download"), &mut download())?;
    }
    let mut debs = std::fs::read_dir(dir)?.filter_map(|it| Some(it.ok()?.path()));
    let deb = debs.find(|it| it.extension().is_some_and(|it| it == "deb"));
    let deb = deb.with_context(|| format!("apt-get download {package} left no package"))?;
    process::run(Command::new("dpkg").arg("--extract").arg(deb).arg(dir))
}

/// Fetches the package lists.
pub(crate) fn update() -> Result<()> {
    process::logged(&places::log("apt-update"), apt_get().arg("update"))
}

/// Lets packages of another architecture be installed beside the machine's own.
pub(crate) fn add_architecture(arch: &str) -> Result<()> {
    let known = process::text(Command::new("dpkg").arg("--print-foreign-architectures"))?;
    if known.lines().any(|it| it == arch) {
        return Ok(());
    }
    process::run(Command::new("dpkg").args(["--add-architecture", arch]))?;
    update()
}

fn install_command(packages: &[&str]) -> Command {
    let mut command = apt_get();
    command.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    command
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
    command.args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "installed gcc amd64\nnot-installed g++ amd64\n\
                           installed libstd-rust-web-dev amd64\nconfig-files cpio amd64\n";

    #[test]
    fn only_an_installed_package_is_installed() {
        assert!(is_installed(LISTING, "gcc"));
        assert!(!is_installed(LISTING, "g++"));
        assert!(!is_installed(LISTING, "cpio"), "removed, its configuration is left");
        assert!(!is_installed(LISTING, "clang"));
    }

    #[test]
    fn the_machines_own_library_is_not_the_foreign_one() {
        assert!(is_installed(LISTING, "libstd-rust-web-dev"));
        assert!(!is_installed(LISTING, "libstd-rust-web-dev:arm64"));
    }

    #[test]
    fn what_every_debian_has_is_not_missing() {
        let missing = missing(&["dpkg", "no-such-package-as-this"]).unwrap();
        assert_eq!(missing, ["no-such-package-as-this"]);
    }
}

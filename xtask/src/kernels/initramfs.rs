//! What a virtual machine finds: tools with their own libraries, the agent, a few modules.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::arch::Arch;
use super::image::{Image, MODULES};
use super::world::{self, Suite, World};
use crate::{places, process};

const INIT: &str = include_str!("init.sh");
/// Debian's newest, since bpftool is the reference: kernels newer than it are judged wrongly.
const PACKAGES: &[&str] = &["bpftool", "busybox-static", "kmod", "util-linux"];
/// Programs, from the root of those packages.
const PROGRAMS: &[&str] =
    &["usr/bin/busybox", "usr/bin/kmod", "usr/bin/setpriv", "usr/sbin/bpftool"];
const FOLDERS: &[&str] =
    &["dev", "etc", "out", "proc", "run", "sys", "tmp", "usr/bin", "usr/lib64", "usr/sbin"];
/// Links of a merged `/usr`, and the names under which the kernel and the shell look for modprobe.
const LINKS: &[(&str, &str)] = &[
    ("usr/bin", "bin"),
    ("usr/sbin", "sbin"),
    ("usr/lib", "lib"),
    ("usr/lib64", "lib64"),
    ("../bin/kmod", "usr/sbin/modprobe"),
    ("../bin/kmod", "usr/sbin/lsmod"),
];

/// Unpacks the tools for one architecture, once for each version of them.
pub(super) fn tools(arch: Arch) -> Result<PathBuf> {
    let debs = World::open(Suite::Sid, arch)?.fetch_closure(PACKAGES)?;
    let bpftool = debs.iter().filter_map(|it| it.file_stem()?.to_str());
    let version = bpftool.filter(|it| it.starts_with("bpftool_")).max();
    let version = version.context("bpftool is among what was fetched")?;
    let dir = places::kernels().join("tools").join(version);
    if !dir.exists() {
        world::unpack(&debs, &dir)?;
    }
    Ok(dir)
}

/// Writes the initial file system for one kernel.
pub(super) fn build(image: &Image, tools: &Path, agent: &Path, out: &Path) -> Result<()> {
    let tree = Tree::new(out)?;
    for program in PROGRAMS {
        copy_with_libraries(program, tools, &tree.0, image.arch)?;
    }
    tree.link()?;
    fs::write(tree.path("etc/os-release"), image.os_release())?;
    copy(agent, &tree.path("bpfready"))?;
    image.copy_into(&tree.0, MODULES)?;
    tree.pack(INIT, out)
}

/// A file system while it is furnished.
pub(super) struct Tree(PathBuf);

impl Tree {
    /// Empty folders, beside the archive that they will be packed into.
    pub(super) fn new(out: &Path) -> Result<Self> {
        let tree = out.with_extension("tree");
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        for folder in FOLDERS {
            fs::create_dir_all(tree.join(folder))?;
        }
        Ok(Self(tree))
    }

    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Copies a program of this machine, with the libraries that it has here.
    pub(super) fn copy_with_libraries(&self, program: &Path, name: &str) -> Result<()> {
        copy(program, &self.path(name))?;
        let headers = process::text(Command::new("readelf").arg("-dlW").arg(program))?;
        for file in loader(&headers).into_iter().chain(libraries(&headers, Arch::Amd64)) {
            copy_with_libraries(&file, Path::new("/"), &self.0, Arch::Amd64)?;
        }
        Ok(())
    }

    /// The links of a merged `/usr`.
    pub(super) fn link(&self) -> Result<()> {
        for (target, link) in LINKS {
            symlink(target, self.path(link)).with_context(|| format!("cannot link {link}"))?;
        }
        Ok(())
    }

    /// Adds the first process and writes the archive.
    pub(super) fn pack(&self, init: &str, out: &Path) -> Result<()> {
        fs::write(self.path("init"), init)?;
        fs::set_permissions(self.path("init"), fs::Permissions::from_mode(0o755))?;
        pack(&self.0, out)
    }
}

/// Copies a program of the tools, its loader and all libraries that it needs.
fn copy_with_libraries(program: &str, tools: &Path, tree: &Path, arch: Arch) -> Result<()> {
    let mut to_do = vec![program.to_owned()];
    let mut done = BTreeSet::new();
    while let Some(file) = to_do.pop() {
        if !done.insert(file.clone()) {
            continue;
        }
        copy(&tools.join(&file), &tree.join(&file))?;
        let headers = process::text(Command::new("readelf").arg("-dlW").arg(tools.join(&file)))?;
        to_do.extend(loader(&headers));
        to_do.extend(libraries(&headers, arch));
    }
    Ok(())
}

fn libraries(headers: &str, arch: Arch) -> impl Iterator<Item = String> {
    needed(headers).map(move |it| format!("usr/lib/{}/{it}", arch.triple()))
}

/// `[Requesting program interpreter: /lib64/ld-linux-x86-64.so.2]`; `/lib` is `/usr/lib` here.
fn loader(headers: &str) -> Option<String> {
    let (_, rest) = headers.split_once("program interpreter: /")?;
    rest.split_once(']').map(|(path, _)| format!("usr/{path}"))
}

/// `0x01 (NEEDED) Shared library: [libc.so.6]`
fn needed(headers: &str) -> impl Iterator<Item = &str> {
    let lines = headers.lines().filter(|it| it.contains("(NEEDED)"));
    lines.filter_map(|it| it.split_once('[')?.1.split_once(']').map(|(name, _)| name))
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// One archive in the kernel's format, not compressed: it only goes into the machine's memory.
fn pack(tree: &Path, out: &Path) -> Result<()> {
    let listing = process::output(Command::new("find").args([".", "-print0"]).current_dir(tree))?;
    let mut cpio = Command::new("cpio");
    cpio.args(["--create", "--format=newc", "--null", "--owner=0:0", "--quiet"]).current_dir(tree);
    let file = File::create(out).with_context(|| format!("cannot create {}", out.display()))?;
    let mut child = cpio.stdin(Stdio::piped()).stdout(file).spawn().context("cannot start cpio")?;
    let fed: io::Result<()> =
        child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(&listing));
    if !child.wait()?.success() {
        bail!("cpio failed");
    }
    Ok(fed?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_needs_is_read_from_its_headers() {
        let headers = "      [Requesting program interpreter: /lib64/ld-linux-x86-64.so.2]\n\
            0x0000000000000001 (NEEDED)             Shared library: [libelf.so.1]\n\
            0x000000000000000e (SONAME)             Library soname: [libx.so]\n\
            0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]\n";
        assert_eq!(loader(headers).unwrap(), "usr/lib64/ld-linux-x86-64.so.2");
        assert_eq!(needed(headers).collect::<Vec<_>>(), ["libelf.so.1", "libc.so.6"]);
        assert_eq!(loader("There is no dynamic section in this file."), None);
    }
}

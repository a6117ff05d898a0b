//! Debian's kernels: which ones, and one of them unpacked.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::arch::Arch;
use super::initramfs::copy;
use super::vm::Guest;
use super::world::{self, Suite, World};
use crate::{places, process};

/// A line of kernels that we boot.
#[derive(Debug)]
pub(super) struct Kernel {
    /// What a person calls it.
    pub(super) name: &'static str,
    arch: Arch,
    suite: Suite,
    /// Name of the package before the version. In sid the image is a part of its own.
    package: &'static str,
    /// Where such kernels run.
    pub(super) stands_for: &'static str,
}

/// The matrix: the oldest that EKS still has, what it has now, and what comes.
pub(super) const KERNELS: &[Kernel] = &[
    Kernel {
        name: "5.10",
        arch: Arch::Amd64,
        suite: Suite::Bullseye,
        package: "linux-image-5.10.",
        stands_for: "Amazon Linux 2",
    },
    Kernel {
        name: "6.1",
        arch: Arch::Amd64,
        suite: Suite::Bookworm,
        package: "linux-image-6.1.",
        stands_for: "Amazon Linux 2023, Bottlerocket",
    },
    Kernel {
        name: "6.12",
        arch: Arch::Amd64,
        suite: Suite::Bookworm,
        package: "linux-image-6.12.",
        stands_for: "Amazon Linux 2023 from EKS 1.33",
    },
    Kernel {
        name: "sid",
        arch: Arch::Amd64,
        suite: Suite::Sid,
        package: "linux-binary-",
        stands_for: "what comes",
    },
    Kernel {
        name: "6.1-arm64",
        arch: Arch::Arm64,
        suite: Suite::Bookworm,
        package: "linux-image-6.1.",
        stands_for: "Graviton, Amazon Linux 2023",
    },
    Kernel {
        name: "6.12-arm64",
        arch: Arch::Arm64,
        suite: Suite::Bookworm,
        package: "linux-image-6.12.",
        stands_for: "Graviton, Amazon Linux 2023 from EKS 1.33",
    },
];

/// Modules that the virtual machine gets as files, with what they depend on: those that Cilium and
/// its neighbours load. `modules.dep` names all others too, as on a real host.
pub(super) const MODULES: &[&str] = &[
    "act_bpf",
    "cls_bpf",
    "dummy",
    "esp4",
    "esp6",
    "geneve",
    "ifb",
    "inet_diag",
    "ip6_tables",
    "ip6table_filter",
    "ip6table_mangle",
    "ip6table_nat",
    "ip6table_raw",
    "ip_set",
    "ip_set_hash_ip",
    "ip_tables",
    "ip_vs",
    "ipip",
    "iptable_filter",
    "iptable_mangle",
    "iptable_nat",
    "iptable_raw",
    "ipvlan",
    "ip6_tunnel",
    "nf_conntrack",
    "nf_tables",
    "nft_compat",
    "netkit",
    "nfnetlink",
    "sch_fq",
    "sch_ingress",
    "sit",
    "tcp_bbr",
    "tcp_diag",
    "tun",
    "udp_diag",
    "veth",
    "vrf",
    "vxlan",
    "wireguard",
    "x_tables",
    "xfrm_algo",
    "xfrm_user",
    "xt_CT",
    "xt_TPROXY",
    "xt_mark",
    "xt_set",
    "xt_socket",
];

/// A kernel on this disk.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) arch: Arch,
    /// As `uname -r` says it.
    pub(super) release: String,
    suite: Suite,
    dir: PathBuf,
}

impl Kernel {
    /// Whether it needs the agent for arm64.
    pub(super) fn arch(&self) -> Arch {
        self.arch
    }

    /// Fetches and unpacks the newest of its line.
    pub(super) fn image(&self) -> Result<Image> {
        let world = World::open(self.suite, self.arch)?;
        let suffix = format!("-cloud-{}", self.arch.debian());
        let package = world.newest(self.package, &suffix)?;
        let release =
            package.trim_start_matches("linux-image-").trim_start_matches("linux-binary-");
        let mut packages = vec![package.clone()];
        if package.starts_with("linux-binary-") {
            packages.extend(["base", "modules"].map(|part| format!("linux-{part}-{release}")));
        }
        let dir = places::kernels().join("unpacked").join(&package);
        if !dir.exists() {
            world::unpack(&world.fetch(&packages)?, &dir)?;
        }
        let (arch, suite) = (self.arch, self.suite);
        let image = Image { arch, release: release.to_owned(), suite, dir };
        image.index_modules()?;
        Ok(image)
    }
}

impl Image {
    /// The kernel itself.
    pub(super) fn vmlinuz(&self) -> Result<PathBuf> {
        let places = [
            self.dir.join("boot").join(format!("vmlinuz-{}", self.release)),
            self.modules().join("vmlinuz"),
        ];
        let found = places.into_iter().find(|it| it.exists());
        found.with_context(|| format!("no vmlinuz in {}", self.dir.display()))
    }

    /// What the machine says of its distribution.
    pub(super) fn os_release(&self) -> String {
        let name = format!("Debian GNU/Linux ({:?})", self.suite).to_lowercase();
        format!("ID=debian\nPRETTY_NAME=\"{name}, kernel only\"\n")
    }

    /// Puts the configuration, the lists of modules and these modules, with what they depend on,
    /// into a file system.
    pub(super) fn copy_into(&self, tree: &Path, modules: &[&str]) -> Result<()> {
        let config = self.dir.join("boot").join(format!("config-{}", self.release));
        if config.exists() {
            copy(&config, &tree.join("boot").join(format!("config-{}", self.release)))?;
        }
        let to = tree.join("usr/lib/modules").join(&self.release);
        for entry in fs::read_dir(self.modules())? {
            let entry = entry?;
            let name = entry.file_name();
            let is_image = name == "vmlinuz" || name == "System.map";
            if entry.file_type()?.is_file() && !is_image {
                copy(&entry.path(), &to.join(&name))?;
            }
        }
        let listing = fs::read_to_string(self.modules().join("modules.dep"))?;
        for module in wanted(&listing, modules) {
            copy(&self.modules().join(&module), &to.join(&module))?;
        }
        Ok(())
    }

    /// Writes `modules.dep` and its kin, which a package leaves to its installation.
    fn index_modules(&self) -> Result<()> {
        if self.modules().join("modules.dep").exists() {
            return Ok(());
        }
        if !self.dir.join("lib").exists() {
            symlink("usr/lib", self.dir.join("lib"))?;
        }
        let mut depmod = Command::new("/sbin/depmod");
        process::run(depmod.arg("--basedir").arg(&self.dir).arg(&self.release))
    }

    fn modules(&self) -> PathBuf {
        let merged = self.dir.join("usr/lib/modules").join(&self.release);
        if merged.exists() { merged } else { self.dir.join("lib/modules").join(&self.release) }
    }
}

/// A machine with this kernel and file system.
pub(super) fn guest(image: &Image, name: &'static str, initrd: PathBuf) -> Result<Guest> {
    let results = places::kernels().join("results").join(name);
    Ok(Guest { name, arch: image.arch, vmlinuz: image.vmlinuz()?, initrd, results })
}

/// Files of these modules and of all that they depend on.
fn wanted(modules_dep: &str, modules: &[&str]) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for line in modules_dep.lines() {
        let Some((file, dependencies)) = line.split_once(':') else { continue };
        let stem = file.rsplit('/').next().unwrap_or(file).split(".ko").next().unwrap_or(file);
        if modules.contains(&stem.replace('-', "_").as_str()) {
            files.insert(file.to_owned());
            files.extend(dependencies.split_whitespace().map(str::to_owned));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_with_what_it_depends_on() {
        let dep = "kernel/a/vxlan.ko.xz: kernel/b/udp_tunnel.ko.xz kernel/b/ip6_udp_tunnel.ko.xz\n\
                   kernel/a/foo.ko.xz: kernel/b/bar.ko.xz\n\
                   kernel/n/xt_TPROXY.ko:\n\
                   kernel/n/tcp-bbr.ko:\n";
        let files: Vec<String> = wanted(dep, MODULES).into_iter().collect();
        assert_eq!(
            files,
            [
                "kernel/a/vxlan.ko.xz",
                "kernel/b/ip6_udp_tunnel.ko.xz",
                "kernel/b/udp_tunnel.ko.xz",
                "kernel/n/tcp-bbr.ko",
                "kernel/n/xt_TPROXY.ko",
            ]
        );
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = KERNELS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), KERNELS.len());
    }
}

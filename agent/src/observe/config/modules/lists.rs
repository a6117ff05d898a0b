//! The lists of modules that the kernel and depmod(8) keep.

use std::collections::BTreeSet;

use super::Disk;
use crate::facts::kernel::Uname;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::{Host, SourceError, host, procfs};

const LOADED: &str = "/proc/modules";
const IN_SYSFS: &str = "/sys/module";

/// Loaded modules. A kernel without loadable modules has no `/proc/modules` (`kernel/module/`).
pub(super) fn loaded(host: &Host) -> Observed<BTreeSet<String>> {
    match host.read(LOADED) {
        Ok(Some(text)) => parse_loaded(&text).into(),
        Ok(None) => procfs::absent(host, LOADED, BTreeSet::new()),
        Err(error) => Observed::Unknown(error.into()),
    }
}

/// Names under `/sys/module`. It can only add: built-in code without parameters is not there.
pub(super) fn in_sysfs(host: &Host) -> BTreeSet<String> {
    host.list(IN_SYSFS).ok().flatten().into_iter().flatten().collect()
}

/// What the running kernel's modules directory holds. A container that does not mount it has none,
/// which says nothing about the host.
pub(super) fn on_disk(host: &Host, uname: &Observed<Uname>) -> Observed<Disk> {
    let release = match uname {
        Observed::Known(uname) => &uname.release,
        Observed::Unknown(failure) => {
            let detail = format!("which kernel runs is unknown: {}", failure.detail);
            return Observed::unknown(Cause::Prerequisite, detail);
        }
    };
    for parent in ["/lib/modules", "/usr/lib/modules"] {
        match directory(host, &format!("{parent}/{release}")) {
            Ok(None) => {}
            Ok(Some(disk)) => return Observed::Known(disk),
            Err(failure) => return Observed::Unknown(failure),
        }
    }
    let detail = format!("/lib/modules/{release} with modules.dep and modules.builtin is not here");
    Observed::unknown(Cause::Prerequisite, detail)
}

fn directory(host: &Host, path: &str) -> Result<Option<Disk>, Failure> {
    let (dep, builtin) = (format!("{path}/modules.dep"), format!("{path}/modules.builtin"));
    let (Some(dep_text), Some(builtin_text)) = (host.read(&dep)?, host.read(&builtin)?) else {
        return Ok(None);
    };
    let loadable = parse_dep(&dep, &dep_text)?;
    let builtin = parse_builtin(&builtin, &builtin_text)?;
    Ok(Some(Disk { builtin, loadable }))
}

/// Parses `/proc/modules`: `vxlan 155648 0 - Live 0x0`; a module that is on its way out or in does
/// not count, see proc_modules(5).
///
/// # Errors
///
/// [`SourceError::Malformed`] for a line without a state.
pub fn parse_loaded(text: &str) -> Result<BTreeSet<String>, SourceError> {
    let mut live = BTreeSet::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.nth(3)) {
            (Some(name), Some("Live")) => _ = live.insert(name.to_owned()),
            (Some(_), Some("Loading" | "Unloading")) => {}
            _ => return Err(malformed(LOADED, "NAME SIZE COUNT USERS STATE ADDRESS", line)),
        }
    }
    Ok(live)
}

/// Parses `modules.dep`: `kernel/net/x.ko.xz: kernel/lib/y.ko.xz`, see modules.dep(5).
///
/// # Errors
///
/// [`SourceError::Malformed`] when the file is empty or a line begins with something else than a
/// module and a colon.
pub fn parse_dep(path: &str, text: &str) -> Result<BTreeSet<String>, SourceError> {
    names(path, text, "FILE.ko: FILES", |line| name(line.split_once(':')?.0))
}

/// Parses `modules.builtin`: `kernel/fs/configfs/configfs.ko`, one a line.
///
/// # Errors
///
/// [`SourceError::Malformed`] when the file is empty or a line is no module.
pub fn parse_builtin(path: &str, text: &str) -> Result<BTreeSet<String>, SourceError> {
    names(path, text, "FILE.ko", name)
}

fn names(
    path: &str,
    text: &str,
    expected: &'static str,
    name: impl Fn(&str) -> Option<String>,
) -> Result<BTreeSet<String>, SourceError> {
    // Empty, or cut: a list that lost its end would tell modules as absent that are there.
    if !text.ends_with('\n') {
        return Err(malformed(path, "lines, the last one whole", text));
    }
    text.lines().map(|line| name(line).ok_or_else(|| malformed(path, expected, line))).collect()
}

/// `xt_TPROXY` of `kernel/net/netfilter/xt_TPROXY.ko.xz`; the kernel writes `_` where a file may
/// have `-`.
fn name(file: &str) -> Option<String> {
    let (_, base) = file.rsplit_once('/').unwrap_or(("", file));
    let (name, _) = base.split_once(".ko")?;
    (!name.is_empty()).then(|| name.replace('-', "_"))
}

fn malformed(path: &str, expected: &'static str, found: &str) -> SourceError {
    SourceError::Malformed { path: path.into(), expected, found: host::shorten(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_modules_count_and_those_on_their_way_do_not() {
        // proc_modules(5) and `m_show` of `kernel/module/procfs.c`.
        let text = "vxlan 155648 0 - Live 0x0000000000000000\n\
            ip6_udp_tunnel 16384 1 vxlan, Live 0x0000000000000000 (E)\n\
            geneve 45056 0 - Loading 0x0000000000000000\n\
            dummy 16384 0 - Unloading 0x0000000000000000\n";
        let loaded = parse_loaded(text).unwrap();
        assert_eq!(loaded.into_iter().collect::<Vec<_>>(), ["ip6_udp_tunnel", "vxlan"]);
        assert!(parse_loaded("").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_was_cut_or_is_no_module_is_malformed() {
        for text in ["vxlan", "vxlan 155648 0 -", "vxlan 155648 0 - Gone 0x0", "\n", "\0\0"] {
            assert!(parse_loaded(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn file_names_become_the_kernels_names() {
        let dep = "kernel/net/netfilter/xt_TPROXY.ko.xz: kernel/net/x.ko.xz\n\
            kernel/drivers/net/vxlan/vxlan.ko.zst:\n\
            updates/dkms/wireguard.ko:\n\
            kernel/lib/crypto/libchacha20poly1305-old.ko.gz: \n";
        let loadable = parse_dep("/x", dep).unwrap();
        let expected = ["libchacha20poly1305_old", "vxlan", "wireguard", "xt_TPROXY"];
        assert_eq!(loadable.into_iter().collect::<Vec<_>>(), expected);
        let builtin = parse_builtin("/x", "kernel/net/sched/sch_fq.ko\n").unwrap();
        assert!(builtin.contains("sch_fq"));
    }

    #[test]
    fn empty_cut_and_foreign_lists_are_malformed() {
        for text in ["", "kernel/a.ko: kernel/b", "no colon\n", ": x\n", "a.txt:\n", "\n"] {
            assert!(parse_dep("/x", text).is_err(), "{text:?}");
        }
        for text in ["", "kernel/a.ko", "a.txt\n", ".ko\n"] {
            assert!(parse_builtin("/x", text).is_err(), "{text:?}");
        }
    }
}

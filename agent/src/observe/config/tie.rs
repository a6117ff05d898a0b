//! Whether a configuration file belongs to the running kernel.

use super::kconfig::{Header, Parsed};
use crate::facts::config::KconfigTie;
use crate::facts::kernel::Uname;

/// How `parsed` is tied to the kernel of `uname`; `None`: it is not.
///
/// `path_names_kernel`: the path carries `uname -r`, or the kernel itself made the file.
pub(super) fn tie(parsed: &Parsed, uname: &Uname, path_names_kernel: bool) -> Option<KconfigTie> {
    let Some(header) = &parsed.header else {
        return path_names_kernel.then_some(KconfigTie::Path);
    };
    let fits = if path_names_kernel {
        version_fits(&header.version, uname)
    } else {
        is_this_very_build(&header.version, parsed, uname)
    };
    (fits && arch_fits(header, uname)).then_some(KconfigTie::Header)
}

/// Whether a version may be that of a kernel which the path already names.
fn version_fits(version: &str, uname: &Uname) -> bool {
    if version == uname.release {
        return true;
    }
    // Debian: the release is 6.1.0-18-cloud-amd64, uname -v says "Debian 6.1.76-1", the header 6.1.76.
    if let Some(upstream) = upstream_of_debian(&uname.version) {
        return digits(version) == digits(upstream);
    }
    if let Some(rest) = uname.release.strip_prefix(version) {
        return !rest.starts_with(|it: char| it.is_ascii_digit() || it == '.');
    }
    is_ubuntus(version, uname)
}

/// Ubuntu 24.04: the release is 6.8.0-38-generic, the header 6.8.8, and uname -v,
/// "#38-Ubuntu SMP …", does not tell the two apart.
fn is_ubuntus(version: &str, uname: &Uname) -> bool {
    let plain = version.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    match digits(&uname.release).as_slice() {
        [major, minor, 0] if plain && uname.version.contains("-Ubuntu ") => {
            digits(version).starts_with(&[*major, *minor])
        }
        _ => false,
    }
}

/// Whether version and CONFIG_LOCALVERSION together are the release: what a file in
/// `/usr/src/linux` must show, where any kernel's source may lie.
fn is_this_very_build(version: &str, parsed: &Parsed, uname: &Uname) -> bool {
    let local = parsed.options.get("CONFIG_LOCALVERSION").map_or("", String::as_str);
    let build = format!("{version}{}", local.trim_matches('"'));
    // A "+" says that the source had changes (`scripts/setlocalversion`).
    uname.release == build || uname.release == format!("{build}+")
}

/// `6.1.76-1` of `#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)`; Raspberry Pi OS puts an
/// epoch before it, `1:6.6.31-1+rpt1`.
fn upstream_of_debian(version: &str) -> Option<&str> {
    let mut words = version.split_whitespace();
    words.find(|&it| it == "Debian")?;
    let package = words.next()?;
    let upstream = package.split_once(':').map_or(package, |(_, it)| it);
    Some(upstream).filter(|it| it.starts_with(|it: char| it.is_ascii_digit()))
}

/// The numbers at the beginning of a version: `[6, 1, 76]`.
fn digits(version: &str) -> Vec<u32> {
    let end = version.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(version.len());
    version[..end].split('.').map_while(|it| it.parse().ok()).collect()
}

/// `ARCH` of the kernel's build against `uname -m`; machines of other families are not compared.
fn arch_fits(header: &Header, uname: &Uname) -> bool {
    match uname.machine.as_str() {
        "x86_64" | "i386" | "i486" | "i586" | "i686" => {
            matches!(header.arch.as_str(), "x86" | "x86_64" | "i386")
        }
        "aarch64" => header.arch == "arm64",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `uname -r` and the header of `/boot/config-$(uname -r)` on real machines, one a distribution:
    /// <https://github.com/nyrahul/linux-kernel-configs>, commit 76bbb048.
    #[rustfmt::skip]
    const REAL: [(&str, &str, &str, &str); 22] = [
        ("4.19.91-27.7.al7.x86_64", "x86_64", "x86", "4.19.91-27.7.al7.x86_64"),
        ("5.10.75-79.358.amzn2.x86_64", "x86_64", "x86_64", "5.10.75-79.358.amzn2.x86_64"),
        ("6.1.141-165.249.amzn2023.aarch64", "aarch64", "arm64", "6.1.141-165.249.amzn2023.aarch64"),
        ("6.1.141-165.249.amzn2023.x86_64", "x86_64", "x86_64", "6.1.141-165.249.amzn2023.x86_64"),
        ("6.2.1-arch1-1", "x86_64", "x86", "6.2.1-arch1"),
        ("5.15.138.1-4.cm2", "x86_64", "x86_64", "5.15.138.1"),
        ("4.18.0-348.7.1.el8_5.x86_64", "x86_64", "x86_64", "4.18.0-348.7.1.el8_5.x86_64"),
        ("6.1.85+", "x86_64", "x86_64", "6.1.85"),
        ("6.8.12-4-pve", "x86_64", "x86", "6.8.12-4-pve"),
        ("6.12.20-amd64-desktop-rolling", "x86_64", "x86", "6.12.20"),
        ("6.7.7-200.fc39.aarch64", "aarch64", "arm64", "6.7.7-200.fc39.aarch64"),
        ("6.1.96-flatcar", "x86_64", "x86", "6.1.96-flatcar"),
        ("5.15.0-103.114.4.el8uek.x86_64", "x86_64", "x86_64", "5.15.0-103.114.4.el8uek.x86_64"),
        ("6.14.10-orbstack-00291-g1b252bd3edea", "aarch64", "arm64", "6.14.10-orbstack-00291-g1b252bd3edea"),
        ("5.14.0-284.11.1.el9_2.x86_64", "x86_64", "x86_64", "5.14.0-284.11.1.el9_2.x86_64"),
        ("4.12.14-122.54-default", "x86_64", "x86_64", "4.12.14"),
        ("5.3.18-59.24-default", "x86_64", "x86", "5.3.18"),
        ("5.4.0-1060-aws", "x86_64", "x86_64", "5.4.0-1060-aws"),
        ("5.15.0-1051-azure", "x86_64", "x86", "5.15.0-1051-azure"),
        ("6.5.0-1014-gcp", "x86_64", "x86", "6.5.0-1014-gcp"),
        ("6.1.10-11.ph5", "x86_64", "x86_64", "6.1.10"),
        ("6.12.6-talos", "x86_64", "x86", "6.12.6"),
    ];

    /// Kernels that only uname -v ties to their header: release, uname -v, machine, header. Header
    /// and release from the same source or from Debian's packages.
    #[rustfmt::skip]
    const BY_WORDS: [(&str, &str, &str, &str, &str); 8] = [
        ("5.10.0-28-cloud-amd64", "#1 SMP Debian 5.10.209-2 (2024-01-31)", "x86_64", "x86", "5.10.209"),
        ("6.1.0-18-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", "x86_64", "x86", "6.1.76"),
        ("6.1.0-18-cloud-arm64", "#1 SMP Debian 6.1.76-1 (2024-02-01)", "aarch64", "arm64", "6.1.76"),
        ("6.6.31+rpt-rpi-v8", "#1 SMP PREEMPT Debian 1:6.6.31-1+rpt1 (2024-05-29)", "aarch64", "arm64", "6.6.31"),
        ("6.8.0-38-generic", "#38-Ubuntu SMP PREEMPT_DYNAMIC Fri Jun  7 15:25:01 UTC 2024", "x86_64", "x86", "6.8.8"),
        ("6.8.0-52-generic", "#53-Ubuntu SMP PREEMPT_DYNAMIC Sat Jan 11 00:06:25 UTC 2025", "x86_64", "x86", "6.8.12"),
        ("6.12.117+deb12-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1~deb12u1 (2026-11-01)", "x86_64", "x86", "6.12.117"),
        ("7.2.13+deb14-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 7.2.13-1 (2026-11-01)", "x86_64", "x86", "7.2.13"),
    ];

    fn uname(release: &str, version: &str, machine: &str) -> Uname {
        Uname { release: release.into(), version: version.into(), machine: machine.into() }
    }

    fn file(arch: &str, version: &str, localversion: &str) -> Parsed {
        let local = ("CONFIG_LOCALVERSION".to_owned(), format!("\"{localversion}\""));
        let header = Header { arch: arch.into(), version: version.into() };
        Parsed { header: Some(header), options: [local].into() }
    }

    #[test]
    fn the_configurations_of_real_machines_fit_their_kernels() {
        for (release, machine, arch, version) in REAL {
            let uname = uname(release, "#1 SMP", machine);
            let tied = tie(&file(arch, version, ""), &uname, true);
            assert_eq!(tied, Some(KconfigTie::Header), "{release}");
        }
    }

    #[test]
    fn debians_and_ubuntus_fit_by_the_words_of_uname() {
        for (release, words, machine, arch, version) in BY_WORDS {
            let uname = uname(release, words, machine);
            let tied = tie(&file(arch, version, ""), &uname, true);
            assert_eq!(tied, Some(KconfigTie::Header), "{release}");
        }
    }

    #[test]
    fn no_real_configuration_fits_the_kernel_of_another_machine() {
        let kernels = REAL.map(|(release, machine, _, own)| (release, "#1 SMP", machine, own));
        let by_words =
            BY_WORDS.map(|(release, words, machine, _, own)| (release, words, machine, own));
        for (release, words, machine, own) in kernels.into_iter().chain(by_words) {
            let uname = uname(release, words, machine);
            for (_, _, arch, version) in REAL.into_iter().filter(|it| it.3 != own) {
                let tied = tie(&file(arch, version, ""), &uname, true);
                assert_eq!(tied, None, "{version} on {release}");
            }
        }
    }

    #[test]
    fn debians_next_kernel_under_the_same_name_is_refused() {
        let (release, words, machine, arch, _) = BY_WORDS[1];
        let uname = uname(release, words, machine);
        assert_eq!(tie(&file(arch, "6.1.90", ""), &uname, true), None);
    }

    #[test]
    fn a_version_that_only_begins_alike_is_another_one() {
        let running = uname("6.1.128", "#1 SMP", "x86_64");
        for version in ["6.1.12", "6.1", "6", "", "6.1.1280"] {
            assert_eq!(tie(&file("x86", version, ""), &running, true), None, "{version:?}");
        }
    }

    #[test]
    fn another_architecture_is_another_kernel() {
        let running = uname("6.1.128", "#1 SMP", "x86_64");
        assert_eq!(tie(&file("arm64", "6.1.128", ""), &running, true), None);
    }

    #[test]
    fn without_a_header_the_path_must_name_the_kernel() {
        let running = uname("6.1.128", "#1 SMP", "x86_64");
        let bare = Parsed { header: None, options: [].into() };
        assert_eq!(tie(&bare, &running, true), Some(KconfigTie::Path));
        assert_eq!(tie(&bare, &running, false), None);
    }

    #[test]
    fn a_source_tree_must_be_of_this_very_build() {
        let running = uname("6.18.44-fc-v657", "#1 SMP PREEMPT_DYNAMIC @0", "x86_64");
        let own = file("x86", "6.18.44", "-fc-v657");
        assert_eq!(tie(&own, &running, false), Some(KconfigTie::Header));
        let vanilla = file("x86", "6.18.44", "");
        assert_eq!(tie(&vanilla, &running, false), None);
        let cos = uname("6.1.85+", "#1 SMP", "x86_64");
        assert_eq!(tie(&file("x86_64", "6.1.85", ""), &cos, false), Some(KconfigTie::Header));
    }
}

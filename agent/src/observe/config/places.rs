//! Where distributions keep the kernel's configuration.

use super::{kconfig, tie};
use crate::facts::config::Kconfig;
use crate::facts::kernel::Uname;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::{Host, procfs};

/// The kernel's own, with CONFIG_IKCONFIG_PROC.
const OWN: &str = "/proc/config.gz";

/// One place, and whether what lies there names the running kernel by where it lies.
struct Place {
    path: String,
    names_kernel: bool,
}

/// The places in the order in which kubeadm's system validator and node-feature-discovery look:
/// the kernel's own file, sources, what packages install, headers, `/boot`.
fn places(release: &str) -> [Place; 11] {
    let named = |path: String| Place { path, names_kernel: true };
    [
        named(OWN.into()),
        named(format!("/usr/src/linux-{release}/.config")),
        Place { path: "/usr/src/linux/.config".into(), names_kernel: false },
        named(format!("/usr/lib/modules/{release}/config")),
        named(format!("/usr/lib/ostree-boot/config-{release}")),
        named(format!("/usr/lib/kernel/config-{release}")),
        named(format!("/usr/src/linux-headers-{release}/.config")),
        named(format!("/usr/src/kernels/{release}/.config")),
        named(format!("/lib/modules/{release}/config")),
        named(format!("/lib/modules/{release}/build/.config")),
        named(format!("/boot/config-{release}")),
    ]
}

/// Reads the first configuration that belongs to the running kernel.
///
/// Where none does, the most telling failure is reported; `Known(None)`: no place has a file, the
/// kernel included.
pub(super) fn kconfig(host: &Host, uname: &Observed<Uname>) -> Observed<Option<Kconfig>> {
    let uname = match uname {
        Observed::Known(uname) => uname,
        Observed::Unknown(failure) => {
            let detail = format!("which kernel runs is unknown: {}", failure.detail);
            return Observed::unknown(Cause::Prerequisite, detail);
        }
    };
    let mut failures = Vec::new();
    for place in places(&uname.release) {
        match look(host, place, uname) {
            Ok(None) => {}
            Ok(Some(found)) => return Observed::Known(Some(found)),
            Err(failure) => failures.push(failure),
        }
    }
    match failures.into_iter().min_by_key(|it| rank(it.cause)) {
        Some(failure) => Observed::Unknown(failure),
        None => procfs::absent(host, OWN, None),
    }
}

fn look(host: &Host, place: Place, uname: &Uname) -> Result<Option<Kconfig>, Failure> {
    let Some(bytes) = host.read_bytes(&place.path)? else { return Ok(None) };
    let parsed = kconfig::parse(&place.path, &bytes)?;
    match tie::tie(&parsed, uname, place.names_kernel) {
        Some(tie) => Ok(Some(Kconfig { path: place.path, tie, options: parsed.options })),
        None => Err(wrong_kernel(&place.path, &parsed, uname)),
    }
}

fn wrong_kernel(path: &str, parsed: &kconfig::Parsed, uname: &Uname) -> Failure {
    let made_for = match &parsed.header {
        Some(header) => format!("is for Linux/{} {}", header.arch, header.version),
        None => "does not say for which kernel it is".into(),
    };
    let running = format!("{} {} runs", uname.machine, uname.release);
    Failure::new(Cause::WrongKernel, format!("{path} {made_for}; {running}"))
}

/// Lower tells more: what a right can open, then what is there for another kernel, then what is
/// broken.
fn rank(cause: Cause) -> u8 {
    match cause {
        Cause::PermissionDenied => 0,
        Cause::WrongKernel => 1,
        Cause::TooLarge => 2,
        Cause::Malformed => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::gunzip::tests::gzip;
    use super::*;
    use crate::facts::config::KconfigTie;
    use crate::observe::host::MAX_FILE_BYTES;
    use crate::observe::host::tests::host;

    const RELEASE: &str = "6.1.141-165.249.amzn2023.x86_64";
    const FITTING: &str = "# Linux/x86_64 6.1.141-165.249.amzn2023.x86_64 Kernel Configuration\n\
        CONFIG_BPF=y\nCONFIG_VXLAN=m\n";
    const FOREIGN: &str = "# Linux/x86 5.4.0-88-generic Kernel Configuration\nCONFIG_BPF=y\n";

    fn uname() -> Observed<Uname> {
        Observed::Known(Uname {
            release: RELEASE.into(),
            version: "#1 SMP PREEMPT_DYNAMIC".into(),
            machine: "x86_64".into(),
        })
    }

    fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Looks at a host with these files.
    fn look_at(files: &[(&str, &[u8])]) -> Observed<Option<Kconfig>> {
        let (_dir, host) = host(|root| {
            for (path, bytes) in files {
                write(root, path, bytes);
            }
        });
        kconfig(&host, &uname())
    }

    #[track_caller]
    fn expect_cause(files: &[(&str, &[u8])], cause: Cause) {
        assert_eq!(look_at(files).failure().map(|it| it.cause), Some(cause));
    }

    #[test]
    fn every_place_is_looked_at() {
        for place in places(RELEASE).into_iter().filter(|it| it.names_kernel) {
            let seen = look_at(&[(place.path.trim_start_matches('/'), FITTING.as_bytes())]);
            let found = seen.known().cloned().flatten().unwrap();
            assert_eq!((found.path, found.tie), (place.path, KconfigTie::Header));
            assert_eq!(found.options["CONFIG_VXLAN"], "m");
        }
    }

    #[test]
    fn a_host_without_a_configuration_has_none() {
        assert_eq!(look_at(&[("proc/version", b"Linux")]), Observed::Known(None));
    }

    #[test]
    fn without_procfs_the_kernels_own_file_was_not_looked_at() {
        expect_cause(&[], Cause::Prerequisite);
    }

    #[test]
    fn the_configuration_of_another_kernel_is_refused() {
        let foreign = FOREIGN.as_bytes();
        expect_cause(&[("proc/config.gz", &gzip(foreign))], Cause::WrongKernel);
        expect_cause(&[("usr/src/linux/.config", foreign)], Cause::WrongKernel);
    }

    #[test]
    fn after_a_foreign_or_broken_one_the_next_place_is_asked() {
        let seen = look_at(&[
            ("proc/config.gz", b"\x1f\x8bcut"),
            ("usr/src/linux/.config", FOREIGN.as_bytes()),
            (&format!("boot/config-{RELEASE}"), FITTING.as_bytes()),
        ]);
        assert_eq!(seen.known().unwrap().as_ref().unwrap().path, format!("/boot/config-{RELEASE}"));
    }

    #[test]
    fn a_foreign_kernel_tells_more_than_a_broken_file() {
        let broken = ("proc/config.gz", &b""[..]);
        expect_cause(&[broken], Cause::Malformed);
        expect_cause(&[broken, ("usr/src/linux/.config", FOREIGN.as_bytes())], Cause::WrongKernel);
    }

    #[test]
    fn a_bomb_and_a_file_of_40_megabytes_are_too_large() {
        let bomb = gzip(&vec![b'\n'; 40 << 20]);
        expect_cause(&[("proc/config.gz", &bomb)], Cause::TooLarge);
        let (_dir, host) = host(|root| {
            write(root, "proc/config.gz", "");
            let file = fs::File::options().write(true).open(root.join("proc/config.gz")).unwrap();
            file.set_len(40 << 20).unwrap();
        });
        const { assert!(MAX_FILE_BYTES < 40 << 20) };
        let seen = kconfig(&host, &uname());
        assert_eq!(seen.failure().map(|it| it.cause), Some(Cause::TooLarge));
    }

    #[test]
    fn an_unknown_kernel_cannot_have_a_configuration() {
        let (_dir, host) = host(|_| {});
        let seen = kconfig(&host, &Observed::unknown(Cause::NotRecorded, "uname"));
        assert_eq!(seen.failure().map(|it| it.cause), Some(Cause::Prerequisite));
    }
}

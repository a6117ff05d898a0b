//! sysctls by their files, see proc_sys(5).

use std::collections::BTreeMap;

use crate::facts::security::SYSCTLS;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::{Host, procfs};

/// Registered for the initial network namespace only, in every kernel
/// (`net/core/sysctl_net_core.c`): tells whether `/proc/sys/net` shows the host's.
const INITIAL_NET_ONLY: &str = "/proc/sys/net/core/dev_weight";

type Values = BTreeMap<String, Observed<Option<String>>>;

/// Reads every sysctl of [`SYSCTLS`].
pub(super) fn sysctls(host: &Host) -> Values {
    let foreign_net = foreign_net(host);
    let value = |name: &&str| match &foreign_net {
        Some(failure) if name.starts_with("net.") => Observed::Unknown(failure.clone()),
        Some(_) | None => sysctl(host, name),
    };
    SYSCTLS.iter().map(|name| ((*name).to_owned(), value(name))).collect()
}

/// What it means for every sysctl that the look as a whole failed.
pub(super) fn all_unknown(failure: &Failure) -> Values {
    SYSCTLS.iter().map(|name| ((*name).to_owned(), Observed::Unknown(failure.clone()))).collect()
}

fn sysctl(host: &Host, name: &str) -> Observed<Option<String>> {
    let path = path(name);
    match host.read(&path) {
        Ok(Some(text)) => Observed::Known(Some(text.trim_end().to_owned())),
        Ok(None) => procfs::absent(host, &path, None),
        Err(error) => Observed::Unknown(error.into()),
    }
}

/// `net.core.bpf_jit_enable` is a file of that name under `/proc/sys`.
fn path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// Why `/proc/sys/net` does not speak for the host, if it does not. The kernel shows the reader's
/// network namespace there, whichever procfs it is read through.
fn foreign_net(host: &Host) -> Option<Failure> {
    let seen = match host.read_bytes(INITIAL_NET_ONLY) {
        Ok(Some(_)) => return None,
        Ok(None) => procfs::absent(host, INITIAL_NET_ONLY, ()),
        Err(error) => Observed::Unknown(error.into()),
    };
    let outside = "/proc/sys/net is that of another network namespace than the host's";
    Some(match seen {
        Observed::Known(()) => Failure::new(Cause::Prerequisite, outside),
        Observed::Unknown(failure) => failure,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::observe::host::tests::host;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn cause(values: &Values, name: &str) -> Option<Cause> {
        values[name].failure().map(|it| it.cause)
    }

    #[test]
    fn a_value_keeps_its_words_and_loses_its_newline() {
        let (_dir, host) = host(|root| {
            write(root, "proc/version", "Linux");
            write(root, "proc/sys/net/core/dev_weight", "64\n");
            write(root, "proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
            write(root, "proc/sys/net/ipv4/ip_local_reserved_ports", "\n");
        });
        let values = sysctls(&host);
        let known = |name: &str| values[name].known().cloned().flatten();
        assert_eq!(known("net.ipv4.ip_local_port_range").as_deref(), Some("32768\t60999"));
        assert_eq!(known("net.ipv4.ip_local_reserved_ports").as_deref(), Some(""));
        assert_eq!(values["kernel.kptr_restrict"], Observed::Known(None));
        assert_eq!(values.len(), SYSCTLS.len());
    }

    #[test]
    fn a_pods_network_namespace_does_not_speak_for_the_host() {
        let (_dir, host) = host(|root| {
            write(root, "proc/version", "Linux");
            write(root, "proc/sys/net/ipv4/ip_forward", "0\n");
            write(root, "proc/sys/kernel/kptr_restrict", "1\n");
        });
        let values = sysctls(&host);
        assert_eq!(cause(&values, "net.ipv4.ip_forward"), Some(Cause::Prerequisite));
        assert_eq!(cause(&values, "net.core.bpf_jit_enable"), Some(Cause::Prerequisite));
        assert_eq!(values["kernel.kptr_restrict"], Observed::Known(Some("1".into())));
    }

    #[test]
    fn a_root_without_procfs_leaves_every_sysctl_unknown() {
        let (_dir, host) = host(|_| {});
        assert!(sysctls(&host).values().all(|it| it.failure().is_some()));
    }

    #[test]
    fn this_machine_answers_as_sysctl_does() {
        let values = sysctls(&Host::live().unwrap());
        let expected = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap();
        let expected = expected.trim_end().to_owned();
        assert_eq!(values["kernel.perf_event_paranoid"], Observed::Known(Some(expected)));
    }
}

//! systemd units of known agents, by the files that systemd itself keeps: no D-Bus.

use std::collections::BTreeMap;

use crate::facts::agents::Unit;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;

/// Where unit files are, the one that counts first (systemd.unit(5)).
const DIRS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// A link `invocation:NAME` is here from a unit's start to its end (`unit_export_invocation_id()`
/// and `unit_unlink_state_files()` of `src/core/unit.c`, systemd 235).
const STATES: &str = "/run/systemd/units";

/// What sd_booted(3) looks at.
const BOOTED: &str = "/run/systemd/system";

#[rustfmt::skip]
const UNITS: &[&str] = &[
    // EKS Auto Mode runs as units what is in pods elsewhere.
    "ipamd.service", "aws-network-policy-agent.service", "kube-proxy.service",
    "eks-pod-identity-agent.service", "eks-healthchecker.service",
    "kubelet.service", "containerd.service", "crio.service", "docker.service", "cri-docker.service",
    "k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service",
    "snap.microk8s.daemon-kubelite.service", "snap.microk8s.daemon-containerd.service",
    // Who changes routes, rules and tables besides.
    "systemd-networkd.service", "NetworkManager.service", "nm-cloud-setup.service",
    "nm-cloud-setup.timer", "firewalld.service", "nftables.service",
    "openvswitch-switch.service", "ovs-vswitchd.service",
];

/// Templates of which every instance counts: ec2-net-utils has one for each interface.
const TEMPLATES: &[&str] = &["policy-routes@", "refresh-policy-routes@"];

/// Every unit of the table that has a file or runs.
pub(super) fn units(host: &Host) -> Observed<BTreeMap<String, Unit>> {
    read(host).into()
}

fn read(host: &Host) -> Result<BTreeMap<String, Unit>, Failure> {
    if host.list(BOOTED)?.is_none() {
        let detail = format!("there is no {BOOTED} in this root: no systemd to ask");
        return Err(Failure::new(Cause::Prerequisite, detail));
    }
    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    let active: Observed<Vec<String>> = match host.list(STATES) {
        Ok(Some(names)) => Observed::Known(names),
        Ok(None) => Observed::unknown(Cause::Prerequisite, format!("there is no {STATES}")),
        Err(error) => Observed::Unknown(error.into()),
    };
    let runs = |unit: &str| {
        let name = format!("invocation:{unit}");
        active.as_ref().map(|it| it.contains(&name))
    };
    for dir in DIRS {
        for name in host.list(dir)?.unwrap_or_default() {
            if UNITS.contains(&name.as_str()) {
                let unit = Unit { file: Some(format!("{dir}/{name}")), active: runs(&name) };
                units.entry(name).or_insert(unit);
            }
        }
    }
    for name in active.known().into_iter().flatten() {
        let Some(unit) = name.strip_prefix("invocation:") else { continue };
        if UNITS.contains(&unit) || TEMPLATES.iter().any(|it| unit.starts_with(it)) {
            let found = Unit { file: None, active: Observed::Known(true) };
            units.entry(unit.to_owned()).or_insert(found);
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn units_of_auto_mode_are_seen_to_run_and_others_not_to() {
        let (_dir, host) = host(|root| {
            for dir in [
                "run/systemd/system",
                "run/systemd/units",
                "etc/systemd/system",
                "usr/lib/systemd/system",
            ] {
                std::fs::create_dir_all(root.join(dir)).unwrap();
            }
            std::fs::write(root.join("etc/systemd/system/ipamd.service"), "").unwrap();
            std::fs::write(root.join("usr/lib/systemd/system/ipamd.service"), "").unwrap();
            std::fs::write(root.join("usr/lib/systemd/system/nm-cloud-setup.timer"), "").unwrap();
            for unit in ["ipamd.service", "policy-routes@ens6.service", "cron.service"] {
                symlink("0123", root.join(format!("run/systemd/units/invocation:{unit}"))).unwrap();
            }
        });
        let units = read(&host).unwrap();
        let seen: Vec<_> = units
            .iter()
            .map(|(name, it)| (name.as_str(), it.file.as_deref(), it.active.known()))
            .collect();
        assert_eq!(
            seen,
            [
                ("ipamd.service", Some("/etc/systemd/system/ipamd.service"), Some(&true)),
                (
                    "nm-cloud-setup.timer",
                    Some("/usr/lib/systemd/system/nm-cloud-setup.timer"),
                    Some(&false)
                ),
                ("policy-routes@ens6.service", None, Some(&true)),
            ]
        );
    }

    #[test]
    fn a_root_without_systemd_settles_nothing() {
        let (_dir, host) = host(|_| {});
        assert_eq!(read(&host).unwrap_err().cause, Cause::Prerequisite);
    }
}

//! Which interfaces Cilium would treat as the node's way out.

use crate::facts::nic::Nic;

/// Names that Cilium never treats as an uplink (`pkg/defaults`, `ExcludedDevicePrefixes`).
const EXCLUDED: [&str; 5] = ["cilium_", "lo", "lxc", "cni", "docker"];

/// The interfaces that are up and have hardware, or are bonds; without any, plain `eth` interfaces
/// of another kind, as in a node that is itself a container.
///
/// Cilium takes those with a default route or the node's address; which these are is not a fact of
/// this snapshot, so an answer that differs between uplinks is open.
pub fn uplinks(nics: &[Nic]) -> Vec<&Nic> {
    let usable = || nics.iter().filter(|it| it.up && !excluded(&it.name));
    let hardware: Vec<&Nic> = usable().filter(|it| is_hardware(it)).collect();
    if !hardware.is_empty() {
        return hardware;
    }
    usable().filter(|it| it.name.starts_with("eth")).collect()
}

fn excluded(name: &str) -> bool {
    EXCLUDED.iter().any(|it| name.starts_with(it))
}

fn is_hardware(nic: &Nic) -> bool {
    match nic.kind.as_deref() {
        None => true,
        Some(kind) => matches!(kind, "bond" | "team"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::sample::ena;

    fn nic(name: &str, kind: Option<&str>, up: bool) -> Nic {
        Nic { name: name.into(), kind: kind.map(str::to_owned), up, ..ena(1500, 1, 2) }
    }

    fn names(nics: &[Nic]) -> Vec<&str> {
        uplinks(nics).iter().map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn pods_tunnels_and_interfaces_that_are_down_are_no_uplinks() {
        let nics = [
            nic("ens5", None, true),
            nic("ens6", None, false),
            nic("cilium_vxlan", Some("vxlan"), true),
            nic("lxc1234", Some("veth"), true),
            nic("docker0", Some("bridge"), true),
            nic("bond0", Some("bond"), true),
        ];
        assert_eq!(names(&nics), ["ens5", "bond0"]);
    }

    #[test]
    fn a_node_in_a_container_has_its_veth() {
        let nics = [nic("eth0", Some("veth"), true), nic("lxc1", Some("veth"), true)];
        assert_eq!(names(&nics), ["eth0"]);
    }
}

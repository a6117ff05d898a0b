//! Processes of known agents, by `/proc/PID/comm`.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::facts::agents::Process;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;
use crate::observe::host::cause_of_io;

/// Names as the kernel keeps them, cut at 15 characters.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    // Cilium.
    "cilium-agent", "cilium-envoy", "cilium-operator",
    // AWS VPC CNI and its policy agent, in a pod and as units of Auto Mode.
    "aws-k8s-agent", "ipamd", "aws-network-pol",
    // Calico.
    "calico-node", "bird", "bird6", "calico-typha", "calico-vpp-agen", "vpp_main",
    // Others.
    "flanneld", "kindnetd", "antrea-agent", "kube-router", "weaver", "azure-cns", "azure-npm",
    "ovnkube", "ovn-controller", "ovs-vswitchd", "kube-ovn-daemon", "kube-ovn-cni", "anetd", "netd",
    // Meta plugins.
    "multus-daemon", "install-cni", "ztunnel", "linkerd-cni-rep",
    // Services, DNS.
    "kube-proxy", "node-cache",
    // Runtimes and kubelets; k3s and MicroK8s hold kube-proxy and more in one process.
    "kubelet", "containerd", "crio", "dockerd", "cri-dockerd", "k3s-server", "k3s-agent", "rke2", "kubelite",
    // What changes routes and rules besides.
    "systemd-network", "NetworkManager",
    // Observers.
    "retina-agent", "beyla", "gadgettracerman", "tetragon",
];

/// Flags that are kept, without dashes.
#[rustfmt::skip]
const FLAGS: &[&str] = &[
    "bpf-root", "cluster-cidr", "cni-bin-dir", "cni-conf-dir", "config", "config-dir",
    "container-runtime-endpoint", "disable-kube-proxy", "disable-network-policy", "enable-ipv6",
    "enable-network-policy", "flannel-backend", "kube-subnet-mgr", "masquerade-all", "proxy-mode",
    "run-firewall", "run-router", "run-service-proxy",
];

/// The first process of a host, or of a machine that is a container (kind).
const INITS: &[&str] = &["systemd", "init", "machined"];

/// The kernel's own second process: whoever sees it is in the first pid namespace.
const KERNEL_THREADS: &str = "kthreadd";

/// Most processes that are looked at.
const MOST: usize = 50_000;

/// Processes of known agents that this root's procfs shows.
pub(super) fn processes(host: &Host) -> Observed<Vec<Process>> {
    host.ask_observed("agent_processes", || live(host).into())
}

fn live(host: &Host) -> Result<Vec<Process>, Failure> {
    let Some(handle) = host.handle("/proc")? else { return Err(hidden("there is no /proc")) };
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let proc = Path::new(&path);
    let name = |pid: &str| std::fs::read_to_string(proc.join(pid).join("comm")).unwrap_or_default();
    if name("2").trim_end() != KERNEL_THREADS && !INITS.contains(&name("1").trim_end()) {
        return Err(hidden("only the processes of this container can be seen (no hostPID)"));
    }
    let entries = std::fs::read_dir(proc)
        .map_err(|it| Failure::new(cause_of_io(&it), format!("cannot list /proc: {it}")))?;
    let pids = entries.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
    let mut processes: Vec<Process> =
        pids.take(MOST).filter_map(|pid| process(proc, pid)).collect();
    processes.sort_by_key(|it| it.pid);
    Ok(processes)
}

fn hidden(why: &str) -> Failure {
    Failure::new(Cause::Prerequisite, format!("processes of the host: {why}"))
}

/// A process of a known agent; `None`: another, or it has ended.
fn process(proc: &Path, pid: u32) -> Option<Process> {
    let dir = proc.join(pid.to_string());
    let comm = std::fs::read_to_string(dir.join("comm")).ok()?;
    let comm = comm.trim_end();
    if !NAMES.contains(&comm) {
        return None;
    }
    let command = std::fs::read(dir.join("cmdline")).unwrap_or_default();
    let stat = std::fs::read_to_string(dir.join("stat")).unwrap_or_default();
    Some(Process {
        pid,
        comm: comm.to_owned(),
        flags: flags(&command),
        started_after_boot_seconds: started(&stat),
    })
}

/// `--name=value`, `--name value` and `--name` of the flags that are kept.
fn flags(command: &[u8]) -> BTreeMap<String, String> {
    let words: Vec<String> =
        command.split(|it| *it == 0).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    let mut flags = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        let name = word.trim_start_matches('-');
        if name.len() == word.len() {
            continue;
        }
        let next = || words.get(at + 1).filter(|it| !it.is_empty() && !it.starts_with('-'));
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (name, next().cloned().unwrap_or_else(|| "true".into())),
        };
        if FLAGS.contains(&name) {
            flags.insert(name.to_owned(), value.chars().take(256).collect());
        }
    }
    flags
}

/// Field 22 of proc_pid_stat(5), in seconds. The name in field 2 may hold anything, so the fields
/// are counted after its last bracket.
fn started(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: u64 = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
    ticks.checked_div(rustix::param::clock_ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    fn write(root: &Path, pid: u32, comm: &str, command: &str) {
        let dir = root.join(format!("proc/{pid}"));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("comm"), format!("{comm}\n")).unwrap();
        std::fs::write(dir.join("cmdline"), command.replace(' ', "\0")).unwrap();
        let ticks = 500 * rustix::param::clock_ticks_per_second();
        let stat =
            format!("{pid} (a ) b) S 1 1 1 0 -1 4194560 1 1 0 0 1 1 0 0 20 0 9 0 {ticks} 1 1");
        std::fs::write(dir.join("stat"), stat).unwrap();
    }

    #[test]
    fn agents_are_seen_with_the_flags_that_matter_and_no_others() {
        let (_dir, host) = host(|root| {
            write(root, 1, "systemd", "/sbin/init");
            write(
                root,
                7,
                "aws-network-pol",
                "/controller --enable-network-policy=false --token=s3cr3t",
            );
            write(root, 8, "kube-proxy", "kube-proxy --proxy-mode ipvs --v=2");
            write(root, 9, "bash", "bash");
        });
        let processes = live(&host).unwrap();
        let names: Vec<_> = processes.iter().map(|it| it.comm.as_str()).collect();
        assert_eq!(names, ["aws-network-pol", "kube-proxy"]);
        assert_eq!(
            processes[0].flags,
            BTreeMap::from([("enable-network-policy".into(), "false".into())])
        );
        assert_eq!(processes[1].flags["proxy-mode"], "ipvs");
        assert_eq!(processes[1].started_after_boot_seconds, Some(500));
    }

    #[test]
    fn a_pod_without_the_hosts_processes_settles_nothing() {
        let (_dir, host) = host(|root| write(root, 1, "bpfready", "bpfready agent"));
        assert_eq!(live(&host).unwrap_err().cause, Cause::Prerequisite);
    }

    #[test]
    fn names_are_cut_as_the_kernel_cuts_them() {
        assert!(NAMES.iter().all(|it| it.len() <= 15));
    }
}

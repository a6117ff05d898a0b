//! Processes of known agents, by `/proc/PID/comm`.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::io::Errno;

use crate::facts::agents::Process;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;
use crate::observe::host::cause_of_io;

/// The AWS network policy agent in its pod: `ENTRYPOINT ["/controller"]` of its Dockerfile. Many
/// are called so; it has one flag of its own.
const AWS_POLICY_AGENT: &str = "controller";

/// Calico's one binary for all of its parts, `calico component NAME` (v3.33): `felix` is the one
/// that keeps the node's datapath.
const CALICO: &str = "calico";
const FELIX: &str = "felix";

/// Names as the kernel keeps them, cut at 15 characters.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    // Cilium.
    "cilium-agent", "cilium-envoy", "cilium-operator",
    // AWS VPC CNI and its policy agent, in a pod and as units of Auto Mode.
    "aws-k8s-agent", "ipamd", "aws-network-pol", AWS_POLICY_AGENT,
    // Calico.
    CALICO, "calico-node", "calico-felix", "bird", "bird6", "calico-typha", "calico-vpp-agen", "vpp_main",
    // Others.
    "flanneld", "kindnetd", "antrea-agent", "kube-router", "weaver", "azure-cns", "azure-npm",
    "ovnkube", "ovnkube-node", "ovn-controller", "ovs-vswitchd", "kube-ovn-daemon", "kube-ovn-cni", "anetd", "netd",
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

/// Most processes that are looked at; where there are more, the answer is unknown.
const MOST: usize = 50_000;

/// Processes of known agents that this root's procfs shows.
pub(super) fn processes(host: &Host) -> Observed<Vec<Process>> {
    host.ask_observed("agent_processes", || live(host, MOST).into())
}

/// All of them or a failure: a list with a gap would read as an agent that does not run.
fn live(host: &Host, most: usize) -> Result<Vec<Process>, Failure> {
    let Some(handle) = host.handle("/proc")? else { return Err(hidden("there is no /proc")) };
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let proc = Path::new(&path);
    let name = |pid: &str| std::fs::read_to_string(proc.join(pid).join("comm")).unwrap_or_default();
    if name("2").trim_end() != KERNEL_THREADS && !INITS.contains(&name("1").trim_end()) {
        return Err(hidden("only the processes of this container can be seen (no hostPID)"));
    }
    let mut processes: Vec<Process> = Vec::new();
    for pid in pids(proc, most)? {
        processes.extend(process(proc, pid)?);
    }
    processes.sort_by_key(|it| it.pid);
    Ok(processes)
}

fn hidden(why: &str) -> Failure {
    Failure::new(Cause::Prerequisite, format!("processes of the host: {why}"))
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::new(cause_of_io(error), format!("cannot read /proc{what}: {error}"))
}

/// The number of every process.
fn pids(proc: &Path, most: usize) -> Result<Vec<u32>, Failure> {
    let mut pids: Vec<u32> = Vec::new();
    for entry in std::fs::read_dir(proc).map_err(|it| unreadable("", &it))? {
        let entry = entry.map_err(|it| unreadable("", &it))?;
        pids.extend(entry.file_name().to_str().and_then(|it| it.parse::<u32>().ok()));
        if pids.len() > most {
            let detail = format!("more than {most} processes: not all were looked at");
            return Err(Failure::new(Cause::TooLarge, detail));
        }
    }
    Ok(pids)
}

/// A process of a known agent; `None`: another, or it has ended.
fn process(proc: &Path, pid: u32) -> Result<Option<Process>, Failure> {
    let file = |name: &str| file_of(proc, pid, name);
    let Some(comm) = file("comm")? else { return Ok(None) };
    let comm = String::from_utf8_lossy(&comm);
    let comm = comm.trim_end();
    if !NAMES.contains(&comm) {
        return Ok(None);
    }
    let (Some(command), Some(stat)) = (file("cmdline")?, file("stat")?) else { return Ok(None) };
    let stat = Stat::parse(&String::from_utf8_lossy(&stat));
    if stat.has_ended {
        return Ok(None);
    }
    let flags = flags(&command);
    let is_another = match comm {
        AWS_POLICY_AGENT => !flags.contains_key("enable-network-policy"),
        CALICO => !command.split(|it| *it == 0).any(|it| it == FELIX.as_bytes()),
        _ => false,
    };
    Ok((!is_another).then(|| Process {
        pid,
        comm: comm.to_owned(),
        flags,
        started_after_boot_seconds: stat.started_after_boot_seconds,
        in_host_network: in_host_network(proc, pid),
    }))
}

/// Whether a process shares the network of the host's first one.
fn in_host_network(proc: &Path, pid: u32) -> Option<bool> {
    Some(network(proc, pid)? == network(proc, 1)?)
}

/// The network namespace of a process, as the inode number of its `/proc/PID/net/dev`: every
/// namespace makes that file for itself (`dev_proc_net_init()` of `net/core/net-procfs.c`), and to
/// look at it takes no right, where `/proc/PID/ns/net` takes CAP_SYS_PTRACE.
fn network(proc: &Path, pid: u32) -> Option<u64> {
    std::fs::metadata(proc.join(format!("{pid}/net/dev"))).ok().map(|it| it.ino())
}

/// A file of a process; `None`: the process has ended, before the file was opened or after.
fn file_of(proc: &Path, pid: u32, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    match std::fs::read(proc.join(pid.to_string()).join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::SRCH) => Ok(None),
            _ => Err(unreadable(&format!("/{pid}/{name}"), &error)),
        },
    }
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

/// What proc_pid_stat(5) says of a process.
struct Stat {
    /// It is a zombie or dead, and keeps its name until its parent has asked for its end.
    has_ended: bool,
    /// Field 22, in seconds.
    started_after_boot_seconds: Option<u64>,
}

impl Stat {
    /// The name in field 2 may hold anything, so the fields are counted after its last bracket.
    fn parse(stat: &str) -> Self {
        let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
        let mut fields = rest.split_ascii_whitespace();
        let has_ended = matches!(fields.next(), Some("Z" | "X"));
        let ticks: Option<u64> = fields.nth(18).and_then(|it| it.parse().ok());
        let per_second = rustix::param::clock_ticks_per_second();
        let started_after_boot_seconds = ticks.and_then(|it| it.checked_div(per_second));
        Self { has_ended, started_after_boot_seconds }
    }
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
                "controller",
                "/controller --enable-network-policy=false --token=s3cr3t",
            );
            write(root, 10, "controller", "/controller --leader-elect");
            write(root, 8, "kube-proxy", "kube-proxy --proxy-mode ipvs --v=2");
            write(root, 9, "bash", "bash");
        });
        let processes = live(&host, MOST).unwrap();
        let names: Vec<_> = processes.iter().map(|it| it.comm.as_str()).collect();
        assert_eq!(names, ["controller", "kube-proxy"]);
        assert_eq!(
            processes[0].flags,
            BTreeMap::from([("enable-network-policy".into(), "false".into())])
        );
        assert_eq!(processes[1].flags["proxy-mode"], "ipvs");
        assert_eq!(processes[1].started_after_boot_seconds, Some(500));
    }

    /// Of a machine within this one: another namespace, and so another file.
    #[test]
    fn an_agent_of_another_network_is_told_apart() {
        let (_dir, host) = host(|root| {
            for (pid, comm) in [(1, "systemd"), (7, "kube-proxy"), (8, "kube-proxy")] {
                write(root, pid, comm, comm);
                std::fs::create_dir(root.join(format!("proc/{pid}/net"))).unwrap();
            }
            let dev = |pid: u32| root.join(format!("proc/{pid}/net/dev"));
            std::fs::write(dev(1), "").unwrap();
            std::fs::hard_link(dev(1), dev(7)).unwrap();
            std::fs::write(dev(8), "").unwrap();
            write(root, 9, "kubelet", "kubelet");
        });
        let seen: Vec<_> = live(&host, MOST).unwrap().iter().map(|it| it.in_host_network).collect();
        assert_eq!(seen, [Some(true), Some(false), None]);
    }

    /// This process and the first one of its pid namespace, as `/proc/PID/ns/net` has it.
    #[test]
    fn the_kernel_has_a_file_of_its_own_for_each_network() {
        let proc = Path::new("/proc");
        let own = network(proc, std::process::id()).expect("there is a procfs");
        let other = crate::observe::net_probe::namespace::tests::inside(|| {
            std::fs::metadata("/proc/thread-self/net/dev").unwrap().ino()
        });
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net"));
        if let (Ok(first), Ok(ours)) = (namespace("1"), namespace("self")) {
            assert_eq!(in_host_network(proc, std::process::id()), Some(first == ours));
        }
        assert_ne!(Some(own), other);
    }

    /// `node/filesystem/etc/service/available/felix/run` of Calico.
    #[test]
    fn of_calicos_one_binary_felix_is_the_nodes() {
        let (_dir, host) = host(|root| {
            write(root, 1, "systemd", "/sbin/init");
            write(root, 7, "calico", "calico component felix");
            write(root, 8, "calico", "calico component typha");
        });
        let pids: Vec<_> = live(&host, MOST).unwrap().into_iter().map(|it| it.pid).collect();
        assert_eq!(pids, [7]);
    }

    #[test]
    fn a_pod_without_the_hosts_processes_settles_nothing() {
        let (_dir, host) = host(|root| write(root, 1, "bpfready", "bpfready agent"));
        assert_eq!(live(&host, MOST).unwrap_err().cause, Cause::Prerequisite);
    }

    #[track_caller]
    fn expect_unknown(cause: Cause, most: usize, change: impl FnOnce(&Path)) {
        let (_dir, host) = host(|root| {
            write(root, 1, "systemd", "/sbin/init");
            write(root, 7, "kube-proxy", "kube-proxy");
            write(root, 8, "bash", "bash");
            change(root);
        });
        assert_eq!(live(&host, most).map_err(|it| it.cause), Err(cause));
    }

    #[test]
    fn more_processes_than_are_looked_at_are_no_shorter_list() {
        expect_unknown(Cause::TooLarge, 2, |_| ());
    }

    /// A directory in a file's place cannot be read (EISDIR), whoever asks.
    #[test]
    fn what_cannot_be_read_of_a_process_is_no_end_of_it() {
        for file in ["8/comm", "7/comm", "7/cmdline", "7/stat"] {
            expect_unknown(Cause::Io, MOST, |root| {
                let path = root.join("proc").join(file);
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            });
        }
    }

    #[test]
    fn a_process_that_ends_meanwhile_or_waits_for_its_parent_is_none() {
        let (_dir, host) = host(|root| {
            write(root, 1, "systemd", "/sbin/init");
            write(root, 7, "kube-proxy", "kube-proxy");
            write(root, 8, "cilium-agent", "");
            write(root, 9, "flanneld", "flanneld");
            std::fs::remove_file(root.join("proc/7/cmdline")).unwrap();
            let stat = root.join("proc/8/stat");
            let zombie = std::fs::read_to_string(&stat).unwrap().replace(" S 1", " Z 1");
            std::fs::write(stat, zombie).unwrap();
        });
        let names: Vec<_> = live(&host, MOST).unwrap().into_iter().map(|it| it.comm).collect();
        assert_eq!(names, ["flanneld"]);
    }

    #[test]
    fn names_are_cut_as_the_kernel_cuts_them() {
        assert!(NAMES.iter().all(|it| it.len() <= 15));
    }
}

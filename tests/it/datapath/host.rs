//! A host of its own for each test: network, mount and pid namespaces and a root, all gone with it.
//!
//! The root is an empty folder with the machine's `/usr`, a `/proc`, `/sys`, bpffs and cgroup v2 of
//! its own, so the real binary looks at `/` and at the running kernel, as on a node, and sees only
//! what the test put there. Everything happens in one thread, which has moved there.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bpfready::judge::report::Verdict;
use rustix::io::Errno;
use rustix::mount::{self, MountFlags, MountPropagationFlags};
use serde::Deserialize;
use serde_json::json;

use super::kernel::{self, Hook, Way};

/// What the DaemonSet's container has, and nothing else.
const DAEMONSET: [&str; 6] = [
    "setpriv",
    "--no-new-privs",
    "--bounding-set",
    "-all,+bpf,+perfmon,+net_admin",
    "--inh-caps",
    "-all,+bpf,+perfmon,+net_admin",
];

/// The root cgroup of Cilium's own mount: below the machine's, so that no program of a test sees
/// the machine's processes.
const CGROUP: &str = "/run/cilium/cgroupv2";

/// One host while it is built and looked at.
pub(super) struct Host {
    /// Programs, their attachments, maps.
    held: Vec<OwnedFd>,
    agents: Vec<(String, Child)>,
    /// Process 1 of the pid namespace; it ends when its standard input does.
    init: Child,
    servers: Sender<(Arc<OwnedFd>, String)>,
    listeners: Vec<Arc<OwnedFd>>,
    pods: u32,
    cgroup: Option<String>,
}

/// Builds a host and asks about it, in namespaces of its own.
pub(super) fn on_host(test: impl FnOnce(&mut Host) + Send) {
    let root = tempfile::tempdir().unwrap();
    let binary = bpfready_tests::binary();
    let (servers, listeners) = channel();
    let served = std::thread::spawn(move || serve_all(&listeners));
    let run = || {
        kernel::unshare().expect("namespaces: these tests run as root");
        furnish(root.path(), binary);
        test(&mut Host::start(servers));
    };
    let done = std::thread::scope(|scope| scope.spawn(run).join());
    served.join().unwrap();
    if let Err(panic) = done {
        std::panic::resume_unwind(panic);
    }
}

/// Makes the root and moves there.
fn furnish(root: &Path, binary: &Path) {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    // A root that is no mount, as chroot(8) makes one, cannot be changed; whoever made it has made
    // its mounts private.
    let changed = mount::mount_change("/", private);
    assert!(matches!(changed, Ok(()) | Err(Errno::INVAL)), "{changed:?}");
    // `ip -n` asks for a root that is a mount.
    mount::mount("tmpfs", root, "tmpfs", MountFlags::empty(), None).unwrap();
    for folder in ["agents", "dev", "etc", "opt", "proc", "run", "sys", "tmp", "usr", "var"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    for folder in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{folder}"), root.join(folder)).unwrap();
    }
    symlink("/run", root.join("var/run")).unwrap();
    fs::write(root.join("bpfready"), "").unwrap();
    mount::mount_bind_recursive("/usr", root.join("usr")).unwrap();
    mount::mount_bind_recursive("/dev", root.join("dev")).unwrap();
    mount::mount_bind(binary, root.join("bpfready")).unwrap();
    rustix::process::chroot(root).unwrap();
    std::env::set_current_dir("/").unwrap();
    new_mount("sysfs", "/sys");
    new_mount("cgroup2", "/sys/fs/cgroup");
    new_mount("bpf", "/sys/fs/bpf");
}

/// Mounts a file system of the kernel's own.
pub(super) fn new_mount(kind: &str, path: &str) {
    mount::mount(kind, path, kind, MountFlags::empty(), None).unwrap();
}

/// Runs a tool to its end with this standard input; `Err`: what it complained of.
fn tool(words: &[&str], input: &str) -> Result<(), String> {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|it| panic!("{}: {it}", words[0]));
    // A tool that ends early has said why.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(complaint) }
}

impl Host {
    /// An uplink with a default route, a container runtime that says where it looks, no pods.
    fn start(servers: Sender<(Arc<OwnedFd>, String)>) -> Self {
        symlink("/bin/sh", "/agents/init").unwrap();
        let init = sleeper("init", "mount -t proc proc /proc && touch /tmp/up; read _", &[]);
        await_file("/tmp/up");
        let (held, agents, listeners) = (Vec::new(), Vec::new(), Vec::new());
        let mut host = Self { held, agents, init, servers, listeners, pods: 0, cgroup: None };
        fs::create_dir("/run/netns").unwrap();
        host.ip("link set lo up\nnetns add fabric");
        host.ip("link add eth0 type veth peer name node0 netns fabric");
        host.ip("addr add 10.0.0.10/24 dev eth0\nlink set eth0 up");
        host.ip("-n fabric addr add 10.0.0.1/24 dev node0\n-n fabric link set node0 up");
        host.ip("route add default via 10.0.0.1");
        host.file("/etc/containerd/config.toml", "version = 2\n");
        host.listens("/run/containerd/containerd.sock");
        fs::create_dir_all("/etc/cni/net.d").unwrap();
        fs::create_dir_all("/opt/cni/bin").unwrap();
        host
    }

    /// Lines for `ip`; those that begin with an option or `netns` are commands of their own.
    #[track_caller]
    pub(super) fn ip(&mut self, lines: &str) {
        self.try_ip(lines).unwrap_or_else(|it| panic!("{lines}: {it}"));
    }

    fn try_ip(&mut self, lines: &str) -> Result<(), String> {
        let alone = |line: &str| ["-n ", "-6 ", "netns "].iter().any(|it| line.starts_with(it));
        if !lines.lines().any(alone) {
            return tool(&["ip", "-batch", "-"], lines);
        }
        lines.lines().try_for_each(|line| {
            let words: Vec<&str> = std::iter::once("ip").chain(line.split_whitespace()).collect();
            tool(&words, "")
        })
    }

    /// A link of a kind that not every kernel has; `false`, said aloud, where it has not.
    pub(super) fn has_link(&mut self, name: &str, kind: &str) -> bool {
        let made = self.try_ip(&format!("link add {name} type {kind}"));
        if let Err(why) = &made {
            eprintln!("skipped: {name}: no links of kind {kind} here: {}", why.trim());
        }
        made.is_ok()
    }

    /// An interface of the kind that Open vSwitch's userspace datapath gives the host.
    pub(super) fn tap(&mut self, name: &str, address: &str) {
        self.ip(&format!("tuntap add dev {name} mode tap\nlink set {name} up"));
        self.ip(&format!("addr add {address} dev {name}"));
    }

    /// A real VXLAN device, up.
    pub(super) fn vxlan(&mut self, name: &str, id: u32, port: u16) {
        self.ip(&format!("link add {name} type vxlan id {id} dev eth0 dstport {port} nolearning"));
        self.ip(&format!("link set {name} up"));
    }

    /// A pod's namespace behind a pair; `link` is the host's end.
    pub(super) fn pair(&mut self, link: &str) -> String {
        let pod = format!("pod{}", self.pods);
        self.pods += 1;
        self.ip(&format!("netns add {pod}"));
        self.ip(&format!("link add {link} type veth peer name eth0 netns {pod}"));
        self.ip(&format!("link set {link} up\n"));
        self.ip(&format!("-n {pod} link set eth0 up"));
        pod
    }

    /// A pod with an address and a route to it by its pair.
    pub(super) fn pod(&mut self, link: &str, address: &str) {
        let pod = self.pair(link);
        let length = if address.contains(':') { 128 } else { 32 };
        self.ip(&format!("-n {pod} addr add {address}/{length} dev eth0"));
        self.ip(&format!("route add {address}/{length} dev {link} scope link"));
    }

    /// Pods that are ports of a bridge.
    pub(super) fn bridge(&mut self, bridge: &str, links: [&str; 2]) {
        self.ip(&format!("link add {bridge} type bridge\nlink set {bridge} up"));
        self.ip(&format!("addr add 10.42.0.1/24 dev {bridge}"));
        for (at, link) in links.into_iter().enumerate() {
            let pod = self.pair(link);
            let address = format!("10.42.0.{}", at + 5);
            self.ip(&format!("link set {link} master {bridge}"));
            self.ip(&format!("-n {pod} addr add {address}/24 dev eth0"));
        }
    }

    fn index(&self, link: &str) -> u32 {
        let text = fs::read_to_string(format!("/sys/class/net/{link}/ifindex"));
        text.unwrap_or_else(|it| panic!("{link}: {it}")).trim().parse().unwrap()
    }

    /// Attaches a program to a link, by tcx or XDP.
    pub(super) fn attach(&mut self, link: &str, hook: Hook, name: &str) {
        let program = kernel::program(name, hook);
        self.held.push(kernel::attach(&program, hook, self.index(link)));
        self.held.push(program);
    }

    /// Attaches a program by a tc filter with this label; the program's name may be empty.
    pub(super) fn filter(&mut self, link: &str, way: Way, priority: u32, label: &str, name: &str) {
        // There may be one already.
        let _ = tool(&["tc", "qdisc", "add", "dev", link, "clsact"], "");
        let program = kernel::program(name, Hook::Tcx(way));
        kernel::filter(self.index(link), way, priority, &program, label);
        self.held.push(program);
    }

    /// Removes a filter of this priority.
    pub(super) fn remove_filter(&mut self, link: &str, way: Way, priority: u32) {
        let way = if way == Way::In { "ingress" } else { "egress" };
        let priority = priority.to_string();
        tool(&["tc", "filter", "del", "dev", link, way, "prio", &priority], "").unwrap();
    }

    /// Attaches a program to the cgroup at Cilium's mount of cgroup v2.
    pub(super) fn cgroup(&mut self, hook: Hook, name: &str) {
        if self.cgroup.is_none() {
            let own = self.root_cgroup();
            fs::create_dir_all(CGROUP).unwrap();
            mount::mount_bind(&own, CGROUP).unwrap();
            self.cgroup = Some(own);
        }
        let directory = fs::File::open(CGROUP).unwrap();
        let program = kernel::program(name, hook);
        let target = directory.as_raw_fd().cast_unsigned();
        self.held.push(kernel::attach(&program, hook, target));
        self.held.push(program);
    }

    fn root_cgroup(&self) -> String {
        let thread = format!("{:?}", std::thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let path = format!("/sys/fs/cgroup/bpfready-it-{}-{number}", std::process::id());
        fs::create_dir(&path).unwrap();
        path
    }

    /// A pinned map.
    pub(super) fn pinned_map(&mut self, path: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        let map = kernel::map("map");
        kernel::pin(&map, path);
        self.held.push(map);
    }

    /// A pinned program, attached to nothing.
    pub(super) fn pinned_program(&mut self, path: &str, name: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        let program = kernel::program(name, Hook::Tcx(Way::In));
        kernel::pin(&program, path);
        self.held.push(program);
    }

    /// A script for nft(8).
    #[track_caller]
    pub(super) fn nft(&mut self, script: &str) {
        tool(&["nft", "-f", "-"], script).unwrap_or_else(|it| panic!("{script}: {it}"));
    }

    /// Chains and rules of one table by iptables in this flavour; `false`, said aloud, where the
    /// kernel has no legacy tables.
    #[track_caller]
    pub(super) fn iptables(&mut self, flavour: Flavour, table: &str, lines: &[&str]) -> bool {
        let restore = match flavour {
            Flavour::Nft => "iptables-nft-restore",
            Flavour::Legacy => "iptables-legacy-restore",
        };
        let script = format!("*{table}\n{}\nCOMMIT\n", lines.join("\n"));
        match tool(&[restore, "--noflush"], &script) {
            Ok(()) => true,
            Err(why) if flavour == Flavour::Legacy && !Path::new(LEGACY).exists() => {
                eprintln!("skipped: no legacy iptables here: {}", why.trim());
                false
            }
            Err(why) => panic!("{script}: {why}"),
        }
    }

    /// A set of ipset(8).
    pub(super) fn ipset(&mut self, name: &str) {
        tool(&["ipset", "create", name, "hash:net"], "").unwrap();
    }

    /// A TCP service of IPVS.
    pub(super) fn ipvs_service(&mut self, address: &str) {
        tool(&["ipvsadm", "-A", "-t", address, "-s", "rr"], "").unwrap();
    }

    /// A file of the host.
    pub(super) fn file(&mut self, path: &str, text: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A CNI configuration with these plug-ins (`type` or `type/ipam`), and their binaries.
    pub(super) fn conf(&mut self, file: &str, network: &str, plugins: &[&str]) {
        let plugins: Vec<_> = plugins
            .iter()
            .map(|it| {
                let (kind, ipam) = it.split_once('/').map_or((*it, None), |it| (it.0, Some(it.1)));
                self.file(&format!("/opt/cni/bin/{kind}"), "");
                match ipam {
                    Some(ipam) => json!({"type": kind, "ipam": {"type": ipam}}),
                    None => json!({"type": kind}),
                }
            })
            .collect();
        let text = json!({"cniVersion": "0.4.0", "name": network, "plugins": plugins}).to_string();
        self.file(&format!("/etc/cni/net.d/{file}"), &text);
    }

    /// A process of this name, which sleeps.
    pub(super) fn process(&mut self, name: &str, arguments: &[&str]) {
        let path = format!("/agents/{name}");
        if !Path::new(&path).exists() {
            symlink("/bin/sh", path).unwrap();
        }
        self.agents.push((name.to_owned(), sleeper(name, "read _", arguments)));
    }

    /// Ends the processes of this name.
    pub(super) fn end(&mut self, name: &str) {
        let (ended, rest) = self.agents.drain(..).partition(|(comm, _)| comm == name);
        self.agents = rest;
        end_all(ended);
    }

    /// A systemd unit that is active, by the files that systemd keeps.
    pub(super) fn unit(&mut self, name: &str) {
        for folder in ["system", "units"] {
            fs::create_dir_all(format!("/run/systemd/{folder}")).unwrap();
        }
        symlink("0123", format!("/run/systemd/units/invocation:{name}")).unwrap();
    }

    /// Somebody who answers HTTP on a port of the loopback.
    pub(super) fn answers(&mut self, port: u16, status: u16, body: &str) {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        self.serve(listener.into(), status, body);
    }

    /// Somebody who answers HTTP on a Unix socket.
    pub(super) fn answers_at(&mut self, path: &str, body: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        self.serve(UnixListener::bind(path).unwrap().into(), 200, body);
    }

    /// Somebody who listens on a Unix socket and says nothing of use.
    pub(super) fn listens(&mut self, path: &str) {
        self.answers_at(path, "");
    }

    fn serve(&mut self, listener: OwnedFd, status: u16, body: &str) {
        let listener = Arc::new(listener);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
        self.servers.send((listener.clone(), answer)).unwrap();
        self.listeners.push(listener);
    }

    /// The verdict of the real binary, which is the same as root and with the DaemonSet's rights.
    #[track_caller]
    pub(super) fn verdict(&self) -> Verdict {
        let mut looks = look(&[&["/bpfready"][..], &[&DAEMONSET[..], &["/bpfready"]].concat()]);
        let (limited, whole) = (looks.pop().unwrap(), looks.pop().unwrap());
        assert_eq!(whole.datapath, limited.datapath, "with the DaemonSet's rights");
        assert_eq!(whole.service_proxy, limited.service_proxy, "with the DaemonSet's rights");
        let ready = |it: &Verdict| (it.cilium.ready, it.cilium.ready_why.clone());
        assert_eq!(ready(&whole), ready(&limited), "with the DaemonSet's rights");
        whole
    }

    /// The verdict of the real binary without any capability.
    #[track_caller]
    pub(super) fn verdict_without_rights(&self) -> Verdict {
        let none = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "/bpfready"];
        look(&[&none]).pop().unwrap()
    }
}

/// Which of the two kinds of iptables(8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Nft,
    Legacy,
}

/// There where the kernel has legacy tables.
const LEGACY: &str = "/proc/1/net/ip_tables_names";

/// A shell under another name, which waits for its standard input to end.
fn sleeper(name: &str, script: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(format!("/agents/{name}"));
    command.args(["-c", script]).args(arguments).stdin(Stdio::piped());
    command.spawn().unwrap()
}

fn end_all(agents: Vec<(String, Child)>) {
    for (_, mut agent) in agents {
        let _ = agent.kill();
        let _ = agent.wait();
    }
}

#[track_caller]
fn await_file(path: &str) {
    for _ in 0..20_000 {
        if Path::new(path).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{path} did not come");
}

#[derive(Deserialize)]
struct Report {
    verdict: Verdict,
}

/// Looks by each of these commands, side by side; again while a server of the test was too slow on
/// a busy machine.
#[track_caller]
fn look(commands: &[&[&str]]) -> Vec<Verdict> {
    for _ in 0..40 {
        let runs = commands.iter().enumerate().map(|(at, words)| {
            let path = format!("/tmp/report-{at}.json");
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args(["check", "-o", "json"]).env_clear();
            command.env("PATH", "/usr/sbin:/usr/bin").stdin(Stdio::null());
            (path.clone(), command.stdout(fs::File::create(path).unwrap()).spawn().unwrap())
        });
        let runs: Vec<(String, Child)> = runs.collect();
        let texts: Vec<String> = runs
            .into_iter()
            .map(|(path, mut child)| {
                child.wait().unwrap();
                fs::read_to_string(path).unwrap()
            })
            .collect();
        if texts.iter().any(|it| it.contains("\"timeout\"")) {
            continue;
        }
        let read = |it: &String| serde_json::from_str::<Report>(it).unwrap().verdict;
        return texts.iter().map(read).collect();
    }
    panic!("no look ended without a timeout");
}

/// Serves every listener that comes, each in a thread of its own, until the host is gone.
fn serve_all(listeners: &Receiver<(Arc<OwnedFd>, String)>) {
    let threads: Mutex<Vec<std::thread::JoinHandle<()>>> = Mutex::default();
    for (listener, answer) in listeners {
        let thread = std::thread::spawn(move || {
            while let Ok(client) = rustix::net::accept(&*listener) {
                let mut client = fs::File::from(client);
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(answer.as_bytes());
            }
        });
        threads.lock().unwrap().push(thread);
    }
    for thread in threads.into_inner().unwrap() {
        thread.join().unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for listener in &self.listeners {
            // accept(2) ends with EINVAL.
            let _ = rustix::net::shutdown(&**listener, rustix::net::Shutdown::Both);
        }
        // Process 1 waits for the others.
        end_all(std::mem::take(&mut self.agents));
        drop(self.init.stdin.take());
        let _ = self.init.wait();
        self.held.clear();
        if let Some(cgroup) = &self.cgroup {
            let _ = mount::unmount(CGROUP, mount::UnmountFlags::DETACH);
            let _ = fs::remove_dir(cgroup);
        }
    }
}

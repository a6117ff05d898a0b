//! A host of its own for each test: network, mount and pid namespaces and a root, all gone with it.
//!
//! The root is an empty folder with the machine's `/usr`, a `/proc`, `/sys`, bpffs and cgroup v2 of
//! its own, so the real binary looks at `/` and at the running kernel, as on a node, and sees only
//! what the test put there. Everything happens in one thread, which has moved there.

mod agents;
mod look;
mod network;
mod objects;

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use rustix::io::Errno;
use rustix::mount::{self, MountFlags, MountPropagationFlags};

use super::kernel;
use agents::{await_file, end_all, serve_all, sleeper};
pub(super) use objects::Flavour;

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

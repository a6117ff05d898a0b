//! The image, or the binary alone, in a container that is made as the DaemonSet says, by runc:
//! `cargo xtask image --try`. `BPFREADY_IMAGE` names the image, a folder in the OCI layout.
//!
//! What Kubernetes would hand to the runtime is read from the manifest, so that a change there is
//! tried here.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::manifests::daemonset;

/// Debian's package `golang-github-containers-common`; containers of podman and buildah run by it.
const PROFILE: &str = "/usr/share/containers/seccomp.json";

/// A folder that runc can run: the binary alone as its root, and the configuration.
struct Bundle(tempfile::TempDir);

impl Bundle {
    fn new(args: &[&str], seccomp: &Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("rootfs");
        std::fs::create_dir(&root).unwrap();
        match std::env::var_os("BPFREADY_IMAGE") {
            Some(layout) => unpack(Path::new(&layout), "amd64", &root),
            None => drop(std::fs::copy(bpfready_tests::binary(), root.join("bpfready")).unwrap()),
        }
        let config = config(args, seccomp);
        std::fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        Self(dir)
    }

    fn runc(&self) -> Command {
        let mut runc = Command::new("runc");
        runc.arg("--root").arg(self.0.path().join("state"));
        runc
    }

    fn run(&self, name: &str) -> Output {
        let mut run = self.runc();
        run.args(["run", "--bundle"]).arg(self.0.path()).arg(name);
        run.output().expect("runc: `cargo xtask image --try` brings it")
    }

    /// Starts it and goes on; it ends by [`Running::end`].
    fn start(self, name: &'static str) -> Running {
        let mut run = self.runc();
        run.args(["run", "--bundle"]).arg(self.0.path()).arg(name);
        let child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Running { bundle: self, name, child }
    }

    /// Every file below the root: mount points are made by runc, anything else would be a write.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.path().join("rootfs")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => files.push(entry.path()),
                }
            }
        }
        files.sort();
        files
    }
}

/// A container that runs.
struct Running {
    bundle: Bundle,
    name: &'static str,
    child: Child,
}

impl Running {
    /// SIGTERM, as a kubelet sends it; its exit code.
    fn end(mut self) -> Option<i32> {
        let kill = self.bundle.runc().args(["kill", self.name, "TERM"]).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where a test failed it still runs.
        let _ = self.bundle.runc().args(["delete", "--force", self.name]).output();
        let _ = self.child.wait();
    }
}

/// Lays the layers of one architecture's image of a multi-arch one over each other.
fn unpack(layout: &Path, architecture: &str, root: &Path) {
    let blob =
        |digest: &Value| layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"));
    let read =
        |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let index = read(blob(&read(layout.join("index.json"))["manifests"][0]["digest"]));
    let images = index["manifests"].as_array().unwrap();
    let ours = images.iter().find(|it| it["platform"]["architecture"] == architecture).unwrap();
    for layer in read(blob(&ours["digest"]))["layers"].as_array().unwrap() {
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--gzip", "--file"]).arg(blob(&layer["digest"]));
        assert!(tar.arg("--directory").arg(root).status().unwrap().success());
    }
}

/// The runtime's configuration, out of the DaemonSet.
fn config(args: &[&str], seccomp: &Value) -> Value {
    let pod = daemonset();
    let container = &pod["containers"][0];
    let context = &container["securityContext"];
    let added = context["capabilities"]["add"].as_array().unwrap();
    let capabilities: Vec<String> =
        added.iter().map(|it| format!("CAP_{}", it.as_str().unwrap())).collect();
    let mut namespaces = vec!["pid", "mount", "ipc", "uts", "cgroup"];
    if pod["hostNetwork"] != json!(true) {
        namespaces.push("network");
    }
    let namespaces: Vec<Value> = namespaces.iter().map(|it| json!({"type": it})).collect();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": context["runAsUser"], "gid": context["runAsGroup"]},
            "args": (["/bpfready"].iter().chain(args).collect::<Vec<_>>()),
            "env": ["BPFREADY_ROOT=/host", "NO_COLOR=1"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
            },
            "noNewPrivileges": context["allowPrivilegeEscalation"] == json!(false),
        },
        "root": {"path": "rootfs", "readonly": context["readOnlyRootFilesystem"]},
        "mounts": mounts(&pod),
        "linux": {
            "namespaces": namespaces,
            "seccomp": seccomp,
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
        },
    })
}

/// The container's own `/proc`, `/dev` and `/sys`, and the pod's volumes.
fn mounts(pod: &Value) -> Vec<Value> {
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}),
        json!({"destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "ro"]}),
    ];
    let volumes = pod["volumes"].as_array().unwrap();
    for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
        let volume = volumes.iter().find(|it| it["name"] == mount["name"]).unwrap();
        let source = volume["hostPath"]["path"].as_str().unwrap();
        if !Path::new(source).exists() {
            // containerd would make it on the host, empty; a test makes nothing on the machine.
            mounts.push(json!({
                "destination": mount["mountPath"], "type": "tmpfs", "source": "tmpfs",
                "options": ["ro", "nosuid", "nodev", "size=4k"],
            }));
            continue;
        }
        let mut options = vec!["rbind", "ro"];
        options.push(match mount["mountPropagation"].as_str() {
            Some("HostToContainer") => "rslave",
            _ => "rprivate",
        });
        mounts.push(json!({
            "destination": mount["mountPath"], "type": "none", "source": source, "options": options,
        }));
    }
    mounts
}

/// The profile of the package for these capabilities, in the runtime's form. `RuntimeDefault` of
/// containerd 1.7 and later (containerd#7301) lets who has CAP_BPF call bpf(2), and who has
/// CAP_PERFMON perf_event_open(2); the package is of before, so `current` adds these two.
fn seccomp(current: bool) -> Value {
    let profile: Value = serde_json::from_slice(&std::fs::read(PROFILE).unwrap()).unwrap();
    let pod = daemonset();
    let added = pod["containers"][0]["securityContext"]["capabilities"]["add"].clone();
    let has = |capability: &Value| {
        let name = capability.as_str().unwrap().trim_start_matches("CAP_");
        added.as_array().unwrap().iter().any(|it| it == name)
    };
    let any = |rule: &Value, list: &str, key: &str| {
        rule[list][key].as_array().is_some_and(|it| {
            it.iter().any(|it| match key {
                "caps" => has(it),
                _ => it == "amd64",
            })
        })
    };
    let holds = |rule: &&Value| {
        let needs = |key: &str| !rule["includes"][key].is_null() && !any(rule, "includes", key);
        !needs("caps") && !needs("arches") && !any(rule, "excludes", "caps")
    };
    let mut rules: Vec<Value> =
        profile["syscalls"].as_array().unwrap().iter().filter(holds).map(plain).collect();
    if current {
        for rule in &mut rules {
            let names = rule["names"].as_array_mut().unwrap();
            names.retain(|it| it != "bpf" && it != "perf_event_open");
        }
        rules.retain(|it| !it["names"].as_array().unwrap().is_empty());
        rules.push(json!({"names": ["bpf", "perf_event_open"], "action": "SCMP_ACT_ALLOW"}));
    }
    json!({
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": rules,
    })
}

/// A rule without what only the package's form has.
fn plain(rule: &Value) -> Value {
    let mut plain = json!({"names": rule["names"], "action": rule["action"]});
    for key in ["args", "errnoRet"] {
        if rule[key].as_array().is_some_and(|it| !it.is_empty()) || rule[key].is_u64() {
            plain[key] = rule[key].clone();
        }
    }
    plain
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The same look outside, with the same capabilities.
fn outside() -> Value {
    let mut setpriv = Command::new("setpriv");
    setpriv.args(["--no-new-privs", "--bounding-set", "-all,+bpf,+perfmon,+net_admin"]);
    setpriv.args(["--inh-caps", "-all,+bpf,+perfmon,+net_admin"]);
    report(&setpriv.arg(bpfready_tests::binary()).args(["check", "-o", "json"]).output().unwrap())
}

#[test]
#[ignore = "needs runc and root: cargo xtask image --try"]
fn the_verdict_inside_is_the_one_outside() {
    let bundle = Bundle::new(&["check", "-o", "json"], &seccomp(true));
    let (inside, outside) = (report(&bundle.run("bpfready-verdict")), outside());
    assert_eq!(
        inside["facts"]["privilege"]["effective"],
        outside["facts"]["privilege"]["effective"]
    );
    let rules = |it: &Value| -> Vec<String> {
        let findings = it["verdict"]["findings"].as_array().unwrap().iter();
        // The profile forbids lsm_list_modules(2). Where securityfs is mounted its file answers;
        // where it is not, the list of LSMs is unknown inside.
        let rest = findings.filter(|it| it["rule"] != "bpf-lsm-active");
        rest.map(|it| format!("{} {}", it["rule"], it["outcome"])).collect()
    };
    assert_eq!(rules(&inside), rules(&outside));
    for part in [
        "/cilium",
        "/service_proxy",
        "/datapath/cni",
        "/ebpf/status",
        "/ebpf/datapath",
        "/ebpf/tracing",
        "/ebpf/lsm",
    ] {
        let [inside, outside] = [&inside, &outside].map(|it| it["verdict"].pointer(part));
        assert!(inside.is_some());
        assert_eq!(inside, outside, "{part}");
    }
}

/// An older profile forbids bpf(2) to everybody without CAP_SYS_ADMIN. That is no answer.
#[test]
#[ignore = "needs runc and root: cargo xtask image --try"]
fn a_profile_that_forbids_bpf_makes_the_answer_unknown_and_not_no() {
    let bundle = Bundle::new(&["check", "-o", "json"], &seccomp(false));
    let output = bundle.run("bpfready-forbidden");
    let verdict = &report(&output)["verdict"];
    assert_eq!(verdict["cilium"]["capable"], "unknown");
    assert_eq!(verdict["ebpf"]["status"], "unknown");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
#[ignore = "needs runc and root: cargo xtask image --try"]
fn nothing_is_written() {
    let bundle = Bundle::new(&["check", "-o", "json"], &seccomp(true));
    bundle.run("bpfready-writes");
    let root = bundle.0.path().join("rootfs");
    // runc makes a file to mount /etc/os-release on; the image has its bill of materials.
    let mut expected = vec![root.join("bpfready"), root.join("host/etc/os-release")];
    expected.extend(std::env::var_os("BPFREADY_IMAGE").map(|_| root.join("sbom.cdx.json")));
    assert_eq!(bundle.files(), expected);
}

/// One number of a scrape.
fn scraped(address: SocketAddr, name: &str) -> Option<f64> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let value = answer.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}

/// The pod asks for so much memory: a node plans with it.
#[test]
#[ignore = "needs runc and root: cargo xtask image --try"]
fn an_agent_inside_stays_below_the_memory_that_its_pod_asks_for() {
    let asked = daemonset()["containers"][0]["resources"]["requests"]["memory"].clone();
    let asked: f64 = asked.as_str().unwrap().strip_suffix("Mi").unwrap().parse().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = address.to_string();
    let bundle = Bundle::new(&["agent", "--standalone", "--listen", &listen], &seccomp(true));
    let agent = bundle.start("bpfready-agent");
    let began = Instant::now();
    while scraped(address, "bpfready_report_age_seconds").is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "no report after 30 s");
        thread::sleep(Duration::from_millis(50));
    }
    let mut memory = None;
    for _ in 0..100 {
        memory = scraped(address, "process_resident_memory_bytes").or(memory);
    }
    let used = memory.unwrap() / f64::from(1 << 20);
    println!("agent in its container after 100 scrapes: {used:.1} MiB, asked for {asked} MiB");
    assert!(used < asked, "{used} MiB of {asked} MiB");
    assert_eq!(agent.end(), Some(0));
}

/// qemu-user has no bpf(2) and answers ENOSYS for a kernel that has it: no answer, and never a no.
#[test]
#[ignore = "needs the image and qemu-user-static: cargo xtask image --try"]
fn the_image_for_arm64_starts_and_cannot_tell_by_an_emulator() {
    let Some(layout) = std::env::var_os("BPFREADY_IMAGE") else {
        println!("not tried: there is no image, only a binary");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    unpack(Path::new(&layout), "arm64", root.path());
    let run = |args: &[&str]| {
        let mut qemu = Command::new("qemu-aarch64-static");
        qemu.arg(root.path().join("bpfready")).args(args).output().unwrap()
    };
    let version = run(&["--version"]);
    let expected = format!("bpfready {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&version.stdout), expected);
    for command in ["check", "record", "agent", "controller", "cluster"] {
        let help = run(&[command, "--help"]);
        assert!(help.status.success(), "{command}: {}", String::from_utf8_lossy(&help.stderr));
    }
    let look = run(&["check", "-o", "json"]);
    let verdict = &report(&look)["verdict"];
    assert_eq!(verdict["ebpf"]["status"], "unknown");
    assert_eq!(verdict["cilium"]["capable"], "unknown");
    assert_eq!(look.status.code(), Some(2));
}

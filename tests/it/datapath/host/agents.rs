//! What runs on a host and what it is configured by: files, processes, ports and sockets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::Host;

impl Host {
    /// A file of the host.
    pub(in crate::datapath) fn file(&mut self, path: &str, text: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A CNI configuration with these plug-ins (`type` or `type/ipam`), and their binaries.
    pub(in crate::datapath) fn conf(&mut self, file: &str, network: &str, plugins: &[&str]) {
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
    pub(in crate::datapath) fn process(&mut self, name: &str, arguments: &[&str]) {
        let path = format!("/agents/{name}");
        if !Path::new(&path).exists() {
            symlink("/bin/sh", path).unwrap();
        }
        self.agents.push((name.to_owned(), sleeper(name, "read _", arguments)));
    }

    /// A process of this name in another network, as of a machine within this one.
    pub(in crate::datapath) fn process_elsewhere(&mut self, name: &str) {
        symlink("/bin/sh", format!("/agents/{name}")).unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "fabric", &format!("/agents/{name}"), "-c", "read _"]);
        self.agents.push((name.to_owned(), command.stdin(Stdio::piped()).spawn().unwrap()));
        let comm = |it: &fs::DirEntry| fs::read_to_string(it.path().join("comm"));
        let runs = || {
            let mut entries = fs::read_dir("/proc").unwrap().flatten();
            entries.any(|it| comm(&it).is_ok_and(|it| it.trim_end() == name))
        };
        for _ in 0..20_000 {
            if runs() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{name} did not start");
    }

    /// Ends the processes of this name.
    pub(in crate::datapath) fn end(&mut self, name: &str) {
        let (ended, rest) = self.agents.drain(..).partition(|(comm, _)| comm == name);
        self.agents = rest;
        end_all(ended);
    }

    /// A systemd unit that is active, by the files that systemd keeps.
    pub(in crate::datapath) fn unit(&mut self, name: &str) {
        for folder in ["/run/systemd/system", "/run/systemd/units", "/etc/systemd"] {
            fs::create_dir_all(folder).unwrap();
        }
        symlink("0123", format!("/run/systemd/units/invocation:{name}")).unwrap();
    }

    /// Somebody who answers HTTP on a port of the loopback.
    pub(in crate::datapath) fn answers(&mut self, port: u16, status: u16, body: &str) {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        self.serve(listener.into(), status, body);
    }

    /// Somebody who answers HTTP on a Unix socket.
    pub(in crate::datapath) fn answers_at(&mut self, path: &str, body: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        self.serve(UnixListener::bind(path).unwrap().into(), 200, body);
    }

    /// Somebody who listens on a Unix socket and says nothing of use.
    pub(in crate::datapath) fn listens(&mut self, path: &str) {
        self.answers_at(path, "");
    }

    fn serve(&mut self, listener: OwnedFd, status: u16, body: &str) {
        let listener = Arc::new(listener);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
        self.servers.send((listener.clone(), answer)).unwrap();
        self.listeners.push(listener);
    }
}

/// A shell under another name, which waits for its standard input to end.
pub(super) fn sleeper(name: &str, script: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(format!("/agents/{name}"));
    command.args(["-c", script]).args(arguments).stdin(Stdio::piped());
    command.spawn().unwrap()
}

pub(super) fn end_all(agents: Vec<(String, Child)>) {
    for (_, mut agent) in agents {
        let _ = agent.kill();
        let _ = agent.wait();
    }
}

#[track_caller]
pub(super) fn await_file(path: &str) {
    for _ in 0..20_000 {
        if Path::new(path).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{path} did not come");
}

/// Serves every listener that comes, each in a thread of its own, until the host is gone.
pub(super) fn serve_all(listeners: &Receiver<(Arc<OwnedFd>, String)>) {
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

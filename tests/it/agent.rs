//! The agent as a process, without Kubernetes: what it serves, what it refuses, how it ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::hosts;
use crate::run::{bpfready, command, expect_error};

/// An agent on a recording, or on this machine; it is killed when a test fails.
pub(crate) struct Agent {
    child: Child,
    address: SocketAddr,
}

impl Agent {
    pub(crate) fn start(more: &[&str]) -> Self {
        let host = hosts::case("linux-6.18-root");
        Self::here(&[&["--recording", &host], more].concat())
    }

    /// On this machine.
    pub(crate) fn here(more: &[&str]) -> Self {
        // The port is free now, and nobody here takes ports by number.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = address.to_string();
        let base = ["agent", "--standalone", "--listen", &listen];
        Self::of(command(&[&base, more].concat()), address)
    }

    /// What serves at this address.
    pub(crate) fn of(mut agent: Command, address: SocketAddr) -> Self {
        let child = agent.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let agent = Self { child, address };
        agent.wait_until_ready();
        agent
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn wait_until_ready(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if TcpStream::connect(self.address).is_ok() && self.get("/readyz", "").0 == 200 {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the agent is not ready after 20 s");
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Status, head and body of one answer; a status of 0 where the connection is refused or reset.
    pub(crate) fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = self.connect();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        let mut answer = Vec::new();
        let asked = stream.write_all(request.as_bytes());
        if asked.and_then(|()| stream.read_to_end(&mut answer)).is_err() {
            return (0, String::new(), String::new());
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        (status, head.to_owned(), body.to_owned())
    }

    /// Sends SIGTERM; how long it took to end, and its exit code.
    fn terminate(&mut self) -> (Duration, Option<i32>) {
        let began = Instant::now();
        let id = Pid::from_child(&self.child);
        rustix::process::kill_process(id, Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (began.elapsed(), status.code())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_form_is_served_and_sigterm_ends_it_in_time() {
    let mut agent = Agent::start(&[]);
    let openmetrics = "Accept: application/openmetrics-text; version=1.0.0\r\n";
    let (_, head, text) = agent.get("/metrics", openmetrics);
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.ends_with("# EOF\n"));
    let (_, head, _) = agent.get("/metrics", "Accept-Encoding: gzip\r\n");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let (status, _, report) = agent.get("/report", "");
    assert!(status == 200 && report.contains("\"bpfready.io/v1\""), "{status}");
    let (status, head, page) = agent.get("/", "");
    assert!(
        status == 200 && head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
    assert!(page.contains("<!DOCTYPE html>") && !page.contains("<script"), "{page}");
    assert_eq!(agent.get("/healthz", "").0, 200);
    assert_eq!(agent.get("/nothing", "").0, 404);
    // A client that asks for nothing is no reason to wait for it.
    let _idle = agent.connect();
    let (took, code) = agent.terminate();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(code, Some(0));
}

#[test]
fn what_hostile_clients_cost_is_bounded() {
    let agent = Agent::start(&["--max-connections", "8"]);
    // A head without end is refused, not stored.
    let mut huge = agent.connect();
    let line = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(64 << 10));
    let _ = huge.write_all(line.as_bytes());
    let mut answer = String::new();
    let _ = huge.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.contains(" 431 "), "{answer}");
    drop(huge);
    // Many that say nothing take no more than their places, and give them back.
    let many: Vec<TcpStream> = (0..300).map(|_| agent.connect()).collect();
    drop(many);
    let end = Instant::now() + Duration::from_secs(10);
    let text = loop {
        let text = agent.get("/metrics", "").2;
        if text.contains("bpfready_http_refused_connections_total") || Instant::now() > end {
            break text;
        }
        // Refused while those that left still have their places.
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(text.contains("reason=\"too_many\""), "{text}");
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let host = hosts::case("linux-6.18-root");
    expect_error(&bpfready(&["agent", "--recording", &host]), &["--node-name", "--standalone"]);
    let listen = bpfready(&["agent", "--standalone", "--listen", "nowhere"]);
    expect_error(&listen, &["ADDRESS:PORT"]);
    let interval = bpfready(&["agent", "--standalone", "--interval", "often"]);
    expect_error(&interval, &["expected a duration"]);
}

//! A real Prometheus with what it scrapes, and node_exporter beside it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

/// A process that ends with the test.
pub(crate) struct Running(Child);

impl Running {
    #[track_caller]
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().expect("its program is on PATH: `cargo xtask test` sees to it"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which the test then has said.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback address of this test run alone, for the nth node: each node has its own address, as
/// in a cluster, and no other test listens on it.
pub(crate) fn host(nth: u8) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{high}.{low}", 64 + nth)
}

/// node_exporter with the collectors that the dashboards ask.
pub(super) fn node_exporter(address: &str, dir: &Path) -> Running {
    let mut exporter = Command::new("prometheus-node-exporter");
    exporter.arg("--collector.disable-defaults").arg(format!("--web.listen-address={address}"));
    let collectors = ["cpu", "netdev", "netstat", "softnet"];
    exporter.args(collectors.map(|it| format!("--collector.{it}")));
    Running::start(&mut exporter, &dir.join("node_exporter.log"))
}

/// A target that says a text once it is told to.
pub(super) struct Told {
    pub(super) address: SocketAddr,
    speaks: Arc<AtomicBool>,
}

impl Told {
    /// `{n}` in the text is the number of the scrape.
    pub(super) fn start(text: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let speaks = Arc::new(AtomicBool::new(false));
        let may_speak = Arc::clone(&speaks);
        thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let says = may_speak.load(Ordering::Relaxed);
                let body = if says { text.replace("{n}", &n.to_string()) } else { String::new() };
                answer(stream.unwrap(), &body);
            }
        });
        Self { address, speaks }
    }

    pub(super) fn speak(&self) {
        self.speaks.store(true, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, body: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while lines.next().is_some_and(|it| it.is_ok_and(|it| !it.is_empty())) {}
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
    // A scrape that the end of the test cut off is nobody's business.
    let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// A Prometheus that scrapes every second.
pub(super) struct Prometheus {
    address: String,
    _process: Running,
}

impl Prometheus {
    /// Scrapes these targets, each with its job.
    pub(super) fn start(dir: &Path, targets: &[(&str, String)]) -> Self {
        let mut config = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
        let mut jobs: Vec<&str> = targets.iter().map(|it| it.0).collect();
        jobs.dedup();
        for job in jobs {
            let of_job = targets.iter().filter(|it| it.0 == job).map(|it| it.1.as_str());
            let list = of_job.collect::<Vec<_>>().join("', '");
            let static_configs = format!("static_configs: [{{targets: ['{list}']}}]");
            writeln!(config, "- job_name: {job}\n  {static_configs}").unwrap();
        }
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let address = format!("{}:19090", host(0));
        let mut prometheus = Command::new("prometheus");
        prometheus.arg(format!("--config.file={}", file.display()));
        prometheus.arg(format!("--storage.tsdb.path={}", dir.join("data").display()));
        prometheus.arg(format!("--web.listen-address={address}"));
        let process = Running::start(&mut prometheus, &dir.join("prometheus.log"));
        Self { address, _process: process }
    }

    /// The series of a query, now.
    pub(super) fn ask(&self, query: &str) -> Result<Vec<Value>, String> {
        let encoded = query.bytes().fold(String::new(), |mut text, it| {
            write!(text, "%{it:02x}").unwrap();
            text
        });
        let mut stream = TcpStream::connect(&self.address).map_err(|it| it.to_string())?;
        let head = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\n\r\n");
        stream.write_all(head.as_bytes()).map_err(|it| it.to_string())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|it| it.to_string())?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
        let body: Value = serde_json::from_str(body).map_err(|it| format!("{it}: {body}"))?;
        body["data"]["result"].as_array().cloned().ok_or_else(|| body.to_string())
    }
}

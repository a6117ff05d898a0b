//! `cargo xtask bench agent`: what the running agent takes, beside `prometheus-node-exporter`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{median, millis, shipped};
use crate::{apt, places, process, progress};

const EXPORTER: &str = "prometheus-node-exporter";
/// Scrapes of each, taking turns, so that a busy moment hits both alike.
const SCRAPES: usize = 300;
/// How long both are left alone but for a scrape now and then, unless the caller says otherwise.
const STEADY: Duration = Duration::from_secs(60);
/// What Prometheus does.
const EVERY: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures and prints a table for docs/benchmarks.md.
pub(crate) fn agent(seconds: Option<u64>) -> Result<()> {
    let long = seconds.map_or(STEADY, Duration::from_secs);
    let agent = shipped()?;
    let exporter = exporter()?;
    let mut servers = [
        Server::start("bpfready agent", &agent, |it| {
            vec!["agent".into(), "--standalone".into(), "--listen".into(), it]
        })?,
        Server::start(EXPORTER, &exporter, |it| vec![format!("--web.listen-address={it}")])?,
    ];
    for _ in 0..SCRAPES {
        for server in &mut servers {
            server.scrape()?;
        }
    }
    let before = servers.iter().map(Server::cpu).collect::<Result<Vec<_>>>()?;
    let steady = Instant::now();
    while steady.elapsed() < long {
        sleep(EVERY.min(long));
        for server in &mut servers {
            server.get()?;
        }
    }
    let taken = steady.elapsed();
    print(&servers, &before, taken)
}

/// The exporter out of Debian's package. To install the package would start a server.
fn exporter() -> Result<PathBuf> {
    let dir = places::tools().join("node-exporter");
    let program = dir.join("usr/bin").join(EXPORTER);
    if !program.exists() {
        progress::step("fetching prometheus-node-exporter", || {
            fs::create_dir_all(&dir)?;
            apt::unpack(EXPORTER, &dir)
        })?;
    }
    Ok(program)
}

/// A program that serves `/metrics`.
struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    times: Vec<Duration>,
    /// Bytes and series of the latest answer.
    size: (usize, usize),
}

impl Server {
    fn start(
        name: &'static str,
        program: &Path,
        args: impl FnOnce(String) -> Vec<String>,
    ) -> Result<Self> {
        // The port is free now, and nobody here takes ports by number.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        command.args(args(address.to_string())).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot start {}", process::words(&command)))?;
        let mut server = Self { name, child, address, times: Vec::new(), size: (0, 0) };
        let started = Instant::now();
        // The agent serves before its first look has ended; then there is hardly anything to tell.
        while server.get().is_err() || server.size.1 < 100 {
            if started.elapsed() > PATIENCE {
                bail!("{name} serves nothing after {PATIENCE:?}");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// One scrape on a connection of its own.
    fn get(&mut self) -> Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { bail!("no answer") };
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("{}: {head}", self.name);
        }
        let series = body.lines().filter(|it| it.contains(' ') && !it.starts_with('#')).count();
        self.size = (body.len(), series);
        Ok(())
    }

    fn scrape(&mut self) -> Result<()> {
        let start = Instant::now();
        self.get()?;
        self.times.push(start.elapsed());
        Ok(())
    }

    /// A line of `/proc/PID/status` in KiB, proc_pid_status(5).
    fn kibibytes(&self, line: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let found = status.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(':'));
        let number = found.and_then(|it| it.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("{} has no {line}", self.name))
    }

    /// Processor time so far, in user and kernel mode.
    fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // proc_pid_stat(5): `utime` and `stime`, fields 14 and 15; the second field is a name in
        // parentheses. In hundredths of a second on every architecture here.
        let mut fields = stat.rsplit_once(')').context("no name")?.1.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let ticks = next().zip(next()).map(|(user, system)| user + system);
        Ok(Duration::from_millis(10 * ticks.context("/proc/PID/stat: not as documented")?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn print(servers: &[Server; 2], before: &[Duration], steady: Duration) -> Result<()> {
    println!("{SCRAPES} scrapes each, then {} s of peace.\n", steady.as_secs());
    println!("| what | {} | {} | ratio |", servers[0].name, servers[1].name);
    println!("| --- | ---: | ---: | ---: |");
    let both = |ask: &dyn Fn(&Server) -> Result<f64>| -> Result<[f64; 2]> {
        Ok([ask(&servers[0])?, ask(&servers[1])?])
    };
    #[expect(clippy::cast_precision_loss, reason = "memory and sizes are far below 2^53")]
    let rows = [
        ("resident memory, MiB", both(&|it| Ok(it.kibibytes("VmRSS")? as f64 / 1024.0))?),
        ("most it ever was, MiB", both(&|it| Ok(it.kibibytes("VmHWM")? as f64 / 1024.0))?),
        ("scrape, median ms", both(&|it| Ok(millis(median(&it.times))))?),
        ("scrape, KiB", both(&|it| Ok(it.size.0 as f64 / 1024.0))?),
        ("series", both(&|it| Ok(it.size.1 as f64))?),
    ];
    for (what, [ours, theirs]) in rows {
        println!("| {what} | {ours:.2} | {theirs:.2} | {:.2} |", ours / theirs);
    }
    let share = |number: usize| -> Result<f64> {
        let spent = servers[number].cpu()?.saturating_sub(before[number]);
        Ok(100.0 * spent.as_secs_f64() / steady.as_secs_f64())
    };
    println!("| processor in peace, % | {:.3} | {:.3} | |", share(0)?, share(1)?);
    Ok(())
}

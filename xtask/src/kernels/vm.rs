//! One boot: from a kernel and a file system to the answers, or to why there are none.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::arch::Arch;
use crate::process;

/// A boot takes seconds, the probes some more, the datapath's tests two minutes; all of it several
/// times as long on a busy machine. What takes longer than this hangs.
const DEADLINE: Duration = Duration::from_mins(10);

/// Everything to boot one machine.
#[derive(Debug)]
pub(super) struct Guest {
    /// What a person calls it.
    pub(super) name: &'static str,
    pub(super) arch: Arch,
    pub(super) vmlinuz: PathBuf,
    pub(super) initrd: PathBuf,
    /// Where its answers go.
    pub(super) results: PathBuf,
}

/// Boots, waits for the end, and unpacks the answers.
pub(super) fn boot(guest: &Guest) -> Result<()> {
    let results = &guest.results;
    if results.exists() {
        fs::remove_dir_all(results)?;
    }
    fs::create_dir_all(results)?;
    let console = results.join("console.log");
    let mut qemu = guest.arch.qemu(&guest.vmlinuz, &guest.initrd);
    qemu.stdin(Stdio::null())
        .stdout(File::create(&console)?)
        .stderr(File::create(results.join("qemu.log"))?);
    let child = qemu.spawn().with_context(|| format!("cannot start {}", process::words(&qemu)))?;
    let ended = wait(child, DEADLINE)?;
    let text = String::from_utf8_lossy(&fs::read(&console)?).into_owned();
    let block = block(&text).with_context(|| failure(ended, results, &text))?;
    unpack(&block, results)
}

/// Waits until the machine stops, or stops it; whether it stopped by itself.
fn wait(mut child: Child, deadline: Duration) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < deadline {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

fn failure(ended: bool, results: &Path, console: &str) -> String {
    let lines: Vec<&str> = console.lines().collect();
    let end = lines[lines.len().saturating_sub(20)..].join("\n");
    let how = if ended { "it stopped" } else { "it was stopped at the deadline" };
    format!("the machine gave no answers, {how}; {} ends with\n{end}", results.display())
}

/// What the machine sent: checksum and base64 lines.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    sha256: String,
    base64: String,
}

/// Finds the block on the console, where firmware may have left control codes before it; a serial
/// line ends its lines with `\r\n`.
fn block(console: &str) -> Result<Block> {
    let mut lines = console.lines().map(str::trim_end);
    let sha256 = lines.find_map(|it| Some(it.split_once("@@BEGIN ")?.1)).context("no @@BEGIN")?;
    let mut base64 = String::new();
    for line in lines {
        if line == "@@END" {
            return Ok(Block { sha256: sha256.to_owned(), base64 });
        }
        base64 += line;
        base64.push('\n');
    }
    bail!("no @@END")
}

fn unpack(block: &Block, results: &Path) -> Result<()> {
    let encoded = results.join("answers.base64");
    fs::write(&encoded, &block.base64)?;
    let archive = results.join("answers.tar.gz");
    let bytes = process::output(Command::new("base64").arg("--decode").arg(&encoded))?;
    fs::write(&archive, bytes)?;
    let sum = process::text(Command::new("sha256sum").arg(&archive))?;
    if !sum.starts_with(&block.sha256) {
        bail!("the console garbled the answers: sha256 is not {}", block.sha256);
    }
    let mut tar = Command::new("tar");
    process::run(
        tar.args(["--extract", "--no-same-owner", "--file"]).arg(&archive).current_dir(results),
    )?;
    fs::remove_file(encoded)?;
    Ok(fs::remove_file(archive)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_among_other_lines() {
        let console =
            "boot\r\n\u{1b}[2J@@BEGIN abc\r\nAAAA\r\nBB==\r\n@@END\r\nreboot: Power down\r\n";
        let expected = Block { sha256: "abc".into(), base64: "AAAA\nBB==\n".into() };
        assert_eq!(block(console).unwrap(), expected);
    }

    #[test]
    fn a_block_cut_short_is_none() {
        assert!(block("@@BEGIN abc\r\nAAAA\r\n").is_err());
        assert!(block("Kernel panic - not syncing\r\n").is_err());
    }

    #[test]
    fn a_garbled_block_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let block = Block { sha256: "0".repeat(64), base64: "AAAA\n".into() };
        let error = unpack(&block, dir.path()).unwrap_err().to_string();
        assert!(error.contains("garbled"), "{error}");
    }

    #[test]
    fn what_hangs_is_stopped_at_the_deadline() {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!wait(child, Duration::from_millis(200)).unwrap());
        let child = Command::new("true").spawn().unwrap();
        assert!(wait(child, Duration::from_secs(20)).unwrap());
    }
}

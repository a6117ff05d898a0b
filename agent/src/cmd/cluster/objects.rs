//! `--objects FILE`: a dump of objects from files.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Most bytes of one file: 5,000 nodes and their CNI's pods have less.
const MAX_BYTES: u64 = 256 << 20;

/// Every document of a file, of all YAML and JSON files of a folder, or of standard input (`-`).
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Value>> {
    if path == Path::new("-") {
        return parse(&text(std::io::stdin().lock(), "standard input")?, "standard input");
    }
    if !path.is_dir() {
        return file(path);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.with_context(|| format!("cannot read {}", path.display()))?.path());
    }
    let is_manifest = |it: &Path| {
        it.extension()
            .and_then(|it| it.to_str())
            .is_some_and(|it| ["yaml", "yml", "json"].contains(&it))
    };
    files.retain(|it| is_manifest(it));
    files.sort();
    let mut all = Vec::new();
    for it in files {
        all.extend(file(&it)?);
    }
    Ok(all)
}

fn file(path: &Path) -> anyhow::Result<Vec<Value>> {
    let name = path.display().to_string();
    let file = fs::File::open(path).with_context(|| format!("cannot read {name}"))?;
    parse(&text(file, &name)?, &name)
}

fn text(source: impl Read, name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = source.take(MAX_BYTES + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {name}"))?;
    ensure!(text.len() as u64 <= MAX_BYTES, "{name}: more than {MAX_BYTES} bytes");
    Ok(text)
}

/// JSON documents one after the other, or YAML documents.
fn parse(text: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    if text.trim_start().starts_with('{') {
        let documents: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_str(text).into_iter().collect();
        return documents.with_context(|| format!("{name}: expected JSON objects"));
    }
    let budget = serde_saphyr::budget! {
        max_documents: 1_000_000,
        max_nodes: 50_000_000,
        max_events: 200_000_000,
        max_total_scalar_bytes: 256 << 20,
        max_aliases: 0,
    };
    let options = serde_saphyr::options! { budget: budget, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options)
        .with_context(|| format!("{name}: expected YAML documents"))
}

//! `cargo xtask image`: one multi-arch image of the static binary alone, with its bill of materials.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{build, container, elf, places, process, progress, setup};

/// Builds the image.
const PACKAGES: &[&str] = &["buildah"];
const CYCLONEDX_VERSION: &str = "0.5.9";
const SOURCE: &str = "https://github.com/bpfready/bpfready";

/// What is asked of the image.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// Also run it here by runc, as the DaemonSet says, and for arm64 by qemu
    #[arg(long)]
    r#try: bool,
    /// A finished static binary for x86-64, instead of building one
    #[arg(long, value_name = "FILE")]
    amd64: Option<PathBuf>,
    /// A finished static binary for arm64, instead of building one
    #[arg(long, value_name = "FILE")]
    arm64: Option<PathBuf>,
}

/// Builds the image for x86-64 and arm64, twice, and compares: the same source is the same image.
pub(crate) fn image(asked: Asked) -> Result<()> {
    setup::packages(PACKAGES)?;
    let amd64 = asked.amd64.map_or_else(build::release, Ok)?;
    let arm64 = asked.arm64.map_or_else(|| build::arm64(&[]), Ok)?;
    let binaries = [("amd64", amd64), ("arm64", arm64)];
    for (arch, binary) in &binaries {
        elf::expect_static(binary, arch)?;
    }
    let bom = bill_of_materials()?;
    let first = assemble("first", &binaries, &bom)?;
    let second = assemble("second", &binaries, &bom)?;
    if first.digest != second.digest {
        bail!("the same files made two images: {} and {}", first.digest, second.digest);
    }
    for (arch, binary) in &binaries {
        println!("{arch:<8} {:>10} bytes  {}", fs::metadata(binary)?.len(), binary.display());
    }
    println!("image    {}\ndigest   {}", first.layout.display(), first.digest);
    println!("SBOM     {}", bom.display());
    println!("licences {}", licences(&fs::read(&bom)?)?);
    if asked.r#try { container::image(&binaries[0].1, &first.layout) } else { Ok(()) }
}

/// An image as a folder in the OCI layout.
struct Image {
    layout: PathBuf,
    digest: String,
}

fn assemble(name: &str, binaries: &[(&str, PathBuf)], bom: &Path) -> Result<Image> {
    let dir = places::image().join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    let list = format!("localhost/bpfready-{name}");
    let _ = process::logged(&places::log("buildah"), buildah().args(["manifest", "rm", &list]));
    process::logged(&places::log("buildah"), buildah().args(["manifest", "create", &list]))?;
    for (arch, binary) in binaries {
        progress::step(&format!("image for {arch}"), || one(&list, arch, binary, bom, &dir))?;
    }
    let layout = dir.join("oci");
    let target = format!("oci:{}:{}", layout.display(), env!("CARGO_PKG_VERSION"));
    let mut push = buildah();
    push.args(["manifest", "push", "--all", "--format", "oci", &list, &target]);
    process::logged(&places::log("buildah"), &mut push)?;
    Ok(Image { digest: digest(&layout)?, layout })
}

/// The image of one architecture: nothing runs in it while it is made, so no emulator is needed.
fn one(list: &str, arch: &str, binary: &Path, bom: &Path, dir: &Path) -> Result<()> {
    let context = dir.join(arch);
    fs::create_dir_all(&context)?;
    fs::copy(binary, context.join("bpfready"))?;
    fs::copy(bom, context.join("sbom.cdx.json"))?;
    let recipe = places::root().join("manifests/image/Containerfile");
    let mut command = buildah();
    command.args(["build", "--manifest", list, "--platform", &format!("linux/{arch}")]);
    // The time of the commit, not of the build, in every date of the image.
    command.args(["--timestamp", &commit_time()?, "--layers=false", "--format", "oci"]);
    for (key, value) in labels()? {
        command.args(["--label", &format!("org.opencontainers.image.{key}={value}")]);
    }
    command.arg("--file").arg(recipe).arg(&context);
    process::logged(&places::log("buildah"), &mut command)
}

/// <https://specs.opencontainers.org/image-spec/annotations/>
fn labels() -> Result<Vec<(&'static str, String)>> {
    let git =
        |args: &[&str]| process::text(Command::new("git").args(args).current_dir(places::root()));
    Ok(vec![
        ("title", "bpfready".to_owned()),
        ("description", "What eBPF each node can do, and whether Cilium can run there".to_owned()),
        ("licenses", "Apache-2.0".to_owned()),
        ("source", SOURCE.to_owned()),
        ("documentation", format!("{SOURCE}#readme")),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("revision", git(&["rev-parse", "HEAD"])?),
        ("created", git(&["show", "--no-patch", "--format=%cI", "HEAD"])?),
    ])
}

fn commit_time() -> Result<String> {
    let mut git = Command::new("git");
    git.args(["show", "--no-patch", "--format=%ct", "HEAD"]).current_dir(places::root());
    process::text(&mut git)
}

/// buildah with a storage of this checkout's own, that any file system can hold.
fn buildah() -> Command {
    let mut command = Command::new("buildah");
    let dir = places::image();
    command.arg("--root").arg(dir.join("storage")).arg("--runroot").arg(dir.join("run"));
    command.args(["--storage-driver", "vfs"]);
    command
}

/// The digest of the only entry of an OCI layout's index.
fn digest(layout: &Path) -> Result<String> {
    let index: serde_json::Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let digest = index["manifests"][0]["digest"].as_str();
    Ok(digest.context("the index names no image")?.to_owned())
}

/// What the binary is made of, as CycloneDX; the same for the same lock file.
fn bill_of_materials() -> Result<PathBuf> {
    let tool = places::tools().join("bin/cargo-cyclonedx");
    if !tool.exists() {
        progress::step("building cargo-cyclonedx (some minutes, once)", || {
            let mut install = setup::cargo_install("cargo-cyclonedx", CYCLONEDX_VERSION);
            process::logged(&places::log("cargo-cyclonedx"), install.arg("--debug"))
        })?;
    }
    let mut command = Command::new(tool);
    command.args(["cyclonedx", "--format", "json", "--spec-version", "1.5"]);
    command.args(["--target", "x86_64-unknown-linux-gnu", "--override-filename", "bpfready.cdx"]);
    command.arg("--manifest-path").arg(places::root().join("agent/Cargo.toml"));
    command.env("SOURCE_DATE_EPOCH", commit_time()?).current_dir(places::root());
    process::logged(&places::log("cyclonedx"), &mut command)?;
    let made = places::root().join("agent/bpfready.cdx.json");
    let kept = places::image().join("sbom.cdx.json");
    fs::create_dir_all(places::image())?;
    let text = fs::read_to_string(&made).with_context(|| format!("{made:?} was not made"))?;
    fs::remove_file(&made)?;
    // Where this checkout is tells nobody anything, and would make two of one source differ.
    fs::write(&kept, text.replace(&format!("file://{}", places::root().display()), "file://"))?;
    Ok(kept)
}

/// How many components have which licence; one without is an error.
fn licences(bom: &[u8]) -> Result<String> {
    let bom: serde_json::Value = serde_json::from_slice(bom)?;
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for component in bom["components"].as_array().context("the SBOM lists nothing")? {
        let licence = &component["licenses"][0];
        let id = licence["expression"].as_str().or(licence["license"]["id"].as_str());
        let id = id.with_context(|| format!("{} names no licence", component["name"]))?;
        *counted.entry(id.to_owned()).or_default() += 1;
    }
    let words: Vec<String> = counted.iter().map(|(id, count)| format!("{count} {id}")).collect();
    Ok(words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://cyclonedx.org/docs/1.5/json/#components_items_licenses>: an expression, or an id.
    #[test]
    fn licences_are_counted_and_one_without_is_named() {
        let bom = br#"{"components": [
            {"name": "a", "licenses": [{"expression": "MIT OR Apache-2.0"}]},
            {"name": "b", "licenses": [{"license": {"id": "MIT"}}]},
            {"name": "c", "licenses": [{"expression": "MIT OR Apache-2.0"}]}]}"#;
        assert_eq!(licences(bom).unwrap(), "1 MIT, 2 MIT OR Apache-2.0");
        let without = licences(br#"{"components": [{"name": "d"}]}"#).unwrap_err();
        assert!(without.to_string().contains("\"d\" names no licence"), "{without}");
    }
}

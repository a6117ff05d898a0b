//! Builds the eBPF programs of `agent-ebpf` and leaves their objects in `OUT_DIR`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The objects, by the bin targets of `agent-ebpf/Cargo.toml`.
const OBJECTS: [&str; 9] = [
    "skb",
    "tail_call",
    "lpm_trie",
    "hash_of_maps",
    "ring_buffer",
    "sock_addr",
    "iter_prog",
    "iter_map",
    "iter_link",
];
const TARGET: &str = "bpfel-unknown-none";
const SETUP: &str = "`cargo xtask setup` installs what is missing";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("agent is a member");
    rerun_if_changed(workspace);
    let built = Compiler::find().and_then(|it| build(&it, &linker(workspace)?, workspace, &out));
    if let Err(why) = built {
        eprintln!("cannot build the eBPF programs: {why}");
        std::process::exit(1);
    }
}

fn rerun_if_changed(workspace: &Path) {
    for path in ["agent-ebpf", "Cargo.toml", "Cargo.lock", "agent/build.rs"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    println!("cargo::rerun-if-env-changed=BPF_LINKER");
}

/// A cargo and a rustc of one version that can compile for BPF.
struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
    /// The toolchain brings no `core` for BPF: build it from `rust-src`.
    build_core: bool,
}

impl Compiler {
    /// rustup's nightly where it has `rust-src`, else Debian's compiler where it has `core` for BPF.
    fn find() -> Result<Self, String> {
        Self::nightly().or_else(Self::debian).ok_or_else(|| {
            format!(
                "neither rustup's nightly with `rust-src` nor /usr/bin/rustc with its library for \
                 {TARGET} (Debian: rustc-web, cargo-web, libstd-rust-web-dev-bpf) is here; {SETUP}"
            )
        })
    }

    fn nightly() -> Option<Self> {
        let mut rustup = Command::new("rustup");
        let sysroot = text(rustup.args(["run", "nightly", "rustc", "--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot);
        let source = sysroot.join("lib/rustlib/src/rust/library/core");
        source.is_dir().then(|| Self {
            cargo: sysroot.join("bin/cargo"),
            rustc: sysroot.join("bin/rustc"),
            build_core: true,
        })
    }

    fn debian() -> Option<Self> {
        let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
        let library =
            text(Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]))?;
        let found = cargo.is_file() && Path::new(&library).is_dir();
        found.then_some(Self { cargo, rustc, build_core: false })
    }
}

/// Where bpf-linker is: it turns the compiler's bitcode into one object with BTF.
fn linker(workspace: &Path) -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("BPF_LINKER") {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let own = [workspace.join("target/tools/bin"), PathBuf::from("/opt/bpf-linker/bin")];
    let places = own.into_iter().chain(env::split_paths(&path)).map(|it| it.join("bpf-linker"));
    places.into_iter().find(|it| it.is_file()).ok_or_else(|| {
        format!("bpf-linker is not in target/tools/bin, $BPF_LINKER, /opt/bpf-linker/bin or PATH; {SETUP}")
    })
}

fn build(compiler: &Compiler, linker: &Path, workspace: &Path, out: &Path) -> Result<(), String> {
    let target_dir = target_dir(out).join("ebpf");
    let mut cargo = clean_command(&compiler.cargo);
    cargo.args(["build", "--locked", "--quiet", "--profile", "ebpf", "--package", "agent-ebpf"]);
    cargo.args(["--bins", "--features", "programs", "--target", TARGET]).arg("--target-dir");
    cargo.arg(&target_dir).current_dir(workspace);
    if compiler.build_core {
        cargo.arg("-Zbuild-std=core");
    }
    // aya-ebpf asks for an unstable feature (inline assembly for BPF), stable compilers for this.
    cargo.env("RUSTC", &compiler.rustc).env("RUSTC_BOOTSTRAP", "1");
    let linker = format!("-Clinker={}", linker.display());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", [linker.as_str(), "-Clink-arg=--btf"].join("\x1f"));
    let status = cargo.status().map_err(|it| format!("{}: {it}", compiler.cargo.display()))?;
    if !status.success() {
        return Err(format!("{} failed, {status}", compiler.cargo.display()));
    }
    for object in OBJECTS {
        let from = target_dir.join(TARGET).join("ebpf").join(object);
        let wrong = |it: &dyn std::fmt::Display| format!("{}: {it}", from.display());
        let built = fs::read(&from).map_err(|it| wrong(&it))?;
        let slim = without_debug(&built).map_err(|it| wrong(&it))?;
        fs::write(out.join(format!("{object}.o")), slim).map_err(|it| wrong(&it))?;
    }
    Ok(())
}

/// The object without its debug information, which is nine tenths of it: bpf-linker has made BTF
/// from it, and nobody else reads it.
fn without_debug(object: &[u8]) -> Result<Vec<u8>, object::build::Error> {
    let mut builder = object::build::elf::Builder::read(object)?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete =
            [".debug_", ".rel.debug_"].iter().any(|it| name.starts_with(it.as_bytes()));
    }
    builder.delete_orphans();
    // LLVM keeps the names of symbols and of sections in one table, the builder in two.
    let names = builder.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = object::build::elf::SectionData::SectionString;
    let mut slim = Vec::new();
    builder.write(&mut slim)?;
    Ok(slim)
}

/// The target directory that `out` is in, so that debug, release and cross builds share the
/// programs; `out` itself where cargo keeps build scripts elsewhere. Only the inner cargo locks the
/// `ebpf` folder in it, so that neither waits for the other.
fn target_dir(out: &Path) -> &Path {
    out.ancestors().find(|it| it.join("CACHEDIR.TAG").is_file()).unwrap_or(out)
}

/// A command without what the outer cargo, clippy or rustup set for the host's build.
fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_outer_build) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_outer_build(name: &str) -> bool {
    const USERS: [&str; 4] = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR"];
    const OTHERS: [&str; 8] = [
        "TARGET",
        "HOST",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "OUT_DIR",
        "CLIPPY_ARGS",
        "LD_LIBRARY_PATH",
    ];
    let cargo = name.starts_with("CARGO") && !USERS.iter().any(|it| name.starts_with(it));
    let rust = name.starts_with("RUST") && name != "RUSTUP_HOME";
    cargo || rust || OTHERS.contains(&name)
}

/// What a command printed; `None` when it is not there or fails.
fn text(command: &mut Command) -> Option<String> {
    let output = command.env("RUSTUP_AUTO_INSTALL", "0").output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| printed.trim().to_owned())
}

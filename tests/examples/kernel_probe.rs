//! The kernel probe alone, as `bpftool feature probe kernel full` is: program types by attach
//! type, helpers, maps, features, BTF with its kfuncs, configuration. For `cargo xtask bench`.

use std::io::{BufWriter, Write, stdout};
use std::process::exit;

use bpfready::observe::{Host, Looks, bpf, btf, config, kernel, privilege};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::live()?;
    let mut looks = Looks::default();
    let kernel = kernel::kernel(&host, &mut looks);
    let privilege = privilege::privilege(&host);
    let (early, (vmlinux, btf, config)) = bpf::early_beside(&host, &privilege, || {
        let vmlinux = btf::load(&host);
        let btf = btf::btf(&host, &vmlinux);
        (vmlinux, btf, config::config(&host, &mut looks, &kernel.uname))
    });
    let ground = bpf::Ground { privilege: &privilege, vmlinux: &vmlinux, btf: &btf };
    let bpf = bpf::bpf(&host, ground, early);
    let mut out = BufWriter::new(stdout().lock());
    serde_json::to_writer(&mut out, &(bpf, btf, config))?;
    out.flush()?;
    // The kernel takes six megabytes back faster than `drop` gives them.
    exit(0)
}

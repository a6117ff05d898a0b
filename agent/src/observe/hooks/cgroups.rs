//! Programs on cgroups, by `BPF_PROG_QUERY`.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;

use rustix::fs;
use rustix::io::Errno;

use super::super::Host;
use super::super::bpf::answer::Rights;
use super::super::bpf::query::attached;
use crate::facts::hooks::{CgroupHook, CgroupHooks};
use crate::facts::{Cause, Failure, Observed};

/// `CGROUP2_SUPER_MAGIC` of `include/uapi/linux/magic.h`.
const CGROUP2_MAGIC: u64 = 0x6367_7270;

/// Most mount points that are looked at: a host has one or two.
const MOST: usize = 32;

/// Programs on the cgroup at each of these mount points.
pub(super) fn cgroups(
    host: &Host,
    rights: Rights,
    paths: &[String],
) -> BTreeMap<String, Observed<CgroupHooks>> {
    let look = |path: &String| (path.clone(), cgroup(host, rights, path).into());
    paths.iter().take(MOST).map(look).collect()
}

fn cgroup(host: &Host, rights: Rights, path: &str) -> Result<CgroupHooks, Failure> {
    let absent =
        || Failure::new(Cause::Inconclusive, format!("{path}: not there for this process"));
    let root = host.open_unrecorded(path)?.ok_or_else(absent)?;
    let wrong = |errno: Errno| Failure::new(Cause::Io, format!("{path}: {errno}"));
    let magic = fs::fstatfs(&root).map_err(wrong)?.f_type.cast_unsigned();
    if magic != CGROUP2_MAGIC {
        let detail = format!("{path}: this process sees no cgroup2 there, the host does");
        return Err(Failure::new(Cause::Inconclusive, detail));
    }
    let programs = CgroupHook::ALL.into_iter().map(|it| (it, programs(rights, &root, it).into()));
    Ok(CgroupHooks {
        cgroup_id: fs::fstat(&root).map_err(wrong)?.st_ino,
        programs: programs.collect(),
    })
}

fn programs(rights: Rights, cgroup: &File, hook: CgroupHook) -> Result<Vec<u32>, Failure> {
    match attached(cgroup.as_raw_fd(), hook.number()) {
        Ok(programs) => Ok(programs.into_iter().map(|it| it.program_id).collect()),
        // `bpf_prog_query()`: no such attach type in this kernel.
        Err(Errno::INVAL) => Ok(Vec::new()),
        Err(errno) => Err(rights.failure(&format!("query {hook:?}"), errno)),
    }
}

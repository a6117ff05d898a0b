//! Lists by id, for which CAP_SYS_ADMIN is needed.

use agent_ebpf::iter::NAME_BYTES;
use rustix::io::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{MOST, records};
use crate::facts::inventory::{Link, Map, Program};
use crate::facts::{Cause, Failure};
use crate::observe::bpf::answer::Rights;
use crate::observe::bpf::sys::{Cmd, GetId, bpf, bpf_fd, object_info};

/// `struct bpf_prog_info` of `include/uapi/linux/bpf.h`, what is between in bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable)]
pub(super) struct ProgramInfo {
    program_type: u32,
    pub(super) id: u32,
    tag: [u8; 8],
    until_name: [u8; 48],
    name: [u8; NAME_BYTES],
    until_run_time: [u8; 112],
    pub(super) run_time_ns: u64,
    pub(super) run_count: u64,
}

/// The beginning of `struct bpf_map_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable)]
struct MapInfo {
    map_type: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    name: [u8; NAME_BYTES],
}

/// The beginning of `struct bpf_link_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable)]
struct LinkInfo {
    link_type: u32,
    id: u32,
    program_id: u32,
}

/// All programs.
pub(super) fn programs(rights: Rights) -> Result<Vec<Program>, Failure> {
    let list = all::<ProgramInfo>(rights, Cmd::ProgGetNextId, Cmd::ProgGetFdById)?;
    let program = |it: ProgramInfo| Program {
        id: it.id,
        program_type: it.program_type,
        expected_attach_type: None,
        name: records::name(&it.name),
        tag: records::tag(it.tag),
        run_time_ns: Some(it.run_time_ns),
        run_count: Some(it.run_count),
    };
    Ok(list.into_iter().map(program).collect())
}

/// All maps.
pub(super) fn maps(rights: Rights) -> Result<Vec<Map>, Failure> {
    let list = all::<MapInfo>(rights, Cmd::MapGetNextId, Cmd::MapGetFdById)?;
    let map = |it: MapInfo| Map {
        id: it.id,
        map_type: it.map_type,
        name: records::name(&it.name),
        key_bytes: it.key_size,
        value_bytes: it.value_size,
        max_entries: it.max_entries,
    };
    Ok(list.into_iter().map(map).collect())
}

/// All links; the command is there since Linux 5.8.
pub(super) fn links(rights: Rights) -> Result<Vec<Link>, Failure> {
    let list = all::<LinkInfo>(rights, Cmd::LinkGetNextId, Cmd::LinkGetFdById)?;
    let link =
        |it: LinkInfo| Link { id: it.id, link_type: it.link_type, program_id: it.program_id };
    Ok(list.into_iter().map(link).collect())
}

/// The ids alone, of programs or of links.
pub(super) fn ids(rights: Rights, next: Cmd) -> Result<Vec<u32>, Failure> {
    let mut ids = Vec::new();
    let mut attr = GetId::default();
    while ids.len() < MOST {
        match bpf(next, &mut attr) {
            Err(Errno::NOENT) => break,
            Err(errno) => return Err(rights.failure(&format!("{next:?}"), errno)),
            Ok(_) => attr = GetId { id: attr.next_id, ..GetId::default() },
        }
        ids.push(attr.id);
    }
    Ok(ids)
}

/// What the kernel tells of each object, by id. One that goes away meanwhile is not there.
pub(super) fn all<T: FromBytes + IntoBytes>(
    rights: Rights,
    next: Cmd,
    open: Cmd,
) -> Result<Vec<T>, Failure> {
    let mut list = Vec::new();
    let mut attr = GetId::default();
    loop {
        match bpf(next, &mut attr) {
            Err(Errno::NOENT) => return Ok(list),
            Err(errno @ Errno::INVAL) => {
                let detail = format!("{next:?}: {errno}: the kernel does not know this command");
                return Err(Failure::new(Cause::NotSupported, detail));
            }
            Err(errno) => return Err(rights.failure(&format!("{next:?}"), errno)),
            Ok(_) => attr = GetId { id: attr.next_id, ..GetId::default() },
        }
        let opened = bpf_fd(open, &mut attr.clone());
        match opened.and_then(|it| object_info(&it)) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(rights.failure(&format!("{open:?} {}", attr.id), errno)),
            Ok(_) if list.len() == MOST => {
                let detail = format!("more than {MOST} objects are loaded");
                return Err(Failure::new(Cause::TooLarge, detail));
            }
            Ok(info) => list.push(info),
        }
    }
}

const _: () = assert!(size_of::<ProgramInfo>() == 208);

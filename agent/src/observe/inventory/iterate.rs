//! Lists by BPF iterators, for which CAP_BPF and CAP_PERFMON suffice.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use zerocopy::FromBytes;

use super::layout::{Layout, Place};
use super::{MOST, records};
use crate::facts::inventory::{Link, Map, Program};
use crate::facts::{Cause, Failure};
use crate::observe::bpf::answer::Rights;
use crate::observe::bpf::sys::{Cmd, IterCreate, LinkCreate, bpf_fd, object_info};
use crate::observe::host::cause_of_io;
use crate::observe::object::{Kind, Object, ObjectError, embedded};

/// `BPF_PROG_TYPE_TRACING` and `BPF_TRACE_ITER`.
const TRACING: u32 = 26;
const TRACE_ITER: u32 = 28;

/// A read-only global of the program, and the field whose offset it holds.
type Fields = &'static [(&'static str, &'static str, &'static str)];

/// One iterator of `agent-ebpf`.
pub(super) struct Iterator {
    object: &'static [u8],
    program: &'static str,
    /// The function of the kernel's BTF that stands for the iterator.
    pub(super) target: &'static str,
    pub(super) fields: Fields,
}

pub(super) const PROGRAMS: Iterator = Iterator {
    object: embedded!("iter_prog"),
    program: "iter_prog",
    target: "bpf_iter_bpf_prog",
    fields: &[
        ("PROG_TYPE", "bpf_prog", "type"),
        ("PROG_EXPECTED_ATTACH_TYPE", "bpf_prog", "expected_attach_type"),
        ("PROG_TAG", "bpf_prog", "tag"),
        ("PROG_AUX", "bpf_prog", "aux"),
        ("AUX_ID", "bpf_prog_aux", "id"),
        ("AUX_NAME", "bpf_prog_aux", "name"),
    ],
};

pub(super) const MAPS: Iterator = Iterator {
    object: embedded!("iter_map"),
    program: "iter_map",
    target: "bpf_iter_bpf_map",
    fields: &[
        ("MAP_ID", "bpf_map", "id"),
        ("MAP_TYPE", "bpf_map", "map_type"),
        ("MAP_KEY_SIZE", "bpf_map", "key_size"),
        ("MAP_VALUE_SIZE", "bpf_map", "value_size"),
        ("MAP_MAX_ENTRIES", "bpf_map", "max_entries"),
        ("MAP_NAME", "bpf_map", "name"),
    ],
};

pub(super) const LINKS: Iterator = Iterator {
    object: embedded!("iter_link"),
    program: "iter_link",
    target: "bpf_iter_bpf_link",
    fields: &[
        ("LINK_ID", "bpf_link", "id"),
        ("LINK_TYPE", "bpf_link", "type"),
        ("LINK_PROG", "bpf_link", "prog"),
        ("PROG_AUX", "bpf_prog", "aux"),
        ("AUX_ID", "bpf_prog_aux", "id"),
    ],
};

/// All programs but the one that lists them.
pub(super) fn programs(rights: Rights, layout: &Layout) -> Result<Vec<Program>, Failure> {
    let (own, records) = PROGRAMS.list(rights, &layout.programs)?;
    let list = records.into_iter().map(records::program);
    Ok(sorted(list.filter(|it| it.id != own.program).collect(), |it| it.id))
}

/// All maps but that of the program that lists them.
pub(super) fn maps(rights: Rights, layout: &Layout) -> Result<Vec<Map>, Failure> {
    let (own, records) = MAPS.list(rights, &layout.maps)?;
    let list = records.into_iter().map(records::map);
    Ok(sorted(list.filter(|it| !own.maps.contains(&it.id)).collect(), |it| it.id))
}

/// All links but that of the program that lists them.
pub(super) fn links(rights: Rights, layout: &Layout) -> Result<Vec<Link>, Failure> {
    let (own, records) = LINKS.list(rights, &layout.links)?;
    let list = records.into_iter().map(records::link);
    Ok(sorted(list.filter(|it| it.id != own.link).collect(), |it| it.id))
}

fn sorted<T>(mut list: Vec<T>, id: impl Fn(&T) -> u32) -> Vec<T> {
    list.sort_by_key(id);
    list
}

/// Ids of what the look itself loads.
pub(super) struct Own {
    pub(super) program: u32,
    maps: Vec<u32>,
    pub(super) link: u32,
}

/// An iterator that can be read again and again; it goes when this goes.
pub(super) struct Attached {
    pub(super) own: Own,
    link: OwnedFd,
    rights: Rights,
}

impl Attached {
    /// Reads the whole list once.
    pub(super) fn read<T: FromBytes>(&self) -> Result<Vec<T>, Failure> {
        let refused = |errno| self.rights.failure("open the iterator", errno);
        let reader = open(&self.link).map_err(refused)?;
        parse(&read(reader, MOST * size_of::<T>())?)
    }
}

impl Iterator {
    fn list<T: FromBytes>(
        &self,
        rights: Rights,
        place: &Result<Place, Failure>,
    ) -> Result<(Own, Vec<T>), Failure> {
        let attached = self.attach(rights, place)?;
        let records = attached.read()?;
        Ok((attached.own, records))
    }

    /// Loads the iterator's program and makes its link.
    pub(super) fn attach(
        &self,
        rights: Rights,
        place: &Result<Place, Failure>,
    ) -> Result<Attached, Failure> {
        let refused = |what: &str, errno| rights.failure(what, errno);
        let place = place.as_ref().map_err(Clone::clone)?;
        let object = self.object(place).map_err(|it| failed(rights, it))?;
        let kind = Kind {
            program_type: TRACING,
            expected_attach_type: TRACE_ITER,
            attach_btf_id: place.target,
        };
        let program = object.load(self.program, kind).map_err(|it| failed(rights, it))?;
        let link = link(&program).map_err(|errno| refused("create the iterator's link", errno))?;
        let own = Own {
            program: id(&program).map_err(|errno| refused("the iterator's own id", errno))?,
            maps: object.map_fds().filter_map(|it| id(it).ok()).collect(),
            link: id(&link).map_err(|errno| refused("the link's own id", errno))?,
        };
        Ok(Attached { own, link, rights })
    }

    /// The object with its offsets set.
    fn object(&self, place: &Place) -> Result<Object, ObjectError> {
        let offsets = place.offsets.iter().map(|(name, it)| (*name, it.to_ne_bytes()));
        let offsets: Vec<_> = offsets.collect();
        let globals: Vec<_> = offsets.iter().map(|(name, it)| (*name, it.as_slice())).collect();
        Object::create(self.object, &globals, None)
    }
}

fn failed(rights: Rights, error: ObjectError) -> Failure {
    match error {
        ObjectError::Refused { what, errno, log } => {
            let last = log.lines().rfind(|it| !it.starts_with("processed ")).unwrap_or_default();
            rights.failure(format!("{what} {last}").trim_end(), errno)
        }
        ObjectError::Broken(_) => Failure::new(Cause::NotSupported, error.to_string()),
    }
}

fn link(program: &OwnedFd) -> Result<OwnedFd, Errno> {
    let attach_type = TRACE_ITER;
    let prog_fd = program.as_raw_fd();
    bpf_fd(Cmd::LinkCreate, &mut LinkCreate { prog_fd, attach_type, ..LinkCreate::default() })
}

fn open(link: &OwnedFd) -> Result<File, Errno> {
    let mut attr = IterCreate { link_fd: link.as_raw_fd(), flags: 0 };
    bpf_fd(Cmd::IterCreate, &mut attr).map(File::from)
}

/// The number of a program, map or link: the second field of what the kernel tells of each.
fn id(object: &OwnedFd) -> Result<u32, Errno> {
    object_info::<[u32; 2]>(object).map(|[_, id]| id)
}

fn read(reader: File, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|it| Failure::new(cause_of_io(&it), format!("read the iterator: {it}")))?;
    if bytes.len() > limit {
        let detail = format!("more than {MOST} objects are loaded");
        return Err(Failure::new(Cause::TooLarge, detail));
    }
    Ok(bytes)
}

fn parse<T: FromBytes>(bytes: &[u8]) -> Result<Vec<T>, Failure> {
    let records = bytes.chunks(size_of::<T>()).map(T::read_from_bytes);
    let records: Result<_, _> = records.collect();
    records.map_err(|_| Failure::new(Cause::Malformed, "the iterator ended inside a record"))
}

//! Creates the maps of an object.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::ObjectError;
use crate::observe::bpf::sys::{Cmd, MapCreate, MapElem, bpf, bpf_fd, object_name};

type Maps = HashMap<String, (OwnedFd, aya_obj::Map)>;

/// Creates each map, but takes the descriptor of `shared` for the map of that name.
pub(super) fn create(
    maps: impl Iterator<Item = (String, aya_obj::Map)>,
    shared: Option<(&str, BorrowedFd<'_>)>,
) -> Result<Maps, ObjectError> {
    let one = |(name, map): (String, aya_obj::Map)| {
        let fd = match shared {
            Some((shared_name, fd)) if shared_name == name => {
                fd.try_clone_to_owned().map_err(|it| Errno::from_io_error(&it).unwrap_or(Errno::IO))
            }
            _ => create_and_fill(&name, &map),
        };
        let fd = fd.map_err(|errno| ObjectError::Refused {
            what: format!("create map {name}"),
            errno,
            log: String::new(),
        })?;
        Ok((name, (fd, map)))
    };
    maps.map(one).collect()
}

/// A map of maps is created with a map like those that it will hold.
fn create_and_fill(name: &str, map: &aya_obj::Map) -> Result<OwnedFd, Errno> {
    let inner = map.inner().map(|it| create_one("", &it, None)).transpose()?;
    let fd = create_one(name, map, inner.as_ref())?;
    if !map.data().is_empty() {
        fill(&fd, map.data())?;
    }
    Ok(fd)
}

fn create_one(name: &str, map: &aya_obj::Map, inner: Option<&OwnedFd>) -> Result<OwnedFd, Errno> {
    let mut attr = MapCreate {
        map_type: map.map_type(),
        key_size: map.key_size(),
        value_size: map.value_size(),
        max_entries: map.max_entries(),
        map_flags: map.map_flags(),
        inner_map_fd: inner.map_or(0, |it| it.as_raw_fd().cast_unsigned()),
        map_name: object_name(name.trim_start_matches('.')),
        ..MapCreate::default()
    };
    bpf_fd(Cmd::MapCreate, &mut attr)
}

/// Puts the globals in and freezes the map, so that the verifier knows them as constants.
fn fill(map: &OwnedFd, data: &[u8]) -> Result<(), Errno> {
    set(map, &0_u32.to_ne_bytes(), data)?;
    let mut attr = MapElem { map_fd: map.as_raw_fd(), ..MapElem::default() };
    bpf(Cmd::MapFreeze, &mut attr).map(drop)
}

/// Sets one element; key and value are as long as the map's are.
pub(super) fn set(map: &OwnedFd, key: &[u8], value: &[u8]) -> Result<(), Errno> {
    let mut attr = MapElem {
        map_fd: map.as_raw_fd(),
        key: key.as_ptr() as u64,
        value: value.as_ptr() as u64,
        ..MapElem::default()
    };
    bpf(Cmd::MapUpdateElem, &mut attr).map(drop)
}

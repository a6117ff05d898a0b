//! The eBPF objects of this build: their maps are created, their programs loaded one by one.
//!
//! aya parses and links the object and gives types to its maps. Its loader is not used: each of
//! them parses the whole of the kernel's BTF (70 ms), for relocations that Rust cannot emit, and
//! asks the kernel about itself on the way, where a refusal counts as a no.

mod error;
mod maps;

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use aya::maps::{Map, MapData, MapError};

use super::bpf::insn::Insn;
use super::bpf::sys::{Log, Program};
pub(crate) use error::ObjectError;

/// Read-only globals to set before the maps are created, by name.
pub(crate) type Globals<'a> = &'a [(&'a str, &'a [u8])];

/// The bytes of one object of `agent-ebpf`, by the name of its bin target.
macro_rules! embedded {
    ($name:literal) => {
        aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/", $name, ".o"))
    };
}
pub(crate) use embedded;

/// One object with its maps; what it holds ends with it.
#[derive(Debug)]
pub(crate) struct Object {
    maps: HashMap<String, OwnedFd>,
    programs: HashMap<String, Vec<Insn>>,
}

/// What a program is loaded as: the kernel's numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kind {
    /// `enum bpf_prog_type`.
    pub(crate) program_type: u32,
    /// `enum bpf_attach_type`.
    pub(crate) expected_attach_type: u32,
    /// The function of the kernel's BTF that the program is for; 0: none.
    pub(crate) attach_btf_id: u32,
}

impl Object {
    /// Parses an object, sets its globals, creates its maps. A map of the name of `shared` is not
    /// created: its users get that one.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Refused`] when the kernel does not create a map, [`ObjectError::Broken`] when
    /// the object is not as this build expects it.
    pub(crate) fn create(
        bytes: &[u8],
        globals: Globals<'_>,
        shared: Option<(&str, BorrowedFd<'_>)>,
    ) -> Result<Self, ObjectError> {
        let mut object = aya_obj::Object::parse(bytes).map_err(ObjectError::broken)?;
        let globals = globals.iter().map(|(name, bytes)| (*name, (*bytes, true)));
        object.patch_map_data(globals.collect()).map_err(ObjectError::broken)?;
        let sections: HashSet<usize> =
            object.functions.keys().map(|(section, _)| *section).collect();
        let maps = maps::create(object.maps.drain(), shared)?;
        let places = maps.iter().map(|(name, (fd, map))| (name.as_str(), fd.as_raw_fd(), map));
        object.relocate_maps(places, &sections).map_err(ObjectError::broken)?;
        object.relocate_calls(&sections).map_err(ObjectError::broken)?;
        let programs = object.programs.iter().filter_map(|(name, program)| {
            let function = object.functions.get(&program.function_key())?;
            Some((name.clone(), function.instructions.iter().map(insn).collect()))
        });
        let programs = programs.collect();
        Ok(Self { maps: maps.into_iter().map(|(name, (fd, _))| (name, fd)).collect(), programs })
    }

    /// A map, for aya's types.
    ///
    /// # Errors
    ///
    /// There is no such map, or the kernel does not say what it is.
    pub(crate) fn map(&self, name: &str) -> Result<Map, ObjectError> {
        let fd = self.maps.get(name).ok_or_else(|| ObjectError::missing(name))?;
        let typed = fd.try_clone().map_err(MapError::IoError).and_then(MapData::from_fd);
        typed.and_then(Map::from_map_data).map_err(ObjectError::broken)
    }

    /// The descriptors of its maps.
    pub(crate) fn map_fds(&self) -> impl Iterator<Item = &OwnedFd> {
        self.maps.values()
    }

    /// Sets one element of a map by the bytes of its key and value.
    ///
    /// # Errors
    ///
    /// There is no such map, or the kernel refuses.
    pub(crate) fn set(&self, name: &str, key: &[u8], value: &[u8]) -> Result<(), ObjectError> {
        let map = self.maps.get(name).ok_or_else(|| ObjectError::missing(name))?;
        maps::set(map, key, value).map_err(|errno| ObjectError::Refused {
            what: format!("set {name}"),
            errno,
            log: String::new(),
        })
    }

    /// Loads one program; the kernel keeps it as long as the descriptor is open.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Refused`] with the verifier's words.
    pub(crate) fn load(&self, name: &str, kind: Kind) -> Result<OwnedFd, ObjectError> {
        let insns = self.programs.get(name).ok_or_else(|| ObjectError::missing(name))?;
        let Kind { program_type, expected_attach_type, attach_btf_id } = kind;
        let flags = 0;
        let program = Program {
            name,
            program_type,
            expected_attach_type,
            attach_btf_id,
            flags,
            insns,
            functions: None,
        };
        let mut log = Log::new();
        program.load_logged(&mut log).map_err(|errno| ObjectError::Refused {
            what: format!("load {name}"),
            errno,
            log: log.text().into_owned(),
        })
    }
}

fn insn(insn: &aya_obj::generated::bpf_insn) -> Insn {
    Insn::new(insn.code, insn.dst_reg(), insn.src_reg(), insn.off, insn.imm)
}

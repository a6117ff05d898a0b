//! The way of a self-test to the kernel: an object's maps, a program, a run.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

use super::refusal::refused;
use crate::facts::Observed;
use crate::facts::bpf::{Because, Support};
use crate::facts::privilege::Privilege;
use crate::observe::bpf::answer::Rights;
use crate::observe::bpf::sys::{Cmd, TestRun, bpf};
use crate::observe::object::{Globals, Kind, Object, ObjectError};

/// Room for a packet that a program made longer.
const ROOM: usize = 256;
/// `BPF_PROG_TYPE_SCHED_CLS`, which Cilium's datapath is made of.
const SCHED_CLS: Kind = Kind { program_type: 3, expected_attach_type: 0, attach_btf_id: 0 };

/// What all self-tests go by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench {
    /// What a refusal is worth.
    pub(super) rights: Rights,
}

/// What came out of one run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Output {
    /// What the program returned.
    pub(super) returned: i32,
    /// The packet after the program.
    pub(super) packet: Vec<u8>,
}

impl Bench {
    /// The bench of a process with these rights.
    pub(super) fn new(privilege: &Observed<Privilege>) -> Self {
        Self { rights: Rights::of(privilege) }
    }

    /// Creates an object's maps; its programs are loaded one by one later.
    pub(super) fn object(self, bytes: &[u8], globals: Globals<'_>) -> Result<Object, Support> {
        Object::create(bytes, globals, None).map_err(|it| refused(self.rights, &it))
    }

    /// Loads one packet program.
    pub(super) fn load(self, object: &Object, name: &str) -> Result<OwnedFd, Support> {
        self.load_as(object, name, SCHED_CLS)
    }

    /// Loads one program.
    pub(super) fn load_as(
        self,
        object: &Object,
        name: &str,
        kind: Kind,
    ) -> Result<OwnedFd, Support> {
        object.load(name, kind).map_err(|it| refused(self.rights, &it))
    }

    /// Takes a map by one of aya's types.
    pub(super) fn map<T>(self, object: &Object, name: &str) -> Result<T, Support>
    where
        T: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
    {
        let map = object.map(name).map_err(|it| refused(self.rights, &it))?;
        map.try_into().map_err(|it| self.undecided(name, &it))
    }

    /// Runs a program on a packet.
    pub(super) fn run(self, program: &OwnedFd, packet: &[u8]) -> Result<Output, Support> {
        let mut out = vec![0; ROOM];
        let mut attr = TestRun {
            prog_fd: program.as_raw_fd(),
            data_size_in: packet.len() as u32,
            data_size_out: out.len() as u32,
            data_in: packet.as_ptr() as u64,
            data_out: out.as_mut_ptr() as u64,
            repeat: 1,
            ..TestRun::default()
        };
        bpf(Cmd::ProgTestRun, &mut attr)
            .map_err(|errno| self.rights.undecided("BPF_PROG_TEST_RUN", errno))?;
        out.truncate(attr.data_size_out as usize);
        Ok(Output { returned: attr.retval.cast_signed(), packet: out })
    }

    /// An error of one of aya's maps: it settles nothing.
    pub(super) fn undecided(
        self,
        what: &str,
        error: &(dyn std::error::Error + 'static),
    ) -> Support {
        let io = anyhow::Chain::new(error).find_map(|it| it.downcast_ref::<std::io::Error>());
        let errno = io.and_then(Errno::from_io_error);
        match errno {
            Some(errno) => self.rights.undecided(what, errno),
            None => refused(self.rights, &ObjectError::Broken(format!("{what}: {error}"))),
        }
    }
}

/// The program ran and what came out is not what the kernel documents.
pub(super) fn wrong(detail: impl Into<String>) -> Support {
    Support::unsupported(Because::WrongResult, detail)
}

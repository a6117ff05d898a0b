//! The raw bpf(2) system call: errno as the kernel answers.
//!
//! aya has no probe for attach types, link types or log texts, so this small layer is ours.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use rustix::io::Errno;
use zerocopy::{FromZeros, IntoBytes};

pub(crate) use super::attr::{
    Attr, BtfLoad, EnableStats, GetId, GetInfo, IterCreate, LinkCreate, MapBatch, MapCreate,
    MapElem, ObjGet, ProgAttach, ProgInfo, ProgLoad, ProgQuery, RawTracepointOpen, TestRun,
    TokenCreate,
};
use super::insn::Insn;
use super::names::program_type;

/// Commands of `enum bpf_cmd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Cmd {
    MapCreate = 0,
    MapUpdateElem = 2,
    ProgLoad = 5,
    #[cfg(test)]
    ObjPin = 6,
    ObjGet = 7,
    ProgAttach = 8,
    ProgTestRun = 10,
    ProgGetNextId = 11,
    MapGetNextId = 12,
    ProgGetFdById = 13,
    MapGetFdById = 14,
    ObjGetInfoByFd = 15,
    ProgQuery = 16,
    RawTracepointOpen = 17,
    BtfLoad = 18,
    MapFreeze = 22,
    MapLookupBatch = 24,
    LinkCreate = 28,
    LinkGetFdById = 30,
    LinkGetNextId = 31,
    EnableStats = 32,
    IterCreate = 33,
    TokenCreate = 36,
}

/// How often the kernel may answer EAGAIN before that is the answer; libbpf also takes five.
const ATTEMPTS: u32 = 5;

/// Calls bpf(2). The kernel answers EAGAIN when a signal is pending, so that is tried again.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn bpf<A: Attr>(cmd: Cmd, attr: &mut A) -> Result<i32, Errno> {
    let mut answer = Err(Errno::AGAIN);
    for _ in 0..ATTEMPTS {
        // SAFETY: `Attr` promises the layout and that the addresses inside are good for the call.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, cmd as u32, std::ptr::from_mut(attr), size_of::<A>())
        };
        answer = if result < 0 {
            Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
        } else {
            Ok(i32::try_from(result).unwrap_or(i32::MAX))
        };
        if answer != Err(Errno::AGAIN) {
            break;
        }
    }
    answer
}

/// [`bpf`] for commands that answer with a descriptor.
pub(crate) fn bpf_fd<A: Attr>(cmd: Cmd, attr: &mut A) -> Result<OwnedFd, Errno> {
    // SAFETY: a successful answer of such a command is a new descriptor that is ours alone.
    bpf(cmd, attr).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A program to load: what differs between our probes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Program<'a> {
    /// For people who list programs; the kernel takes at most 15 characters.
    pub(crate) name: &'a str,
    pub(crate) program_type: u32,
    pub(crate) expected_attach_type: u32,
    pub(crate) attach_btf_id: u32,
    pub(crate) flags: u32,
    pub(crate) insns: &'a [Insn],
    /// Only for a program with a callback.
    pub(crate) functions: Option<Functions<'a>>,
}

/// What the kernel must be told of a program that has a second function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Functions<'a> {
    /// BTF of both.
    pub(crate) btf: BorrowedFd<'a>,
    /// `struct bpf_func_info` of each: first instruction, BTF type id.
    pub(crate) infos: &'a [[u32; 2]; 2],
}

/// The licence of every probe program: what is asked is the kernel's ability, not ours.
const LICENSE: &[u8] = b"GPL\0";

/// `BPF_LOG_STATS` (Linux 5.2): the verifier says why it refuses, and not every step to there.
const LOG_STATISTICS: u32 = 4;
/// `BPF_LOG_FIXED` (Linux 6.4): nothing but why it refuses, which is a twentieth faster.
const LOG_REASON: u32 = 8;

/// The least that this kernel says with the reason of a refusal.
fn log_level() -> u32 {
    static LEVEL: OnceLock<u32> = OnceLock::new();
    // A level that the kernel does not know is refused before the verifier says a word.
    let is_known = || {
        let mut log = Log::new();
        let insns = [Insn::exit()];
        let unwritten = Program {
            program_type: program_type("socket_filter"),
            insns: &insns,
            ..Program::default()
        };
        unwritten.load_at(LOG_REASON, &mut log).is_err() && !log.text().is_empty()
    };
    *LEVEL.get_or_init(|| if is_known() { LOG_REASON } else { LOG_STATISTICS })
}

/// Space for the verifier's words. Where it is too small the kernel may answer ENOSPC instead.
pub(crate) struct Log(Vec<u8>);

impl Log {
    /// Space for the log of a program of a few instructions.
    pub(crate) fn new() -> Self {
        Self(vec![0; 16 << 10])
    }

    /// What the verifier said at the last load; empty: it was not reached.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        let end = self.0.iter().position(|it| *it == 0).unwrap_or(self.0.len());
        String::from_utf8_lossy(&self.0[..end])
    }

    fn clear(&mut self) {
        self.0[0] = 0;
    }
}

/// A name as the kernel keeps it: at most 15 bytes and a zero.
pub(crate) fn object_name(name: &str) -> [u8; 16] {
    let mut kept = [0; 16];
    for (to, from) in kept[..15].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    kept
}

impl Program<'_> {
    /// The attributes of this load, without a log.
    pub(crate) fn attr(&self) -> ProgLoad {
        let mut attr = ProgLoad {
            prog_type: self.program_type,
            prog_name: object_name(self.name),
            insn_cnt: u32::try_from(self.insns.len()).unwrap_or(u32::MAX),
            insns: self.insns.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            expected_attach_type: self.expected_attach_type,
            attach_btf_id: self.attach_btf_id,
            prog_flags: self.flags,
            ..ProgLoad::default()
        };
        if let Some(Functions { btf, infos }) = self.functions {
            attr.prog_btf_fd = btf.as_raw_fd().unsigned_abs();
            attr.func_info = infos.as_ptr() as u64;
            attr.func_info_cnt = 2;
            attr.func_info_rec_size = 8;
        }
        attr
    }

    /// Loads without a log.
    ///
    /// # Errors
    ///
    /// The kernel's errno.
    pub(crate) fn load(&self) -> Result<OwnedFd, Errno> {
        bpf_fd(Cmd::ProgLoad, &mut self.attr())
    }

    /// Loads with the verifier's log.
    ///
    /// # Errors
    ///
    /// The kernel's errno; `log` holds what the verifier said.
    pub(crate) fn load_logged(&self, log: &mut Log) -> Result<OwnedFd, Errno> {
        self.load_at(log_level(), log)
    }

    fn load_at(&self, log_level: u32, log: &mut Log) -> Result<OwnedFd, Errno> {
        log.clear();
        let mut attr = self.attr();
        attr.log_level = log_level;
        attr.log_size = u32::try_from(log.0.len()).unwrap_or(u32::MAX);
        attr.log_buf = log.0.as_mut_ptr() as u64;
        bpf_fd(Cmd::ProgLoad, &mut attr)
    }
}

/// The beginning of a program's `struct bpf_prog_info`, with up to `xlated.len()` instructions.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn program_info(program: &OwnedFd, xlated: &mut [Insn]) -> Result<ProgInfo, Errno> {
    let mut info = ProgInfo {
        xlated_prog_len: u32::try_from(size_of_val(xlated)).unwrap_or(0),
        xlated_prog_insns: xlated.as_mut_ptr() as u64,
        ..ProgInfo::default()
    };
    let mut attr = GetInfo {
        bpf_fd: program.as_raw_fd(),
        info_len: u32::try_from(size_of::<ProgInfo>()).unwrap_or(0),
        info: std::ptr::from_mut(&mut info) as u64,
    };
    bpf(Cmd::ObjGetInfoByFd, &mut attr)?;
    Ok(info)
}

/// Fills `info` with the beginning of `struct bpf_prog_info`, `bpf_map_info` or `bpf_link_info`;
/// what an older kernel does not know stays zero.
///
/// # Errors
///
/// The kernel's errno.
pub(crate) fn object_info<T: FromZeros + IntoBytes>(object: &OwnedFd) -> Result<T, Errno> {
    let mut info = T::new_zeroed();
    let mut attr = GetInfo {
        bpf_fd: object.as_raw_fd(),
        info_len: u32::try_from(size_of::<T>()).unwrap_or(0),
        info: std::ptr::from_mut(&mut info) as u64,
    };
    bpf(Cmd::ObjGetInfoByFd, &mut attr)?;
    Ok(info)
}

/// A descriptor that is none, so that the kernel's look-up of it fails with EBADF.
pub(crate) const NO_FD: RawFd = -1;

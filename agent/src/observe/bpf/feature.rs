//! Single abilities of bpf(2).

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;

use rustix::io::Errno;

use super::answer::{ENOTSUPP, Rights};
use super::insn::{Insn, returns};
use super::names::{attach_type, program_type};
use super::sys::{
    Cmd, MapBatch, NO_FD, Program, RawTracepointOpen, TestRun, TokenCreate, bpf, bpf_fd,
    program_info,
};
use super::target::Targets;
use super::{attach, blob, map};
use crate::facts::Cause;
use crate::facts::bpf::{Because, Feature, Support};

/// Errnos of what an old kernel does not know.
const NOT_KNOWN: [Errno; 2] = [Errno::INVAL, Errno::TOOBIG];

/// Asks for every feature that needs no file of the host.
pub(crate) fn ask(targets: &Targets, rights: Rights) -> BTreeMap<Feature, Support> {
    BTreeMap::from([
        (Feature::LargeInstructionLimit, large_programs(rights)),
        (Feature::BoundedLoops, instructions(&bounded_loop(), rights)),
        (Feature::IsaV2, instructions(&isa_v2(), rights)),
        (Feature::IsaV3, instructions(&isa_v3(), rights)),
        (Feature::IsaV4, instructions(&isa_v4(), rights)),
        (Feature::Jit, jit(rights)),
        (Feature::DeadCodeElimination, dead_code_elimination(rights)),
        (Feature::BatchMapOperations, batch(rights)),
        (Feature::MmapableArray, mmapable_array(rights)),
        (Feature::Token, token(rights)),
        (Feature::SignedPrograms, signed_programs(rights)),
        (Feature::CgroupAttach, attach::cgroup_attach(rights)),
        (Feature::BpfLink, attach::link_create(rights)),
        (Feature::GlobalData, global_data(rights)),
        (Feature::CallbackWithTailCall, super::callback::ask(rights)),
        (Feature::Trampoline, open_tracing("tracing", "trace_fentry", targets, rights)),
        (Feature::LsmAttach, open_tracing("lsm", "lsm_mac", targets, rights)),
        (Feature::TestRun, test_run(rights)),
        (Feature::BtfLoad, btf_load(rights)),
    ])
}

fn filter(insns: &[Insn]) -> Program<'_> {
    Program { program_type: program_type("socket_filter"), insns, ..Program::default() }
}

fn instructions(insns: &[Insn], rights: Rights) -> Support {
    // ENOTSUPP: the JIT of this architecture has no such instruction.
    rights.settle("load", filter(insns).load(), &[], &[Errno::INVAL, ENOTSUPP])
}

/// 4097 instructions: one more than every kernel allows.
fn large_programs(rights: Rights) -> Support {
    let mut insns = vec![Insn::mov(0, 1); 4096];
    insns.push(Insn::exit());
    rights.settle("load", filter(&insns).load(), &[], &NOT_KNOWN)
}

/// Counts to ten; before 5.3 every jump backwards is refused.
fn bounded_loop() -> [Insn; 5] {
    const JLT_IMMEDIATE: u8 = 0xa5;
    const ADD_IMMEDIATE: u8 = 0x07;
    [
        Insn::mov(0, 10),
        Insn::mov(1, 0),
        Insn::new(ADD_IMMEDIATE, 1, 0, 0, 1),
        Insn::new(JLT_IMMEDIATE, 1, 0, -2, 10),
        Insn::exit(),
    ]
}

/// `if r0 < 1`, unsigned.
fn isa_v2() -> [Insn; 4] {
    const JLT_IMMEDIATE: u8 = 0xa5;
    [Insn::mov(0, 0), Insn::new(JLT_IMMEDIATE, 0, 0, 1, 1), Insn::mov(0, 1), Insn::exit()]
}

/// `if w0 < 1`.
fn isa_v3() -> [Insn; 4] {
    const JLT32_IMMEDIATE: u8 = 0xa6;
    [Insn::mov(0, 0), Insn::new(JLT32_IMMEDIATE, 0, 0, 1, 1), Insn::mov(0, 1), Insn::exit()]
}

/// `gotol +0`.
fn isa_v4() -> [Insn; 3] {
    const JA32: u8 = 0x06;
    [Insn::mov(0, 0), Insn::new(JA32, 0, 0, 0, 0), Insn::exit()]
}

/// Compiled bytes of a loaded program. Their number is shown to whoever has CAP_BPF.
fn jit(rights: Rights) -> Support {
    let insns = returns(0);
    let info = filter(&insns).load().and_then(|it| program_info(&it, &mut []));
    match info {
        Ok(info) if info.jited_prog_len > 0 => Support::Supported,
        Ok(_) if rights.proves_absence => {
            Support::unsupported(Because::SwitchedOff, "the loaded program has no machine code")
        }
        Ok(_) => Support::unknown(Cause::PermissionDenied, "machine code is shown with CAP_BPF"),
        Err(errno) => rights.undecided("load", errno),
    }
}

/// Instructions that can never run, far more than constant blinding adds.
const DEAD: i16 = 100;

/// The kernel shows how many instructions are left also where `bpf_jit_harden` hides which ones;
/// reading those only is how Cilium 1.18 came to miss the feature (cilium/cilium#44967).
fn dead_code_elimination(rights: Rights) -> Support {
    const JEQ_IMMEDIATE: u8 = 0x15;
    let mut insns = vec![Insn::mov(0, 0), Insn::new(JEQ_IMMEDIATE, 0, 0, DEAD, 0)];
    insns.extend(std::iter::repeat_n(Insn::mov(0, 1), DEAD.unsigned_abs().into()));
    insns.push(Insn::exit());
    let mut left = vec![Insn::default(); insns.len() * 4];
    let info = filter(&insns).load().and_then(|it| program_info(&it, &mut left));
    match info {
        Ok(info) if info.xlated_prog_len == 0 => {
            Support::unknown(Cause::PermissionDenied, "instructions are shown with CAP_BPF")
        }
        Ok(info) if (info.xlated_prog_len as usize) < size_of_val(insns.as_slice()) => {
            Support::Supported
        }
        Ok(info) if info.xlated_prog_insns == 0 => Support::unknown(
            Cause::PermissionDenied,
            "the kernel hides translated instructions (bpf_jit_harden, kptr_restrict)",
        ),
        Ok(_) => Support::unsupported(Because::NotInKernel, "no instruction was removed"),
        Err(errno) => rights.undecided("load", errno),
    }
}

/// Looks up a batch in an empty hash map: ENOENT, where the command exists.
fn batch(rights: Rights) -> Support {
    let map = match map::plain("hash") {
        Ok(map) => map,
        Err(errno) => return rights.undecided("create hash", errno),
    };
    let (mut next, mut keys, mut values) = ([0_u32; 1], [0_u32; 1], [0_u32; 1]);
    let mut attr = MapBatch {
        out_batch: next.as_mut_ptr() as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: 1,
        map_fd: map.as_raw_fd(),
        ..MapBatch::default()
    };
    rights.settle("lookup", bpf(Cmd::MapLookupBatch, &mut attr), &[Errno::NOENT], &NOT_KNOWN)
}

fn mmapable_array(rights: Rights) -> Support {
    let flags = map::flags(&map::Needs::new(), rights);
    flags
        .get("array+mmapable")
        .cloned()
        .unwrap_or_else(|| Support::unknown(Cause::NotSupported, "array+mmapable was not asked"))
}

/// A token of no bpffs: EBADF, where the command exists.
fn token(rights: Rights) -> Support {
    let mut attr = TokenCreate { flags: 0, bpffs_fd: NO_FD };
    rights.settle("create", bpf_fd(Cmd::TokenCreate, &mut attr), &[Errno::BADF], &NOT_KNOWN)
}

/// A program with a signature that is none: refused for the signature where the field is known,
/// for trailing bytes that are not zero (E2BIG) where it is not.
fn signed_programs(rights: Rights) -> Support {
    let insns = returns(0);
    let signature = [0_u8; 16];
    let mut attr = filter(&insns).attr();
    attr.signature = signature.as_ptr() as u64;
    attr.signature_size = 16;
    let of_the_signature = [
        Errno::BADMSG,
        Errno::NOPKG,
        Errno::KEYREJECTED,
        Errno::NOKEY,
        Errno::from_raw_os_error(libc::ELIBBAD),
    ];
    // EOPNOTSUPP: the field is known and the check compiled out (CONFIG_SYSTEM_DATA_VERIFICATION).
    let no = [Errno::TOOBIG, Errno::OPNOTSUPP];
    rights.settle("load", bpf_fd(Cmd::ProgLoad, &mut attr), &of_the_signature, &no)
}

/// Reads the value of an array map by its address in the program.
fn global_data(rights: Rights) -> Support {
    const PSEUDO_MAP_VALUE: u8 = 2;
    let map = match map::array() {
        Ok(map) => map,
        Err(errno) => return rights.undecided("create array", errno),
    };
    let [first, second] = Insn::load_pseudo(1, PSEUDO_MAP_VALUE, map.as_raw_fd());
    let insns = [first, second, Insn::mov(0, 0), Insn::exit()];
    rights.settle("load", filter(&insns).load(), &[], &NOT_KNOWN)
}

/// Loads a program for a function of the kernel and attaches it there for a moment: what tells a
/// kernel with BPF trampolines from one that only loads (arm64 before 6.4). The function is one
/// that nothing calls meanwhile, see `target.rs`.
fn open_tracing(
    kind: &'static str,
    name: &'static str,
    targets: &Targets,
    rights: Rights,
) -> Support {
    let attach_btf_id = match targets.of(name) {
        Ok(id) => id,
        Err(failure) => return Support::Unknown(failure),
    };
    let insns = returns(0);
    let program = Program {
        program_type: program_type(kind),
        expected_attach_type: attach_type(name),
        attach_btf_id,
        insns: &insns,
        ..Program::default()
    };
    let program = match program.load() {
        Ok(program) => program,
        Err(errno) => return rights.settle("load", Err::<(), _>(errno), &[], &NOT_KNOWN),
    };
    let mut attr = RawTracepointOpen { prog_fd: program.as_raw_fd(), ..Default::default() };
    let result = bpf_fd(Cmd::RawTracepointOpen, &mut attr);
    rights.settle("attach", result, &[], &[Errno::INVAL, ENOTSUPP])
}

/// Runs a sched_cls program once on a packet of zeros.
fn test_run(rights: Rights) -> Support {
    let insns = returns(0);
    let program =
        Program { program_type: program_type("sched_cls"), insns: &insns, ..Program::default() };
    let program = match program.load() {
        Ok(program) => program,
        Err(errno) => return rights.undecided("load", errno),
    };
    let packet = [0_u8; 64];
    let mut attr = TestRun {
        prog_fd: program.as_raw_fd(),
        data_size_in: 64,
        data_in: packet.as_ptr() as u64,
        ..TestRun::default()
    };
    rights.settle("run", bpf(Cmd::ProgTestRun, &mut attr), &[], &[Errno::INVAL, ENOTSUPP])
}

fn btf_load(rights: Rights) -> Support {
    rights.settle("load", blob::load(&blob::functions()), &[], &NOT_KNOWN)
}

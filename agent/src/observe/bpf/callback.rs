//! A callback beside a tail call, as Cilium's multicast has it: `bpf_for_each_map_elem` (5.13)
//! in a program that also tail-calls (x86-64 5.10, arm64 6.0).

use std::os::fd::AsRawFd;

use rustix::io::Errno;

use super::answer::{ENOTSUPP, Rights};
use super::blob;
use super::insn::Insn;
use super::map;
use super::names::program_type;
use super::sys::{Cmd, Program, bpf_fd};
use crate::facts::bpf::Support;

const FOR_EACH_MAP_ELEM: i32 = 164;
const TAIL_CALL: i32 = 12;
const PSEUDO_MAP_FD: u8 = 1;
const PSEUDO_FUNC: u8 = 4;
/// Where the callback begins.
const CALLBACK_AT: i32 = 15;
/// Where the program takes the callback's address.
const TAKEN_AT: i32 = 3;

/// One `struct bpf_func_info`: first instruction, BTF type id.
type FuncInfo = [u32; 2];

/// Loads such a program.
pub(crate) fn ask(rights: Rights) -> Support {
    let made = map::array()
        .and_then(|array| Ok((array, map::plain("prog_array")?, blob::load(&blob::functions())?)));
    let (array, jumps, btf) = match made {
        Ok(made) => made,
        Err(errno) => return rights.undecided("prepare", errno),
    };
    let insns = program(array.as_raw_fd(), jumps.as_raw_fd());
    let info: [FuncInfo; 2] = [[0, blob::MAIN_ID], [CALLBACK_AT.unsigned_abs(), blob::CALLBACK_ID]];
    let program =
        Program { program_type: program_type("sched_cls"), insns: &insns, ..Program::default() };
    let mut attr = program.attr();
    attr.prog_btf_fd = btf.as_raw_fd().unsigned_abs();
    attr.func_info = info.as_ptr() as u64;
    attr.func_info_cnt = 2;
    attr.func_info_rec_size = 8;
    rights.settle("load", bpf_fd(Cmd::ProgLoad, &mut attr), &[], &[Errno::INVAL, ENOTSUPP])
}

fn program(array: i32, jumps: i32) -> Vec<Insn> {
    let mut insns = vec![Insn::mov_reg(6, 1)];
    insns.extend(Insn::load_pseudo(1, PSEUDO_MAP_FD, array));
    // The callback, relative to the next instruction.
    insns.extend(Insn::load_pseudo(2, PSEUDO_FUNC, CALLBACK_AT - TAKEN_AT - 1));
    insns.extend([Insn::mov(3, 0), Insn::mov(4, 0), Insn::call(FOR_EACH_MAP_ELEM)]);
    insns.push(Insn::mov_reg(1, 6));
    insns.extend(Insn::load_pseudo(2, PSEUDO_MAP_FD, jumps));
    insns.extend([Insn::mov(3, 0), Insn::call(TAIL_CALL)]);
    insns.extend([Insn::mov(0, 0), Insn::exit()]);
    insns.extend([Insn::mov(0, 0), Insn::exit()]);
    insns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callback_is_where_the_program_says() {
        let insns = program(0, 0);
        assert_eq!(insns.len() - 2, usize::try_from(CALLBACK_AT).unwrap());
    }
}

//! A callback beside a tail call, as Cilium's multicast has it: `bpf_for_each_map_elem` (5.13)
//! in a program that also tail-calls (x86-64 5.10, arm64 6.0).

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use super::answer::{ENOTSUPP, Rights};
use super::blob;
use super::insn::{Insn, PSEUDO_FUNC};
use super::map;
use super::names::program_type;
use super::sys::{Functions, Program};
use crate::facts::bpf::Support;

const FOR_EACH_MAP_ELEM: i32 = 164;
const TAIL_CALL: i32 = 12;
const PSEUDO_MAP_FD: u8 = 1;
/// Where the callback begins.
const CALLBACK_AT: i32 = 15;
/// Where the program takes the callback's address.
const TAKEN_AT: i32 = 3;

/// Loads such a program.
pub(crate) fn ask(rights: Rights) -> Support {
    let made = map::array()
        .and_then(|array| Ok((array, map::plain("prog_array")?, blob::load(&blob::functions())?)));
    let (array, jumps, btf) = match made {
        Ok(made) => made,
        Err(errno) => return rights.undecided("prepare", errno),
    };
    let insns = program(array.as_raw_fd(), jumps.as_raw_fd());
    let infos = [[0, blob::MAIN_ID], [CALLBACK_AT.unsigned_abs(), blob::CALLBACK_ID]];
    let program = Program {
        program_type: program_type("sched_cls"),
        insns: &insns,
        functions: Some(Functions { btf: btf.as_fd(), infos: &infos }),
        ..Program::default()
    };
    rights.settle("load", program.load(), &[], &[Errno::INVAL, ENOTSUPP])
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

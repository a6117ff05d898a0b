//! Helpers that nearly every program type may call, proven by one load instead of twenty.
//!
//! One program calls them all, with arguments that suit them, and ends with a read of a register
//! that was never written. Where that read is what the verifier refuses, it has accepted every
//! call before it. Anything else proves nothing here, and each helper is asked for by itself.

use std::collections::BTreeSet;

use rustix::io::Errno;

use super::insn::Insn;
use super::sys::{Log, Program};

/// Numbers of helpers that take no argument, or whatever they are given.
const WITHOUT_ARGUMENTS: [i32; 15] =
    [5, 7, 8, 14, 15, 35, 42, 80, 118, 123, 125, 158, 160, 208, 17];
/// Numbers of helpers that fill a buffer: address, size, and from where.
const WITH_BUFFER: [i32; 6] = [16, 112, 113, 114, 115, 120];
/// Bytes of stack that the buffers lie in, zeroed first.
const STACK: i16 = 64;
const UNWRITTEN: u8 = 9;

/// Numbers of the usual helpers that programs of this kind may call, as far as they are proven.
pub(crate) fn proven(program: Program<'_>, log: &mut Log) -> BTreeSet<u32> {
    let mut left: Vec<i32> = WITHOUT_ARGUMENTS.into_iter().chain(WITH_BUFFER).collect();
    while !left.is_empty() {
        let insns = calls(&left);
        let result = Program { insns: &insns, ..program }.load_logged(log);
        let text = log.text();
        if matches!(result, Err(Errno::ACCESS)) && text.contains("R9 !read_ok") {
            return left.into_iter().filter_map(|it| u32::try_from(it).ok()).collect();
        }
        // A refusal names its helper; without that one the others may pass.
        let before = left.len();
        let refused = refused(&text);
        left.retain(|it| Some(*it) != refused);
        if left.len() == before {
            break;
        }
    }
    BTreeSet::new()
}

fn calls(helpers: &[i32]) -> Vec<Insn> {
    let mut insns = vec![Insn::mov_reg(6, 1)];
    insns.extend((1..=STACK / 8).map(|slot| Insn::store_zero(-8 * slot)));
    for helper in helpers {
        if WITH_BUFFER.contains(helper) {
            insns.extend(Insn::stack_address(1, -STACK));
            insns.push(Insn::mov(2, 8));
            insns.extend(Insn::stack_address(3, -STACK / 2));
            insns.extend([Insn::mov(4, 8), Insn::mov(5, 0)]);
        } else {
            insns.push(Insn::mov_reg(1, 6));
            insns.extend([2, 3, 4, 5].map(|it| Insn::mov(it, 0)));
        }
        insns.push(Insn::call(*helper));
    }
    insns.extend([Insn::mov_reg(0, UNWRITTEN), Insn::exit()]);
    insns
}

/// The number in `cannot use helper bpf_get_current_task#35`, `unknown func …#35` and kin.
fn refused(log: &str) -> Option<i32> {
    let words = ["cannot use helper", "unknown func", "invalid func"];
    let line = log.lines().find(|line| words.iter().any(|it| line.contains(it)))?;
    line.rsplit_once('#')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::bpf::names::program_type;

    #[test]
    fn a_refusal_names_its_helper() {
        let since_6_10 = "program of this type cannot use helper bpf_get_current_task#35\n";
        assert_eq!(refused(since_6_10), Some(35));
        assert_eq!(refused("0: (85) call unknown#300\ninvalid func unknown#300\n"), Some(300));
        assert_eq!(refused("R1 type=ctx expected=fp\n"), None);
    }

    /// `bpf_ktime_get_ns` is given to every type since Linux 4.1.
    #[test]
    fn the_usual_helpers_are_found_in_one_load() {
        let program = Program { program_type: program_type("sched_cls"), ..Program::default() };
        let proven = proven(program, &mut Log::new());
        assert!(proven.contains(&5), "{proven:?}");
    }

    #[test]
    fn a_type_that_does_not_load_proves_nothing() {
        let program = Program { program_type: u32::MAX, ..Program::default() };
        assert!(proven(program, &mut Log::new()).is_empty());
    }
}

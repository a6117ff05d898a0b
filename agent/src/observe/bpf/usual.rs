//! Helpers that nearly every program type may call, proven by one load instead of fifty.
//!
//! One program calls them all, with arguments that suit them, and ends with a read of a register
//! that was never written. Where that read is what the verifier refuses, it has accepted every
//! call before it. A refusal that names a helper costs what calls that one; after any other the
//! calls are tried by halves. What is not proven in the end is asked for by itself.

use std::collections::BTreeSet;

use rustix::io::Errno;

use super::gadget::{CONTEXT, Gadget, Gadgets, STACK};
use super::insn::Insn;
use super::sys::{Log, Program};

const UNWRITTEN: u8 = 9;

/// The usual helpers, ready to be asked for by any program type.
pub(crate) struct Usual(Gadgets);

impl Usual {
    /// Makes the maps that the calls need.
    pub(crate) fn new() -> Self {
        Self(Gadgets::new())
    }

    /// Numbers of those that programs of this kind may call, as far as they are proven.
    pub(crate) fn proven(&self, program: Program<'_>, log: &mut Log) -> BTreeSet<u32> {
        let mut proven = BTreeSet::new();
        prove(self.0.all.iter().collect(), program, log, &mut proven);
        proven
    }
}

fn prove(mut left: Vec<&Gadget>, program: Program<'_>, log: &mut Log, proven: &mut BTreeSet<u32>) {
    while !left.is_empty() {
        let insns = strung(&left);
        let result = Program { insns: &insns, ..program }.load_logged(log);
        let text = log.text();
        if matches!(result, Err(Errno::ACCESS)) && text.contains("R9 !read_ok") {
            let helpers = left.iter().flat_map(|it| &it.helpers);
            proven.extend(helpers.filter_map(|it| u32::try_from(*it).ok()));
            return;
        }
        // Without a word of the verifier it is the type that does not load, not the calls.
        if text.is_empty() {
            return;
        }
        let before = left.len();
        if let Some(refused) = refused(&text) {
            left.retain(|it| !it.helpers.contains(&refused));
        }
        if left.len() == before {
            break;
        }
    }
    if left.len() > 1 {
        let rest = left.split_off(left.len() / 2);
        prove(left, program, log, proven);
        prove(rest, program, log, proven);
    }
}

fn strung(gadgets: &[&Gadget]) -> Vec<Insn> {
    let mut insns = vec![Insn::mov_reg(CONTEXT, 1)];
    insns.extend((1..=STACK / 8).map(|slot| Insn::store_zero(-8 * slot)));
    insns.extend(gadgets.iter().flat_map(|it| &it.insns));
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
        let proven = Usual::new().proven(program, &mut Log::new());
        assert!(proven.contains(&5), "{proven:?}");
    }

    /// A gadget with arguments that do not suit would cost every row the loads it should save.
    #[test]
    fn every_gadget_suits_this_kernel() {
        let program = Program { program_type: program_type("kprobe"), ..Program::default() };
        let usual = Usual::new();
        for gadget in &usual.0.all {
            let mut alone = BTreeSet::new();
            let mut log = Log::new();
            prove(vec![gadget], program, &mut log, &mut alone);
            assert!(!alone.is_empty(), "{:?}: {}", gadget.helpers, log.text());
        }
    }

    #[test]
    fn a_type_that_does_not_load_proves_nothing() {
        let program = Program { program_type: u32::MAX, ..Program::default() };
        assert!(Usual::new().proven(program, &mut Log::new()).is_empty());
    }
}

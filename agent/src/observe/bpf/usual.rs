//! Helpers that many program types may call, proven by one load instead of fifty.
//!
//! One program calls them all, with arguments that suit them, and ends with a read of a register
//! that was never written. Where that read is what the verifier refuses, it has accepted every
//! call before it. A refusal that names a helper answers for that one; after any other the calls
//! are tried by halves. What is not answered in the end is asked for by itself.

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::answer::Rights;
use super::gadget::{CONTEXT, Gadget, Gadgets, STACK};
use super::helper;
use super::insn::Insn;
use super::packet;
use super::sys::{Log, Program};
use crate::facts::bpf::Support;

const UNWRITTEN: u8 = 9;

/// What is known of helpers, by number.
pub(crate) type Answers = BTreeMap<u32, Support>;

/// The usual helpers, ready to be asked for by any program type.
pub(crate) struct Usual {
    any: Gadgets,
    packet: Vec<Gadget>,
    rights: Rights,
}

impl Usual {
    /// Makes the maps that the calls need.
    pub(crate) fn new(rights: Rights) -> Self {
        Self { any: Gadgets::new(), packet: packet::gadgets(), rights }
    }

    /// What is known of them for programs of this kind.
    pub(crate) fn answers(&self, program: Program<'_>, log: &mut Log) -> Answers {
        let mut asked = Asked { program, log, rights: self.rights, answers: Answers::new() };
        asked.prove(self.any.all.iter().collect());
        if asked.answers.get(&packet::SKB_LOAD_BYTES) == Some(&Support::Supported) {
            asked.prove(self.packet.iter().collect());
        }
        asked.answers
    }
}

/// One program type that is being asked.
struct Asked<'a> {
    program: Program<'a>,
    log: &'a mut Log,
    rights: Rights,
    answers: Answers,
}

impl Asked<'_> {
    fn prove(&mut self, mut left: Vec<&Gadget>) {
        while !left.is_empty() {
            let insns = strung(&left);
            let result = Program { insns: &insns, ..self.program }.load_logged(self.log);
            let text = self.log.text();
            if matches!(result, Err(Errno::ACCESS)) && text.contains("R9 !read_ok") {
                let helpers = left.iter().flat_map(|it| &it.helpers);
                let proven = helpers.filter_map(|it| u32::try_from(*it).ok());
                self.answers.extend(proven.map(|it| (it, Support::Supported)));
                return;
            }
            // Without a word of the verifier it is the type that does not load, not the calls.
            let (Err(errno), false) = (result, text.is_empty()) else { return };
            let before = left.len();
            if let Some(refused) = refused(&text) {
                self.answers.insert(refused, helper::answer(&text, errno, self.rights));
                left.retain(|it| !it.helpers.iter().any(|it| u32::try_from(*it) == Ok(refused)));
            }
            if left.len() == before {
                break;
            }
        }
        if left.len() > 1 {
            let rest = left.split_off(left.len() / 2);
            self.prove(left);
            self.prove(rest);
        }
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
fn refused(log: &str) -> Option<u32> {
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

    const RIGHTS: Rights = Rights { proves_absence: true, filtered: false };

    fn answers(program_type: u32) -> Answers {
        let program = Program { program_type, ..Program::default() };
        Usual::new(RIGHTS).answers(program, &mut Log::new())
    }

    /// `bpf_ktime_get_ns` is given to every type since Linux 4.1, `bpf_get_attach_cookie` to
    /// those that trace.
    #[test]
    fn a_call_that_is_accepted_and_one_that_is_refused_are_answers() {
        let of_packets = answers(program_type("sched_cls"));
        assert_eq!(of_packets[&5], Support::Supported);
        assert_eq!(of_packets[&packet::SKB_LOAD_BYTES], Support::Supported);
        let of_tracing = answers(program_type("kprobe"));
        assert_eq!(of_tracing[&packet::SKB_LOAD_BYTES].as_str(), "unsupported");
    }

    /// A gadget with arguments that do not suit would cost every row the loads it should save.
    #[test]
    fn every_gadget_suits_this_kernel() {
        let usual = Usual::new(RIGHTS);
        let of = |name| Program { program_type: program_type(name), ..Program::default() };
        let any = usual.any.all.iter().zip(std::iter::repeat(of("kprobe")));
        let packet = usual.packet.iter().zip(std::iter::repeat(of("sched_cls")));
        for (gadget, program) in any.chain(packet) {
            let (log, answers) = (&mut Log::new(), Answers::new());
            let mut alone = Asked { program, log, rights: RIGHTS, answers };
            alone.prove(vec![gadget]);
            let text = alone.log.text();
            assert!(!alone.answers.is_empty(), "{:?}: {text}", gadget.helpers);
        }
    }

    #[test]
    fn a_type_that_does_not_load_proves_nothing() {
        assert!(answers(u32::MAX).is_empty());
    }
}

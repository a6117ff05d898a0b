//! Helpers that many program types may call, proven by one load instead of fifty.
//!
//! One program calls them all, with arguments that suit them, and ends with a read of a register
//! that was never written. Where that read is what the verifier refuses, it has accepted every
//! call before it. A refusal that names a helper answers for that one; after any other the calls
//! are tried by halves. What is not answered in the end is asked for by itself.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::answer::Rights;
use super::blob;
use super::gadget::{CONTEXT, Gadget, Gadgets, STACK};
use super::guarded;
use super::helper;
use super::insn::{Insn, returns};
use super::map;
use super::packet;
use super::sys::{Functions, Log, Program};
use crate::facts::bpf::Support;

const UNWRITTEN: u8 = 9;

/// What is known of helpers, by number.
pub(crate) type Answers = BTreeMap<u32, Support>;

/// The usual helpers, ready to be asked for by any program type.
pub(crate) struct Usual {
    any: Gadgets,
    guarded: Vec<Gadget>,
    packet: Vec<Gadget>,
    /// The map that `guarded` names.
    _values: Option<OwnedFd>,
    /// BTF of a program with a callback; `None`: this kernel does not take it.
    functions: Option<OwnedFd>,
    rights: Rights,
}

impl Usual {
    /// Makes the maps that the calls need.
    pub(crate) fn new(rights: Rights) -> Self {
        let mut any = Gadgets::new();
        let newer = any.newer();
        let functions = blob::load(&blob::functions()).ok();
        let values = map::guarded().ok();
        let guarded = values.as_ref().map(|it| guarded::gadgets(it.as_raw_fd()));
        let mut usual = Self {
            any,
            guarded: Vec::new(),
            packet: packet::gadgets(),
            _values: values,
            functions,
            rights,
        };
        let newer = newer.into_iter().filter(|it| usual.suits(it)).flatten().collect::<Vec<_>>();
        let guarded = guarded.into_iter().flatten().filter(|it| usual.suits(it)).flatten();
        let guarded = guarded.collect();
        usual.any.all.extend(newer);
        usual.guarded = guarded;
        usual
    }

    /// Whether the kernel accepts all of these for a program that may call nearly everything.
    fn suits(&self, group: &[Gadget]) -> bool {
        let program = Program { program_type: packet::PROGRAMS[0], ..Program::default() };
        let mut log = Log::new();
        let mut asked = self.asked(program, &mut log);
        asked.prove(group.iter().collect());
        let helpers = group.iter().flat_map(|it| &it.helpers);
        let answer = |it: &i32| asked.answers.get(&u32::try_from(*it).ok()?);
        helpers.map(answer).all(|it| it == Some(&Support::Supported))
    }

    fn asked<'a>(&'a self, program: Program<'a>, log: &'a mut Log) -> Asked<'a> {
        let functions = self.functions.as_ref().map(AsFd::as_fd);
        Asked { program, log, functions, rights: self.rights, answers: Answers::new() }
    }

    /// What is known of them for programs of this kind.
    pub(crate) fn answers(&self, program: Program<'_>, log: &mut Log) -> Answers {
        let mut asked = self.asked(program, log);
        let is_guarded = !guarded::NOT_FOR.contains(&program.program_type);
        let guarded = self.guarded.iter().filter(|_| is_guarded);
        asked.prove(self.any.all.iter().chain(guarded).collect());
        if packet::PROGRAMS.contains(&program.program_type) {
            asked.prove(self.packet.iter().collect());
        }
        asked.answers
    }
}

/// One program type that is being asked.
struct Asked<'a> {
    program: Program<'a>,
    log: &'a mut Log,
    functions: Option<BorrowedFd<'a>>,
    rights: Rights,
    answers: Answers,
}

impl Asked<'_> {
    /// A program with a callback has its function behind it.
    fn load(&mut self, insns: &[Insn]) -> Result<OwnedFd, Errno> {
        let Some(callback) = callback_of(insns) else {
            return Program { insns, ..self.program }.load_logged(self.log);
        };
        let infos = [[0, blob::MAIN_ID], [callback, blob::CALLBACK_ID]];
        let functions = self.functions.map(|btf| Functions { btf, infos: &infos });
        Program { insns, functions, ..self.program }.load_logged(self.log)
    }

    fn prove(&mut self, mut left: Vec<&Gadget>) {
        while !left.is_empty() {
            let result = self.load(&strung(&left));
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
    let end = i32::try_from(insns.len()).unwrap_or(i32::MAX);
    let takes = (0..).zip(&mut insns).filter(|(_, it)| it.takes_function());
    let taken = takes.map(|(at, it)| it.immediate = end - at - 1).count();
    if taken > 0 {
        insns.extend(returns(0));
    }
    insns
}

/// Where the callback begins, if one is taken: the last two instructions.
fn callback_of(insns: &[Insn]) -> Option<u32> {
    let taken = insns.iter().any(Insn::takes_function);
    taken.then(|| u32::try_from(insns.len() - 2).unwrap_or(u32::MAX))
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

    /// Both are given to tc's programs since Linux 4.4.
    #[test]
    fn calls_that_are_accepted_are_answers() {
        let (ktime_get_ns, redirect) = (5, 23);
        let of_packets = answers(program_type("sched_cls"));
        assert_eq!(of_packets[&ktime_get_ns], Support::Supported);
        assert_eq!(of_packets[&redirect], Support::Supported);
        // Since 5.13, 5.17 and 5.17, with a constant string or a callback.
        // Since 5.1, 5.13 and 5.15, with a lock, a callback and a timer.
        for guarded in [93, 94, 164, 169, 170, 171, 172] {
            assert_eq!(of_packets[&guarded], Support::Supported, "{guarded}");
        }
        for newer in [165, 181, 182] {
            assert_eq!(of_packets[&newer], Support::Supported, "{newer}");
        }
    }

    /// A gadget with arguments that do not suit would cost every row the loads it should save.
    #[test]
    fn every_gadget_suits_this_kernel() {
        let usual = Usual::new(RIGHTS);
        let of = |name| Program { program_type: program_type(name), ..Program::default() };
        let any = usual.any.all.iter().zip(std::iter::repeat(of("kprobe")));
        let packet = usual.packet.iter().chain(&usual.guarded);
        let packet = packet.zip(std::iter::repeat(of("sched_cls")));
        for (gadget, program) in any.chain(packet) {
            let mut log = Log::new();
            let mut alone = usual.asked(program, &mut log);
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

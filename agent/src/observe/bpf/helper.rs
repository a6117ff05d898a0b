//! Which helpers each program type may call: a load by the verifier, read by what it says.
//!
//! The verifier looks a helper up before it looks at the arguments (`check_helper_call` of
//! `kernel/bpf/verifier.c`). So a complaint about an argument proves that the type may call the
//! helper, and one of a few sentences proves that it may not. Everything else proves nothing;
//! libbpf takes it for a yes (60 wrong ones on Linux 6.18), cilium/ebpf for a no.

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::answer::Rights;
use super::helper_names::HELPERS;
use super::insn::Insn;
use super::sys::{Log, Program};
use super::usual::Answers;
use crate::facts::bpf::{Because, HelperRow, Support};
use crate::facts::{Cause, Failure};

/// What the verifier's log says about the one helper that the program calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It was found and its arguments were looked at.
    Callable,
    /// It was refused.
    Refused(Because),
    /// The words are not known to us.
    Unclear,
}

/// Sentences of the verifier that prove a "no", and what they mean.
const REFUSALS: [(&str, Because); 9] = [
    ("of this type cannot use helper", Because::NotForProgramType),
    ("invalid func ", Because::NotInKernel),
    ("unknown func ", Because::NotForProgramType),
    ("helper call is not allowed in probe", Because::NotForProgramType),
    ("helper call might sleep in a non-sleepable prog", Because::SleepableOnly),
    ("sleepable helper ", Because::SleepableOnly),
    ("not supported for program type", Because::NotForProgramType),
    ("supported only for fentry/fexit", Because::NotForProgramType),
    ("cannot call GPL-restricted function", Because::NotForProgramType),
];

/// Helpers that are not asked for: to look them up changes the host. `trace_printk` and
/// `trace_vprintk` switch a trace event on or print a banner into the kernel's log
/// (`bpf_get_trace_printk_proto` of `kernel/trace/bpf_trace.c`), `probe_write_user` warns there of
/// a program that may corrupt memory.
const LOUD: [&str; 3] = ["trace_printk", "trace_vprintk", "probe_write_user"];

/// Numbers and names to ask about: those the kernel's BTF lists, else the known list.
pub(crate) fn candidates(known_to_kernel: Option<&BTreeMap<u32, String>>) -> Vec<(u32, String)> {
    let listed = (1_u32..).zip(HELPERS).map(|(number, name)| (number, name.to_owned()));
    let mut all: BTreeMap<u32, String> = listed.collect();
    all.extend(known_to_kernel.into_iter().flatten().map(|(it, name)| (*it, name.clone())));
    all.into_iter().collect()
}

/// Asks for each candidate whether `program` may call it. `program` says type, attach type and
/// flags; its instructions are replaced. What `known` answers is not asked again.
pub(crate) fn row(
    program: Program<'_>,
    candidates: &[(u32, String)],
    known_to_kernel: Option<&BTreeMap<u32, String>>,
    known: &Answers,
    rights: Rights,
) -> HelperRow {
    let mut row = HelperRow::default();
    let mut log = Log::new();
    for (number, name) in candidates {
        let is_known_to_kernel = known_to_kernel.is_none_or(|it| it.contains_key(number));
        let answer = match known.get(number) {
            Some(answer) => answer.clone(),
            None if !is_known_to_kernel => Support::unsupported(Because::NotInKernel, ""),
            None if LOUD.contains(&name.as_str()) => Support::Unknown(not_asked()),
            None => ask(program, *number, &mut log, rights),
        };
        enter(&mut row, name.clone(), answer);
    }
    row
}

fn enter(row: &mut HelperRow, name: String, answer: Support) {
    match answer {
        Support::Supported => drop(row.supported.insert(name)),
        Support::Unsupported(absence) => match absence.because {
            Because::NotInKernel | Because::NotForProgramType => {
                row.unsupported.insert(name);
            }
            because => drop(row.refused.insert(name, because)),
        },
        Support::Unknown(failure) => drop(row.unknown.insert(name, failure)),
    }
}

fn not_asked() -> Failure {
    Failure::new(
        Cause::NotSupported,
        "not asked: looking it up changes the kernel's tracing or log",
    )
}

/// A row of a type that this kernel does not have.
pub(crate) fn absent_row(candidates: &[(u32, String)]) -> HelperRow {
    let unsupported = candidates.iter().map(|(_, name)| name.clone()).collect();
    HelperRow { unsupported, ..HelperRow::default() }
}

fn ask(program: Program<'_>, number: u32, log: &mut Log, rights: Rights) -> Support {
    let Ok(immediate) = i32::try_from(number) else {
        return Support::unknown(Cause::Malformed, format!("helper {number}"));
    };
    let insns = probe(immediate);
    let result = Program { insns: &insns, ..program }.load_logged(log);
    match result {
        Ok(_) => Support::Supported,
        Err(errno) => answer(&log.text(), errno, rights),
    }
}

/// What a refused load means for the helper that its log is about. A row keeps no words of a
/// refusal, and three thousand of them take their time.
pub(super) fn answer(log: &str, errno: Errno, rights: Rights) -> Support {
    match read(log, errno) {
        Reading::Callable => Support::Supported,
        Reading::Refused(because) if rights.proves_absence => Support::unsupported(because, ""),
        Reading::Refused(_) => Support::unknown(Cause::PermissionDenied, last_line(log)),
        Reading::Unclear if log.is_empty() => rights.undecided("load", errno),
        Reading::Unclear => Support::unknown(Cause::Inconclusive, last_line(log)),
    }
}

/// Calls the helper, then reads a register that a call always spoils, so that a program the
/// verifier would accept is not compiled and published just to be thrown away.
fn probe(helper: i32) -> [Insn; 3] {
    [Insn::call(helper), Insn::mov_reg(0, 1), Insn::exit()]
}

/// Reads the verifier's words; `errno` is what the load gave.
fn read(log: &str, errno: Errno) -> Reading {
    if let Some((_, because)) = REFUSALS.iter().find(|(words, _)| log.contains(words)) {
        return Reading::Refused(*because);
    }
    // EACCES comes from the checks of arguments, and of the register that the call spoilt; an LSM
    // that says EACCES does so before the verifier has written a word.
    let of_an_argument = log.lines().any(|line| names_a_register(line) || line.starts_with("arg#"));
    if of_an_argument || errno == Errno::ACCESS && !log.is_empty() {
        return Reading::Callable;
    }
    Reading::Unclear
}

/// Whether a line begins with a register that takes an argument: `R1 type=ctx expected=fp`.
fn names_a_register(line: &str) -> bool {
    let mut letters = line.bytes();
    letters.next() == Some(b'R')
        && letters.next().is_some_and(|it| (b'1'..=b'5').contains(&it))
        && letters.next() == Some(b' ')
}

/// The line in which the verifier gives its reason: the last one that is not a statistic.
fn last_line(log: &str) -> String {
    let lines = log.lines().rev().map(str::trim).filter(|it| !it.is_empty());
    let statistics = ["processed ", "verification time ", "stack depth ", "max_states"];
    let mut reasons = lines.filter(|it| !statistics.iter().any(|words| it.starts_with(words)));
    reasons.next().unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `check_helper_call` and `check_func_arg`, `kernel/bpf/verifier.c`, by kernel.
    #[track_caller]
    fn expect(log: &str, errno: Errno, reading: Reading) {
        assert_eq!(read(log, errno), reading, "{log}");
    }

    #[test]
    fn an_argument_that_is_refused_proves_that_the_helper_was_found() {
        expect("R1 !read_ok\n", Errno::ACCESS, Reading::Callable);
        expect("R1 type=ctx expected=fp\n", Errno::ACCESS, Reading::Callable);
        // Linux 7.2 looks at the argument of bpf_set_retval (cilium/cilium#48016).
        expect("R1 is not a scalar\n", Errno::INVAL, Reading::Callable);
    }

    #[test]
    fn refusals_before_6_10_and_after() {
        let not_for_type = Reading::Refused(Because::NotForProgramType);
        expect("unknown func bpf_redirect#23\n", Errno::INVAL, not_for_type);
        let since_6_10 = "program of this type cannot use helper bpf_redirect#23\n";
        expect(since_6_10, Errno::INVAL, not_for_type);
        expect("invalid func unknown#300\n", Errno::INVAL, Reading::Refused(Because::NotInKernel));
    }

    #[test]
    fn the_sixty_false_positives_of_libbpfs_rule_are_no() {
        let sleeps = "helper call might sleep in a non-sleepable prog\n";
        expect(sleeps, Errno::INVAL, Reading::Refused(Because::SleepableOnly));
        let in_7_2 = "sleepable helper bpf_copy_from_user#148 in non-sleepable prog\n";
        expect(in_7_2, Errno::INVAL, Reading::Refused(Because::SleepableOnly));
        let not_for_type = Reading::Refused(Because::NotForProgramType);
        expect("helper call is not allowed in probe\n", Errno::INVAL, not_for_type);
        let ip = "func bpf_get_func_ip#173 not supported for program type 1\n";
        expect(ip, Errno::NOTSUP, not_for_type);
    }

    #[test]
    fn an_lsm_that_denies_the_load_settles_nothing() {
        expect("", Errno::ACCESS, Reading::Unclear);
        expect("", Errno::PERM, Reading::Unclear);
    }

    #[test]
    fn words_we_do_not_know_settle_nothing() {
        expect("kernel subsystem misconfigured verifier\n", Errno::INVAL, Reading::Unclear);
    }

    #[test]
    fn a_refusal_without_the_rights_is_not_no() {
        let rights = Rights { proves_absence: false, filtered: false };
        let candidates = vec![(23, "redirect".to_owned())];
        // A kprobe program can never redirect a packet.
        let program = Program { program_type: 2, ..Program::default() };
        let row = row(program, &candidates, None, &Answers::new(), rights);
        assert!(row.unknown.contains_key("redirect"), "{row:?}");
    }
}

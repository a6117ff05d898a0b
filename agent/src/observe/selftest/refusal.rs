//! What it means when the kernel refuses a map or a program.

use rustix::io::Errno;

use crate::facts::Cause;
use crate::facts::bpf::{Because, Support};
use crate::observe::bpf::answer::Rights;
use crate::observe::object::ObjectError;

/// A map or a program that the kernel did not take.
///
/// EINVAL and E2BIG say that a map type is not there. For a program only the verifier's own words
/// about a helper prove that the helper is not there: it has many other reasons for EINVAL.
pub(super) fn refused(rights: Rights, error: &ObjectError) -> Support {
    let ObjectError::Refused { what, errno, log } = error else {
        return Support::unknown(Cause::NotSupported, error.to_string());
    };
    let is_map = what.starts_with("create map");
    match (*errno, missing_helper(log)) {
        (errno @ (Errno::INVAL | Errno::TOOBIG), None) if is_map => rights.absent(what, errno),
        (Errno::INVAL, Some((because, line))) if rights.proves_absence => {
            Support::unsupported(because, format!("{what}: {line}"))
        }
        (Errno::INVAL, Some((_, line))) => rights.absent(&format!("{what}: {line}"), Errno::INVAL),
        (errno, _) => rights.undecided(&format!("{what}: {}", last_word(log)), errno),
    }
}

/// The verifier's line about a helper that it does not give, and what that means.
///
/// `check_helper_call()` of `kernel/bpf/verifier.c` says "invalid func" for a number beyond its
/// list and "unknown func", newer ones "program of this type cannot use helper", for one that this
/// type does not get; a helper that it knows it calls by name, any other `unknown`.
fn missing_helper(log: &str) -> Option<(Because, String)> {
    const WORDS: [&str; 3] = ["invalid func", "unknown func", "cannot use helper"];
    let line = log.lines().find(|line| WORDS.iter().any(|it| line.contains(it)))?;
    let known = !line.contains("invalid func") && !line.contains("unknown#");
    let because = if known { Because::NotForProgramType } else { Because::NotInKernel };
    Some((because, line.trim().to_owned()))
}

/// The last line of the verifier's log before its counters: why it refused.
fn last_word(log: &str) -> &str {
    let said = |it: &&str| !it.trim().is_empty() && !it.starts_with("processed ");
    log.lines().rfind(said).unwrap_or("the verifier said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Rights = Rights { proves_absence: true, filtered: false };
    const NONE: Rights = Rights { proves_absence: false, filtered: false };

    fn load(errno: Errno, log: &str) -> ObjectError {
        ObjectError::Refused { what: "load it".into(), errno, log: log.into() }
    }

    #[track_caller]
    fn expect_unknown(support: &Support, cause: Cause) {
        let Support::Unknown(failure) = support else { panic!("{support:?} is not unknown") };
        assert_eq!(failure.cause, cause);
    }

    /// Lines of `kernel/bpf/verifier.c` as Linux 5.10, 6.1 and 6.12 print them.
    #[test]
    fn the_verifiers_words_about_a_helper() {
        let because = |log: &str| missing_helper(log).map(|(because, _)| because);
        assert_eq!(because("invalid func unknown#211\n"), Some(Because::NotInKernel));
        assert_eq!(because("0: (85)\nunknown func unknown#155\n"), Some(Because::NotInKernel));
        let known = Some(Because::NotForProgramType);
        assert_eq!(because("unknown func bpf_get_netns_cookie#122"), known);
        assert_eq!(because("program of this type cannot use helper bpf_sk_assign#124"), known);
        assert_eq!(because("R1 type=ctx expected=fp\nprocessed 3 insns"), None);
    }

    #[test]
    fn a_missing_helper_is_a_no_with_the_rights_only() {
        let error = load(Errno::INVAL, "unknown func unknown#155");
        assert!(matches!(refused(FULL, &error), Support::Unsupported(_)));
        expect_unknown(&refused(NONE, &error), Cause::PermissionDenied);
    }

    #[test]
    fn a_program_that_the_verifier_does_not_understand_says_nothing_of_the_kernel() {
        let error = load(Errno::INVAL, "R2 invalid mem access 'scalar'\nprocessed 9 insns");
        expect_unknown(&refused(FULL, &error), Cause::Inconclusive);
    }

    #[test]
    fn a_map_type_that_the_kernel_does_not_know_is_a_no() {
        let what = "create map RECORDS".to_owned();
        let error = ObjectError::Refused { what, errno: Errno::INVAL, log: String::new() };
        assert!(matches!(refused(FULL, &error), Support::Unsupported(_)));
        expect_unknown(&refused(NONE, &error), Cause::PermissionDenied);
    }

    #[test]
    fn refusals_that_are_no_answers() {
        expect_unknown(&refused(FULL, &load(Errno::PERM, "")), Cause::PermissionDenied);
        expect_unknown(&refused(FULL, &load(Errno::NOMEM, "")), Cause::OutOfMemory);
        expect_unknown(&refused(FULL, &load(Errno::AGAIN, "")), Cause::Busy);
        let broken = ObjectError::Broken("it has no CALLS".into());
        expect_unknown(&refused(FULL, &broken), Cause::NotSupported);
    }
}

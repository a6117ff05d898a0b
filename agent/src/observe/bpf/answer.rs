//! What an errno of bpf(2) proves, and what it does not.

use rustix::io::Errno;

use crate::facts::bpf::{Because, Support};
use crate::facts::privilege::{Privilege, Seccomp};
use crate::facts::{Cause, Failure, Observed};

/// `ENOTSUPP` of the kernel's own headers (`include/linux/errno.h`), which has no POSIX name:
/// no BPF trampoline on this architecture, or no such operation in this JIT.
pub(crate) const ENOTSUPP: Errno = Errno::from_raw_os_error(524);

/// What the rights of the one who asks make of a refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rights {
    /// Whether EINVAL and E2BIG prove absence, see [`Privilege::proves_absence`].
    pub(crate) proves_absence: bool,
    /// Whether a seccomp filter may have answered in the kernel's place.
    pub(crate) filtered: bool,
}

impl Rights {
    /// The rights that were observed; unknown ones prove nothing.
    pub(crate) fn of(privilege: &Observed<Privilege>) -> Self {
        match privilege {
            Observed::Known(it) => Self {
                proves_absence: it.proves_absence(),
                filtered: it.seccomp != Seccomp::Disabled,
            },
            Observed::Unknown(_) => Self { proves_absence: false, filtered: true },
        }
    }

    /// Settles a question: success and the errnos in `yes` prove presence, those in `no` absence,
    /// as far as these rights go; every other errno proves nothing.
    pub(crate) fn settle<T>(
        self,
        what: &str,
        result: Result<T, Errno>,
        yes: &[Errno],
        no: &[Errno],
    ) -> Support {
        match result.map(drop) {
            Ok(()) => Support::Supported,
            Err(errno) if yes.contains(&errno) => Support::Supported,
            Err(errno) if no.contains(&errno) => self.absent(what, errno),
            Err(errno) => self.undecided(what, errno),
        }
    }

    /// A "no" with this errno, or why it proves nothing.
    pub(crate) fn absent(self, what: &str, errno: Errno) -> Support {
        if !self.proves_absence {
            let detail = format!(
                "{what}: {}, which proves absence only with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
                name(errno)
            );
            return Support::unknown(Cause::PermissionDenied, detail);
        }
        let because = if errno == ENOTSUPP { Because::NoTrampoline } else { Because::NotInKernel };
        Support::unsupported(because, format!("{what}: {}", name(errno)))
    }

    /// An errno that settles nothing.
    pub(crate) fn undecided(self, what: &str, errno: Errno) -> Support {
        Support::Unknown(self.failure(what, errno))
    }

    /// The failure that an errno is, where there is nothing to settle.
    pub(crate) fn failure(self, what: &str, errno: Errno) -> Failure {
        let cause = match errno {
            Errno::NOSYS | Errno::PERM | Errno::ACCESS if self.filtered => Cause::Seccomp,
            Errno::PERM | Errno::ACCESS => Cause::PermissionDenied,
            Errno::NOMEM | Errno::NOSPC | Errno::MFILE | Errno::NFILE => Cause::OutOfMemory,
            Errno::BUSY | Errno::AGAIN | Errno::INTR => Cause::Busy,
            _ => Cause::Inconclusive,
        };
        let cause = if cause == Cause::Seccomp && errno != Errno::NOSYS && !self.proves_absence {
            // Without the capability the kernel itself says EPERM, filter or not.
            Cause::PermissionDenied
        } else {
            cause
        };
        Failure::new(cause, format!("{what}: {}", name(errno)))
    }
}

/// `EINVAL` and kin; a number where there is no name.
pub(crate) fn name(errno: Errno) -> String {
    match errno {
        Errno::PERM => "EPERM".into(),
        Errno::ACCESS => "EACCES".into(),
        Errno::INVAL => "EINVAL".into(),
        Errno::NOSYS => "ENOSYS".into(),
        Errno::TOOBIG => "E2BIG".into(),
        Errno::NOMEM => "ENOMEM".into(),
        Errno::BUSY => "EBUSY".into(),
        Errno::BADF => "EBADF".into(),
        Errno::NODEV => "ENODEV".into(),
        Errno::NOENT => "ENOENT".into(),
        Errno::OPNOTSUPP => "EOPNOTSUPP".into(),
        ENOTSUPP => "ENOTSUPP (524)".into(),
        other => format!("errno {} ({other})", other.raw_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Rights = Rights { proves_absence: true, filtered: false };
    const NONE: Rights = Rights { proves_absence: false, filtered: false };

    fn ask(rights: Rights, errno: Errno) -> Support {
        rights.settle("it", Err::<(), _>(errno), &[Errno::BADF], &[Errno::INVAL, ENOTSUPP])
    }

    #[track_caller]
    fn expect_unknown(support: &Support, cause: Cause) {
        match support {
            Support::Unknown(failure) => assert_eq!(failure.cause, cause),
            other => panic!("{other:?} is not unknown"),
        }
    }

    #[test]
    fn the_three_ends() {
        assert_eq!(ask(FULL, Errno::BADF), Support::Supported);
        assert!(matches!(ask(FULL, Errno::INVAL), Support::Unsupported(it)
            if it.because == Because::NotInKernel));
        expect_unknown(&ask(FULL, Errno::IO), Cause::Inconclusive);
    }

    #[test]
    fn errno_524_says_that_the_trampoline_is_missing() {
        assert!(matches!(ask(FULL, ENOTSUPP), Support::Unsupported(it)
            if it.because == Because::NoTrampoline));
    }

    #[test]
    fn eperm_enomem_and_ebusy_are_never_no() {
        expect_unknown(&ask(FULL, Errno::PERM), Cause::PermissionDenied);
        expect_unknown(&ask(FULL, Errno::NOMEM), Cause::OutOfMemory);
        expect_unknown(&ask(FULL, Errno::BUSY), Cause::Busy);
    }

    #[test]
    fn without_the_rights_einval_is_not_no() {
        expect_unknown(&ask(NONE, Errno::INVAL), Cause::PermissionDenied);
    }

    #[test]
    fn enosys_behind_a_filter_is_the_filters() {
        let filtered = Rights { proves_absence: true, filtered: true };
        expect_unknown(&ask(filtered, Errno::NOSYS), Cause::Seccomp);
    }
}

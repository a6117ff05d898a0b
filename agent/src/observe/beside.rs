//! A second thread for a part of the work, where one can be had.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

/// Work in a thread of its own; or still to be done, where the system gives none (`pids.max`,
/// RLIMIT_NPROC, RLIMIT_AS): then it takes its time when it is waited for.
pub(super) enum Beside<'scope, W, T> {
    Thread(ScopedJoinHandle<'scope, T>),
    Later(&'scope W),
}

impl<'scope, W: Fn() -> T + Sync, T: Send + 'scope> Beside<'scope, W, T> {
    pub(super) fn start<'env>(scope: &'scope Scope<'scope, 'env>, work: &'scope W) -> Self {
        match Builder::new().spawn_scoped(scope, work) {
            Ok(thread) => Self::Thread(thread),
            Err(_) => Self::Later(work),
        }
    }

    /// What came of it, or what it panicked with.
    pub(super) fn join(self) -> thread::Result<T> {
        match self {
            Self::Thread(thread) => thread.join(),
            Self::Later(work) => catch_unwind(AssertUnwindSafe(work)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_with_a_thread_and_without() {
        let work = || 7;
        thread::scope(|scope| {
            assert_eq!(Beside::start(scope, &work).join().unwrap(), 7);
            assert_eq!(Beside::Later(&work).join().unwrap(), 7);
        });
        let broken = || -> u8 { panic!("boom") };
        assert!(Beside::Later(&broken).join().is_err());
    }
}

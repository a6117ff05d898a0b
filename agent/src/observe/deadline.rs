//! A bound on the time that one question to the kernel may take.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::facts::{Cause, Failure, Observed};

/// A limit of so many seconds; longer under test, where hundreds of namespaces come and go at once
/// and each holds the lock that these questions wait for.
pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(if cfg!(test) { 60 } else { seconds })
}

/// Asks in a thread of its own and waits at most `limit` for the answer.
///
/// A system call that waits for a lock of the kernel (the RTNL mutex, when some device hangs in
/// its teardown) has no time limit of its own and does not end by a signal; the thread is then
/// left behind, and the look goes on without the answer.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    question: &'static str,
    ask: impl FnOnce() -> Observed<T> + Send + 'static,
) -> Observed<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name(question.into()).spawn(move || {
        // Nobody listens any more when the limit is over.
        let _ = sender.send(ask());
    });
    if let Err(error) = thread {
        return Observed::unknown(Cause::OutOfMemory, format!("no thread for {question}: {error}"));
    }
    match receiver.recv_timeout(limit) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Observed::Unknown(late(question, limit)),
        Err(RecvTimeoutError::Disconnected) => Observed::Unknown(broken(question)),
    }
}

/// The kernel took longer than `limit`.
pub(super) fn late(question: &str, limit: Duration) -> Failure {
    let seconds = limit.as_secs_f64();
    Failure::new(Cause::Timeout, format!("{question}: the kernel took longer than {seconds} s"))
}

/// The thread ended without an answer: it panicked.
pub(super) fn broken(question: &str) -> Failure {
    Failure::new(Cause::Panicked, format!("{question}: the source panicked; please report this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Duration = Duration::from_secs(60);

    #[test]
    fn an_answer_in_time_is_given() {
        assert_eq!(within(PLENTY, "test", || Observed::Known(7)), Observed::Known(7));
    }

    #[test]
    fn a_late_answer_is_a_timeout() {
        let (end, ended) = mpsc::channel::<()>();
        let answer = within(Duration::from_millis(10), "test", move || {
            let _ = ended.recv();
            Observed::Known(7)
        });
        drop(end);
        assert_eq!(answer.failure().map(|it| it.cause), Some(Cause::Timeout));
    }

    #[test]
    fn a_panic_is_told_and_not_waited_for() {
        let answer = within(PLENTY, "test", || -> Observed<u8> { panic!("boom") });
        assert_eq!(answer.failure().map(|it| it.cause), Some(Cause::Panicked));
    }
}

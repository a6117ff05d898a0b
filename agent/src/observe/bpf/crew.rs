//! A list of questions, shared among the processors.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More threads than this gain little and disturb the host more.
const MOST_THREADS: usize = 4;

/// Asks all; the answers are in the order of the questions.
pub(crate) fn share<Q: Sync, A: Send>(questions: &[Q], ask: impl Fn(&Q) -> A + Sync) -> Vec<A> {
    share_beside(questions, ask, || ()).0.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Asks all, while this thread first does something else and then takes its share. A question that
/// panics costs the answers and not what was done beside them.
pub(crate) fn share_beside<Q: Sync, A: Send, B>(
    questions: &[Q],
    ask: impl Fn(&Q) -> A + Sync,
    beside: impl FnOnce() -> B,
) -> (thread::Result<Vec<A>>, B) {
    let next = AtomicUsize::new(0);
    let take = || some(questions, &next, &ask);
    let others = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS) - 1;
    thread::scope(|scope| {
        // Where the system gives no thread, the others do its share.
        let worker = |_| thread::Builder::new().spawn_scoped(scope, take).ok();
        let workers: Vec<_> = (0..others).filter_map(worker).collect();
        let done = beside();
        let mut shares = vec![catch_unwind(AssertUnwindSafe(take))];
        shares.extend(workers.into_iter().map(thread::ScopedJoinHandle::join));
        (shares.into_iter().collect::<thread::Result<Vec<_>>>().map(in_order), done)
    })
}

/// Takes questions until none is left.
fn some<Q, A>(questions: &[Q], next: &AtomicUsize, ask: impl Fn(&Q) -> A) -> Vec<(usize, A)> {
    let mut answers = Vec::new();
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(question) = questions.get(at) else { return answers };
        answers.push((at, ask(question)));
    }
}

fn in_order<A>(shares: Vec<Vec<(usize, A)>>) -> Vec<A> {
    let mut answers: Vec<_> = shares.into_iter().flatten().collect();
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_the_order_of_the_questions() {
        let questions: Vec<u32> = (0..1000).collect();
        assert_eq!(share(&questions, |it| it * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        assert!(share(&Vec::<u32>::new(), |it| *it).is_empty());
    }

    #[test]
    fn a_question_that_panics_costs_the_answers_alone() {
        let (answers, beside) = share_beside(&[1, 2, 3], |it| assert_ne!(*it, 2), || "done");
        assert!(answers.is_err());
        assert_eq!(beside, "done");
    }
}

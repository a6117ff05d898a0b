//! A sign of life for work that lasts.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Work that ends sooner needs no sign.
const PATIENCE: Duration = Duration::from_millis(300);

/// Does `work`; when it lasts and stderr is a terminal, says `what` until it ends.
pub(super) fn during<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let sign = io::stderr().is_terminal().then(|| Sign::start(what));
    let result = work();
    drop(sign);
    result
}

/// A line on stderr that appears late and goes when dropped.
struct Sign {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sign {
    fn start(what: &'static str) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let show = move || {
            if stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                say(&format!("{what} …"));
                let _ = stopped.recv();
                // Back to the first column, and clear the line.
                say("\r\x1b[K");
            }
        };
        // Without a thread there is no sign, and the work goes on.
        Self { stop: Some(stop), thread: std::thread::Builder::new().spawn(show).ok() }
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

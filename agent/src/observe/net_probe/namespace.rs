//! A network namespace that lasts as long as the thread that made it.

use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Moves the calling thread into a new, empty network namespace.
///
/// Only for a thread that ends soon: with it, also when the process is killed, the namespace and
/// all that was made in it go. Threads that are already there stay where they are.
///
/// # Errors
///
/// unshare(2): `EPERM` without CAP_SYS_ADMIN.
pub(in crate::observe) fn enter_new() -> Result<(), Errno> {
    // SAFETY: only the network namespace of this thread changes; no memory, file table or
    // signal handler that other threads share.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}

#[cfg(test)]
pub(in crate::observe) mod tests {
    use rustix::mount::{MountPropagationFlags, mount_change};

    use super::*;

    /// Runs in a network namespace of its own; `None`, said aloud, where that is not allowed.
    pub(in crate::observe) fn inside<T: Send>(run: impl FnOnce() -> T + Send) -> Option<T> {
        let run = || match enter_new() {
            Ok(()) => Some(run()),
            Err(Errno::PERM) => {
                eprintln!("skipped: a network namespace needs CAP_SYS_ADMIN");
                None
            }
            Err(errno) => panic!("unshare: {errno}"),
        };
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    }

    /// Runs in a mount namespace of its own, whose mounts nobody else sees; `None`, said aloud,
    /// where that is not allowed.
    pub(in crate::observe) fn inside_own_mounts<T: Send>(
        run: impl FnOnce() -> T + Send,
    ) -> Option<T> {
        let run = || {
            // SAFETY: only the mounts, the root and the working directory of this thread change.
            if let Err(errno) = unsafe { unshare_unsafe(UnshareFlags::NEWNS) } {
                eprintln!("skipped: a mount namespace: {errno}");
                return None;
            }
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            // A root that is no mount, as chroot(8) makes one, cannot be changed; whoever made it
            // has made its mounts private.
            let changed = mount_change("/", private);
            assert!(matches!(changed, Ok(()) | Err(Errno::INVAL)), "{changed:?}");
            Some(run())
        };
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    }

    /// Runs `ip` of iproute2 in the namespace of the calling thread.
    #[track_caller]
    pub(in crate::observe) fn ip(arguments: &str) -> String {
        let words = arguments.split_whitespace();
        let output = std::process::Command::new("ip").args(words).output();
        let output = output.expect("iproute2 is installed (apt-get install iproute2)");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {arguments}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

//! How memory is taken: a look needs megabytes for a moment, in several threads.

/// Tells the allocator of glibc to be frugal: one arena for all threads, what is large by itself
/// and given back when freed. Its own choice grows with the largest piece that was ever freed
/// (mallopt(3), `M_MMAP_THRESHOLD`), and the kernel's BTF has six megabytes.
pub(super) fn frugal() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, 128 << 10),
        (libc::M_TRIM_THRESHOLD, 128 << 10),
    ] {
        // SAFETY: mallopt(3) takes two numbers and touches nothing but the allocator's settings.
        let accepted = unsafe { libc::mallopt(option, value) };
        if accepted == 0 {
            tracing::debug!(option, "mallopt refused");
        }
    }
}

//! Giving memory back: a look needs megabytes for a moment, months pass between boots.

use std::ops::Range;
use std::{fs, io};

/// Gives free memory back to the kernel, between what is in use as well, and takes the program's
/// code out of the resident set: what a look needs of it is most of it, and what a scrape needs is
/// little. The kernel keeps the file's pages as long as it likes; one that is needed again costs a
/// minor fault, which brings its fifteen neighbours too.
pub(in crate::cmd) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) frees what nobody holds, and takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
    let maps = fs::read_to_string("/proc/self/maps");
    let Some(code) = maps.ok().and_then(|it| code(&it, HERE as usize)) else { return };
    // SAFETY: nobody may write to this mapping of the program's file, so its pages are those of the
    // file, and whoever needs one next reads it from there again (madvise(2)).
    let result = unsafe { libc::madvise(code.start as *mut _, code.len(), libc::MADV_DONTNEED) };
    if result != 0 {
        tracing::debug!(error = %io::Error::last_os_error(), "the code stays resident");
    }
}

const HERE: fn() = give_back;

/// The mapping of a file that holds `address`, if it is code and nobody can write to it
/// (proc_pid_maps(5)).
fn code(maps: &str, address: usize) -> Option<Range<usize>> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        let is_code = fields.next()? == "r-xp" && fields.nth(3)?.starts_with('/');
        (is_code && range.contains(&address)).then_some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as proc_pid_maps(5) describes them.
    const MAPS: &str = "\
00400000-00452000 r--p 00000000 08:02 173521      /usr/bin/it
00452000-00460000 r-xp 00052000 08:02 173521      /usr/bin/it
00460000-00465000 rwxp 00060000 08:02 173521      /usr/bin/it
00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0   [vdso]
";

    #[test]
    fn only_code_of_a_file_that_nobody_writes_to_is_dropped() {
        assert_eq!(code(MAPS, 0x45_2001), Some(0x45_2000..0x46_0000));
        for other in [0x40_0000, 0x46_0000, 0xe0_3000, 0x7fff_f7fc_1000, 0x1] {
            assert_eq!(code(MAPS, other), None, "{other:x}");
        }
    }

    #[test]
    fn code_that_was_dropped_comes_back() {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(code(&maps, HERE as usize).is_some(), "{maps}");
        give_back();
        let text = format!("{:?}", (0..100).map(|it| it * it).collect::<Vec<u32>>());
        assert!(text.ends_with("9801]"));
    }
}

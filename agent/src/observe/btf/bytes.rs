//! The bytes of a BTF file: mapped where the kernel allows it, otherwise read.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// `SYSFS_MAGIC` of `include/uapi/linux/magic.h`.
const SYSFS: u64 = 0x6265_6572;

/// The bytes of a file.
#[derive(Debug)]
pub enum Bytes {
    /// A copy.
    Read(Vec<u8>),
    /// The kernel's own pages, which cost neither memory nor a copy (Linux 6.16).
    Mapped(Mmap),
}

impl Bytes {
    /// All of a file of `size` bytes, and up to `limit` bytes if it is longer than it says.
    ///
    /// # Errors
    ///
    /// What read(2) says.
    pub(super) fn of(file: &File, size: u64, limit: u64) -> io::Result<Self> {
        if size <= limit
            && let Some(mapped) = mapped(file)
        {
            return Ok(Self::Mapped(mapped));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit)).unwrap_or(0) + 1);
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Self::Read(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            Self::Mapped(pages) => pages,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Read(bytes)
    }
}

/// `None`: this kernel cannot map its BTF, or the file is an ordinary one, which another process
/// could cut short below us.
fn mapped(file: &File) -> Option<Mmap> {
    let kind = rustix::fs::fstatfs(file).ok()?.f_type;
    if u64::try_from(kind).ok() != Some(SYSFS) {
        return None;
    }
    // SAFETY: these pages are a read-only section of the kernel's image; they never change or go
    // away (`btf_sysfs_vmlinux_mmap` of `kernel/bpf/sysfs_btf.c`, which wants a private mapping).
    unsafe { MmapOptions::new().map_copy_read_only(file) }.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_is_what_is_read() {
        let file = || File::open("/sys/kernel/btf/vmlinux").unwrap();
        let size = file().metadata().unwrap().len();
        let bytes = Bytes::of(&file(), size, size + 1).unwrap();
        let mut read = Vec::new();
        file().read_to_end(&mut read).unwrap();
        assert!(*bytes == *read);
    }

    #[test]
    fn an_ordinary_file_is_read_up_to_the_limit() {
        let path = std::env::temp_dir().join(format!("bpfready-bytes-{}", std::process::id()));
        std::fs::write(&path, [7; 100]).unwrap();
        let bytes = Bytes::of(&File::open(&path).unwrap(), 100, 10).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(&bytes, Bytes::Read(it) if it.len() == 10), "{bytes:?}");
    }
}

//! The kernel's own type information.

mod bytes;
mod enums;
mod error;
mod header;
mod kind;
mod members;
mod names;
mod parse;
mod summary;
mod types;
mod wanted;

#[cfg(test)]
mod builder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::host::MAX_FILE_BYTES;
use super::{Host, SourceError};
use crate::facts::btf::{BtfFacts, VmlinuxBtf};
use crate::facts::{Cause, Failure, Observed};

pub use bytes::Bytes;
pub use error::BtfError;
pub use kind::Kind;
pub use members::Member;
pub use summary::summary;
pub use types::Type;

const DIRECTORY: &str = "/sys/kernel/btf";
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// A BTF file that was checked once, so that questions to it cannot fail but by absence.
///
/// It holds the file (5 to 10 MB for a kernel; its own pages from Linux 6.16 on), four bytes a type for where its record is, and
/// about eight for the index of names.
#[derive(Debug)]
pub struct Btf {
    bytes: Bytes,
    header: header::Header,
    /// Where the record of each type starts; type 1 comes first.
    starts: Vec<u32>,
    names: names::Names,
}

impl Btf {
    /// Size of the file in bytes.
    pub fn byte_count(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// `hdr_len` in bytes: 24, or 32 from Linux 7.2 on.
    pub fn header_bytes(&self) -> u32 {
        self.header.length
    }

    /// How many types there are; the last one has this number.
    pub fn type_count(&self) -> u32 {
        self.starts.len() as u32
    }
}

/// Reads and parses `/sys/kernel/btf/vmlinux` of the running kernel, for those who ask it more
/// than the facts hold (offsets, type numbers).
///
/// `Known(None)`: the kernel has none (CONFIG_DEBUG_INFO_BTF unset). On a recording it is always
/// unknown: a recording holds the facts, not six megabytes.
pub fn load(host: &Host) -> Observed<Option<Btf>> {
    match read(host, VMLINUX) {
        Ok(Some(bytes)) => match Btf::parse(bytes) {
            Ok(btf) => Observed::Known(Some(btf)),
            Err(error) => Observed::unknown(Cause::Malformed, format!("{VMLINUX}: {error}")),
        },
        Ok(None) => absent(host),
        Err(error) => Observed::Unknown(error.into()),
    }
}

/// Without sysfs the file is missing whatever the kernel has.
fn absent<T>(host: &Host) -> Observed<Option<T>> {
    match host.list("/sys/kernel") {
        Ok(Some(names)) if !names.is_empty() => Observed::Known(None),
        Ok(_) => Observed::unknown(Cause::Prerequisite, "sysfs is not mounted at /sys"),
        Err(error) => Observed::Unknown(error.into()),
    }
}

/// What the running kernel's BTF says; `vmlinux` comes from [`load`].
pub fn btf(host: &Host, vmlinux: &Observed<Option<Btf>>) -> Observed<BtfFacts> {
    host.ask_observed("btf", || {
        vmlinux
            .as_ref()
            .map(|it| BtfFacts { vmlinux: it.as_ref().map(summary), modules: modules(host) })
    })
}

/// What it says at a later look on the same boot: modules come and go, the kernel's own stays.
pub(super) fn again(host: &Host, vmlinux: Option<VmlinuxBtf>) -> Observed<BtfFacts> {
    host.ask_observed("btf", || Observed::Known(BtfFacts { vmlinux, modules: modules(host) }))
}

/// Sizes of the modules' BTF; nothing of it is parsed.
fn modules(host: &Host) -> Observed<BTreeMap<String, Observed<u64>>> {
    let names = match host.list(DIRECTORY) {
        Ok(names) => names.unwrap_or_default().into_iter().filter(|it| it != "vmlinux"),
        Err(error) => return Observed::Unknown(error.into()),
    };
    let size = |name: String| {
        let size = module_size(host, &format!("{DIRECTORY}/{name}"));
        (name, size)
    };
    Observed::Known(names.map(size).collect())
}

fn module_size(host: &Host, path: &str) -> Observed<u64> {
    let gone = || Failure::new(Cause::Busy, format!("{path} went away: its module was unloaded"));
    let Some(file) = (match host.open_unrecorded(path) {
        Ok(file) => file,
        Err(error) => return Observed::Unknown(error.into()),
    }) else {
        return Observed::Unknown(gone());
    };
    let size = file.metadata().map(|it| it.len());
    size.map_err(|source| Failure::from(SourceError::Read { path: path.into(), source })).into()
}

fn read(host: &Host, path: &str) -> Result<Option<Bytes>, SourceError> {
    let Some(file) = host.open_unrecorded(path)? else { return Ok(None) };
    let failed = |source| SourceError::Read { path: path.into(), source };
    let size = file.metadata().map_err(failed)?.len();
    let bytes = Bytes::of(&file, size, MAX_FILE_BYTES + 1).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(SourceError::TooLarge { path: path.into(), limit: MAX_FILE_BYTES });
    }
    Ok(Some(bytes))
}

//! The two questions of legacy iptables: what a table is, and its entries.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::{Info, Ip};

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`; those of IPv6 have the same numbers.
const GET_INFO: i32 = 64;
const GET_ENTRIES: i32 = 65;
/// `XT_TABLE_MAXNAMELEN`.
const NAME_BYTES: usize = 32;
/// `struct ipt_getinfo`: name, valid hooks, 5 entries, 5 underflows, number of entries, size.
const INFO_BYTES: usize = NAME_BYTES + 13 * 4;
/// `struct ipt_get_entries` before its entries, which are aligned to 8 bytes.
const ENTRIES_HEADER_BYTES: usize = NAME_BYTES + 8;

/// Asks what a table is.
pub(super) fn info(ip: Ip, table: &str) -> Result<Info, Errno> {
    let mut bytes = vec![0; INFO_BYTES];
    put_name(&mut bytes, table)?;
    ask(ip, GET_INFO, &mut bytes)?;
    let numbers: Vec<u32> = bytes[NAME_BYTES..]
        .chunks_exact(4)
        .map(|it| it.try_into().map_or(0, u32::from_ne_bytes))
        .collect();
    let five = |from: usize| std::array::from_fn(|at| numbers[from + at]);
    Ok(Info {
        valid_hooks: numbers[0],
        hook_entry: five(1),
        underflow: five(6),
        num_entries: numbers[11],
        size: numbers[12],
    })
}

/// Asks for the entries, `size` bytes of them.
pub(super) fn entries(ip: Ip, table: &str, size: u32) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; ENTRIES_HEADER_BYTES + size as usize];
    put_name(&mut bytes, table)?;
    bytes[NAME_BYTES..NAME_BYTES + 4].copy_from_slice(&size.to_ne_bytes());
    ask(ip, GET_ENTRIES, &mut bytes)?;
    Ok(bytes.split_off(ENTRIES_HEADER_BYTES))
}

fn put_name(bytes: &mut [u8], table: &str) -> Result<(), Errno> {
    // The last byte stays zero.
    let room = bytes.get_mut(..table.len()).filter(|it| it.len() < NAME_BYTES);
    room.ok_or(Errno::NAMETOOLONG)?.copy_from_slice(table.as_bytes());
    Ok(())
}

/// getsockopt(2) that also takes something in; rustix has no such call.
fn ask(ip: Ip, option: i32, bytes: &mut [u8]) -> Result<(), Errno> {
    let (family, level) = match ip {
        Ip::V4 => (AddressFamily::INET, libc::SOL_IP),
        Ip::V6 => (AddressFamily::INET6, libc::SOL_IPV6),
    };
    let socket: OwnedFd = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let mut length = libc::socklen_t::try_from(bytes.len()).map_err(|_| Errno::TOOBIG)?;
    // SAFETY: `bytes` is ours, and the kernel writes at most `length` bytes to it.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            bytes.as_mut_ptr().cast(),
            std::ptr::from_mut(&mut length),
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

//! From the kernel's answer to yes, no, or could not tell.

use rustix::io::Errno;

use super::super::host::cause_of_io;
use super::super::netlink::NetlinkError;
use crate::facts::bpf::{Because, Support};
use crate::facts::{Cause, Failure};

/// Yes when it was done; no when the kernel refused with an errno of `absent`, those that it has
/// for what it does not know; otherwise unknown.
pub(super) fn of_netlink(what: &str, done: Result<(), NetlinkError>, absent: &[Errno]) -> Support {
    let Err(error) = done else { return Support::Supported };
    let detail = format!("{what}: {error}");
    match error.refusal() {
        Some(errno) if absent.contains(&errno) => not_in_kernel(detail),
        Some(Errno::PERM) => Support::unknown(Cause::PermissionDenied, no_net_admin(&detail)),
        _ => Support::unknown(Failure::from(error).cause, detail),
    }
}

/// [`of_netlink`] for a call of bpf(2).
pub(super) fn of_bpf(what: &str, done: Result<(), Errno>, absent: &[Errno]) -> Support {
    let Err(errno) = done else { return Support::Supported };
    let words = std::io::Error::from(errno);
    let detail = format!("{what}: {words}");
    if absent.contains(&errno) {
        return not_in_kernel(detail);
    }
    match cause_of_io(&words) {
        Cause::PermissionDenied => Support::unknown(Cause::PermissionDenied, no_net_admin(&detail)),
        Cause::Io => Support::unknown(Cause::Inconclusive, detail),
        cause => Support::unknown(cause, detail),
    }
}

/// The kernel took the attribute and tells nothing of it: before strict checking it skips
/// attributes that it does not know, so only reading back proves that it does.
pub(super) fn of_read_back(what: &str, found: bool) -> Support {
    if found {
        return Support::Supported;
    }
    not_in_kernel(format!("{what}: taken without an error and not there when read back"))
}

fn not_in_kernel(detail: String) -> Support {
    Support::unsupported(Because::NotInKernel, detail)
}

fn no_net_admin(detail: &str) -> String {
    format!("{detail}; it needs CAP_NET_ADMIN, and for programs CAP_BPF")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: Errno) -> Result<(), NetlinkError> {
        Err(NetlinkError::Refused { errno, words: None })
    }

    #[track_caller]
    fn expect(support: Support, want: Result<bool, Cause>) {
        let found = match support {
            Support::Supported => Ok(true),
            Support::Unsupported(_) => Ok(false),
            Support::Unknown(failure) => Err(failure.cause),
        };
        assert_eq!(found, want);
    }

    #[test]
    fn only_an_errno_of_absence_is_a_no() {
        let absent = [Errno::OPNOTSUPP];
        expect(of_netlink("veth", Ok(()), &absent), Ok(true));
        expect(of_netlink("veth", refused(Errno::OPNOTSUPP), &absent), Ok(false));
        expect(of_netlink("veth", refused(Errno::PERM), &absent), Err(Cause::PermissionDenied));
        expect(of_netlink("veth", refused(Errno::NOMEM), &absent), Err(Cause::OutOfMemory));
        expect(of_netlink("veth", refused(Errno::BUSY), &absent), Err(Cause::Busy));
        expect(of_netlink("veth", refused(Errno::INVAL), &absent), Err(Cause::Inconclusive));
        expect(of_netlink("veth", Err(NetlinkError::Timeout), &absent), Err(Cause::Timeout));
    }

    #[test]
    fn a_socket_that_does_not_open_is_no_refusal() {
        let socket = Err(NetlinkError::Socket(Errno::OPNOTSUPP));
        expect(of_netlink("veth", socket, &[Errno::OPNOTSUPP]), Err(Cause::Inconclusive));
    }

    #[test]
    fn bpf_knows_the_same_three_ends() {
        expect(of_bpf("tcx", Ok(()), &[Errno::INVAL]), Ok(true));
        expect(of_bpf("tcx", Err(Errno::INVAL), &[Errno::INVAL]), Ok(false));
        expect(of_bpf("tcx", Err(Errno::PERM), &[Errno::INVAL]), Err(Cause::PermissionDenied));
        expect(of_bpf("tcx", Err(Errno::NOMEM), &[Errno::INVAL]), Err(Cause::OutOfMemory));
        expect(of_bpf("tcx", Err(Errno::NODEV), &[Errno::INVAL]), Err(Cause::Inconclusive));
    }
}

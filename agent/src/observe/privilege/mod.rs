//! The rights of this process: what a "no" is worth depends on them.

pub mod status;
mod user_namespace;

use rustix::thread::CapabilitySet;

use super::Host;
use crate::facts::privilege::{Privilege, Seccomp};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::host::cause_of_io;

/// Reads effective capabilities, user namespace and seccomp mode of this process.
///
/// It is about the process that looks, so `/proc` here is its own and not the mounted root's.
pub fn privilege(host: &Host) -> Observed<Privilege> {
    host.ask_observed("privilege", || live().into())
}

/// Whether a seccomp filter stands before this process's calls: then ENOSYS and EPERM do not tell
/// what the kernel would have said. Not recorded; for use inside [`Host::ask`].
pub(super) fn behind_seccomp_filter() -> Result<bool, Failure> {
    Ok(own_status()?.seccomp == Seccomp::Filter)
}

fn live() -> Result<Privilege, Failure> {
    let status = own_status()?;
    let no_new_privs = rustix::thread::no_new_privs().map_err(|errno| {
        Failure::new(cause_of_io(&errno.into()), format!("prctl(PR_GET_NO_NEW_PRIVS): {errno}"))
    })?;
    Ok(Privilege {
        effective: (0..u64::BITS)
            .filter(|number| status.effective >> number & 1 == 1)
            .map(capability_name)
            .collect(),
        initial_user_namespace: user_namespace::is_initial()?,
        seccomp: status.seccomp,
        no_new_privs,
    })
}

fn own_status() -> Result<status::Status, Failure> {
    let text = std::fs::read_to_string(status::PATH).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(Cause::Prerequisite, format!("{}: no procfs is mounted", status::PATH))
        }
        _ => Failure::new(cause_of_io(&error), format!("cannot read {}: {error}", status::PATH)),
    })?;
    Ok(status::parse(&text)?)
}

/// The name that capabilities(7) gives a number; a number without one reads `CAP_63`.
fn capability_name(number: u32) -> String {
    match CapabilitySet::from_bits_retain(1 << number).iter_names().next() {
        Some((name, _)) => format!("CAP_{name}"),
        None => format!("CAP_{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `include/uapi/linux/capability.h`, in order of their numbers.
    const NAMES: &str = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP \
        LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER \
        SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE \
        SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP \
        MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF \
        CHECKPOINT_RESTORE";

    #[test]
    fn every_capability_has_the_name_of_the_kernel_header() {
        let expected: Vec<String> =
            NAMES.split_whitespace().map(|it| format!("CAP_{it}")).collect();
        let named: Vec<String> = (0..41).map(capability_name).collect();
        assert_eq!(named, expected);
    }

    #[test]
    fn a_capability_of_a_newer_kernel_is_told_by_number() {
        assert_eq!(capability_name(41), "CAP_41");
        assert_eq!(capability_name(63), "CAP_63");
    }

    #[test]
    fn this_process_can_say_what_it_may_do() {
        let seen = privilege(&Host::live().unwrap());
        let seen = seen.known().unwrap();
        let capget = rustix::thread::capabilities(None).unwrap().effective;
        assert_eq!(seen.effective.contains("CAP_BPF"), capget.contains(CapabilitySet::BPF));
        assert_eq!(seen.effective.len(), capget.bits().count_ones() as usize);
    }
}

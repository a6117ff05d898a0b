//! Driver version and channel counts, by the ioctl `SIOCETHTOOL`.
//!
//! The ioctl rather than generic netlink: it is in every kernel (the family needs
//! CONFIG_ETHTOOL_NETLINK and has no driver version), and `ETHTOOL_GDRVINFO` and
//! `ETHTOOL_GCHANNELS` are among the commands that `dev_ethtool()` of `net/ethtool/ioctl.c`
//! lets anybody use.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_void};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::ioctl::{self, Updater};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use serde::{Deserialize, Serialize};

use crate::facts::nic::Channels;
use crate::facts::{Cause, Failure, Observed};

/// `SIOCETHTOOL` of `include/uapi/linux/sockios.h`.
const SIOCETHTOOL: ioctl::Opcode = 0x8946;
/// Commands of `include/uapi/linux/ethtool.h`.
const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GCHANNELS: u32 = 0x3c;

/// What ethtool says of one interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ethtool {
    /// See [`crate::facts::nic::Nic::driver_version`].
    pub(super) version: Observed<Option<String>>,
    /// See [`crate::facts::nic::Nic::channels`].
    pub(super) channels: Observed<Option<Channels>>,
}

/// Asks for each of these interfaces of the calling thread's network namespace.
pub(super) fn ethtool(names: Vec<String>) -> Observed<BTreeMap<String, Ethtool>> {
    let flags = SocketFlags::CLOEXEC;
    let socket = match socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None) {
        Ok(socket) => socket,
        Err(errno) => return Observed::Unknown(failure("a socket for ethtool", errno)),
    };
    let ask = |name: String| {
        let version = version(&socket, &name);
        let channels = channels(&socket, &name);
        (name, Ethtool { version, channels })
    };
    Observed::Known(names.into_iter().map(ask).collect())
}

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [c_char; 32],
    version: [c_char; 32],
    /// Firmware, bus, expansion ROM, counts of flags and registers.
    rest: [u8; 128],
}

fn version(socket: &OwnedFd, name: &str) -> Observed<Option<String>> {
    let mut info =
        DriverInfo { command: ETHTOOL_GDRVINFO, driver: [0; 32], version: [0; 32], rest: [0; 128] };
    // SAFETY: `DriverInfo` is the structure that ETHTOOL_GDRVINFO fills.
    let asked = unsafe { ask(socket, name, (&raw mut info).cast()) };
    let release = rustix::system::uname();
    asked.map(|done| done.and_then(|()| own_version(&info.version, release.release())))
}

/// The version that the driver names. The kernel puts its own release there first, for the
/// driver to overwrite (`ethtool_get_drvinfo()`), so that is no version of the driver.
fn own_version(field: &[c_char; 32], release: &CStr) -> Option<String> {
    let bytes = field.map(|it| it.to_ne_bytes()[0]);
    let version = bytes.split(|it| *it == 0).next().unwrap_or_default();
    let cut = &release.to_bytes()[..release.count_bytes().min(field.len() - 1)];
    let named = !version.is_empty() && version != b"N/A" && version != cut;
    named.then(|| String::from_utf8_lossy(version).into_owned())
}

/// `struct ethtool_channels`.
#[repr(C)]
#[derive(Default)]
struct ChannelCounts {
    command: u32,
    max_rx: u32,
    max_tx: u32,
    max_other: u32,
    max_combined: u32,
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

fn channels(socket: &OwnedFd, name: &str) -> Observed<Option<Channels>> {
    let mut counts = ChannelCounts { command: ETHTOOL_GCHANNELS, ..ChannelCounts::default() };
    // SAFETY: `ChannelCounts` is the structure that ETHTOOL_GCHANNELS fills.
    let asked = unsafe { ask(socket, name, (&raw mut counts).cast()) };
    asked.map(|done| {
        done.map(|()| Channels {
            combined_max: counts.max_combined,
            combined: counts.combined,
            rx_max: counts.max_rx,
            rx: counts.rx,
            tx_max: counts.max_tx,
            tx: counts.tx,
        })
    })
}

/// `struct ifreq` of `include/uapi/linux/if.h`, with its pointer member.
#[repr(C)]
struct Request {
    name: [u8; 16],
    data: *mut c_void,
    /// The union is 24 bytes on 64-bit machines, of which the pointer takes the first.
    rest: [u8; 24 - size_of::<*mut c_void>()],
}

/// Runs one command; `Known(None)`: the driver has no such call.
///
/// # Safety
///
/// `data` points to the structure that its first word, the command, names.
unsafe fn ask(socket: &OwnedFd, name: &str, data: *mut c_void) -> Observed<Option<()>> {
    let mut request = Request { name: [0; 16], data, rest: [0; 24 - size_of::<*mut c_void>()] };
    let Some(field) = request.name.get_mut(..name.len()).filter(|it| it.len() < 16) else {
        return Observed::unknown(Cause::Malformed, format!("{name}: too long for an interface"));
    };
    field.copy_from_slice(name.as_bytes());
    // SAFETY: SIOCETHTOOL reads a `struct ifreq` and writes to what its pointer names, which the
    // caller vouches for.
    let done = unsafe {
        ioctl::ioctl(socket.as_fd(), Updater::<{ SIOCETHTOOL }, Request>::new(&mut request))
    };
    match done {
        Ok(()) => Observed::Known(Some(())),
        Err(Errno::OPNOTSUPP) => Observed::Known(None),
        Err(errno) => Observed::Unknown(failure(name, errno)),
    }
}

fn failure(what: &str, errno: Errno) -> Failure {
    let cause = match errno {
        // It went away, or got another name, between the list and this question.
        Errno::NODEV => Cause::Busy,
        other => super::super::host::cause_of_io(&other.into()),
    };
    Failure::new(cause, format!("{what}: {}", std::io::Error::from(errno)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(field: &str, want: Option<&str>) {
        let mut version = [0; 32];
        for (to, from) in version.iter_mut().zip(field.bytes()) {
            *to = from as c_char;
        }
        let release = c"5.10.250-240.979.amzn2023.x86_64-with-a-tail";
        assert_eq!(own_version(&version, release).as_deref(), want);
    }

    #[test]
    fn only_the_drivers_own_version_counts() {
        expect("2.13.0g", Some("2.13.0g"));
        expect("", None);
        expect("N/A", None);
        // strscpy() cuts the release at 31 bytes.
        expect("5.10.250-240.979.amzn2023.x86_6", None);
    }

    #[test]
    fn an_interface_that_is_not_there_is_unknown() {
        let Observed::Known(answers) = ethtool(vec!["bpfready-none".into()]) else { panic!() };
        let failure = answers["bpfready-none"].channels.failure().unwrap();
        assert_eq!(failure.cause, Cause::Busy);
    }
}

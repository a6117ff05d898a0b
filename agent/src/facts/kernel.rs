//! What the running kernel and its distribution are.

use serde::{Deserialize, Serialize};

use super::Observed;

/// The running kernel, by its own words. Never used to decide a feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelFacts {
    /// uname(2): release, version, machine.
    pub uname: Observed<Uname>,
    /// `/proc/sys/kernel/random/boot_id`; `Known(None)`: no such file.
    pub boot_id: Observed<Option<String>>,
    /// os-release(5) of the host root; `Known(None)`: no such file.
    pub os: Observed<Option<OsRelease>>,
    /// Whether `/proc/schedstat` is there (CONFIG_SCHEDSTATS): Cilium reads the kernel's timer
    /// frequency from it.
    pub schedstat: Observed<bool>,
    /// Whether `/proc/net/if_inet6` is there: the kernel has IPv6, and `ipv6.disable=1` is not
    /// given. An interface, or all of them by sysctl, may still have none.
    pub ipv6: Observed<bool>,
}

/// uname(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uname {
    /// `uname -r`, such as `6.1.0-45-cloud-amd64`.
    pub release: String,
    /// `uname -v`.
    pub version: String,
    /// `uname -m`: `x86_64`, `aarch64`, …
    pub machine: String,
}

impl Uname {
    /// Major and minor of the release; `None` when the release does not begin with two numbers.
    pub fn major_minor(&self) -> Option<(u32, u32)> {
        let mut numbers = self.release.split(|it: char| !it.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

/// The fields of os-release(5) that name the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`, such as `amzn`; absent means `linux`.
    pub id: String,
    /// `VERSION_ID`, such as `2023`; empty when absent.
    pub version_id: String,
    /// `PRETTY_NAME`; empty when absent.
    pub pretty_name: String,
}

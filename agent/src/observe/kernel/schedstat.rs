//! `/proc/schedstat`, from which Cilium computes the kernel's timer frequency.

use crate::facts::Observed;
use crate::observe::{Host, procfs};

/// There with CONFIG_SCHEDSTATS only (`kernel/sched/stats.c`).
const PATH: &str = "/proc/schedstat";

/// Whether the kernel keeps scheduler statistics.
pub(super) fn schedstat(host: &Host) -> Observed<bool> {
    match host.read_bytes(PATH) {
        Ok(Some(_)) => Observed::Known(true),
        Ok(None) => procfs::absent(host, PATH, false),
        Err(error) => Observed::Unknown(error.into()),
    }
}

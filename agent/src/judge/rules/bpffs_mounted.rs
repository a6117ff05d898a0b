//! Rule `bpffs-mounted`: bpffs is at `/sys/fs/bpf`, so pins outlive the agent's pod. Cilium's chart
//! mounts it unless `bpf.autoMount.enabled` is false, so this never blocks.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::mounts::BPF_FS_MAGIC;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "bpffs-mounted",
    source: "https://docs.cilium.io/en/stable/operations/system_requirements/#mounted-ebpf-filesystem",
    check,
};

/// The directory is sysfs' own (`SYSFS_MAGIC` of `include/uapi/linux/magic.h`).
const SYSFS_MAGIC: u64 = 0x6265_6572;

fn check(case: &Case<'_>) -> Answer {
    let magic = match &case.facts.mounts.sys_fs_bpf_magic {
        Observed::Known(magic) => *magic,
        Observed::Unknown(failure) => {
            return Answer::failed_look(Severity::Advisory, "/sys/fs/bpf", failure);
        }
    };
    if magic == Some(BPF_FS_MAGIC) {
        return Answer::pass("bpffs is mounted at /sys/fs/bpf");
    }
    let found = match magic {
        None => "no such directory".to_owned(),
        Some(SYSFS_MAGIC) => "nothing is mounted there".to_owned(),
        Some(it) => format!("another file system, magic {it:#x}"),
    };
    Answer::fail(Severity::Advisory, Reason::BpffsNotMounted, "bpffs is not at /sys/fs/bpf")
        .remedy("mount -t bpf bpf /sys/fs/bpf, or keep the chart's bpf.autoMount.enabled=true.")
        .evidence([format!("/sys/fs/bpf: {found}")])
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn sysfs_below_means_that_nothing_is_mounted() {
        let mut facts = sample::kernel(6, 12);
        facts.mounts.sys_fs_bpf_magic = Observed::Known(Some(0x6265_6572));
        expect(&RULE, &facts, Outcome::Fail, Reason::BpffsNotMounted);
        facts.mounts.sys_fs_bpf_magic = Observed::Known(None);
        expect(&RULE, &facts, Outcome::Fail, Reason::BpffsNotMounted);
    }

    #[test]
    fn mounted_passes_and_unreadable_is_unknown() {
        expect(&RULE, &sample::kernel(6, 12), Outcome::Pass, Reason::Satisfied);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}

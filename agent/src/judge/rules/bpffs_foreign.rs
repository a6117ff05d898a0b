//! Rule `bpffs-not-foreign`: `/sys/fs/bpf` does not hold another file system. Cilium would mount
//! bpffs at `/run/cilium/bpffs` instead, and lose pinned state when its pod restarts.

use super::{Answer, Case, Rule};
use crate::facts::Observed;
use crate::facts::mounts::BPF_FS_MAGIC;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "bpffs-not-foreign",
    source: "https://github.com/cilium/cilium/blob/v1.18.0/pkg/bpf/bpffs_linux.go",
    check,
};

/// What an empty mount point shows: `SYSFS_MAGIC` of `include/uapi/linux/magic.h`.
const SYSFS_MAGIC: u64 = 0x6265_6572;

fn check(case: &Case<'_>) -> Answer {
    match &case.facts.mounts.sys_fs_bpf_magic {
        Observed::Unknown(failure) => {
            Answer::failed_look(Severity::Degraded, "/sys/fs/bpf", failure)
        }
        Observed::Known(None) => Answer::not_applicable("there is no /sys/fs/bpf"),
        Observed::Known(Some(BPF_FS_MAGIC | SYSFS_MAGIC)) => {
            Answer::pass("/sys/fs/bpf holds no other file system")
        }
        Observed::Known(Some(magic)) => Answer::fail(
            Severity::Degraded,
            Reason::BpffsForeign,
            "Cilium would use /run/cilium/bpffs and lose its pins at every restart",
        )
        .remedy("Unmount what is at /sys/fs/bpf, then mount -t bpf bpf /sys/fs/bpf.")
        .evidence([format!("the file system at /sys/fs/bpf has magic {magic:#x}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn tmpfs_there_fails() {
        let mut facts = sample::kernel(6, 12);
        facts.mounts.sys_fs_bpf_magic = Observed::Known(Some(0x0102_1994));
        expect(&RULE, &facts, Outcome::Fail, Reason::BpffsForeign);
    }

    #[test]
    fn nothing_mounted_is_another_rules_matter() {
        let mut facts = sample::kernel(6, 12);
        facts.mounts.sys_fs_bpf_magic = Observed::Known(Some(0x6265_6572));
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
        facts.mounts.sys_fs_bpf_magic = Observed::Known(None);
        expect(&RULE, &facts, Outcome::NotApplicable, Reason::NotApplicable);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::PermissionDenied);
    }
}

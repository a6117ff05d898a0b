//! The kernel's run-time statistics of BPF programs, switched on for as long as they are asked for.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::enumerate::{self, ProgramInfo};
use crate::facts::privilege::Privilege;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;
use crate::observe::bpf::answer::Rights;
use crate::observe::bpf::sys::{Cmd, EnableStats, GetId, bpf_fd, object_info};

/// What one program took since it was loaded, as far as statistics were on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunTime {
    /// Nanoseconds, on all processors together.
    pub nanoseconds: u64,
    /// How often it ran.
    pub runs: u64,
}

/// Statistics that are on: the kernel counts as long as somebody holds such a descriptor, and
/// switches off with the last of them, also when its holder is killed.
#[derive(Debug)]
pub struct Statistics {
    /// Held for what it does.
    _on: OwnedFd,
    rights: Rights,
}

impl Statistics {
    /// Switches them on: `BPF_ENABLE_STATS`, Linux 5.8, CAP_SYS_ADMIN (`bpf_enable_stats()` of
    /// <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/syscall.c>).
    ///
    /// # Errors
    ///
    /// Without that right, on older kernels, and of a recording, in which nothing runs.
    pub fn switch_on(host: &Host, privilege: &Observed<Privilege>) -> Result<Self, Failure> {
        if host.recording().is_some() {
            return Err(Failure::new(Cause::NotRecorded, "in a recording no program runs"));
        }
        let rights = Rights::of(privilege);
        let on = bpf_fd(Cmd::EnableStats, &mut EnableStats::default()).map_err(|it| match it {
            Errno::INVAL => {
                let detail = "BPF_ENABLE_STATS: EINVAL: this kernel is older than 5.8";
                Failure::new(Cause::NotSupported, detail)
            }
            errno => rights.failure("BPF_ENABLE_STATS (needs CAP_SYS_ADMIN)", errno),
        })?;
        Ok(Self { _on: on, rights })
    }

    /// Of every loaded program, by id.
    ///
    /// # Errors
    ///
    /// When the programs cannot be listed.
    pub fn all(&self) -> Result<BTreeMap<u32, RunTime>, Failure> {
        let list =
            enumerate::all::<ProgramInfo>(self.rights, Cmd::ProgGetNextId, Cmd::ProgGetFdById)?;
        Ok(list.iter().map(|it| (it.id, it.into())).collect())
    }

    /// Of one program; `None`: it is not loaded any more.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn of(&self, id: u32) -> Result<Option<RunTime>, Failure> {
        let mut attr = GetId { id, ..GetId::default() };
        let info = bpf_fd(Cmd::ProgGetFdById, &mut attr).and_then(|it| object_info(&it));
        match info {
            Ok(info) => Ok(Some(RunTime::from(&info))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.rights.failure(&format!("ProgGetFdById {id}"), errno)),
        }
    }
}

impl From<&ProgramInfo> for RunTime {
    fn from(info: &ProgramInfo) -> Self {
        Self { nanoseconds: info.run_time_ns, runs: info.run_count }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use rustix::thread::CapabilitySet;

    use super::*;
    use crate::observe::as_if::{DEFAULT_RUNG, permitted, with_capabilities};
    use crate::observe::bpf::insn::returns;
    use crate::observe::bpf::sys::{Program, TestRun, bpf};
    use crate::observe::privilege::privilege;

    fn switch_on() -> Result<Statistics, Failure> {
        let host = Host::live().unwrap();
        Statistics::switch_on(&host, &privilege(&host))
    }

    /// `return 0` for a socket, run so often by BPF_PROG_TEST_RUN.
    fn run(program: &OwnedFd, times: u32) {
        let packet = [0_u8; 64];
        let mut attr = TestRun {
            prog_fd: program.as_raw_fd(),
            data_in: packet.as_ptr() as u64,
            data_size_in: 64,
            repeat: times,
            ..TestRun::default()
        };
        bpf(Cmd::ProgTestRun, &mut attr).unwrap();
    }

    #[test]
    fn a_program_that_ran_is_told_with_its_runs_and_its_time() {
        assert!(permitted().contains(CapabilitySet::SYS_ADMIN), "this test needs CAP_SYS_ADMIN");
        let statistics = switch_on().unwrap();
        let insns = returns(0);
        let socket_filter = 1;
        let program = Program {
            name: "counted",
            program_type: socket_filter,
            insns: &insns,
            ..Program::default()
        };
        let program = program.load().unwrap();
        let id = object_info::<[u32; 2]>(&program).unwrap()[1];
        assert_eq!(statistics.of(id), Ok(Some(RunTime::default())));
        run(&program, 1000);
        let told = statistics.of(id).unwrap().expect("it is loaded");
        assert_eq!(told.runs, 1000);
        assert!(told.nanoseconds > 0, "{told:?}");
        assert_eq!(statistics.all().unwrap().get(&id), Some(&told));
        drop(program);
        assert_eq!(statistics.of(id), Ok(None), "it is gone, which is not 0");
    }

    #[test]
    fn without_the_right_the_kernel_refuses_and_says_so() {
        let refused = with_capabilities(DEFAULT_RUNG, || switch_on().map(drop));
        let failure = refused.unwrap_err();
        assert_eq!(failure.cause, Cause::PermissionDenied);
        assert!(failure.detail.contains("CAP_SYS_ADMIN"), "{}", failure.detail);
    }
}

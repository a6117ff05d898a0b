//! Which programs are attached to a link or cgroup, `BPF_PROG_QUERY`.

use rustix::io::Errno;

use super::sys::{Cmd, ProgQuery, bpf};

/// `BPF_MPROG_MAX` of `include/linux/bpf_mprog.h`, and `BPF_CGROUP_MAX_PROGS` of
/// `include/linux/bpf-cgroup-defs.h`: no hook holds more.
const MOST: usize = 64;

/// The first attach type of hooks that tell the BPF link of each program (tcx, Linux 6.6). Cgroups
/// are not asked for it.
const FIRST_WITH_LINKS: u32 = 46;

/// One program on a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe) struct OnHook {
    /// Its kernel id.
    pub(in crate::observe) program_id: u32,
    /// The BPF link that holds it; `None`: attached without one, or not told.
    pub(in crate::observe) link_id: Option<u32>,
}

/// Programs at this attach type of `target`: the index of a link, or a descriptor of a cgroup.
///
/// # Errors
///
/// The kernel's errno; `EINVAL` where it knows no such attach type.
pub(in crate::observe) fn attached(target: i32, attach_type: u32) -> Result<Vec<OnHook>, Errno> {
    let (mut programs, mut links) = ([0_u32; MOST], [0_u32; MOST]);
    let tells_links = attach_type >= FIRST_WITH_LINKS;
    let mut attr = ProgQuery {
        target,
        attach_type,
        prog_ids: programs.as_mut_ptr() as u64,
        prog_cnt: MOST as u32,
        link_ids: if tells_links { links.as_mut_ptr() as u64 } else { 0 },
        ..ProgQuery::default()
    };
    bpf(Cmd::ProgQuery, &mut attr)?;
    let pairs = programs.iter().zip(links).take(attr.prog_cnt as usize);
    let on_hook = |(id, link): (&u32, u32)| OnHook {
        program_id: *id,
        link_id: Some(link).filter(|it| *it != 0),
    };
    Ok(pairs.map(on_hook).collect())
}

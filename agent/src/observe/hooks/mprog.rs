//! Programs on hooks of links that run several in order: tcx and netkit, by `BPF_PROG_QUERY`.

use rustix::io::Errno;

use super::super::bpf::answer::Rights;
use super::super::bpf::query::attached;
use crate::facts::Failure;
use crate::facts::hooks::{Attached, Direction};

/// `enum bpf_attach_type`.
const TCX: [(u32, Direction); 2] = [(46, Direction::Ingress), (47, Direction::Egress)];
/// `BPF_NETKIT_PRIMARY`, `BPF_NETKIT_PEER`.
const NETKIT: [(u32, Direction); 2] = [(54, Direction::Egress), (55, Direction::Ingress)];

/// Programs on the tcx hooks of these links.
pub(super) fn tcx(rights: Rights, links: &[u32]) -> Result<Vec<Attached>, Failure> {
    all(rights, links, TCX)
}

/// Programs on these netkit links, which must be primary ends.
pub(super) fn netkit(rights: Rights, links: &[u32]) -> Result<Vec<Attached>, Failure> {
    all(rights, links, NETKIT)
}

fn all(
    rights: Rights,
    links: &[u32],
    hooks: [(u32, Direction); 2],
) -> Result<Vec<Attached>, Failure> {
    let mut list = Vec::new();
    for link in links {
        for (attach_type, direction) in hooks {
            match attached(link.cast_signed(), attach_type) {
                Ok(programs) => list.extend(programs.into_iter().map(|it| Attached {
                    link: *link,
                    direction,
                    program_id: it.program_id,
                    bpf_link_id: it.link_id,
                })),
                // No program was ever there, or the link is gone.
                Err(Errno::NOENT | Errno::NODEV) => {}
                // `bpf_prog_query()`: no such attach type, so no such hook in this kernel.
                Err(Errno::INVAL) => return Ok(Vec::new()),
                Err(errno) => {
                    let what = format!("query attach type {attach_type} of link {link}");
                    return Err(rights.failure(&what, errno));
                }
            }
        }
    }
    Ok(list)
}

//! Which programs and links there are, asked again and again at little cost.

use std::hash::{DefaultHasher, Hash, Hasher};

use agent_ebpf::iter::{LinkRecord, ProgramRecord};

use super::iterate::{Attached, LINKS, PROGRAMS};
use super::{Layout, enumerate};
use crate::facts::privilege::Privilege;
use crate::facts::{Failure, Observed};
use crate::observe::bpf::answer::Rights;
use crate::observe::bpf::sys::Cmd;

/// A way to ask which programs and links are loaded that keeps what it needs between questions.
///
/// The kernel tells nobody of a tcx, netkit or cgroup attachment: there is no netlink message, and
/// the audit log's (`AUDIT_BPF`) needs CAP_AUDIT_READ and a kernel that audits. What every such
/// attachment changes is one of these two lists.
pub struct Standing {
    way: Way,
    rights: Rights,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Loaded programs.
    Programs,
    /// Links: what is attached by a descriptor, as Cilium does on every kernel that can.
    Links,
}

enum Way {
    /// Loaded once: a question is two system calls and a read of a few bytes for each object.
    Iterators { programs: Attached, links: Attached },
    /// CAP_SYS_ADMIN without BTF: a system call for each object.
    Ids,
}

impl Standing {
    /// Takes iterators, and where they do not work the enumeration of ids.
    ///
    /// # Errors
    ///
    /// Why iterators do not work, where neither does.
    pub fn start(privilege: &Observed<Privilege>, layout: &Layout) -> Result<Self, Failure> {
        let rights = Rights::of(privilege);
        let iterators = PROGRAMS.attach(rights, &layout.programs).and_then(|programs| {
            LINKS.attach(rights, &layout.links).map(|links| Way::Iterators { programs, links })
        });
        let way = match iterators {
            Ok(way) => way,
            Err(failure) => match enumerate::ids(rights, Cmd::ProgGetNextId) {
                Ok(_) => Way::Ids,
                Err(_) => return Err(failure),
            },
        };
        Ok(Self { way, rights })
    }

    /// A number that changes when a program, or a link, comes or goes.
    ///
    /// # Errors
    ///
    /// When the kernel does not answer this time.
    pub fn digest(&self, list: List) -> Result<u64, Failure> {
        let mut hasher = DefaultHasher::new();
        match (&self.way, list) {
            (Way::Iterators { programs, links }, List::Programs) => {
                let own = [programs.own.program, links.own.program];
                let ids = programs.read::<ProgramRecord>()?.into_iter().map(|it| it.id);
                ids.filter(|it| !own.contains(it)).for_each(|it| it.hash(&mut hasher));
            }
            (Way::Iterators { programs, links }, List::Links) => {
                let own = [programs.own.link, links.own.link];
                // A link can be given another program (BPF_LINK_UPDATE).
                let all = links.read::<LinkRecord>()?.into_iter().map(|it| (it.id, it.program_id));
                all.filter(|it| !own.contains(&it.0)).for_each(|it| it.hash(&mut hasher));
            }
            (Way::Ids, list) => {
                let next = match list {
                    List::Programs => Cmd::ProgGetNextId,
                    List::Links => Cmd::LinkGetNextId,
                };
                enumerate::ids(self.rights, next)?.hash(&mut hasher);
            }
        }
        Ok(hasher.finish())
    }
}

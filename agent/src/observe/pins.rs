//! What is pinned in the host's bpffs mounts.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{self, FileType};
use rustix::io::Errno;

use super::Host;
use super::bpf::answer::Rights;
use super::bpf::sys::{Cmd, ObjGet, bpf_fd, object_info};
use super::host::cause_of_io;
use crate::facts::mounts::{BPF_FS_MAGIC, MountFacts};
use crate::facts::pins::{Pin, PinnedObject, Pins};
use crate::facts::privilege::Privilege;
use crate::facts::{Cause, Failure, Observed};

/// Most objects that are opened to learn what they are; the others are listed by their paths.
const MOST_OPENED: usize = 5_000;
/// Deepest directory; Cilium's pins lie five deep.
const DEEPEST: usize = 16;

/// Walks every bpffs that can be reached by its path.
///
/// Opening an object needs write permission on its file, as bpffs gives it to its owner, and on
/// kernels before 5.19 with `kernel.unprivileged_bpf_disabled` also CAP_BPF.
pub(super) fn pins(
    host: &Host,
    privilege: &Observed<Privilege>,
    mounts: &MountFacts,
) -> Observed<Pins> {
    let live = || {
        let rights = Rights::of(privilege);
        mounts.bpffs.as_ref().and_then(|bpffs| {
            let mut walk = Walk { host, rights, pins: Pins::default(), opened: 0 };
            let visible = bpffs.iter().filter(|it| !matches!(it.owner, Observed::Known(None)));
            let mut paths: Vec<&str> = visible.map(|it| it.path.as_str()).collect();
            paths.sort_unstable();
            paths.dedup();
            match paths.into_iter().try_for_each(|it| walk.mount(it)) {
                Ok(()) => Observed::Known(walk.pins),
                Err(failure) => Observed::Unknown(failure),
            }
        })
    };
    host.ask_observed("pins", live)
}

/// What the kernel itself puts into each bpffs (`CONFIG_BPF_PRELOAD_UMD`, `bpf_preload_list` of
/// `kernel/bpf/inode.c`): nobody pinned it.
const PRELOADED: [&str; 2] = ["maps.debug", "progs.debug"];

struct Walk<'a> {
    host: &'a Host,
    rights: Rights,
    pins: Pins,
    opened: usize,
}

impl Walk<'_> {
    fn mount(&mut self, path: &str) -> Result<(), Failure> {
        let gone =
            || Failure::new(Cause::Inconclusive, format!("{path}: not there for this process"));
        let directory = self.host.open_unrecorded(path)?.ok_or_else(gone)?;
        let magic = fs::fstatfs(&directory).map_err(|errno| failed(path, errno))?.f_type;
        if magic.cast_unsigned() != BPF_FS_MAGIC {
            let detail = format!("{path}: this process sees no bpffs there, the host does");
            return Err(Failure::new(Cause::Inconclusive, detail));
        }
        self.directory(&directory, path, 0)
    }

    fn directory(&mut self, directory: &File, path: &str, depth: usize) -> Result<(), Failure> {
        let mut entries = Vec::new();
        for entry in fs::Dir::read_from(directory).map_err(|errno| failed(path, errno))? {
            let entry = entry.map_err(|errno| failed(path, errno))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_pin =
                ![".", ".."].contains(&name.as_str()) && !PRELOADED.contains(&name.as_str());
            if is_pin && entries.len() < Pins::MOST {
                entries.push((name, entry.file_type()));
            }
        }
        entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        if entries.is_empty() && depth > 0 {
            self.list(path.to_owned(), Observed::Known(None));
        }
        for (name, kind) in entries {
            if self.pins.list.len() >= Pins::MOST {
                self.pins.truncated = true;
                return Ok(());
            }
            self.entry(directory, &name, kind, format!("{path}/{name}"), depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        directory: &File,
        name: &str,
        kind: FileType,
        path: String,
        depth: usize,
    ) -> Result<(), Failure> {
        if kind == FileType::Symlink {
            // Its target is listed where it lies.
            return Ok(());
        }
        if kind != FileType::Directory {
            let object = self.object(directory, name).map(Some).into();
            self.list(path, object);
            return Ok(());
        }
        if depth >= DEEPEST {
            self.list(path, Observed::unknown(Cause::TooLarge, "too deep"));
            return Ok(());
        }
        let flags = fs::OFlags::RDONLY | fs::OFlags::DIRECTORY | fs::OFlags::NOFOLLOW;
        match fs::openat(directory, name, flags | fs::OFlags::CLOEXEC, fs::Mode::empty()) {
            Ok(inner) => self.directory(&File::from(inner), &path, depth + 1),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => {
                let failure = failed(&path, errno);
                self.list(path, Observed::Unknown(failure));
                Ok(())
            }
        }
    }

    fn list(&mut self, path: String, object: Observed<Option<PinnedObject>>) {
        self.pins.list.push(Pin { path, object });
    }

    /// Opens the object, which is let go at once, and asks what it is.
    fn object(&mut self, directory: &File, name: &str) -> Result<PinnedObject, Failure> {
        self.opened += 1;
        if self.opened > MOST_OPENED {
            let detail = format!("more than {MOST_OPENED} objects, not opened");
            return Err(Failure::new(Cause::TooLarge, detail));
        }
        let path = format!("/proc/self/fd/{}/{name}\0", directory.as_raw_fd());
        let mut attr = ObjGet { pathname: path.as_ptr() as u64, ..ObjGet::default() };
        let object = bpf_fd(Cmd::ObjGet, &mut attr);
        let refused = |errno| self.rights.failure("BPF_OBJ_GET", errno);
        kind(&object.map_err(refused)?).map_err(refused)
    }
}

/// The kernel names the kind of a BPF descriptor by its file (`anon_inode_getfd()` in
/// `kernel/bpf/syscall.c`); maps, links and programs all tell their id second.
fn kind(object: &OwnedFd) -> Result<PinnedObject, Errno> {
    let link = format!("/proc/self/fd/{}", object.as_raw_fd());
    let name = fs::readlink(link.as_str(), Vec::new())?;
    let [_, id] = object_info::<[u32; 2]>(object)?;
    match name.to_bytes() {
        b"anon_inode:bpf-prog" => Ok(PinnedObject::Program(id)),
        b"anon_inode:bpf-map" => Ok(PinnedObject::Map(id)),
        b"anon_inode:bpf_link" | b"anon_inode:bpf-link" => Ok(PinnedObject::Link(id)),
        _ => Err(Errno::INVAL),
    }
}

fn failed(path: &str, errno: Errno) -> Failure {
    let error = std::io::Error::from(errno);
    Failure::new(cause_of_io(&error), format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustix::mount::{MountFlags, mount};
    use rustix::thread::CapabilitySet;

    use super::*;
    use crate::facts::mounts::{BpffsMount, CgroupMode, Owner};
    use crate::observe::as_if::{DEFAULT_RUNG, with_capabilities};
    use crate::observe::bpf::insn::returns;
    use crate::observe::bpf::sys::{MapCreate, Program, bpf};
    use crate::observe::net_probe::namespace::tests::inside_own_mounts;
    use crate::observe::privilege::privilege;

    /// Runs with a bpffs at an empty directory that nobody else sees; `None` where that is not
    /// allowed.
    fn with_bpffs<T: Send>(run: impl FnOnce(&Path) -> T + Send) -> Option<T> {
        let dir = tempfile::tempdir().unwrap();
        inside_own_mounts(|| {
            mount("bpf", dir.path(), "bpf", MountFlags::empty(), None).unwrap();
            run(dir.path())
        })
    }

    fn pin(object: &OwnedFd, path: &Path) {
        let path = format!("{}\0", path.display());
        let bpf_fd = u32::try_from(object.as_raw_fd()).unwrap();
        let mut attr = ObjGet { pathname: path.as_ptr() as u64, bpf_fd, ..ObjGet::default() };
        bpf(Cmd::ObjPin, &mut attr).unwrap();
    }

    fn program() -> OwnedFd {
        let insns = returns(0);
        Program { name: "cil_from_netdev", program_type: 3, insns: &insns, ..Program::default() }
            .load()
            .unwrap()
    }

    fn map() -> OwnedFd {
        // BPF_MAP_TYPE_ARRAY.
        let mut attr = MapCreate {
            map_type: 2,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            ..MapCreate::default()
        };
        bpf_fd(Cmd::MapCreate, &mut attr).unwrap()
    }

    fn id(object: &OwnedFd) -> u32 {
        object_info::<[u32; 2]>(object).unwrap()[1]
    }

    fn look(path: &Path, owner: Observed<Option<Owner>>) -> Observed<Pins> {
        let mount = BpffsMount { path: path.to_str().unwrap().into(), options: Vec::new(), owner };
        let mounts = MountFacts {
            bpffs: Observed::Known(vec![mount]),
            sys_fs_bpf_magic: Observed::Known(None),
            cgroup: Observed::Known(CgroupMode::None),
            cgroup2: Observed::Known(Vec::new()),
            net_cls: Observed::Known(false),
        };
        let host = Host::live().unwrap();
        pins(&host, &privilege(&host), &mounts)
    }

    const ROOT: Observed<Option<Owner>> =
        Observed::Known(Some(Owner { uid: 0, gid: 0, mode: 0o1777 }));

    #[test]
    fn what_is_pinned_is_told_by_path_and_id_with_the_rights_of_the_daemonset_too() {
        with_bpffs(|root| {
            std::fs::create_dir_all(root.join("cilium/devices/eth0/links")).unwrap();
            std::fs::create_dir_all(root.join("tc/globals")).unwrap();
            let (program, map) = (program(), map());
            pin(&program, &root.join("cilium/devices/eth0/links/cil_from_netdev"));
            pin(&map, &root.join("cilium_lxc"));
            let pin = |path: &str, object| Pin {
                path: root.join(path).to_str().unwrap().into(),
                object: Observed::Known(object),
            };
            let want = [
                pin(
                    "cilium/devices/eth0/links/cil_from_netdev",
                    Some(PinnedObject::Program(id(&program))),
                ),
                pin("cilium_lxc", Some(PinnedObject::Map(id(&map)))),
                pin("tc/globals", None),
            ];
            let seen = look(root, ROOT);
            assert_eq!(seen.known().unwrap().list, want);
            let path = root.to_owned();
            assert_eq!(with_capabilities(DEFAULT_RUNG, move || look(&path, ROOT)), seen);
        });
    }

    #[test]
    fn a_mount_that_is_hidden_or_empty_holds_no_pin_and_one_that_is_no_bpffs_settles_nothing() {
        with_bpffs(|root| {
            assert_eq!(look(root, ROOT), Observed::Known(Pins::default()));
            std::fs::create_dir(root.join("inside")).unwrap();
            assert_eq!(look(root, Observed::Known(None)), Observed::Known(Pins::default()));
        });
        let other = look(Path::new("/tmp"), ROOT);
        assert_eq!(other.failure().map(|it| it.cause), Some(Cause::Inconclusive));
    }

    #[test]
    fn without_any_right_an_object_is_unknown_and_its_path_is_not() {
        with_bpffs(|root| {
            pin(&map(), &root.join("cilium_lxc"));
            let path = root.to_owned();
            let seen = with_capabilities(CapabilitySet::empty(), move || look(&path, ROOT));
            let list = &seen.known().unwrap().list;
            assert_eq!(list.len(), 1);
            // uid 0 owns the file, so it is the sysctl that decides.
            if let Observed::Unknown(failure) = &list[0].object {
                assert_eq!(failure.cause, Cause::PermissionDenied);
            }
        });
    }
}

//! Against real programs on real hooks, in namespaces and cgroups that go with the test.

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::thread::CapabilitySet;

use super::super::net_probe::namespace::tests::{inside, ip};
use super::*;
use crate::facts::hooks::{Attached, BpfFilter, CgroupHook, Direction, Filter, XdpMode};
use crate::facts::mounts::CgroupMode;
use crate::facts::{Cause, Failure};
use crate::observe::as_if::{DEFAULT_RUNG, permitted, with_capabilities};
use crate::observe::bpf::insn::returns;
use crate::observe::bpf::sys::{Cmd, LinkCreate, ProgAttach, Program, bpf, bpf_fd, object_info};
use crate::observe::netlink::{Connection, attribute, body, nest};
use crate::observe::privilege::privilege;

const SCHED_CLS: u32 = 3;
const XDP: u32 = 6;
const CGROUP_SOCK_ADDR: u32 = 18;
const TCX_INGRESS: u32 = 46;
const TCX_EGRESS: u32 = 47;
const NETKIT_PRIMARY: u32 = 54;
const NETKIT_PEER: u32 = 55;
const BPF_XDP: u32 = 37;

/// A program of this name that does nothing.
#[track_caller]
fn program(name: &str, program_type: u32) -> OwnedFd {
    permitted();
    let value = if program_type == CGROUP_SOCK_ADDR { 1 } else { 0 };
    let insns = returns(value);
    let expected_attach_type = match program_type {
        CGROUP_SOCK_ADDR => CgroupHook::CgroupInet4Connect.number(),
        XDP => BPF_XDP,
        _ => 0,
    };
    Program { name, program_type, expected_attach_type, insns: &insns, ..Program::default() }
        .load()
        .unwrap()
}

fn id(object: &OwnedFd) -> u32 {
    object_info::<[u32; 2]>(object).unwrap()[1]
}

#[track_caller]
fn link_to(program: &OwnedFd, target: u32, attach_type: u32, flags: u32) -> OwnedFd {
    let mut attr = LinkCreate {
        prog_fd: program.as_raw_fd(),
        target: target.cast_signed(),
        attach_type,
        flags,
        ..LinkCreate::default()
    };
    bpf_fd(Cmd::LinkCreate, &mut attr).unwrap()
}

fn mounts(cgroup2: Vec<String>) -> MountFacts {
    MountFacts {
        bpffs: Observed::Known(Vec::new()),
        sys_fs_bpf_magic: Observed::Known(None),
        cgroup: Observed::Known(CgroupMode::V2),
        cgroup2: Observed::Known(cgroup2),
        net_cls: Observed::Known(false),
    }
}

fn seen_with(cgroup2: Vec<String>) -> HookFacts {
    let host = Host::live().unwrap();
    let mut xdp = Observed::Unknown(Failure::new(Cause::Panicked, "not set"));
    let network = super::super::links::network(&host, &mut xdp);
    hooks(&host, &privilege(&host), &network, xdp, &mounts(cgroup2))
}

fn seen() -> HookFacts {
    seen_with(Vec::new())
}

/// A veth pair that is up; the index of its first end.
fn pair(name: &str) -> u32 {
    ip(&format!("link add name {name} type veth peer name {name}-p"));
    ip(&format!("link set {name} up"));
    ip(&format!("link set {name}-p up"));
    let text = ip(&format!("-o link show {name}"));
    text.split(':').next().unwrap().parse().unwrap()
}

#[track_caller]
fn tc(arguments: &str) {
    let status = Command::new("tc").args(arguments.split_whitespace()).status();
    assert!(status.expect("iproute2 is installed").success(), "tc {arguments}");
}

/// Puts a filter on `clsact` as tc(8), Cilium and the AWS agent do: `RTM_NEWTFILTER`.
#[track_caller]
fn filter(link: u32, parent: u32, priority: u32, program: &OwnedFd, label: &str) {
    const ETH_P_ALL: u16 = 3;
    let info = priority << 16 | u32::from(ETH_P_ALL.to_be());
    let mut header = [0; 20];
    for (at, number) in [(4, link), (8, 1), (12, parent), (16, info)] {
        header[at..at + 4].copy_from_slice(&number.to_ne_bytes());
    }
    let options = [
        attribute(6, &program.as_raw_fd().to_ne_bytes()),
        attribute(7, &[label.as_bytes(), &[0]].concat()),
        attribute(8, &1_u32.to_ne_bytes()),
    ];
    let attributes =
        [attribute(uapi::TCA_KIND as u16, b"bpf\0"), nest(uapi::TCA_OPTIONS as u16, &options)];
    let flags = (uapi::NLM_F_CREATE | uapi::NLM_F_EXCL) as u16;
    let mut route = Connection::open(NETLINK_ROUTE).unwrap();
    route.ask(libc::RTM_NEWTFILTER, flags, &body(&header, &attributes)).unwrap();
}

/// As the AWS network policy agent leaves a pod's link: no name of the program, the directions
/// crossed, preference 1, handle 1.
#[test]
fn filters_are_told_with_label_program_direction_and_priority() {
    inside(|| {
        let link = pair("eni1");
        tc("qdisc add dev eni1 clsact");
        let (first, second) = (program("", SCHED_CLS), program("cil_to_containe", SCHED_CLS));
        filter(link, 0xffff_fff2, 1, &first, "handle_egress");
        filter(link, 0xffff_fff3, 1, &first, "handle_ingress");
        filter(link, 0xffff_fff3, 2, &second, "cil_to_container-eni1");
        tc("filter add dev eni1 ingress prio 7 protocol ip u32 match u32 0 0");
        let facts = seen();
        let filters = facts.filters.known().unwrap();
        let told: Vec<_> = filters
            .iter()
            .map(|it| {
                let bpf = it.bpf.as_ref();
                let label = bpf.and_then(|it| it.label.as_deref());
                (
                    it.direction,
                    it.priority,
                    it.kind.as_str(),
                    label,
                    bpf.and_then(|it| it.program_id),
                )
            })
            .collect();
        let (in_, out) = (Direction::Ingress, Direction::Egress);
        assert_eq!(
            told,
            [
                (in_, 1, "bpf", Some("handle_egress"), Some(id(&first))),
                // Its hash table, and its filter.
                (in_, 7, "u32", None, None),
                (in_, 7, "u32", None, None),
                (out, 1, "bpf", Some("handle_ingress"), Some(id(&first))),
                (out, 2, "bpf", Some("cil_to_container-eni1"), Some(id(&second))),
            ]
        );
        let Filter { handle, chain, bpf, link: at, .. } = &filters[0];
        let BpfFilter { direct_action, tag, .. } = bpf.as_ref().unwrap();
        assert_eq!((*handle, *chain, *at, *direct_action), (1, 0, link, true));
        assert_eq!(tag.as_ref().map(String::len), Some(16));
    });
}

#[test]
fn tcx_programs_are_told_in_order_with_the_link_that_holds_them_or_none() {
    inside(|| {
        let link = pair("lxc1");
        let (first, second) = (program("cil_from_contai", SCHED_CLS), program("other", SCHED_CLS));
        let held = link_to(&first, link, TCX_INGRESS, 0);
        let mut attr = ProgAttach {
            target_fd: link.cast_signed(),
            attach_bpf_fd: second.as_raw_fd(),
            attach_type: TCX_INGRESS,
            ..ProgAttach::default()
        };
        bpf(Cmd::ProgAttach, &mut attr).unwrap();
        let egress = link_to(&second, link, TCX_EGRESS, 0);
        let at = |direction, program: &OwnedFd, held: Option<&OwnedFd>| Attached {
            link,
            direction,
            program_id: id(program),
            bpf_link_id: held.map(id),
        };
        let want = [
            at(Direction::Ingress, &first, Some(&held)),
            at(Direction::Ingress, &second, None),
            at(Direction::Egress, &second, Some(&egress)),
        ];
        let facts = seen();
        assert_eq!(facts.tcx, Observed::Known(want.to_vec()));
        assert_eq!(facts.filters, Observed::Known(Vec::new()), "rtnetlink does not show tcx");
    });
}

#[test]
fn both_ends_of_a_netkit_pair_are_told_by_the_primary() {
    inside(|| {
        let made =
            Command::new("ip").args(["link", "add", "name", "lxc1", "type", "netkit"]).status();
        if !made.unwrap().success() {
            return eprintln!("skipped: this kernel has no netkit");
        }
        let text = ip("-o link show lxc1");
        let link: u32 = text.split(':').next().unwrap().parse().unwrap();
        let (to, from) =
            (program("cil_to_containe", SCHED_CLS), program("cil_from_contai", SCHED_CLS));
        let primary = link_to(&to, link, NETKIT_PRIMARY, 0);
        let peer = link_to(&from, link, NETKIT_PEER, 0);
        let at = |direction, program: &OwnedFd, held: &OwnedFd| Attached {
            link,
            direction,
            program_id: id(program),
            bpf_link_id: Some(id(held)),
        };
        let want = [at(Direction::Egress, &to, &primary), at(Direction::Ingress, &from, &peer)];
        assert_eq!(seen().netkit, Observed::Known(want.to_vec()));
    });
}

#[test]
fn xdp_is_told_with_who_runs_it() {
    inside(|| {
        let (generic, driver) = (pair("eth1"), pair("eth2"));
        let program = program("cil_xdp_entry", XDP);
        // XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE.
        let _generic = link_to(&program, generic, BPF_XDP, 2);
        let _driver = link_to(&program, driver, BPF_XDP, 4);
        let program_id = id(&program);
        let want = [
            Xdp { link: generic, mode: XdpMode::Generic, program_id },
            Xdp { link: driver, mode: XdpMode::Driver, program_id },
        ];
        assert_eq!(seen().xdp, Observed::Known(want.to_vec()));
    });
}

/// A cgroup that is removed with this value.
struct Cgroup(String);

impl Cgroup {
    fn new(name: &str) -> Option<Self> {
        let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        let root = root
            .into_iter()
            .find(|it| std::path::Path::new(it).join("cgroup.controllers").exists());
        let Some(root) = root else {
            eprintln!("skipped: no cgroup v2 tree is mounted");
            return None;
        };
        let path = format!("{root}/bpfready-test-{name}-{}", std::process::id());
        std::fs::create_dir(&path).unwrap();
        Some(Self(path))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn programs_of_a_cgroup_are_told_by_attach_type() {
    let Some(cgroup) = Cgroup::new("attached") else { return };
    let directory = std::fs::File::open(&cgroup.0).unwrap();
    let connect = program("cil_sock4_conne", CGROUP_SOCK_ADDR);
    let target = u32::try_from(directory.as_raw_fd()).unwrap();
    let held = link_to(&connect, target, CgroupHook::CgroupInet4Connect.number(), 0);
    let facts = seen_with(vec![cgroup.0.clone(), "/tmp".into(), "/nonexistent".into()]);
    let cgroups = facts.cgroups.known().unwrap();
    let hooks = cgroups[&cgroup.0].known().unwrap();
    assert_ne!(hooks.cgroup_id, 1, "a child of the root");
    for hook in CgroupHook::ALL {
        let want = if hook == CgroupHook::CgroupInet4Connect { vec![id(&connect)] } else { vec![] };
        assert_eq!(hooks.programs[&hook], Observed::Known(want), "{hook:?}");
    }
    for path in ["/tmp", "/nonexistent"] {
        let failure = cgroups[path].failure().expect("no cgroup there");
        assert_eq!(failure.cause, Cause::Inconclusive, "{path}");
    }
    let path = cgroup.0.clone();
    let limited = with_capabilities(DEFAULT_RUNG, move || seen_with(vec![path]));
    assert_eq!(limited.cgroups.known().unwrap()[&cgroup.0], cgroups[&cgroup.0]);
    drop(held);
}

#[test]
fn without_cap_sys_admin_the_answers_are_the_same_and_without_any_none_is_empty() {
    inside(|| {
        let link = pair("lxc1");
        tc("qdisc add dev lxc1 clsact");
        let classifier = program("cil_from_contai", SCHED_CLS);
        filter(link, 0xffff_fff2, 1, &classifier, "cil_from_container-lxc1");
        let _tcx = link_to(&classifier, link, TCX_INGRESS, 0);
        let full = seen();
        assert_eq!(full.tcx.known().map(Vec::len), Some(1));
        assert_eq!(with_capabilities(DEFAULT_RUNG, seen), full);
        let none = with_capabilities(CapabilitySet::empty(), seen);
        assert_eq!((&none.filters, &none.xdp), (&full.filters, &full.xdp));
        assert_eq!(none.tcx.failure().map(|it| it.cause), Some(Cause::PermissionDenied));
    });
}

#[test]
fn every_cut_and_every_flipped_byte_ends_without_a_panic() {
    inside(|| {
        let link = pair("lxc1");
        tc("qdisc add dev lxc1 clsact");
        filter(link, 0xffff_fff2, 1, &program("x", SCHED_CLS), "label");
        let mut question = [0; 20];
        question[4..8].copy_from_slice(&link.to_ne_bytes());
        question[12..16].copy_from_slice(&0xffff_fff2_u32.to_ne_bytes());
        let place = (link, Direction::Ingress);
        let mut route = Connection::open(NETLINK_ROUTE).unwrap();
        for whole in route.dump(libc::RTM_GETTFILTER, &question).unwrap() {
            assert!(filters::parse(place, &whole).is_ok());
            for end in 0..whole.len() {
                let _ = filters::parse(place, &whole[..end]);
            }
            for at in 0..whole.len() {
                let mut broken = whole.clone();
                broken[at] ^= 0xff;
                let _ = filters::parse(place, &broken);
            }
        }
    });
}

/// 2,000 programs on 1,000 links, a filter each way; the sight of the other 9,000 links is in
/// `links`.
#[test]
#[ignore = "sets up 10,000 interfaces"]
fn two_thousand_programs_on_ten_thousand_links() {
    inside(|| {
        let mut commands = String::new();
        for n in 0..5_000 {
            commands += &format!("link add name lxc{n} type veth peer name pod{n}\n");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), commands).unwrap();
        ip(&format!("-batch {}", file.path().display()));
        let host = Host::live().unwrap();
        let mut xdp = Observed::Known(Vec::new());
        let network = super::super::links::network(&host, &mut xdp);
        let links = network.links.known().unwrap();
        let mut held = Vec::new();
        for link in links.iter().filter(|it| it.name.starts_with("lxc")).take(1_000) {
            tc(&format!("qdisc add dev {} clsact", link.name));
            let programs =
                [program("cil_from_contai", SCHED_CLS), program("cil_to_containe", SCHED_CLS)];
            filter(link.index, 0xffff_fff2, 1, &programs[0], "cil_from_container");
            filter(link.index, 0xffff_fff3, 1, &programs[1], "cil_to_container");
            held.push(programs);
        }
        let start = std::time::Instant::now();
        let facts = seen();
        let took = start.elapsed();
        let filters = facts.filters.known().unwrap().len();
        println!("{} links, {filters} filters: {took:?}", links.len());
        assert_eq!(filters, 2_000);
        assert!(facts.tcx.known().is_some() && took < Duration::from_secs(1));
    });
}

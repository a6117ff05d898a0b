//! Both ways of listing, on the kernel that runs these tests and as root, against objects of ours.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::thread::CapabilitySet;

use super::*;
use crate::facts::Cause;
use crate::facts::inventory::{Link, Map, Program};
use crate::observe::as_if::{permitted, with_capabilities};
use crate::observe::bpf::sys::{Cmd, LinkCreate, bpf_fd, object_info};
use crate::observe::btf;
use crate::observe::object::{Kind, Object, embedded};
use crate::observe::privilege::privilege;

const BPF_AND_PERFMON: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);
/// `BPF_PROG_TYPE_SCHED_CLS`.
const SCHED_CLS: u32 = 3;
/// `BPF_MAP_TYPE_PROG_ARRAY`.
const PROG_ARRAY: u32 = 3;
/// `BPF_TCX_INGRESS`: the kernel keeps what a program was loaded for.
const TCX_INGRESS: u32 = 46;

/// A program and a map that are loaded as long as this lives.
struct Loaded {
    program: OwnedFd,
    map: OwnedFd,
}

impl Loaded {
    #[track_caller]
    fn new() -> Self {
        permitted();
        let object = Object::create(embedded!("tail_call"), &[], None).unwrap();
        let kind =
            Kind { program_type: SCHED_CLS, expected_attach_type: TCX_INGRESS, attach_btf_id: 0 };
        let program = object.load("tail_call", kind).unwrap();
        let map = object.map_fds().next().unwrap().try_clone().unwrap();
        Self { program, map }
    }
}

fn id(object: &OwnedFd) -> u32 {
    object_info::<[u32; 2]>(object).unwrap()[1]
}

fn look() -> Inventory {
    let host = Host::live().unwrap();
    inventory(&host, &privilege(&host), &Layout::of(&btf::load(&host)))
}

#[track_caller]
fn program(inventory: &Inventory, of: &Loaded) -> Program {
    let list = inventory.programs.known().expect("programs");
    list.iter().find(|it| it.id == id(&of.program)).expect("our program").clone()
}

#[track_caller]
fn map(inventory: &Inventory, of: &Loaded) -> Map {
    let list = inventory.maps.known().expect("maps");
    list.iter().find(|it| it.id == id(&of.map)).expect("our map").clone()
}

#[test]
fn iterators_see_what_was_loaded_with_two_capabilities_only() {
    let loaded = Loaded::new();
    let seen = with_capabilities(BPF_AND_PERFMON, look);
    assert_eq!(seen.method, Observed::Known(Method::Iterators));
    let program = program(&seen, &loaded);
    assert_eq!((program.program_type, program.name.as_str()), (SCHED_CLS, "tail_call"));
    assert_eq!(program.expected_attach_type, Some(TCX_INGRESS));
    let map = map(&seen, &loaded);
    assert_eq!((map.map_type, map.name.as_str()), (PROG_ARRAY, "CALLS"));
    assert_eq!((map.key_bytes, map.value_bytes, map.max_entries), (4, 4, 1));
    assert!(seen.links.known().is_some());
}

#[test]
fn both_ways_say_the_same_of_one_object() {
    let loaded = Loaded::new();
    let iterated = look();
    // Without BTF there are no iterators.
    let host = Host::live().unwrap();
    let enumerated = inventory(&host, &privilege(&host), &Layout::of(&Observed::Known(None)));
    assert_eq!(enumerated.method, Observed::Known(Method::IdEnumeration));
    let (left, right) = (program(&iterated, &loaded), program(&enumerated, &loaded));
    assert_eq!(
        (left.id, left.program_type, left.name, left.tag),
        (right.id, right.program_type, right.name, right.tag)
    );
    assert_eq!(map(&iterated, &loaded), map(&enumerated, &loaded));
}

#[test]
fn a_link_is_listed_with_its_program() {
    permitted();
    let host = Host::live().unwrap();
    let btf = btf::load(&host);
    let target = btf.known().unwrap().as_ref().unwrap().type_id_of_func("bpf_iter_bpf_map");
    // `BPF_PROG_TYPE_TRACING`, `BPF_TRACE_ITER`, `BPF_LINK_TYPE_ITER`.
    let (tracing, trace_iter, link_type) = (26, 28, 4);
    let object = Object::create(embedded!("iter_map"), &[], None).unwrap();
    let kind = Kind {
        program_type: tracing,
        expected_attach_type: trace_iter,
        attach_btf_id: target.unwrap(),
    };
    let program = object.load("iter_map", kind).unwrap();
    let mut attr = LinkCreate {
        prog_fd: program.as_raw_fd(),
        attach_type: trace_iter,
        ..LinkCreate::default()
    };
    let link = bpf_fd(Cmd::LinkCreate, &mut attr).unwrap();
    let wanted = Link { id: id(&link), link_type, program_id: id(&program) };
    for btf in [btf, Observed::Known(None)] {
        let links = inventory(&host, &privilege(&host), &Layout::of(&btf)).links;
        assert!(links.known().unwrap().contains(&wanted), "{wanted:?} in {links:?}");
    }
}

#[test]
fn without_capabilities_every_list_is_denied_and_none_is_empty() {
    let seen = with_capabilities(CapabilitySet::empty(), look);
    let failures = [
        seen.method.failure().cloned(),
        seen.programs.failure().cloned(),
        seen.maps.failure().cloned(),
        seen.links.failure().cloned(),
    ];
    for failure in failures {
        assert_eq!(failure.expect("a failure").cause, Cause::PermissionDenied);
    }
}

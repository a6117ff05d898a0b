//! Calls of helpers with arguments that suit them, to be strung together in one program.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

use super::insn::{Insn, PSEUDO_FUNC};
use super::map;

/// Bytes of stack that a program of gadgets must zero first.
pub(super) const STACK: i16 = 96;
/// Holds the context in a program of gadgets.
pub(super) const CONTEXT: u8 = 6;
/// Holds what a gadget keeps over calls.
const KEPT: u8 = 7;

pub(super) const KEY: Argument = Argument::Stack(-8);
const VALUE: Argument = Argument::Stack(-16);
/// What a helper writes 8 bytes to, and what it reads.
const OUT: Argument = Argument::Stack(-32);
pub(super) const BUFFER: Argument = Argument::Stack(-64);
/// Sixteen bytes each, of which the verifier knows what they hold.
const MEMORY_DYNPTR: Argument = Argument::Stack(-80);
const RING_DYNPTR: Argument = Argument::Stack(-96);

const PSEUDO_MAP_FD: u8 = 1;
const PSEUDO_MAP_VALUE: u8 = 2;
/// `if r0 == 0` jump.
const JUMP_IF_NULL: u8 = 0x15;

/// Helpers that take no argument, or whatever they are given: the numbers of
/// `enum bpf_func_id`, `include/uapi/linux/bpf.h`.
const WITHOUT_ARGUMENTS: [i32; 17] =
    [5, 7, 8, 14, 15, 17, 35, 42, 80, 109, 117, 118, 123, 125, 158, 160, 208];
/// Helpers that fill a buffer: address, size, and from where.
const WITH_BUFFER: [i32; 8] = [16, 112, 113, 114, 115, 120, 149, 176];

pub(super) const LOOKUP: i32 = 1;
const CURRENT_TASK_BTF: i32 = 158;
const RINGBUF_RESERVE: i32 = 131;
const RINGBUF_RESERVE_DYNPTR: i32 = 198;

/// What a register holds when a helper is called.
#[derive(Clone, Copy)]
pub(super) enum Argument {
    Context,
    Number(i32),
    /// An address, from the end of the stack.
    Stack(i16),
    Map(i32),
    /// The value of a map of one element.
    MapValue(i32),
    /// The function behind the program.
    Callback,
    /// What the call before gave back.
    Result,
    /// So many bytes behind what [`Gadget::keep`] kept.
    Kept(i16),
}

/// Instructions that call these helpers, and nothing after them depends on.
pub(super) struct Gadget {
    pub(super) helpers: Vec<i32>,
    pub(super) insns: Vec<Insn>,
}

impl Gadget {
    pub(super) fn new() -> Self {
        Self { helpers: Vec::new(), insns: Vec::new() }
    }

    pub(super) fn of(helper: i32, arguments: &[Argument]) -> Self {
        Self::new().call(helper, arguments)
    }

    pub(super) fn call(mut self, helper: i32, arguments: &[Argument]) -> Self {
        for (register, argument) in (1..).zip(arguments) {
            match *argument {
                Argument::Context => self.insns.push(Insn::mov_reg(register, CONTEXT)),
                Argument::Number(it) => self.insns.push(Insn::mov(register, it)),
                Argument::Stack(at) => self.insns.extend(Insn::stack_address(register, at)),
                Argument::Map(fd) => {
                    self.insns.extend(Insn::load_pseudo(register, PSEUDO_MAP_FD, fd));
                }
                Argument::MapValue(fd) => {
                    self.insns.extend(Insn::load_pseudo(register, PSEUDO_MAP_VALUE, fd));
                }
                Argument::Callback => {
                    self.insns.extend(Insn::load_pseudo(register, PSEUDO_FUNC, 0));
                }
                Argument::Result => self.insns.push(Insn::mov_reg(register, 0)),
                Argument::Kept(at) => self.insns.extend(Insn::address(register, KEPT, at)),
            }
        }
        self.insns.push(Insn::call(helper));
        self.helpers.push(helper);
        self
    }

    /// Goes on with `rest` where the last call gave something, and behind it otherwise. The
    /// verifier follows the first way first.
    pub(super) fn if_given(mut self, rest: Self) -> Self {
        let length = i16::try_from(rest.insns.len()).unwrap_or(i16::MAX);
        self.insns.push(Insn::new(JUMP_IF_NULL, 0, 0, length, 0));
        self.and(rest)
    }

    /// Keeps what the last call gave.
    pub(super) fn keep(mut self) -> Self {
        self.insns.push(Insn::mov_reg(KEPT, 0));
        self
    }

    fn and(mut self, rest: Self) -> Self {
        self.insns.extend(rest.insns);
        self.helpers.extend(rest.helpers);
        self
    }
}

/// Gadgets, and the maps that they name.
pub(super) struct Gadgets {
    pub(super) all: Vec<Gadget>,
    maps: Vec<OwnedFd>,
}

impl Gadgets {
    /// A map that cannot be had costs the gadgets that need it.
    pub(super) fn new() -> Self {
        let mut gadgets = Self { all: without_maps(), maps: Vec::new() };
        for (name, with_map) in WITH_MAP {
            if let Ok(map) = map::plain(name) {
                gadgets.all.extend(with_map(Argument::Map(map.as_raw_fd())));
                gadgets.maps.push(map);
            }
        }
        gadgets
    }

    /// Gadgets that only newer kernels take, in groups: each is worth its place only where all of
    /// it is accepted.
    pub(super) fn newer(&mut self) -> Vec<Vec<Gadget>> {
        let needs = map::Needs::new();
        let mut keep = |map: Result<OwnedFd, Errno>| {
            self.maps.push(map.ok()?);
            self.maps.last().map(AsRawFd::as_raw_fd)
        };
        let mut groups = vec![callbacks()];
        groups.extend(keep(map::array()).map(each));
        groups.extend(keep(map::plain("user_ringbuf")).map(drain));
        groups.extend(keep(map::constant()).map(strings));
        groups.extend(keep(map::with_needs("task_storage", &needs)).map(task_storage));
        groups
    }
}

fn without_maps() -> Vec<Gadget> {
    use Argument::{Context, Number, Result};
    let anything = [Context, Number(0), Number(0), Number(0), Number(0)];
    let plain = WITHOUT_ARGUMENTS.iter().map(|it| Gadget::of(*it, &anything));
    let buffer = [BUFFER, Number(8), OUT, Number(8), Number(0)];
    let filled = WITH_BUFFER.iter().map(|it| Gadget::of(*it, &buffer));
    // strtol and strtoul.
    let parsed = [105, 106].map(|it| Gadget::of(it, &[BUFFER, Number(8), Number(0), OUT]));
    // get_task_stack and task_pt_regs.
    let task = || Gadget::of(CURRENT_TASK_BTF, &[]);
    let of_task =
        [task().call(141, &[Result, BUFFER, Number(8), Number(0)]), task().call(175, &[Result])];
    plain.chain(filled).chain(parsed).chain(of_task).collect()
}

/// Makes the gadgets of one map.
type WithMap = fn(Argument) -> Vec<Gadget>;

/// By the type of that map.
const WITH_MAP: [(&str, WithMap); 8] = [
    ("hash", hash),
    // map_lookup_percpu_elem.
    ("percpu_hash", |map| vec![Gadget::of(195, &[map, KEY, Argument::Number(0)])]),
    ("queue", queue),
    // tail_call.
    ("prog_array", |map| vec![Gadget::of(12, &[Argument::Context, map, Argument::Number(0)])]),
    // current_task_under_cgroup.
    ("cgroup_array", |map| vec![Gadget::of(37, &[map, Argument::Number(0)])]),
    ("perf_event_array", perf),
    ("ringbuf", ring),
    ("array", memory),
];

fn hash(map: Argument) -> Vec<Gadget> {
    let update = Gadget::of(2, &[map, KEY, VALUE, Argument::Number(0)]);
    vec![Gadget::of(LOOKUP, &[map, KEY]), update, Gadget::of(3, &[map, KEY])]
}

/// map_push_elem, map_pop_elem, map_peek_elem.
fn queue(map: Argument) -> Vec<Gadget> {
    let push = Gadget::of(87, &[map, VALUE, Argument::Number(0)]);
    vec![push, Gadget::of(88, &[map, VALUE]), Gadget::of(89, &[map, VALUE])]
}

/// perf_event_read, perf_event_read_value, perf_event_output.
fn perf(map: Argument) -> Vec<Gadget> {
    use Argument::{Context, Number};
    vec![
        Gadget::of(22, &[map, Number(0)]),
        Gadget::of(55, &[map, Number(0), BUFFER, Number(24)]),
        Gadget::of(25, &[Context, map, Number(0), BUFFER, Number(8)]),
    ]
}

/// ringbuf_output, ringbuf_query; what is reserved, is submitted or discarded, as memory and as a
/// dynptr.
fn ring(map: Argument) -> Vec<Gadget> {
    use Argument::{Number, Result};
    let reserved = |end| {
        let reserve = Gadget::of(RINGBUF_RESERVE, &[map, Number(8), Number(0)]);
        reserve.if_given(Gadget::of(end, &[Result, Number(0)]))
    };
    let dynptr = |end| {
        let arguments = [map, Number(8), Number(0), RING_DYNPTR];
        Gadget::of(RINGBUF_RESERVE_DYNPTR, &arguments).call(end, &[RING_DYNPTR, Number(0)])
    };
    vec![
        Gadget::of(130, &[map, BUFFER, Number(8), Number(0)]),
        Gadget::of(134, &[map, Number(0)]),
        reserved(132),
        reserved(133),
        dynptr(199),
        dynptr(200),
    ]
}

/// dynptr_from_mem on a map's value, dynptr_read, dynptr_write, dynptr_data.
fn memory(map: Argument) -> Vec<Gadget> {
    use Argument::{Number, Result};
    let zero = Number(0);
    let dynptr = Gadget::of(197, &[Result, Number(4), zero, MEMORY_DYNPTR])
        .call(201, &[BUFFER, Number(4), MEMORY_DYNPTR, zero, zero])
        .call(202, &[MEMORY_DYNPTR, zero, BUFFER, Number(4), zero])
        .call(203, &[MEMORY_DYNPTR, zero, Number(4)]);
    vec![Gadget::of(LOOKUP, &[map, KEY]).if_given(dynptr)]
}

/// for_each_map_elem.
fn each(map: i32) -> Vec<Gadget> {
    use Argument::{Callback, Map, Number};
    vec![Gadget::of(164, &[Map(map), Callback, Number(0), Number(0)])]
}

/// loop and find_vma, each with a callback.
fn callbacks() -> Vec<Gadget> {
    use Argument::{Callback, Number, Result};
    let zero = Number(0);
    let of_task =
        Gadget::of(CURRENT_TASK_BTF, &[]).call(180, &[Result, zero, Callback, zero, zero]);
    vec![Gadget::of(181, &[zero, Callback, zero, zero]), of_task]
}

/// user_ringbuf_drain.
fn drain(map: i32) -> Vec<Gadget> {
    use Argument::{Callback, Map, Number};
    vec![Gadget::of(209, &[Map(map), Callback, Number(0), Number(0)])]
}

/// strncmp and snprintf, with a constant string.
fn strings(map: i32) -> Vec<Gadget> {
    use Argument::{MapValue, Number};
    let zero = Number(0);
    let compare = Gadget::of(182, &[BUFFER, Number(8), MapValue(map)]);
    vec![compare, Gadget::of(165, &[zero, zero, MapValue(map), zero, zero])]
}

/// task_storage_get, task_storage_delete.
fn task_storage(map: i32) -> Vec<Gadget> {
    use Argument::{Map, Number, Result};
    let task = || Gadget::of(CURRENT_TASK_BTF, &[]);
    let get = task().call(156, &[Map(map), Result, Number(0), Number(0)]);
    vec![get, task().call(157, &[Map(map), Result])]
}

//! What the facts keep of a kernel's BTF.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;

use super::super::beside::Beside;
use super::kind::Kind;
use super::members::members;
use super::wanted::{ANONYMOUS_ENUMS, ENUMS, FIELDS, FUNCTIONS};
use super::{Btf, Type};
use crate::facts::btf::VmlinuxBtf;

/// The tag that marks a kfunc: `include/linux/btf.h`, `__bpf_kfunc`, set by pahole from the
/// kernel's BTF_KFUNCS_START sets.
const KFUNC_TAG: &str = "bpf_kfunc";

/// Answers everything that [`VmlinuxBtf`] holds.
pub fn summary(btf: &Btf) -> VmlinuxBtf {
    let part = || (enums(btf), kfuncs(btf));
    thread::scope(|scope| {
        let beside = Beside::start(scope, &part);
        let others = (iterators(btf), struct_ops(btf), fields(btf));
        let ((enums, enumerators), kfuncs) =
            beside.join().unwrap_or_else(|panic| resume_unwind(panic));
        let (iterators, struct_ops, fields) = others;
        VmlinuxBtf {
            bytes: btf.byte_count(),
            header_bytes: btf.header_bytes(),
            types: btf.type_count(),
            helpers: helpers(btf),
            kfuncs,
            functions: functions(btf),
            iterators,
            struct_ops,
            fields,
            enumerators,
            enums,
        }
    })
}

fn helpers(btf: &Btf) -> Option<BTreeMap<u32, String>> {
    let ids = btf.enumerators("bpf_func_id")?;
    let helper = |(name, id): (&str, i64)| {
        let name = name.strip_prefix("BPF_FUNC_").filter(|it| *it != "unspec")?;
        Some((u32::try_from(id).ok()?, name.to_owned()))
    };
    Some(ids.filter_map(helper).collect())
}

/// No tag at all means a pahole or kernel that writes none, not a kernel without kfuncs.
fn kfuncs(btf: &Btf) -> Option<BTreeSet<String>> {
    let tags = btf.types().filter(|it| it.kind() == Some(Kind::DeclTag) && it.name() == KFUNC_TAG);
    let tagged = tags.filter_map(|it| it.target()).filter(|it| it.kind() == Some(Kind::Func));
    let names: BTreeSet<String> = tagged.map(|it| it.name().to_owned()).collect();
    (!names.is_empty()).then_some(names)
}

fn functions(btf: &Btf) -> BTreeSet<String> {
    let there = FUNCTIONS.iter().filter(|it| btf.type_id_of_func(it).is_some());
    there.map(|it| (*it).to_owned()).collect()
}

/// A target `X` is the pair of DEFINE_BPF_ITER_FUNC(X, …), which makes the function `bpf_iter_X`
/// (`include/linux/bpf.h`), and the struct `bpf_iter__X` that is the program's context. Neither
/// alone proves one: `bpf_iter_num_new` is a kfunc, `bpf_iter__task__safe_trusted` a list of
/// trusted fields.
fn iterators(btf: &Btf) -> BTreeSet<String> {
    let targets = structs_named(btf, "bpf_iter__");
    let is_target = |it: &&str| btf.type_id_of_func(&format!("bpf_iter_{it}")).is_some();
    targets.map(|it| it.0).filter(is_target).map(str::to_owned).collect()
}

/// A type `X` has a struct `bpf_struct_ops_X` whose last member `data` is a `struct X`
/// (`kernel/bpf/bpf_struct_ops.c`); that tells it from the kernel's own `bpf_struct_ops_map`.
fn struct_ops(btf: &Btf) -> BTreeSet<String> {
    let wraps = |(name, ty): &(&str, Type<'_>)| {
        let data = members(*ty).find(|it| it.0 == "data");
        let data = data.and_then(|it| btf.type_by_id(it.1.type_id)).and_then(Type::resolved);
        data.is_some_and(|it| it.kind() == Some(Kind::Struct) && it.name() == *name)
    };
    structs_named(btf, "bpf_struct_ops_").filter(wraps).map(|it| it.0.to_owned()).collect()
}

/// Structs with this prefix, as the rest of the name and the type.
fn structs_named<'a>(
    btf: &'a Btf,
    prefix: &'static str,
) -> impl Iterator<Item = (&'a str, Type<'a>)> {
    let structs = btf.types().filter(|it| it.kind() == Some(Kind::Struct));
    structs.filter_map(move |it| Some((it.name().strip_prefix(prefix)?, it)))
}

fn fields(btf: &Btf) -> BTreeMap<String, bool> {
    let field =
        |(of, path): &(&str, &str)| (format!("{of}.{path}"), btf.member(of, path).is_some());
    FIELDS.iter().map(field).collect()
}

/// The enums that are there, and their enumerators without the end marks (`__MAX_BPF_CMD`).
fn enums(btf: &Btf) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut enums, mut enumerators) = (BTreeSet::new(), BTreeSet::new());
    let mut take = |name: &str, values: &mut dyn Iterator<Item = (&str, i64)>| {
        let is_mark = |it: &str| it.starts_with("__") || it.starts_with("MAX_");
        enums.insert(name.to_owned());
        enumerators.extend(values.map(|it| it.0).filter(|it| !is_mark(it)).map(str::to_owned));
    };
    for name in ENUMS {
        if let Some(mut values) = btf.enumerators(name) {
            take(name, &mut values);
        }
    }
    for ty in btf.types().filter(|it| it.kind() == Some(Kind::Enum) && !it.has_name()) {
        let first = ty.enumerators().next().map(|it| it.0);
        if let Some(name) = ANONYMOUS_ENUMS.iter().find(|it| Some(**it) == first) {
            take(name, &mut ty.enumerators());
        }
    }
    (enums, enumerators)
}

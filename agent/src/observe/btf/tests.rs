//! Whole files: made by hand, broken on purpose, and the running kernel's.

use super::builder::Builder;
use super::parse::MAX_CHAIN;
use super::*;

#[track_caller]
fn parse(builder: &Builder) -> Btf {
    Btf::parse(builder.build()).unwrap()
}

#[track_caller]
fn refuse(bytes: Vec<u8>) -> BtfError {
    Btf::parse(bytes).unwrap_err()
}

/// Every kind once, with something of each to ask for.
fn one_of_each(mut it: Builder) -> Builder {
    let int = it.int("int", 4);
    let ptr = it.ty(Kind::Ptr, "", int, &[]);
    it.ty(Kind::Array, "", 0, &[int, int, 16]);
    let alias = it.ty(Kind::Typedef, "u32", int, &[]);
    let constant = it.ty(Kind::Const, "", alias, &[]);
    it.ty(Kind::Volatile, "", int, &[]);
    it.ty(Kind::Restrict, "", ptr, &[]);
    it.ty(Kind::TypeTag, "rcu", int, &[]);
    it.ty(Kind::Fwd, "file", 0, &[]);
    it.ty(Kind::Float, "double", 8, &[]);
    it.structure("bpf_prog_aux", 16, &[("refcnt", int, 0), ("id", constant, 64)]);
    it.union("bpf_attr", 8, &[("a", int, 0), ("b", ptr, 0)]);
    it.enumeration("bpf_func_id", &[("BPF_FUNC_unspec", 0), ("BPF_FUNC_map_lookup_elem", 1)]);
    it.enumeration64("wide", &[("WIDE", 1 << 40)]);
    let name = it.string("arg");
    let proto = it.raw("", (Kind::FuncProto as u32) << 24 | 1, int, &[name, int]);
    let func = it.func("bpf_sock_destroy", proto);
    it.decl_tag("bpf_kfunc", func);
    let var = it.ty(Kind::Var, "jiffies", int, &[1]);
    it.raw(".data", (Kind::Datasec as u32) << 24 | 1, 4, &[var, 0, 4]);
    it
}

#[track_caller]
fn answers(btf: &Btf) {
    assert_eq!(btf.type_count(), 19);
    assert_eq!(btf.field_offset("bpf_prog_aux", "id"), Some(8));
    assert_eq!(btf.field_offset("bpf_attr", "b"), Some(0));
    assert_eq!(btf.field_offset("bpf_prog_aux", "name"), None);
    assert_eq!(btf.field_offset("none", "id"), None);
    assert_eq!(btf.enum_value("bpf_func_id", "BPF_FUNC_map_lookup_elem"), Some(1));
    assert_eq!(btf.enum_value("wide", "WIDE"), Some(1 << 40));
    assert_eq!(btf.type_id_of_func("bpf_sock_destroy"), Some(16));
    assert_eq!(btf.type_id_of_typedef("u32"), Some(4));
    assert_eq!(btf.type_id_of_func("u32"), None);
    let facts = summary(btf);
    assert_eq!(facts.kfuncs, Some(["bpf_sock_destroy".to_owned()].into()));
    assert_eq!(facts.helpers, Some([(1, "map_lookup_elem".to_owned())].into()));
}

#[test]
fn every_kind_is_read_in_either_byte_order() {
    answers(&parse(&one_of_each(Builder::little())));
    answers(&parse(&one_of_each(Builder::big())));
}

#[test]
fn headers_of_24_and_32_bytes_and_longer_ones_are_read() {
    let short = parse(&one_of_each(Builder::little()));
    assert_eq!(short.header_bytes(), 24);
    // As Linux 7.2 writes it: an entry for each of the kinds 0 to 19.
    let long = parse(&one_of_each(Builder::little().layout(&[[0; 4]; 20])));
    assert_eq!(long.header_bytes(), 32);
    answers(&long);
    let longer = parse(&one_of_each(Builder::big().longer_header(&[1, 2])));
    assert_eq!(longer.header_bytes(), 40);
    answers(&longer);
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    for whole in [
        one_of_each(Builder::little()).build(),
        one_of_each(Builder::big().layout(&[[0; 4]; 20])).build(),
    ] {
        for length in 0..whole.len() {
            assert!(Btf::parse(whole[..length].to_vec()).is_err(), "{length} bytes were enough");
        }
    }
}

#[test]
fn a_byte_changed_anywhere_never_panics() {
    let whole = one_of_each(Builder::little().layout(&[[0; 4]; 20])).build();
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut broken = whole.clone();
            broken[at] = value;
            if let Ok(btf) = Btf::parse(broken) {
                summary(&btf);
            }
        }
    }
}

#[test]
fn what_is_no_btf_says_what_it_is_instead() {
    assert_eq!(
        refuse(b"\x7fELF".to_vec()),
        BtfError::Magic { found: u16::from_ne_bytes(*b"\x7fE") }
    );
    assert_eq!(refuse(vec![]), BtfError::CutShort { what: "the header", at: 0 });
    let mut bytes = one_of_each(Builder::little()).build();
    bytes[2] = 2;
    assert_eq!(refuse(bytes.clone()), BtfError::Version { found: 2 });
    (bytes[2], bytes[4]) = (1, 20);
    assert_eq!(refuse(bytes), BtfError::HeaderLength { found: 20 });
}

#[test]
fn an_unknown_kind_is_named() {
    let mut builder = Builder::little();
    builder.int("int", 4);
    builder.raw("new", 23 << 24, 0, &[]);
    let error = refuse(builder.build());
    assert_eq!(error, BtfError::Kind { id: 2, at: 24 + 16, kind: 23 });
    assert!(error.to_string().contains("unknown kind 23"));
}

#[test]
fn an_unknown_kind_is_skipped_when_the_file_says_how_long_it_is() {
    let mut layout = [[0; 4]; 24];
    layout[23] = [4, 8, 0, 0];
    let mut builder = Builder::little().layout(&layout);
    builder.raw("new", 23 << 24 | 2, 0, &[1, 2, 3, 4, 5]);
    let int = builder.int("int", 4);
    builder.structure("after", 8, &[("field", int, 32)]);
    let btf = parse(&builder);
    assert_eq!(btf.type_by_id(1).map(|it| it.kind()), Some(None));
    assert_eq!(btf.field_offset("after", "field"), Some(4));
}

#[test]
fn a_reference_behind_the_last_type_is_refused() {
    let mut builder = Builder::little();
    builder.structure("broken", 8, &[("field", 7, 0)]);
    builder.int("int", 4);
    assert_eq!(refuse(builder.build()), BtfError::Reference { id: 1, target: 7, types: 2 });
}

#[test]
fn a_name_behind_the_strings_is_refused() {
    let mut builder = Builder::little();
    builder.raw("", (Kind::Float as u32) << 24, 8, &[]);
    let mut bytes = builder.build();
    bytes[24] = 1;
    assert_eq!(refuse(bytes), BtfError::Name { id: 1, offset: 1 });
}

#[test]
fn typedefs_in_a_circle_are_refused_and_long_chains_up_to_the_kernels_limit_are_not() {
    let mut circle = Builder::little();
    circle.ty(Kind::Typedef, "a", 2, &[]);
    circle.ty(Kind::Typedef, "b", 1, &[]);
    assert_eq!(refuse(circle.build()), BtfError::Loop { id: 1, limit: MAX_CHAIN });

    let mut chain = Builder::little();
    let mut last = chain.int("int", 4);
    for _ in 0..MAX_CHAIN {
        last = chain.ty(Kind::Const, "", last, &[]);
    }
    assert_eq!(parse(&chain).type_count(), 1 + MAX_CHAIN as u32);
    chain.ty(Kind::Const, "", last, &[]);
    assert!(matches!(refuse(chain.build()), BtfError::Loop { .. }));
}

#[test]
fn a_struct_that_contains_itself_ends_the_search() {
    let mut builder = Builder::little();
    builder.structure("ring", 8, &[("", 1, 0), ("", 2, 0), ("last", 2, 64)]);
    builder.union("", 8, &[("", 1, 0), ("", 2, 32), ("inner", 2, 32)]);
    let btf = parse(&builder);
    assert_eq!(btf.field_offset("ring", "none"), None);
    assert_eq!(btf.field_offset("ring", "inner"), Some(4));
    assert_eq!(btf.field_offset("ring", "last"), Some(8));
}

#[test]
fn anonymous_members_add_their_offsets_and_pointers_are_not_followed() {
    let mut builder = Builder::little();
    let int = builder.int("int", 4);
    let inner = builder.structure("", 8, &[("x", int, 0), ("y", int, 32)]);
    let middle = builder.union("", 8, &[("", inner, 0), ("z", int, 0)]);
    let qualified = builder.ty(Kind::Const, "", middle, &[]);
    let named = builder.structure("named", 4, &[("deep", int, 32)]);
    let to_named = builder.ty(Kind::Ptr, "", named, &[]);
    let alias = builder.ty(Kind::Typedef, "named_t", named, &[]);
    let members = [("", qualified, 64), ("part", alias, 128), ("link", to_named, 192)];
    builder.structure("outer", 32, &members);
    let btf = parse(&builder);
    assert_eq!(btf.field_offset("outer", "y"), Some(12));
    assert_eq!(btf.field_offset("outer", "z"), Some(8));
    assert_eq!(btf.field_offset("outer", "part.deep"), Some(20));
    assert_eq!(btf.field_offset("outer", "link"), Some(24));
    assert_eq!(btf.field_offset("outer", "link.deep"), None);
    assert_eq!(btf.field_offset("outer", "deep"), None);
    assert_eq!(btf.field_offset("outer", ""), None);
}

#[test]
fn bit_fields_have_bits_and_only_those_at_a_byte_have_an_offset() {
    let mut builder = Builder::little();
    let int = builder.int("int", 4);
    let (a, b) = (builder.string("jited"), builder.string("aux"));
    let flagged = 1 << 31 | (Kind::Struct as u32) << 24 | 2;
    builder.raw("bpf_prog", flagged, 8, &[a, int, 1 << 24 | 17, b, int, 32]);
    let btf = parse(&builder);
    let jited = Member { bit_offset: 17, bitfield_bits: Some(1), type_id: int };
    assert_eq!(btf.member("bpf_prog", "jited"), Some(jited));
    assert_eq!(btf.field_offset("bpf_prog", "jited"), None);
    assert_eq!(btf.field_offset("bpf_prog", "aux"), Some(4));
}

#[test]
fn of_structs_with_one_name_the_one_with_the_field_answers() {
    let mut builder = Builder::little();
    let int = builder.int("int", 4);
    builder.structure("twice", 4, &[("old", int, 0)]);
    builder.structure("twice", 8, &[("new", int, 32)]);
    let btf = parse(&builder);
    assert_eq!(btf.field_offset("twice", "new"), Some(4));
    assert_eq!(btf.type_id_of_struct("twice"), Some(2));
}

#[test]
fn an_iterator_needs_its_function_and_its_context() {
    let mut builder = Builder::little();
    let int = builder.int("int", 4);
    let proto = builder.ty(Kind::FuncProto, "", int, &[]);
    for name in ["bpf_iter_tcp", "bpf_iter_num_new", "bpf_iter_reg_target"] {
        builder.func(name, proto);
    }
    for name in ["bpf_iter__tcp", "bpf_iter__task__safe_trusted", "bpf_iter_num"] {
        builder.structure(name, 4, &[("field", int, 0)]);
    }
    assert_eq!(summary(&parse(&builder)).iterators, ["tcp".to_owned()].into());
}

#[test]
fn a_struct_ops_type_is_told_from_the_kernels_own_structs() {
    let mut builder = Builder::little();
    let int = builder.int("int", 4);
    let ops = builder.structure("tcp_congestion_ops", 4, &[("flags", int, 0)]);
    builder.structure(
        "bpf_struct_ops_tcp_congestion_ops",
        8,
        &[("common", int, 0), ("data", ops, 32)],
    );
    builder.structure("bpf_struct_ops_value", 8, &[("common", int, 0), ("data", int, 32)]);
    builder.structure("bpf_struct_ops_map", 4, &[("lock", int, 0)]);
    let facts = summary(&parse(&builder));
    assert_eq!(facts.struct_ops, ["tcp_congestion_ops".to_owned()].into());
}

#[test]
fn a_kernel_without_tags_or_enums_says_nothing_about_them() {
    let mut builder = Builder::little();
    builder.int("int", 4);
    let facts = summary(&parse(&builder));
    assert_eq!((facts.kfuncs.clone(), facts.helpers.clone()), (None, None));
    assert_eq!(facts.has_enumerator("bpf_link_type", "BPF_LINK_TYPE_TCX"), None);
}

#[test]
fn enumerators_tell_absent_from_present_once_their_enum_is_there() {
    let mut builder = Builder::little();
    builder.enumeration("bpf_link_type", &[("BPF_LINK_TYPE_XDP", 6), ("__MAX_BPF_LINK_TYPE", 7)]);
    builder.enumeration("", &[("BPF_FIB_LOOKUP_DIRECT", 1), ("BPF_FIB_LOOKUP_TBID", 8)]);
    builder.enumeration("", &[("UNRELATED", 1)]);
    let facts = summary(&parse(&builder));
    assert_eq!(facts.has_enumerator("bpf_link_type", "BPF_LINK_TYPE_XDP"), Some(true));
    assert_eq!(facts.has_enumerator("bpf_link_type", "BPF_LINK_TYPE_TCX"), Some(false));
    assert_eq!(facts.has_enumerator("BPF_FIB_LOOKUP_DIRECT", "BPF_FIB_LOOKUP_TBID"), Some(true));
    assert_eq!(facts.enumerators.len(), 3);
}

fn host(fill: impl FnOnce(&std::path::Path)) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let host = Host::mounted(dir.path()).unwrap();
    (dir, host)
}

fn with_btf_dir(root: &std::path::Path) -> std::path::PathBuf {
    let dir = root.join("sys/kernel/btf");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn a_kernel_without_btf_is_known_to_have_none() {
    let (_dir, host) = host(|root| std::fs::create_dir_all(root.join("sys/kernel/mm")).unwrap());
    let vmlinux = load(&host);
    assert!(matches!(vmlinux, Observed::Known(None)));
    let facts = btf(&host, &vmlinux).known().cloned().unwrap();
    assert_eq!(facts, BtfFacts { vmlinux: None, modules: Observed::Known([].into()) });
}

#[test]
fn a_host_without_sysfs_says_nothing_about_btf() {
    let (_dir, host) = host(|root| std::fs::create_dir_all(root.join("sys")).unwrap());
    assert_eq!(load(&host).failure().map(|it| it.cause), Some(Cause::Prerequisite));
}

#[test]
fn garbage_is_unknown_and_says_where_and_what() {
    let (_dir, host) =
        host(|root| std::fs::write(with_btf_dir(root).join("vmlinux"), "garbage").unwrap());
    let failure = btf(&host, &load(&host)).failure().cloned().unwrap();
    assert_eq!(failure.cause, Cause::Malformed);
    assert!(
        failure.detail.starts_with("/sys/kernel/btf/vmlinux: BTF starts with 0x"),
        "{failure:?}"
    );
}

#[test]
fn modules_are_listed_with_their_sizes() {
    let (_dir, host) = host(|root| {
        let dir = with_btf_dir(root);
        std::fs::write(dir.join("vmlinux"), one_of_each(Builder::little()).build()).unwrap();
        std::fs::write(dir.join("nf_conntrack"), [0; 300]).unwrap();
    });
    let facts = btf(&host, &load(&host)).known().cloned().unwrap();
    let modules = [("nf_conntrack".to_owned(), Observed::Known(300))];
    assert_eq!(facts.modules, Observed::Known(modules.into()));
    assert_eq!(facts.vmlinux.map(|it| it.types), Some(19));
}

/// The running kernel's BTF; `None` on a kernel without, where there is nothing to compare.
fn running() -> Option<Btf> {
    match load(&Host::live().unwrap()) {
        Observed::Known(btf) => btf,
        Observed::Unknown(failure) => panic!("{failure:?}"),
    }
}

/// Layouts and numbers that are ABI, so that they hold for every kernel:
/// `include/uapi/linux/{bpf,ip,ipv6,if_ether}.h`.
#[test]
fn the_running_kernels_abi_is_where_its_headers_say() {
    let Some(btf) = running() else { return };
    assert_eq!(btf.field_offset("__sk_buff", "mark"), Some(8));
    assert_eq!(btf.field_offset("__sk_buff", "ifindex"), Some(40));
    assert_eq!(btf.field_offset("xdp_md", "ingress_ifindex"), Some(12));
    assert_eq!(btf.field_offset("bpf_sock_addr", "user_ip4"), Some(4));
    assert_eq!(btf.field_offset("ethhdr", "h_proto"), Some(12));
    assert_eq!(btf.field_offset("iphdr", "daddr"), Some(16));
    assert_eq!(btf.field_offset("ipv6hdr", "daddr"), Some(24));
    assert_eq!(btf.field_offset("bpf_attr", "link_create.target_fd"), Some(4));
    assert_eq!(btf.field_offset("bpf_attr", "expected_attach_type"), Some(68));
    assert_eq!(btf.member("iphdr", "ihl").and_then(|it| it.bitfield_bits), Some(4));
    assert_eq!(btf.enum_value("bpf_prog_type", "BPF_PROG_TYPE_XDP"), Some(6));
    assert_eq!(btf.enum_value("bpf_cmd", "BPF_PROG_LOAD"), Some(5));
}

#[test]
fn the_running_kernels_helpers_are_numbered_as_in_its_header() {
    let Some(btf) = running() else { return };
    let facts = summary(&btf);
    let helpers = facts.helpers.as_ref().unwrap();
    for (number, name) in [(1, "map_lookup_elem"), (12, "tail_call"), (69, "fib_lookup")] {
        assert_eq!(helpers.get(&number).map(String::as_str), Some(name));
    }
    // Numbers are given without gaps, from 1 on; the mark of the end is none of them.
    assert_eq!(
        helpers.keys().copied().collect::<Vec<_>>(),
        (1..=helpers.len() as u32).collect::<Vec<_>>()
    );
    assert!(facts.iterators.contains("bpf_prog") && !facts.iterators.contains("num_new"));
    assert_eq!(facts.fields.get("bpf_prog.aux"), Some(&true));
    assert_eq!(facts.has_enumerator("bpf_map_type", "BPF_MAP_TYPE_LPM_TRIE"), Some(true));
}

/// All of a kernel's structs have members within their size, but for flexible arrays at the end.
#[test]
fn every_member_of_the_running_kernel_is_inside_its_struct() {
    let Some(btf) = running() else { return };
    let mut members = 0;
    for ty in btf.types() {
        for (name, member) in members::members(ty) {
            let size = ty.size().unwrap();
            assert!(member.bit_offset / 8 <= size, "{}.{name}", ty.name());
            members += 1;
        }
    }
    assert!(members > 10_000, "{members}");
}

//! `/sys/kernel/btf/vmlinux`.
#![no_main]

use bpfready::observe::btf::{Btf, Kind, summary};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(btf) = Btf::parse(bytes.to_vec()) else { return };
    summary(&btf);
    for ty in btf.types() {
        let name = ty.name();
        assert_eq!(btf.type_by_id(ty.id()).map(|it| it.name()), Some(name));
        // What has a name can be found by it.
        if matches!(ty.kind(), Some(Kind::Struct | Kind::Func | Kind::Typedef)) && !name.is_empty()
        {
            let found =
                ty.kind().and_then(|kind| btf.find(kind, name).find(|it| it.id() == ty.id()));
            assert!(found.is_some(), "type {} is not found by its name", ty.id());
        }
        let _ = (ty.resolved(), ty.size(), ty.enumerators().count());
        btf.member(name, "a.b");
    }
});

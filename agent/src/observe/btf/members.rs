//! Fields of structs: whether they are there, and where.

use super::kind::Kind;
use super::{Btf, Type};

/// A field of a struct, counted from the start of the outermost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Where it starts, in bits.
    pub bit_offset: u32,
    /// How wide it is, in bits, if it is a bit field.
    pub bitfield_bits: Option<u8>,
    /// Number of its type, typedefs and qualifiers included.
    pub type_id: u32,
}

impl Btf {
    /// Where the field `path` of struct (or union) `name` starts, in bytes.
    ///
    /// `path` goes into embedded structs (`ksym.name`, `__sk_common.skc_cookie`) and through
    /// anonymous members as C does, but not through pointers: what those point to has its own
    /// offsets. `None`: there is no such field, or it is a bit field that starts inside a byte.
    pub fn field_offset(&self, name: &str, path: &str) -> Option<u32> {
        let member = self.member(name, path)?;
        member.bit_offset.is_multiple_of(8).then_some(member.bit_offset / 8)
    }

    /// The field `path` of struct (or union) `name`, as for [`Btf::field_offset`].
    ///
    /// Where several structs have that name, the first one that has the field answers.
    pub fn member(&self, name: &str, path: &str) -> Option<Member> {
        let structs = self.find(Kind::Struct, name);
        structs.chain(self.find(Kind::Union, name)).find_map(|it| self.member_of(it, path))
    }

    /// Which member of struct `name` the field `field` is, counted from 0, as struct_ops programs
    /// name it at load. `None`: there is no such direct member.
    pub fn member_position(&self, name: &str, field: &str) -> Option<u32> {
        let mut structs = self.find(Kind::Struct, name);
        let position = structs.find_map(|it| members(it).position(|(name, _)| name == field))?;
        u32::try_from(position).ok()
    }

    fn member_of(&self, outer: Type<'_>, path: &str) -> Option<Member> {
        let mut steps = path.split('.');
        let mut found = self.direct(outer, steps.next()?)?;
        for step in steps {
            let inner = self.type_by_id(found.type_id)?.resolved()?;
            let member = self.direct(inner, step)?;
            let bit_offset = found.bit_offset.checked_add(member.bit_offset)?;
            found = Member { bit_offset, ..member };
        }
        Some(found)
    }

    /// A member of `outer` or of its anonymous members, however deep.
    fn direct(&self, outer: Type<'_>, name: &str) -> Option<Member> {
        // A list instead of recursion, and no type twice: broken BTF can contain itself.
        let mut open = vec![(outer, 0_u32)];
        let mut seen = vec![outer.id()];
        while let Some((ty, base)) = open.pop() {
            for (member_name, member) in members(ty) {
                let Some(bit_offset) = base.checked_add(member.bit_offset) else { continue };
                if !member_name.is_empty() {
                    if member_name == name {
                        return Some(Member { bit_offset, ..member });
                    }
                    continue;
                }
                let inner = self.type_by_id(member.type_id).and_then(Type::resolved);
                if let Some(inner) = inner.filter(|it| !seen.contains(&it.id())) {
                    seen.push(inner.id());
                    open.push((inner, bit_offset));
                }
            }
        }
        None
    }
}

/// Members of a struct or union with their names; none for other kinds.
pub(super) fn members(ty: Type<'_>) -> impl Iterator<Item = (&str, Member)> {
    let is_outer = matches!(ty.kind(), Some(Kind::Struct | Kind::Union));
    let has_widths = ty.kind_flag();
    ty.elements().filter(move |_| is_outer).map(move |it| {
        let width = if has_widths { (it.third >> 24) as u8 } else { 0 };
        let bit_offset = if has_widths { it.third & 0x00ff_ffff } else { it.third };
        let bitfield_bits = (width != 0).then_some(width);
        (it.name, Member { bit_offset, bitfield_bits, type_id: it.second })
    })
}

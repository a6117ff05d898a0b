//! Builds BTF for tests, word by word as `include/uapi/linux/btf.h` lays it out.

use super::kind::Kind;

/// A BTF file in the making; type numbers count from 1 in the order of the calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Builder {
    big_endian: bool,
    words: Vec<u32>,
    strings: Vec<u8>,
    types: u32,
    header_tail: Vec<u32>,
    layout: Vec<u8>,
}

impl Builder {
    pub(super) fn little() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    pub(super) fn big() -> Self {
        Self { big_endian: true, ..Self::little() }
    }

    /// A header longer than 32 bytes by these words.
    pub(super) fn longer_header(mut self, words: &[u32]) -> Self {
        self.header_tail = words.to_vec();
        self
    }

    /// A layout section, as Linux 7.2 writes it: `info_sz`, `elem_sz`, flags (2 bytes) per kind.
    pub(super) fn layout(mut self, entries: &[[u8; 4]]) -> Self {
        self.layout = entries.concat();
        self
    }

    pub(super) fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }

    /// A record with its kind, element count and flag, and the words that follow it.
    pub(super) fn raw(&mut self, name: &str, info: u32, third: u32, rest: &[u32]) -> u32 {
        let name = self.string(name);
        self.words.extend([name, info, third]);
        self.words.extend(rest);
        self.types += 1;
        self.types
    }

    pub(super) fn ty(&mut self, kind: Kind, name: &str, third: u32, rest: &[u32]) -> u32 {
        self.raw(name, (kind as u32) << 24, third, rest)
    }

    pub(super) fn int(&mut self, name: &str, bytes: u32) -> u32 {
        self.ty(Kind::Int, name, bytes, &[bytes * 8])
    }

    /// Members as name, type and offset in bits.
    pub(super) fn structure(
        &mut self,
        name: &str,
        bytes: u32,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        self.outer(Kind::Struct, name, bytes, members)
    }

    pub(super) fn union(&mut self, name: &str, bytes: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.outer(Kind::Union, name, bytes, members)
    }

    fn outer(&mut self, kind: Kind, name: &str, bytes: u32, members: &[(&str, u32, u32)]) -> u32 {
        let rest: Vec<u32> =
            members.iter().flat_map(|(name, ty, bits)| [self.string(name), *ty, *bits]).collect();
        self.raw(name, (kind as u32) << 24 | members.len() as u32, bytes, &rest)
    }

    pub(super) fn enumeration(&mut self, name: &str, values: &[(&str, i32)]) -> u32 {
        let rest: Vec<u32> =
            values.iter().flat_map(|(name, value)| [self.string(name), *value as u32]).collect();
        self.raw(name, (Kind::Enum as u32) << 24 | values.len() as u32, 4, &rest)
    }

    pub(super) fn enumeration64(&mut self, name: &str, values: &[(&str, u64)]) -> u32 {
        let rest: Vec<u32> = values
            .iter()
            .flat_map(|(name, value)| [self.string(name), *value as u32, (*value >> 32) as u32])
            .collect();
        self.raw(name, (Kind::Enum64 as u32) << 24 | values.len() as u32, 8, &rest)
    }

    pub(super) fn func(&mut self, name: &str, proto: u32) -> u32 {
        self.ty(Kind::Func, name, proto, &[])
    }

    /// A tag on a whole type or function.
    pub(super) fn decl_tag(&mut self, tag: &str, target: u32) -> u32 {
        self.ty(Kind::DeclTag, tag, target, &[u32::MAX])
    }

    /// The file: header of 24 bytes, or of 32 and more when there is a layout or a longer header.
    pub(super) fn build(&self) -> Vec<u8> {
        let is_long = !self.layout.is_empty() || !self.header_tail.is_empty();
        let header = if is_long { 32 + 4 * self.header_tail.len() as u32 } else { 24 };
        let (types, layout) = (4 * self.words.len() as u32, self.layout.len() as u32);
        let mut words = vec![header, 0, types, types + layout, self.strings.len() as u32];
        if is_long {
            words.extend([types, layout]);
        }
        words.extend(&self.header_tail);
        words.extend(&self.words);
        let magic = if self.big_endian { [0xeb, 0x9f, 1, 0] } else { [0x9f, 0xeb, 1, 0] };
        let mut bytes = magic.to_vec();
        for word in words {
            bytes.extend(if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
        }
        bytes.extend(&self.layout);
        bytes.extend(&self.strings);
        bytes
    }
}

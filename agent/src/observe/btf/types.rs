//! One type of a parsed BTF file, as a view on its record.

use super::Btf;
use super::kind::Kind;
use super::parse::RECORD;

/// A type; it borrows its words from the file.
#[derive(Debug, Clone, Copy)]
pub struct Type<'a> {
    btf: &'a Btf,
    id: u32,
    start: usize,
}

/// An enumerator, a member or a parameter as its record has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) name: &'a str,
    pub(super) second: u32,
    pub(super) third: u32,
}

impl Btf {
    /// The type with this number; `None`: void (0), or there are fewer.
    pub fn type_by_id(&self, id: u32) -> Option<Type<'_>> {
        let start = *self.starts.get((id as usize).checked_sub(1)?)?;
        Some(Type { btf: self, id, start: start as usize })
    }

    /// All types in the order of their numbers, from 1 on.
    pub fn types(&self) -> impl Iterator<Item = Type<'_>> {
        (1..).zip(&self.starts).map(|(id, start)| Type { btf: self, id, start: *start as usize })
    }

    #[expect(clippy::inline_always, reason = "a million calls; the rest is built for size")]
    #[inline(always)]
    fn word(&self, at: usize) -> u32 {
        self.header.words.at(&self.bytes, at).unwrap_or_default()
    }

    pub(super) fn strings(&self) -> &[u8] {
        &self.bytes[self.header.strings.clone()]
    }

    fn string(&self, offset: u32) -> &str {
        let name = self.strings().get(offset as usize..).unwrap_or_default();
        let name = std::ffi::CStr::from_bytes_until_nul(name).unwrap_or_default();
        name.to_str().unwrap_or_default()
    }
}

impl<'a> Type<'a> {
    #[expect(clippy::inline_always, reason = "a million calls; the rest is built for size")]
    #[inline(always)]
    pub(super) fn kind_number(info: u32) -> u8 {
        (info >> 24) as u8 & 0x7f
    }

    /// 24 bits since Linux 7.2; before, 16 bits with zeros above.
    pub(super) fn element_count(info: u32) -> usize {
        info as usize & 0x00ff_ffff
    }

    /// Its number in the file.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it is; `None`: a kind newer than this parser, in a file that says how long it is.
    #[expect(clippy::inline_always, reason = "a million calls; the rest is built for size")]
    #[inline(always)]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_number(Self::kind_number(self.info()))
    }

    /// Its name; empty for anonymous types.
    pub fn name(&self) -> &'a str {
        self.btf.string(self.btf.word(self.start))
    }

    pub(super) fn name_offset(&self) -> usize {
        self.btf.word(self.start) as usize
    }

    pub(super) fn has_name(&self) -> bool {
        self.name_offset() != 0
    }

    #[expect(clippy::inline_always, reason = "a million calls; the rest is built for size")]
    #[inline(always)]
    fn info(&self) -> u32 {
        self.btf.word(self.start + 4)
    }

    /// Bit 31: what it says depends on the kind.
    pub(super) fn kind_flag(&self) -> bool {
        self.info() >> 31 == 1
    }

    fn third(&self) -> u32 {
        self.btf.word(self.start + 8)
    }

    /// Size in bytes of a struct or union.
    pub fn size(&self) -> Option<u32> {
        matches!(self.kind()?, Kind::Struct | Kind::Union).then(|| self.third())
    }

    /// The type that this one refers to; `None`: void, or a kind that refers to none.
    pub fn target(&self) -> Option<Type<'a>> {
        self.btf.type_by_id(self.kind()?.shape().refers.then(|| self.third())?)
    }

    /// This type without typedefs and qualifiers; `None`: void.
    pub fn resolved(self) -> Option<Type<'a>> {
        // `Btf::parse` has seen to it that every chain ends.
        let mut ty = self;
        while ty.kind().is_some_and(Kind::is_modifier) {
            ty = ty.target()?;
        }
        Some(ty)
    }

    pub(super) fn elements(self) -> impl Iterator<Item = Element<'a>> {
        let shape = self.kind().map(Kind::shape).filter(|it| it.name_at == Some(0));
        let (size, count) =
            shape.map_or((0, 0), |it| (it.element, Self::element_count(self.info())));
        (0..count).map(move |index| {
            let at = self.start + RECORD + index * size;
            let word = |word: usize| self.btf.word(at + word * 4);
            let third = if size >= RECORD { word(2) } else { 0 };
            Element { name: self.btf.string(word(0)), second: word(1), third }
        })
    }
}

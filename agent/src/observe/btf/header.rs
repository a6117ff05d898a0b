//! The header of BTF: where its sections are.
//!
//! 24 bytes since Linux 4.18, 32 since 7.2, which added the layout section; what may follow in a
//! later, longer header is skipped (`include/uapi/linux/btf.h`, `struct btf_header`).

use std::ops::Range;

use super::error::BtfError;
use super::kind::Shape;

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
const SHORTEST: usize = 24;
const WITH_LAYOUT: usize = 32;

/// Reads 32-bit words in the byte order of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    swapped: bool,
}

impl Words {
    /// The word at byte `at`; `None`: past the end.
    #[expect(clippy::inline_always, reason = "a million calls; the rest is built for size")]
    #[inline(always)]
    pub(super) fn at(self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(if self.swapped { word.swap_bytes() } else { word })
    }
}

/// Where the sections of one BTF file are, as ranges of the whole file.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) words: Words,
    /// `hdr_len`.
    pub(super) length: u32,
    pub(super) types: Range<usize>,
    pub(super) strings: Range<usize>,
    /// Sizes of kinds, one entry of four bytes a kind; empty before Linux 7.2.
    pub(super) layout: Range<usize>,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BtfError> {
        let cut = BtfError::CutShort { what: "the header", at: 0 };
        let words = Words { swapped: is_swapped(bytes)? };
        match bytes.get(2) {
            Some(&VERSION) => {}
            Some(&found) => return Err(BtfError::Version { found }),
            None => return Err(cut),
        }
        let length = words.at(bytes, 4).ok_or_else(|| cut.clone())?;
        if (length as usize) < SHORTEST {
            return Err(BtfError::HeaderLength { found: length });
        }
        let header = bytes.get(..length as usize).ok_or_else(|| cut.clone())?;
        let word = |at| words.at(header, at).ok_or_else(|| cut.clone());
        let section = |name, at| -> Result<Range<usize>, BtfError> {
            section(bytes.len(), length, name, word(at)?, word(at + 4)?)
        };
        let layout = if header.len() >= WITH_LAYOUT { section("layout", 24)? } else { 0..0 };
        let types = section("type", 8)?;
        let strings = section("string", 16)?;
        check_strings(bytes, &strings, word(16)?)?;
        Ok(Self { words, length, types, strings, layout })
    }

    /// How records of a kind that this parser does not know are laid out, by the layout section.
    pub(super) fn shape_of(layout: &[u8], kind: u8) -> Option<Shape> {
        // `struct btf_layout`: info_sz, elem_sz, 16 bits of flags.
        let [tail, element, ..] = *layout.chunks_exact(4).nth(usize::from(kind))? else {
            return None;
        };
        Some(Shape { element: usize::from(element), ..Shape::tail(usize::from(tail)) })
    }
}

fn is_swapped(bytes: &[u8]) -> Result<bool, BtfError> {
    let Some(magic) = bytes.first_chunk() else {
        return Err(BtfError::CutShort { what: "the header", at: 0 });
    };
    match u16::from_ne_bytes(*magic) {
        MAGIC => Ok(false),
        found if found.swap_bytes() == MAGIC => Ok(true),
        found => Err(BtfError::Magic { found }),
    }
}

fn section(
    file: usize,
    header: u32,
    section: &'static str,
    offset: u32,
    length: u32,
) -> Result<Range<usize>, BtfError> {
    let wrong = |problem| BtfError::Section { section, offset, length, problem };
    if section != "string" && !offset.is_multiple_of(4) {
        return Err(wrong("is not aligned to 4 bytes"));
    }
    let end = u64::from(header) + u64::from(offset) + u64::from(length);
    let end = usize::try_from(end).ok().filter(|end| *end <= file);
    let end = end.ok_or_else(|| wrong("reaches past the end of the file"))?;
    Ok(end - length as usize..end)
}

/// A string section starts and ends with a zero byte, so every name in it ends.
fn check_strings(bytes: &[u8], range: &Range<usize>, offset: u32) -> Result<(), BtfError> {
    let strings = &bytes[range.clone()];
    let wrong = |problem| {
        let length = u32::try_from(strings.len()).unwrap_or(u32::MAX);
        Err(BtfError::Section { section: "string", offset, length, problem })
    };
    if strings.first() != Some(&0) || strings.last() != Some(&0) {
        return wrong("does not start and end with a zero byte");
    }
    if std::str::from_utf8(strings).is_err() {
        return wrong("is not UTF-8 text");
    }
    Ok(())
}

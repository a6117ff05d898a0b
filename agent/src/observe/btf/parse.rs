//! The one pass over all records: checks every bound and notes where each type starts.

use std::panic::resume_unwind;
use std::thread;

use super::super::beside::Beside;
use super::error::BtfError;
use super::header::Header;
use super::kind::{Kind, Shape};
use super::names::Names;
use super::{Btf, Bytes, Type};

/// Bytes that every record starts with: name, kind with element count, size or type.
pub(super) const RECORD: usize = 12;

/// The kernel's MAX_RESOLVE_DEPTH (`kernel/bpf/btf.c`).
pub(super) const MAX_CHAIN: usize = 32;

impl Btf {
    /// Takes the bytes of a BTF file and checks them once: after this every record, name and type
    /// number is known to be inside the file, and every chain of typedefs ends.
    ///
    /// Either byte order, header lengths from 24 bytes on. Split BTF of modules cannot be read
    /// without its base and is an error.
    ///
    /// # Errors
    ///
    /// [`BtfError`], which says what is wrong and where. It never panics.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, BtfError> {
        let bytes = bytes.into();
        let header = Header::parse(&bytes)?;
        let mut pass = Pass::new(&bytes, &header);
        while pass.at < header.types.end {
            pass.record()?;
        }
        let Pass { starts, farthest, .. } = pass;
        let types = starts.len() as u32;
        if let Some((id, target)) = farthest.filter(|it| it.1 > types) {
            return Err(BtfError::Reference { id, target, types });
        }
        let mut btf = Self { bytes, header, starts, names: Names::default() };
        // A kernel's hundred thousand types are worth a thread.
        let names = || Names::of(&btf);
        let (chains, names) = thread::scope(|scope| {
            let names = Beside::start(scope, &names);
            (btf.check_chains(), names.join())
        });
        chains?;
        btf.names = names.unwrap_or_else(|panic| resume_unwind(panic));
        Ok(btf)
    }

    fn check_chains(&self) -> Result<(), BtfError> {
        let modifiers = self.types().filter(|it| it.kind().is_some_and(Kind::is_modifier));
        for start in modifiers {
            let mut ty = Some(start);
            let mut left = MAX_CHAIN;
            while let Some(modifier) = ty.filter(|it| it.kind().is_some_and(Kind::is_modifier)) {
                if left == 0 {
                    return Err(BtfError::Loop { id: start.id(), limit: MAX_CHAIN });
                }
                left -= 1;
                ty = modifier.target();
            }
        }
        Ok(())
    }
}

struct Pass<'a> {
    /// The file up to the end of its type section.
    bytes: &'a [u8],
    header: &'a Header,
    strings: &'a [u8],
    layout: &'a [u8],
    at: usize,
    starts: Vec<u32>,
    /// The type with the highest reference, and that reference.
    farthest: Option<(u32, u32)>,
}

impl<'a> Pass<'a> {
    fn new(bytes: &'a [u8], header: &'a Header) -> Self {
        // Most records have elements: 40 bytes a type is what kernels have, 12 the least.
        let starts = Vec::with_capacity(header.types.len() / 40);
        Self {
            bytes: &bytes[..header.types.end],
            header,
            strings: &bytes[header.strings.clone()],
            layout: &bytes[header.layout.clone()],
            at: header.types.start,
            starts,
            farthest: None,
        }
    }

    /// Checks the record at `at` and moves behind it.
    fn record(&mut self) -> Result<(), BtfError> {
        let (start, id) = (self.at, self.starts.len() as u32 + 1);
        let head = self.take(RECORD, "the head of a type record")?;
        let words = self.header.words;
        let word = |at| words.at(head, at).unwrap_or_default();
        let (name, info, third) = (word(0), word(4), word(8));
        let shape = self.shape(id, start, Type::kind_number(info))?;
        self.name(id, name)?;
        if shape.refers {
            self.reference(id, third);
        }
        let tail = self.take(shape.tail, "a type record")?;
        for word in (0..shape.tail_types).filter_map(|it| words.at(tail, it * 4)) {
            self.reference(id, word);
        }
        self.elements(id, &shape, Type::element_count(info))?;
        self.starts.push(start as u32);
        Ok(())
    }

    fn elements(&mut self, id: u32, shape: &Shape, count: usize) -> Result<(), BtfError> {
        if shape.element == 0 {
            return Ok(());
        }
        let words = self.header.words;
        let elements = self.take(shape.element * count, "the elements of a type")?;
        for element in elements.chunks_exact(shape.element) {
            if let Some(name) = shape.name_at.and_then(|at| words.at(element, at)) {
                self.name(id, name)?;
            }
            if let Some(target) = shape.type_at.and_then(|at| words.at(element, at)) {
                self.reference(id, target);
            }
        }
        Ok(())
    }

    fn shape(&self, id: u32, at: usize, kind: u8) -> Result<Shape, BtfError> {
        match Kind::from_number(kind) {
            Some(kind) => Ok(kind.shape()),
            None if kind == 0 => Err(BtfError::Kind { id, at, kind }),
            None => {
                let told = Header::shape_of(self.layout, kind);
                told.ok_or(BtfError::Kind { id, at, kind })
            }
        }
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], BtfError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(BtfError::CutShort { what, at: self.at })?;
        self.at += length;
        Ok(taken)
    }

    fn name(&self, id: u32, offset: u32) -> Result<(), BtfError> {
        // A byte 0b10xxxxxx is inside a UTF-8 character: no name starts there.
        match self.strings.get(offset as usize) {
            Some(byte) if byte & 0xc0 != 0x80 => Ok(()),
            Some(_) | None => Err(BtfError::Name { id, offset }),
        }
    }

    fn reference(&mut self, id: u32, target: u32) {
        if self.farthest.is_none_or(|(_, farthest)| target > farthest) {
            self.farthest = Some((id, target));
        }
    }
}

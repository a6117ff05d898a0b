//! Why bytes are no BTF that we can read.

/// What broke the parse, and where; positions are bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The bytes end before something that was announced.
    #[error("BTF ends inside {what}, which starts at byte {at}")]
    CutShort {
        /// What did not fit.
        what: &'static str,
        /// Where it starts.
        at: usize,
    },
    /// The first two bytes are not the magic number in either byte order.
    #[error("BTF starts with {found:#06x} instead of the magic number 0xeb9f")]
    Magic {
        /// In this machine's byte order.
        found: u16,
    },
    /// A format version that nobody has defined yet.
    #[error("BTF has format version {found}; only version 1 is known")]
    Version {
        /// As the header says.
        found: u8,
    },
    /// A header too short for the fields that every version has.
    #[error("BTF header says it has {found} bytes; the shortest known has 24")]
    HeaderLength {
        /// `hdr_len`.
        found: u32,
    },
    /// A section that is not where it can be.
    #[error("BTF {section} section (offset {offset}, length {length}) {problem}")]
    Section {
        /// `type`, `string` or `layout`.
        section: &'static str,
        /// From the end of the header.
        offset: u32,
        /// In bytes.
        length: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A kind that this parser does not know, and no layout section tells its size.
    #[error("BTF type {id} at byte {at} is of the unknown kind {kind}; newer than Linux 7.2?")]
    Kind {
        /// The type's number.
        id: u32,
        /// Where its record starts.
        at: usize,
        /// The number of the kind.
        kind: u8,
    },
    /// A name that is not in the string section.
    #[error("BTF type {id} has a name at {offset}, which the string section does not hold")]
    Name {
        /// The type whose record names it.
        id: u32,
        /// Offset in the string section.
        offset: u32,
    },
    /// A reference to a type that is not there.
    #[error("BTF type {id} refers to type {target}, but there are only {types}")]
    Reference {
        /// The type that refers.
        id: u32,
        /// What it refers to.
        target: u32,
        /// How many types there are.
        types: u32,
    },
    /// Typedefs and qualifiers that lead nowhere.
    #[error("BTF type {id} is a chain of more than {limit} typedefs and qualifiers")]
    Loop {
        /// Where the chain starts.
        id: u32,
        /// The kernel's own limit.
        limit: usize,
    },
}

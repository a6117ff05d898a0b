//! The kinds of BTF types, and how their records are laid out.

/// What a BTF type is; the numbers are those of `include/uapi/linux/btf.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the kernel's own words: BTF_KIND_* without the prefix")]
pub enum Kind {
    Int = 1,
    Ptr = 2,
    Array = 3,
    Struct = 4,
    Union = 5,
    Enum = 6,
    Fwd = 7,
    Typedef = 8,
    Volatile = 9,
    Const = 10,
    Restrict = 11,
    Func = 12,
    FuncProto = 13,
    Var = 14,
    Datasec = 15,
    Float = 16,
    DeclTag = 17,
    TypeTag = 18,
    Enum64 = 19,
}

impl Kind {
    /// The kind with this number; `None`: zero, or newer than this parser.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Int,
            2 => Self::Ptr,
            3 => Self::Array,
            4 => Self::Struct,
            5 => Self::Union,
            6 => Self::Enum,
            7 => Self::Fwd,
            8 => Self::Typedef,
            9 => Self::Volatile,
            10 => Self::Const,
            11 => Self::Restrict,
            12 => Self::Func,
            13 => Self::FuncProto,
            14 => Self::Var,
            15 => Self::Datasec,
            16 => Self::Float,
            17 => Self::DeclTag,
            18 => Self::TypeTag,
            19 => Self::Enum64,
            _ => return None,
        })
    }

    /// Whether this kind only wraps another type and keeps its layout.
    pub fn is_modifier(self) -> bool {
        match self {
            Self::Typedef | Self::Volatile | Self::Const | Self::Restrict | Self::TypeTag => true,
            Self::Int
            | Self::Ptr
            | Self::Array
            | Self::Struct
            | Self::Union
            | Self::Enum
            | Self::Fwd
            | Self::Func
            | Self::FuncProto
            | Self::Var
            | Self::Datasec
            | Self::Float
            | Self::DeclTag
            | Self::Enum64 => false,
        }
    }

    /// How a record of this kind goes on after its first 12 bytes.
    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::Int => Shape::tail(4),
            Self::Ptr
            | Self::Typedef
            | Self::Volatile
            | Self::Const
            | Self::Restrict
            | Self::Func
            | Self::TypeTag => Shape::tail(0).refers(),
            Self::Array => Shape { tail: 12, tail_types: 2, ..Shape::tail(0) },
            Self::Struct | Self::Union => Shape::elements(12, Some(0), Some(4)),
            Self::Enum => Shape::elements(8, Some(0), None),
            Self::Enum64 => Shape::elements(12, Some(0), None),
            Self::Fwd | Self::Float => Shape::tail(0),
            Self::FuncProto => Shape::elements(8, Some(0), Some(4)).refers(),
            Self::Var | Self::DeclTag => Shape::tail(4).refers(),
            Self::Datasec => Shape::elements(12, None, Some(0)),
        }
    }
}

/// What follows the first 12 bytes of a record, and where it names things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bytes that follow once.
    pub(super) tail: usize,
    /// How many type numbers the tail starts with.
    pub(super) tail_types: usize,
    /// Bytes that follow for each of `vlen` elements.
    pub(super) element: usize,
    /// Where in an element its name is.
    pub(super) name_at: Option<usize>,
    /// Where in an element its type is.
    pub(super) type_at: Option<usize>,
    /// Whether the third word of the record is a type, not a size.
    pub(super) refers: bool,
}

impl Shape {
    pub(super) const fn tail(tail: usize) -> Self {
        Self { tail, tail_types: 0, element: 0, name_at: None, type_at: None, refers: false }
    }

    const fn elements(element: usize, name_at: Option<usize>, type_at: Option<usize>) -> Self {
        Self { tail: 0, tail_types: 0, element, name_at, type_at, refers: false }
    }

    const fn refers(self) -> Self {
        Self { refers: true, ..self }
    }
}

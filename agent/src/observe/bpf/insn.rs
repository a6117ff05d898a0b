//! A handful of eBPF instructions, enough for probes. Encoding: `docs.kernel.org/bpf/standardization`.

/// One instruction, `struct bpf_insn`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Insn {
    pub(crate) code: u8,
    pub(crate) registers: u8,
    pub(crate) offset: i16,
    pub(crate) immediate: i32,
}

/// `BPF_LD | BPF_IMM | BPF_DW`, which takes two slots.
const LOAD_WIDE: u8 = 0x18;
/// `BPF_PSEUDO_FUNC`: the value is where a function is, from the next instruction on.
pub(crate) const PSEUDO_FUNC: u8 = 4;
/// `BPF_CALL` to a helper.
const CALL: u8 = 0x85;

impl Insn {
    /// Any instruction by its fields.
    pub(crate) const fn new(code: u8, dst: u8, src: u8, offset: i16, immediate: i32) -> Self {
        Self { code, registers: src << 4 | dst, offset, immediate }
    }

    /// `dst = immediate` (64 bit).
    pub(crate) const fn mov(dst: u8, immediate: i32) -> Self {
        Self::new(0xb7, dst, 0, 0, immediate)
    }

    /// `dst = src` (64 bit).
    pub(crate) const fn mov_reg(dst: u8, src: u8) -> Self {
        Self::new(0xbf, dst, src, 0, 0)
    }

    /// `*(u64 *)(r10 + offset) = 0`.
    pub(crate) const fn store_zero(offset: i16) -> Self {
        Self::new(0x7a, 10, 0, offset, 0)
    }

    /// `dst = r10 + offset`.
    pub(crate) fn stack_address(dst: u8, offset: i16) -> [Self; 2] {
        Self::address(dst, 10, offset)
    }

    /// `dst = base + offset`.
    pub(crate) fn address(dst: u8, base: u8, offset: i16) -> [Self; 2] {
        [Self::mov_reg(dst, base), Self::new(0x07, dst, 0, 0, offset.into())]
    }

    /// Calls the helper with this number.
    pub(crate) const fn call(helper: i32) -> Self {
        Self::new(CALL, 0, 0, 0, helper)
    }

    /// Ends the program; its value is `r0`.
    pub(crate) const fn exit() -> Self {
        Self::new(0x95, 0, 0, 0, 0)
    }

    /// `dst = value of pseudo kind `src`` in two slots: a map, a map's value, a function.
    pub(crate) const fn load_pseudo(dst: u8, src: u8, value: i32) -> [Self; 2] {
        [Self::new(LOAD_WIDE, dst, src, 0, value), Self::new(0, 0, 0, 0, 0)]
    }

    /// Whether it takes the address of a function.
    pub(crate) fn takes_function(&self) -> bool {
        self.code == LOAD_WIDE && self.registers >> 4 == PSEUDO_FUNC
    }
}

/// `r0 = value; exit`.
pub(crate) const fn returns(value: i32) -> [Insn; 2] {
    [Insn::mov(0, value), Insn::exit()]
}

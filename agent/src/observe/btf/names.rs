//! An index from names to types, so that a question does not walk all of them.

use super::kind::Kind;
use super::{Btf, Type};

/// A hash table with chains, in two flat arrays of type numbers; 0 ends a chain.
///
/// It keeps no names: those stay in the file.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By hash: the first type of a chain.
    heads: Vec<u32>,
    /// By type: the next one in its chain. Entry 0 is nobody's.
    next: Vec<u32>,
}

impl Names {
    pub(super) fn of(btf: &Btf) -> Self {
        let count = btf.starts.len();
        let mut names =
            Self { heads: vec![0; count.next_power_of_two()], next: vec![0; count + 1] };
        let strings = btf.strings();
        // Backwards, so that a chain gives the lowest number first.
        for id in (1..=btf.type_count()).rev() {
            let Some(ty) = btf.type_by_id(id) else { continue };
            if ty.kind().is_some_and(is_asked_for) && ty.has_name() {
                let bucket = names.bucket(hash(strings, ty.name_offset()));
                names.next[id as usize] = std::mem::replace(&mut names.heads[bucket], id);
            }
        }
        names
    }

    /// Types that may have this name, lowest number first; the caller compares.
    pub(super) fn candidates(&self, name: &str) -> impl Iterator<Item = u32> {
        let bucket = self.bucket(hash(name.as_bytes(), 0));
        let first = self.heads.get(bucket).copied().unwrap_or_default();
        let next = |id: &u32| self.next.get(*id as usize).copied();
        std::iter::successors(Some(first), next).take_while(|id| *id != 0)
    }

    fn bucket(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.heads.len().saturating_sub(1)
    }
}

/// Kinds that are looked up by name.
fn is_asked_for(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Typedef | Kind::Func
    )
}

/// Hash of the name at `start`, which ends at a zero byte or with `bytes`.
///
/// Eight bytes at a time, end included: finding the end first and SipHash after it take several
/// times as long over a kernel's hundred thousand names.
fn hash(bytes: &[u8], start: usize) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (mut state, mut at) = (0, start);
    loop {
        let (word, is_last) = until_zero(word_at(bytes, at));
        state = (u64::rotate_left(state, 5) ^ word).wrapping_mul(MIX);
        if is_last {
            return state;
        }
        at += 8;
    }
}

/// Eight bytes, with zeros for those behind the end.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(word) = rest.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The bytes before the first zero byte, and whether there is one.
fn until_zero(word: u64) -> (u64, bool) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
    if zeros == 0 {
        return (word, false);
    }
    // The lowest mark is exact; marks above it may be carries.
    let kept = zeros.trailing_zeros() / 8 * 8;
    (word & !(u64::MAX << kept), true)
}

impl Btf {
    /// All types of this kind and name, lowest number first. Structs, unions, enums, typedefs and
    /// functions can be asked for.
    pub fn find<'a>(&'a self, kind: Kind, name: &'a str) -> impl Iterator<Item = Type<'a>> {
        let types = self.names.candidates(name).filter_map(|id| self.type_by_id(id));
        types.filter(move |it| it.kind() == Some(kind) && it.name() == name)
    }

    fn id_of(&self, kind: Kind, name: &str) -> Option<u32> {
        self.find(kind, name).next().map(|it| it.id())
    }

    /// Number of the function `name`: `attach_btf_id` of fentry, LSM (`bpf_lsm_…`) and iterators
    /// (`bpf_iter_…`), or the immediate of a kfunc call. `None`: the kernel has no such function.
    pub fn type_id_of_func(&self, name: &str) -> Option<u32> {
        self.id_of(Kind::Func, name)
    }

    /// Number of the typedef `name`: `attach_btf_id` of `tp_btf` programs, as
    /// `btf_trace_sched_switch`. `None`: the kernel has no such typedef.
    pub fn type_id_of_typedef(&self, name: &str) -> Option<u32> {
        self.id_of(Kind::Typedef, name)
    }

    /// Number of the struct `name`; `None`: the kernel has no such struct.
    pub fn type_id_of_struct(&self, name: &str) -> Option<u32> {
        self.id_of(Kind::Struct, name)
    }
}

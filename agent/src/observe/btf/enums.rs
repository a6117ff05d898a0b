//! Enumerators and declaration tags.

use super::kind::Kind;
use super::{Btf, Type};

impl Btf {
    /// Enumerators of `enum name` with their values; `None`: no such enum.
    pub fn enumerators<'a>(
        &'a self,
        name: &'a str,
    ) -> Option<impl Iterator<Item = (&'a str, i64)>> {
        let found = self.find(Kind::Enum, name).next();
        found.or_else(|| self.find(Kind::Enum64, name).next()).map(Type::enumerators)
    }

    /// Value of one enumerator of `enum name`; `None`: no such enum, or not in it.
    pub fn enum_value(&self, name: &str, enumerator: &str) -> Option<i64> {
        self.enumerators(name)?.find(|it| it.0 == enumerator).map(|it| it.1)
    }
}

impl<'a> Type<'a> {
    /// Enumerators with their values; none for other kinds than enums.
    ///
    /// Before Linux 6.0 nothing said whether an enum is signed, so 32-bit values are taken as
    /// signed throughout; 64-bit ones beyond `i64::MAX` appear as their two's complement.
    pub fn enumerators(self) -> impl Iterator<Item = (&'a str, i64)> {
        let kind = self.kind();
        self.elements().filter_map(move |it| {
            let value = match kind? {
                Kind::Enum => i64::from(it.second as i32),
                Kind::Enum64 => (u64::from(it.third) << 32 | u64::from(it.second)) as i64,
                _ => return None,
            };
            Some((it.name, value))
        })
    }
}

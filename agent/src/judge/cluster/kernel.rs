//! Kernel versions, for the range that the matrix shows. They decide nothing.

use serde::{Deserialize, Serialize};

use crate::facts::cluster::Text;

/// The oldest and the newest kernel of some nodes, as kubelet wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelRange {
    /// The oldest.
    pub oldest: Text,
    /// The newest.
    pub newest: Text,
}

/// The range; `None`: no node says a version that can be read.
pub fn range<'a>(versions: impl Iterator<Item = &'a Text>) -> Option<KernelRange> {
    let mut known: Vec<_> = versions.filter_map(|it| Some((numbers(it)?, it))).collect();
    known.sort();
    let (oldest, newest) = (known.first()?.1, known.last()?.1);
    Some(KernelRange { oldest: bare(oldest), newest: bare(newest) })
}

/// `6.12` of `6.12.88-119.157.amzn2023.x86_64`.
pub fn short(version: &str) -> String {
    match numbers(version) {
        Some((major, minor, _)) => format!("{major}.{minor}"),
        None => version.to_owned(),
    }
}

/// Without the ` (amd64)` that the table of API servers from 1.36 on adds.
fn bare(version: &Text) -> Text {
    version.split(' ').next().unwrap_or_default().into()
}

/// `6.12.88-119.157.amzn2023.x86_64`, `6.18.36`, `4.14.127+`, `10.0.20348.1`: the leading numbers.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split(|it: char| !it.is_ascii_digit());
    let mut next = || parts.next()?.parse::<u32>().ok();
    let (major, minor) = (next()?, next()?);
    Some((major, minor, next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendors_form_is_ordered_by_its_numbers() {
        let versions = [
            "6.12.88-119.157.amzn2023.x86_64",
            "5.10.245-245.983.amzn2.x86_64",
            "6.18.36",
            "6.8.0-1021-aws",
            "",
        ]
        .map(Text::from);
        let range = range(versions.iter()).unwrap();
        assert_eq!(&*range.oldest, "5.10.245-245.983.amzn2.x86_64");
        assert_eq!(&*range.newest, "6.18.36");
    }

    #[test]
    fn a_version_from_kubectls_table_loses_its_architecture() {
        let version = Text::from("6.1.182 (amd64)");
        assert_eq!(&*range(std::iter::once(&version)).unwrap().newest, "6.1.182");
        assert_eq!(short("4.14.127+"), "4.14");
    }
}

//! A Cilium minor release and how it is written.

use serde::{Deserialize, Serialize};

/// A Cilium minor release, such as 1.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// Major number.
    pub major: u16,
    /// Minor number.
    pub minor: u16,
}

impl Release {
    /// The release `1.minor`.
    pub const fn one(minor: u16) -> Self {
        Self { major: 1, minor }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Release {
    type Err = String;

    /// Parses `1.18`; a leading `v` and a patch number are allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a Cilium release such as 1.18, found {text:?}");
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut number = || parts.next().and_then(|it| it.parse().ok()).ok_or_else(wrong);
        let release = Self { major: number()?, minor: number()? };
        match (parts.next().map(str::parse::<u16>), parts.next()) {
            (None | Some(Ok(_)), None) => Ok(release),
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Release {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Release {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_v_and_a_patch_number_are_allowed() {
        for text in ["1.18", "v1.18", "1.18.3", "v1.18.11"] {
            assert_eq!(text.parse(), Ok(Release::one(18)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for text in ["", "1", "latest", "1.x", "1.18.3.4", "1.18-pre", "-1.18"] {
            let error = text.parse::<Release>().unwrap_err();
            assert!(error.contains("such as 1.18") && error.contains(&format!("{text:?}")));
        }
    }
}

//! The words of closed sets as labels and metric labels write them: those of the JSON.

use crate::facts::privilege::Rung;
use crate::judge::report::{Extent, FeatureStatus, Outcome, Severity, Ternary};

/// A closed set whose members have words.
pub(super) trait Words: Copy + PartialEq + Sized + 'static {
    /// Every member and its word; the word is the one in JSON, checked by a test.
    const WORDS: &'static [(Self, &'static str)];

    /// The member's word.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|it| it.0 == self).map_or("unknown", |it| it.1)
    }
}

impl Words for Ternary {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Yes, "yes"), (Self::No, "no"), (Self::Unknown, "unknown")];
}

impl Words for Extent {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Full, "full"),
        (Self::Partial, "partial"),
        (Self::None, "none"),
        (Self::Unknown, "unknown"),
    ];
}

impl Words for FeatureStatus {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Supported, "supported"),
        (Self::Unsupported, "unsupported"),
        (Self::Unknown, "unknown"),
    ];
}

impl Words for Outcome {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Pass, "pass"),
        (Self::Fail, "fail"),
        (Self::Undetermined, "undetermined"),
        (Self::NotApplicable, "not_applicable"),
    ];
}

impl Words for Severity {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Blocking, "blocking"), (Self::Degraded, "degraded"), (Self::Advisory, "advisory")];
}

impl Words for Rung {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::None, "none"),
        (Self::Bpf, "bpf"),
        (Self::NetRaw, "net_raw"),
        (Self::SysAdmin, "sys_admin"),
    ];
}

/// The word of a closed set that has no list here: the one in JSON.
pub(super) fn json_word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect_json<T: Words + serde::Serialize>() {
        for (member, word) in T::WORDS {
            assert_eq!(json_word(member), *word);
        }
    }

    #[test]
    fn words_are_those_of_the_json() {
        expect_json::<Ternary>();
        expect_json::<Extent>();
        expect_json::<FeatureStatus>();
        expect_json::<Outcome>();
        expect_json::<Severity>();
        expect_json::<Rung>();
    }
}

//! The query that Terraform's `external` data source writes to standard input.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::AskedArgs;
use super::source::SourceArgs;

/// Most bytes that are read.
const MAX_BYTES: u64 = 1 << 20;

/// Arguments by name. All values are strings; an empty one is as good as none, because HCL has no
/// way to leave a key out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// What is on standard input; nothing when that is a terminal or empty.
    pub(super) fn of_stdin() -> anyhow::Result<Self> {
        let stdin = io::stdin();
        let mut text = String::new();
        if !stdin.is_terminal() {
            stdin.take(MAX_BYTES).read_to_string(&mut text).context("cannot read the query")?;
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut map: BTreeMap<String, String> = serde_json::from_str(text)
            .context("the query on standard input: expected a JSON object of strings")?;
        map.retain(|_, value| !value.is_empty());
        Ok(Self(map))
    }

    /// Lets the query win over flags.
    pub(super) fn apply(
        self,
        source: &mut SourceArgs,
        asked: &mut AskedArgs,
    ) -> anyhow::Result<()> {
        for (key, value) in self.0 {
            let wrong = |expected: &str| {
                format!("the query's {key:?}: expected {expected}, found {value:?}")
            };
            match key.as_str() {
                "kubeconfig" => source.kubeconfig = Some(value.into()),
                "context" => source.context = Some(value),
                "target_cilium" => {
                    let release = value.parse().map_err(anyhow::Error::msg);
                    asked.target_cilium = Some(release.with_context(|| wrong("a release"))?);
                }
                "cilium_values" => asked.cilium_values = Some(value.into()),
                "policy" => {
                    let policy = ValueEnum::from_str(&value, false).map_err(anyhow::Error::msg);
                    asked.policy =
                        policy.with_context(|| wrong("advisory or strict-cluster-wide"))?;
                }
                "enable_cilium" => {
                    asked.enable_cilium =
                        Some(value.parse().with_context(|| wrong("true or false"))?);
                }
                "enable_fargate" => {
                    asked.enable_fargate =
                        Some(value.parse().with_context(|| wrong("true or false"))?);
                }
                _ => bail!(
                    "the query's {key:?}: expected kubeconfig, context, target_cilium, cilium_values, policy, enable_cilium or enable_fargate"
                ),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_query_asks_nothing_and_empty_values_are_left_out() {
        assert_eq!(Query::parse(" ").unwrap(), Query::default());
        let query = Query::parse(r#"{"context":"","policy":"advisory"}"#).unwrap();
        assert_eq!(query.0.keys().collect::<Vec<_>>(), ["policy"]);
    }

    #[test]
    fn what_is_no_map_of_strings_is_refused() {
        for text in ["[]", "{\"a\": 1}", "policy=advisory"] {
            let error = format!("{:#}", Query::parse(text).unwrap_err());
            assert!(error.contains("expected a JSON object of strings"), "{error}");
        }
    }
}

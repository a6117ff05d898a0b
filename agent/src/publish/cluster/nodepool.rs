//! A proposed NodePool as YAML, with what changes and what it costs as comments.

use std::fmt::{self, Write as _};

use crate::facts::cluster::condition::Taint;
use crate::facts::cluster::karpenter::NodePool;
use crate::facts::cluster::selector::Expression;
use crate::facts::cluster::{Labels, Text};
use crate::judge::cluster::findings::count;
use crate::judge::cluster::karpenter::proposal::Proposal;

/// The proposal as YAML that `kubectl apply` takes.
///
/// # Errors
///
/// Never: writing to a string does not fail.
pub fn render(proposal: &Proposal) -> Result<String, fmt::Error> {
    let mut page = String::new();
    comments(&mut page, proposal)?;
    let NodePool { api_version, metadata, spec, .. } = &proposal.pool;
    writeln!(page, "apiVersion: {api_version}\nkind: NodePool")?;
    writeln!(page, "metadata:\n  name: {}\nspec:\n  template:", quoted(&metadata.name))?;
    map(&mut page, "    metadata:\n      labels:", 8, &spec.template.metadata.labels)?;
    writeln!(page, "    spec:")?;
    let class = &spec.template.spec.node_class_ref;
    writeln!(page, "      nodeClassRef:\n        group: {}", quoted(&class.group))?;
    writeln!(page, "        kind: {}\n        name: {}", quoted(&class.kind), quoted(&class.name))?;
    writeln!(page, "      requirements:")?;
    spec.template.spec.requirements.iter().try_for_each(|it| requirement(&mut page, it))?;
    taints(&mut page, "taints", &spec.template.spec.taints)?;
    taints(&mut page, "startupTaints", &spec.template.spec.startup_taints)?;
    if !spec.template.spec.expire_after.is_empty() {
        writeln!(page, "      expireAfter: {}", quoted(&spec.template.spec.expire_after))?;
    }
    if !spec.disruption.consolidation_policy.is_empty() {
        let policy = &spec.disruption.consolidation_policy;
        writeln!(page, "  disruption:\n    consolidationPolicy: {}", quoted(policy))?;
        writeln!(page, "    consolidateAfter: {}", quoted(&spec.disruption.consolidate_after))?;
    }
    map(&mut page, "  limits:", 4, &spec.limits)?;
    if let Some(weight) = spec.weight {
        writeln!(page, "  weight: {weight}")?;
    }
    Ok(page)
}

fn comments(page: &mut String, proposal: &Proposal) -> fmt::Result {
    match (&proposal.of, proposal.rolls) {
        (Some(old), Some(rolls)) => {
            let nodes = count(rolls, "node");
            writeln!(page, "# The same change to NodePool {old} would replace {nodes}.")?;
        }
        (Some(old), None) => {
            writeln!(
                page,
                "# The same change to NodePool {old} would replace all its nodes; how many could not be read."
            )?;
        }
        (None, _) => {
            writeln!(page, "# There is no NodePool of this name: a beginning, to be completed.")?;
            if !proposal.others.is_empty() {
                let names: Vec<&str> = proposal.others.iter().map(|it| &**it).collect();
                writeln!(page, "# There are: {}.", names.join(", "))?;
            }
        }
    }
    proposal.changes.iter().try_for_each(|it| writeln!(page, "# - {it}"))?;
    if let Some(old) = &proposal.of {
        writeln!(
            page,
            "# Not copied, because not read: annotations, disruption.budgets, minValues and the like; see \
             kubectl get nodepool {old} -o yaml"
        )?;
    }
    writeln!(page, "# bpfready never writes a NodePool: apply this yourself.")
}

fn map(page: &mut String, head: &str, indent: usize, labels: &Labels) -> fmt::Result {
    if labels.is_empty() {
        return Ok(());
    }
    writeln!(page, "{head}")?;
    let indent = " ".repeat(indent);
    labels
        .iter()
        .try_for_each(|(key, value)| writeln!(page, "{indent}{}: {}", quoted(key), quoted(value)))
}

fn requirement(page: &mut String, it: &Expression) -> fmt::Result {
    let operator = format!("{:?}", it.operator);
    writeln!(page, "        - key: {}\n          operator: {operator}", quoted(&it.key))?;
    if it.values.is_empty() {
        return Ok(());
    }
    let values: Vec<String> = it.values.iter().map(quoted).collect();
    writeln!(page, "          values: [{}]", values.join(", "))
}

fn taints(page: &mut String, name: &str, taints: &[Taint]) -> fmt::Result {
    if taints.is_empty() {
        return Ok(());
    }
    writeln!(page, "      {name}:")?;
    taints.iter().try_for_each(|Taint { key, value, effect }| {
        write!(page, "        - {{key: {}, ", quoted(key))?;
        if !value.is_empty() {
            write!(page, "value: {}, ", quoted(value))?;
        }
        writeln!(page, "effect: {}}}", quoted(effect))
    })
}

/// A YAML scalar: plain where it is surely a string, else in double quotes, whose escapes are JSON's.
fn quoted(text: &Text) -> String {
    let starts = text.chars().next().is_some_and(|it| it.is_ascii_alphabetic());
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./".contains(it);
    let word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if starts && text.chars().all(plain) && !word.contains(&text.to_lowercase().as_str()) {
        return text.to_string();
    }
    serde_json::Value::from(&**text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_that_yaml_would_not_take_for_a_string_is_quoted() {
        for (text, yaml) in [
            ("cilium", "cilium"),
            ("karpenter.sh/v1", "karpenter.sh/v1"),
            ("true", "\"true\""),
            ("No", "\"No\""),
            ("10", "\"10\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
        ] {
            assert_eq!(quoted(&text.into()), yaml);
        }
    }
}

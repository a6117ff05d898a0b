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
    let lines = head(proposal);
    let copied = proposal.of.as_ref().map(|old| {
        format!(
            "Not copied, because not read: annotations, disruption.budgets, minValues, \
             terminationGracePeriod and the like; see kubectl get nodepool {old} -o yaml"
        )
    });
    let changes = proposal.changes.iter().map(|it| format!("- {it}"));
    let last = "bpfready never writes a NodePool: apply this yourself.".to_owned();
    let all = lines.into_iter().chain(changes).chain(copied).chain([last]);
    // A name from a dump of objects may be anything; a comment ends with its line.
    all.into_iter().try_for_each(|it| writeln!(page, "# {}", it.replace(char::is_control, " ")))
}

fn head(proposal: &Proposal) -> Vec<String> {
    match (&proposal.of, proposal.rolls) {
        (Some(old), _) if proposal.changes.is_empty() => {
            vec![format!("NodePool {old} promises and gates already: nothing needs to change.")]
        }
        (Some(old), Some(rolls)) => {
            let nodes = count(rolls, "node");
            vec![format!("The same change to NodePool {old} would replace {nodes}.")]
        }
        (Some(old), None) => vec![format!(
            "The same change to NodePool {old} would replace all its nodes; how many could not be read."
        )],
        (None, _) => {
            let names: Vec<&str> = proposal.others.iter().map(|it| &**it).collect();
            let there = (!names.is_empty()).then(|| format!("There are: {}.", names.join(", ")));
            let none = "There is no NodePool of this name: a beginning, to be completed.";
            std::iter::once(none.to_owned()).chain(there).collect()
        }
    }
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

    #[test]
    fn a_name_of_two_lines_stays_in_its_comment() {
        let evil = "a\nspec: {}\n#";
        let proposal = Proposal {
            pool: NodePool::default(),
            of: None,
            others: vec![evil.into()],
            rolls: None,
            changes: vec![format!("A new pool beside {evil}")],
        };
        let page = render(&proposal).unwrap();
        let comments = page.lines().take_while(|it| it.starts_with("# ")).count();
        assert_eq!(comments, 4, "{page}");
        assert!(!page.contains("\nspec: {}"), "{page}");
    }
}

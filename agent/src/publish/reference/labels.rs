//! The page of what is written on Nodes.

use super::{MADE, code};
use crate::judge::cluster::compute::Compute;
use crate::judge::report::{Cni, Extent, ProxyMode, Ternary};
use crate::publish::labels::label_value;
use crate::publish::names::{PREFIX, condition, label};
use crate::publish::node::MANAGER;
use crate::publish::words::Words;

const RULES: &str = "\
- **Could not tell is `unknown`**, never a \"no\" and never no label: select for `In [yes]`, not for `NotIn [no]`.
- **For placement, not for secrecy**: a node's kubelet may write these labels too, so whoever took a node over can \
lie there. Where a label has to hold against that, promise one of `node-restriction.kubernetes.io` in the NodePool.
- **No label** means: the agent never ran on this Node, another writer holds the key \
(`bpfready_label_held_by_other`), or the Node was made anew and the agent has not come to it yet.
- Labels are written on change only, by server-side apply: a label that no longer holds is replaced, one that a \
newer agent does not know disappears, and keys of others are never touched. Nothing is deleted when an agent ends.
";
const CONDITIONS: &str = "\
`True`, `False` or `Unknown`, with a reason in CamelCase (the closed list in `agent/src/judge/reason.rs`) and a \
message that ends with the first remedy. `lastHeartbeatTime` is renewed every five minutes, give or take a tenth; \
a condition whose heartbeat is older than that is the word of an agent that no longer runs.\n\n";
const TAINT: &str = "\
Set by a NodePool's `startupTaints` with the effect `NoSchedule`; the agent adds none. With `--gate ebpf` or \
`--gate cilium` it takes the taint away once the condition of that name is `True` and Karpenter has registered the \
Node (`karpenter.sh/registered=true`; not waited for where the Node has no mark of Karpenter), and again when a \
late sync puts it back. Without `--gate` no taint is touched.\n\n";
const PROMISE: &str = "\
Set by people, in a NodePool's template: the datapath that its nodes are meant to have, as a value of \
`datapath`. It is only read. When another one carries the pods, an Event `PromiseMismatch` says so once, and \
`bpfready_promise{state=\"broken\"}` is 1 for as long as it lasts. No label: nothing is promised.\n\n";
const FARGATE: &str = "\
No agent runs there; `bpfready controller` writes what the API server knows, under the same keys; \
`cilium-capable` and `cilium-ready` are `false` there: by the platform, where `no` is what an agent measured. \
`In [yes]` leaves both out. Pods on Fargate get the annotation of the same name as the label `ebpf`.\n";

/// All of it, as Markdown.
pub fn page() -> String {
    let mut page = format!("# Labels, conditions and the startup taint\n\n{MADE}");
    page += &format!(
        "What `bpfready agent` keeps on its own Node, as field manager `{MANAGER}`. The prefix is `{PREFIX}` unless \
         `--prefix` says otherwise.\n\n## Labels\n\n{RULES}\n| label | says | values |\n| --- | --- | --- |\n"
    );
    for (key, meaning) in label::ALL {
        page += &format!("| `{PREFIX}{key}` | {meaning} | {} |\n", values(key));
    }
    page += "\nA label's value has no `+`, so a chained datapath is written with `_`: `aws-vpc-cni_cilium`.\n";
    page += &format!("\n## Conditions\n\n{CONDITIONS}| condition | says |\n| --- | --- |\n");
    for (kind, meaning) in condition::ALL {
        page += &format!("| `{PREFIX}{kind}` | {meaning} |\n");
    }
    page += &format!("\n## Startup taint `{PREFIX}{}`\n\n{TAINT}", label::STARTUP_TAINT);
    page += &format!("## Promise `{PREFIX}{}`\n\n{PROMISE}", label::EXPECT_DATAPATH);
    page + "## On Fargate\n\n" + FARGATE
}

fn values(key: &str) -> String {
    match key {
        label::EBPF => words::<Extent>(),
        label::DATAPATH => words::<Cni>(),
        label::SERVICE_PROXY => words::<ProxyMode>(),
        label::COMPUTE => code(Compute::ALL.map(Compute::as_str)),
        label::CILIUM_CAPABLE | label::CILIUM_READY => {
            format!("{}; on Fargate `false`", words::<Ternary>())
        }
        _ => words::<Ternary>(),
    }
}

fn words<T: Words>() -> String {
    let values: Vec<String> = T::WORDS.iter().map(|it| label_value(it.1)).collect();
    code(values.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_and_condition_has_its_line() {
        let page = page();
        for (name, _) in label::ALL.iter().chain(condition::ALL) {
            assert_eq!(page.matches(&format!("\n| `{PREFIX}{name}` | ")).count(), 1, "{name}");
        }
    }
}

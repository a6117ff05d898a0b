//! What carries the pods' packets, and why that is believed.

use maud::{Markup, html};

use super::findings::evidence;
use crate::judge::report::Verdict;
use crate::publish::words::json_word;

pub(super) fn section(verdict: &Verdict) -> Markup {
    let datapath = &verdict.datapath;
    let proxy = &verdict.service_proxy;
    html! {
        section {
            h2 { "Datapath" }
            p {
                "Pods: " strong { (datapath.cni.as_str()) } ", mode " (datapath.mode)
                ", confidence " (json_word(&datapath.confidence)) ". Next pod: "
                (datapath.next_pod.as_str()) ". Network policy: " (datapath.policy_engine)
                ". Services: " strong { (proxy.mode.as_str()) } "."
            }
            (evidence(&datapath.evidence))
            (evidence(&proxy.evidence))
            @if !datapath.conflicts.is_empty() {
                h2 { "Conflicts" }
                (evidence(&datapath.conflicts))
            }
            @if !datapath.leftovers.is_empty() {
                h2 { "Left behind" }
                (evidence(&datapath.leftovers))
            }
        }
    }
}

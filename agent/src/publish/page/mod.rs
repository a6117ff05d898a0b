//! A page for people: the verdict, what is in the way, the evidence. Plain HTML, made on the
//! server: no script, nothing loaded, light and dark, wide and narrow.

mod datapath;
mod features;
mod findings;
mod shell;
mod style;

use maud::{Markup, html};

use super::words::Words;
use crate::judge::NodeReport;
use crate::judge::report::{Extent, FeatureStatus, Outcome, Ternary};
pub use shell::{shell, time};

/// The page of one node. `node`: its name, where somebody told it.
pub fn render(report: &NodeReport, node: Option<&str>) -> String {
    let uname = report.facts.kernel.uname.known();
    let name = node.unwrap_or("this node");
    let body = html! {
        header {
            h1 { (name) }
            p.answer { (headline(report)) }
            p.quiet {
                "Linux " (uname.map_or("of unknown release", |it| it.release.as_str())) ", "
                (uname.map_or("unknown machine", |it| it.machine.as_str())) ". Looked at "
                (time(report.facts.taken_at_seconds)) " by bpfready " (report.facts.agent_version) "."
            }
        }
        (cards(report))
        (findings::section(report))
        (datapath::section(&report.verdict))
        (features::section(&report.verdict.cilium))
        (features::releases(&report.verdict.cilium))
        (findings::sources(&report.facts.sources))
    };
    shell(&format!("{name} · bpfready"), &body)
}

fn headline(report: &NodeReport) -> Markup {
    let cilium = &report.verdict.cilium;
    let target = cilium.target;
    html! {
        (badge(cilium.capable)) " "
        @match cilium.capable {
            Ternary::Yes => { "Cilium " (target) " can run on this node." }
            Ternary::No => { "Cilium " (target) " cannot run on this node." }
            Ternary::Unknown => { "Whether Cilium " (target) " can run on this node could not be told." }
        }
    }
}

/// The answers that are labels of the Node, side by side.
fn cards(report: &NodeReport) -> Markup {
    let verdict = &report.verdict;
    let ebpf = &verdict.ebpf;
    html! {
        section.cards aria-label="Summary" {
            (card("eBPF for packets", &badge(ebpf.datapath), ebpf.datapath_why.evidence.first()))
            (card("eBPF for tracing", &badge(ebpf.tracing), ebpf.tracing_why.evidence.first()))
            (card("BPF LSM", &badge(ebpf.lsm), ebpf.lsm_why.evidence.first()))
            (card("Datapath", &plain(verdict.datapath.cni.as_str()), verdict.datapath.evidence.first()))
            (card("Services", &plain(verdict.service_proxy.mode.as_str()), verdict.service_proxy.evidence.first()))
            (card("Cilium ready", &badge(verdict.cilium.ready), ready_evidence(report)))
        }
    }
}

fn ready_evidence(report: &NodeReport) -> Option<&String> {
    report.verdict.cilium.ready_why.as_ref().and_then(|it| it.evidence.first())
}

fn card(title: &str, value: &Markup, why: Option<&String>) -> Markup {
    html! {
        div.card {
            h2 { (title) }
            p { (value) }
            @if let Some(why) = why { p.quiet { (why) } }
        }
    }
}

fn plain(word: &str) -> Markup {
    html! { span.badge.(if word == "unknown" { "unknown" } else { "plain" }) { (word) } }
}

/// A member of a closed set, with the colour of what it means. Colour is never all that tells.
fn badge<T: Words + Meaning>(value: T) -> Markup {
    html! { span.badge.(value.meaning()) { (value.word().replace('_', " ")) } }
}

/// What a word means to the reader: a class of the style sheet.
trait Meaning {
    fn meaning(self) -> &'static str;
}

impl Meaning for Ternary {
    fn meaning(self) -> &'static str {
        match self {
            Self::Yes => "good",
            Self::No => "bad",
            Self::Unknown => "unknown",
        }
    }
}

impl Meaning for Extent {
    fn meaning(self) -> &'static str {
        match self {
            Self::Full => "good",
            Self::Partial => "fair",
            Self::None => "bad",
            Self::Unknown => "unknown",
        }
    }
}

impl Meaning for FeatureStatus {
    fn meaning(self) -> &'static str {
        match self {
            Self::Supported => "good",
            Self::Unsupported => "bad",
            Self::Unknown => "unknown",
        }
    }
}

impl Meaning for Outcome {
    fn meaning(self) -> &'static str {
        match self {
            Self::Pass => "good",
            Self::Fail => "bad",
            Self::Undetermined => "unknown",
            Self::NotApplicable => "plain",
        }
    }
}

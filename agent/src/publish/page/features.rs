//! Cilium's features and releases on this node.

use maud::{Markup, html};

use super::badge;
use super::findings::evidence;
use crate::judge::report::CiliumVerdict;

pub(super) fn section(cilium: &CiliumVerdict) -> Markup {
    html! {
        section {
            h2 { "Features of Cilium " (cilium.target) }
            ul.list {
                @for (name, feature) in &cilium.features {
                    li {
                        p {
                            (badge(feature.status)) " "
                            strong { (if feature.title.is_empty() { name } else { &feature.title }) }
                            " " span.quiet { (feature.reason.as_str()) }
                        }
                        @if !feature.evidence.is_empty() || !feature.caveats.is_empty() {
                            details {
                                summary { "evidence" }
                                (evidence(&feature.evidence))
                                (evidence(&feature.caveats))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn releases(cilium: &CiliumVerdict) -> Markup {
    html! {
        section {
            h2 { "Releases" }
            div.scroll { table {
                thead { tr { th { "Cilium" } th { "can run here" } th { "in the way" } } }
                tbody {
                    @for (release, capable) in cilium.releases.iter().rev() { tr {
                        td { (release) }
                        td { (badge(*capable)) }
                        td { (cilium.blockers.get(release).map(|it| it.join(", ")).unwrap_or_default()) }
                    } }
                }
            } }
        }
    }
}

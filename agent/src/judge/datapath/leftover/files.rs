//! CNI configuration that was left: renamed away, or waiting behind the one that is taken.

use crate::facts::cni::Network;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::next;
use crate::judge::datapath::plugins;
use crate::judge::datapath::story::Story;
use crate::judge::report::{Cni, Issue};

pub(super) fn leftovers(story: &Story<'_, '_>) -> Vec<Issue> {
    [backups(story), waiting(story)].into_iter().flatten().collect()
}

/// Cilium renames all other files away; once its own is gone, none is left (cilium#12260, #23159).
fn backups(story: &Story<'_, '_>) -> Option<Issue> {
    let cni = &story.scene.facts.cni;
    let backups: Vec<String> =
        cni.disabled.known()?.iter().filter(|it| it.ends_with(".cilium_bak")).cloned().collect();
    let networks = next::networks(cni);
    let own = networks
        .iter()
        .any(|(_, it)| it.types().is_some_and(|types| types.contains(&"cilium-cni")));
    if own || backups.is_empty() || cni.files.known().is_none_or(Option::is_none) {
        return None;
    }
    let dir = &cni.conf_dir.value;
    let issue = Issue::leftover(
        "cilium-backups-left",
        "cilium",
        "Cilium renamed other CNI configurations away and its own is gone (cilium#23159)",
    );
    let issue = if story.next.cni == Cni::None { issue.harms() } else { issue };
    Some(
        issue
            .remedy(format!("Rename what should hold back, without .cilium_bak, in {dir}; or start Cilium again."))
            .evidence([netfilter::few(&backups)]),
    )
}

/// Files behind the one that is taken: the runtime falls to the next when it goes.
fn waiting(story: &Story<'_, '_>) -> Option<Issue> {
    let (taken, reading) = story.next.taken.as_ref()?;
    // What the taken file chains on is where its chain comes from, and must stay.
    let is_chained_on = |network: &Network| {
        let base = network.unwrapped().and_then(|it| plugins::base(&it).map(|it| &it.plugin_type));
        base.is_some_and(|it| reading.types.contains(it))
    };
    let behind: Vec<String> = next::networks(&story.scene.facts.cni)
        .into_iter()
        .filter(|(path, network)| *path > taken.as_str() && !is_chained_on(network))
        .filter_map(|(path, network)| {
            let cni = plugins::read(path, network)?.cni;
            (cni != story.next.cni && cni.is_one()).then(|| format!("{path} ({cni})"))
        })
        .collect();
    (!behind.is_empty()).then(|| {
        Issue::leftover(
            "cni-file-waiting",
            "cni",
            format!(
                "other CNI configurations wait behind {taken}: the next pod gets them when it goes"
            ),
        )
        .remedy("Remove the files that nobody should fall back to.")
        .evidence([netfilter::few(&behind)])
    })
}

//! CNI configuration that stops sandboxes, hides Cilium's, or has gone stale.

use crate::facts::cni::{DelegateBy, Network};
use crate::judge::datapath::next::{self, Broken};
use crate::judge::datapath::party::Party;
use crate::judge::datapath::plugins::{self, Reading};
use crate::judge::datapath::story::Story;
use crate::judge::reason::Reason;
use crate::judge::report::Issue;

pub(super) fn conflicts(story: &Story<'_, '_>) -> Vec<Issue> {
    let asked = [
        broken(story),
        agent_gone(story),
        before_cilium(story),
        stale_copy(story),
        renamed(story),
        several(story),
    ];
    asked.into_iter().flatten().collect()
}

fn broken(story: &Story<'_, '_>) -> Option<Issue> {
    let issue = match story.next.broken.as_ref()? {
        Broken::FirstFile(path, detail) => {
            Issue::conflict("cni-first-file-broken", "cni", "containerd has no network: the CNI configuration that comes first is broken, and containerd does not skip it")
                .remedy(format!("Repair or remove {path}."))
                .evidence([format!("{path}: {detail}")])
        }
        Broken::NoBinary { plugin, dirs } => {
            Issue::conflict("cni-plugin-missing", "cni", format!("the runtime has no binary {plugin}: every new pod fails"))
                .remedy(format!("Install {plugin} in {}, or remove the configuration that names it.", dirs.join(" or ")))
                .evidence(story.next.answer.evidence.clone())
        }
    };
    Some(issue.reason(Reason::CniBroken).blocks_ready())
}

/// Cilium's plug-in asks its agent for every pod (cilium#12260).
fn agent_gone(story: &Story<'_, '_>) -> Option<Issue> {
    let (path, reading) = story.next.taken.as_ref()?;
    let calls = reading.types.iter().any(|it| it == "cilium-cni");
    let life = story.scene.life(Party::Cilium);
    (calls && life.is_dead()).then(|| {
        Issue::conflict("cilium-conf-without-agent", "cilium", "the runtime calls cilium-cni and Cilium's agent is gone: every new pod fails (cilium#12260)")
            .reason(Reason::CniBroken)
            .blocks_ready()
            .remedy(format!("Start Cilium's agent again; or, if Cilium was removed, remove {path}."))
            .evidence([format!("{path} calls cilium-cni")])
            .evidence(life.evidence().to_vec())
    })
}

/// A file that sorts before Cilium's and does not call it, while Cilium runs (multus#1132, istio#55894).
fn before_cilium(story: &Story<'_, '_>) -> Option<Issue> {
    let (taken, reading) = story.next.taken.as_ref()?;
    let networks = next::networks(&story.scene.facts.cni);
    let own = networks.iter().find(|(path, it)| {
        *path > taken.as_str() && it.types().is_some_and(|types| types.contains(&"cilium-cni"))
    })?;
    let calls = reading.types.iter().any(|it| it == "cilium-cni");
    (story.has_cilium() && !calls).then(|| {
        Issue::conflict("cni-file-before-cilium", "cilium", format!("Cilium runs, and {taken} comes before its configuration: new pods get {}", reading.cni))
            .blocks_ready()
            .remedy(format!("Remove {taken}, or set cni.exclusive=true; where it must stay, make it call cilium-cni."))
            .evidence([format!("{taken} sorts before {}", own.0)])
    })
}

/// Multus and Istio can hold a copy of another configuration; the copy does not follow it.
fn stale_copy(story: &Story<'_, '_>) -> Option<Issue> {
    let (path, reading) = story.next.taken.as_ref()?;
    let networks = next::networks(&story.scene.facts.cni);
    let network = networks.iter().find(|it| it.0 == path)?.1;
    if !holds_copy(path, network) {
        return None;
    }
    let (other, now) = networks
        .iter()
        .filter(|it| it.0 != path)
        .find_map(|(path, it)| Some((*path, plugins::read(path, it)?)))?;
    (without_meta(&now) != without_meta(reading)).then(|| {
        Issue::conflict("cni-copy-stale", "cni", format!("{path} holds a copy of another CNI configuration, and {other} says something else now"))
            .remedy("Restart the meta plug-in's DaemonSet, so that it copies again.")
            .evidence([
                format!("copy: {}", reading.types.join(", ")),
                format!("{other}: {}", now.types.join(", ")),
            ])
    })
}

/// A delegate written in full, or Istio's own file.
fn holds_copy(path: &str, network: &Network) -> bool {
    let delegates = network.plugins.iter().filter_map(|it| it.delegate.as_ref());
    let mut copies = delegates.map(|it| it.by == DelegateBy::Copy);
    copies.any(|it| it) || path.contains("istio-cni")
}

fn without_meta(reading: &Reading) -> Vec<&str> {
    let types = reading.types.iter().map(String::as_str);
    types.filter(|it| !matches!(*it, "istio-cni" | "linkerd-cni")).collect()
}

/// Cilium's exclusive mode took a meta plug-in's file away (multus#972, istio#26760).
fn renamed(story: &Story<'_, '_>) -> Option<Issue> {
    let disabled = story.scene.facts.cni.disabled.known()?;
    let meta = |it: &&String| {
        it.ends_with(".cilium_bak") && (it.contains("multus") || it.contains("istio"))
    };
    let file = disabled.iter().find(meta)?;
    let (taken, reading) = story.next.taken.as_ref()?;
    let calls = reading.types.iter().any(|it| it == "cilium-cni");
    (calls && reading.meta.is_empty()).then(|| {
        Issue::conflict("cilium-exclusive-renamed", "cilium", "Cilium renamed a meta plug-in's configuration away: new pods do not get what it adds (multus-cni#1132)")
            .advisory()
            .remedy("Set cni.exclusive=false, then restart the meta plug-in and Cilium.")
            .evidence([format!("{file}; the runtime takes {taken}")])
    })
}

/// containerd makes an interface for each configuration it loads.
fn several(story: &Story<'_, '_>) -> Option<Issue> {
    let cni = &story.scene.facts.cni;
    let count = next::networks(cni).len();
    let most = cni.max_conf_num.value;
    let loads = if most == 0 { count } else { count.min(most as usize) };
    (loads > 1).then(|| {
        Issue::conflict(
            "cni-several-loaded",
            "cni",
            format!(
                "the runtime loads {loads} CNI configurations: each pod gets an interface of each"
            ),
        )
        .remedy("Set max_conf_num = 1 in containerd's configuration.")
        .evidence([format!(
            "max_conf_num is {most}, {count} configurations in {}",
            cni.conf_dir.value
        )])
    })
}

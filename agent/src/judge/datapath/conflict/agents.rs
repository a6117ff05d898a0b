//! Agents that contradict what carries the pods, or each other.

use crate::judge::datapath::detector;
use crate::judge::datapath::life::Life;
use crate::judge::datapath::netfilter;
use crate::judge::datapath::next;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::story::Story;
use crate::judge::reason::Reason;
use crate::judge::report::{Issue, Severity};

pub(super) fn conflicts(story: &Story<'_, '_>) -> Vec<Issue> {
    let asked = [
        agent_gone(story),
        engines(story),
        generations(story),
        stale_program(story),
        auto_mode(story),
    ];
    asked.into_iter().flatten().collect()
}

/// Pods go by a datapath whose agent is gone: it works until something changes.
fn agent_gone(story: &Story<'_, '_>) -> Option<Issue> {
    let detector = detector::of(story.present.cni)?;
    let life = story.scene.life(detector.party);
    // Cilium's own is a leftover, told with its programs.
    if !life.is_dead() || detector.party == Party::Cilium || !needs_agent(story, detector.party) {
        return None;
    }
    let name = story.present.cni;
    Some(
        Issue::conflict("datapath-agent-gone", detector.party.as_str(), format!("pods' packets go by {name}, and its agent does not run: nothing keeps the datapath up to date"))
            .remedy(format!("Start the agent of {name} again on this node, or move the pods to the new datapath by restarting them."))
            .evidence(life.evidence().to_vec()),
    )
}

/// Azure CNI has an agent only where its addresses come from one (`azure-cns`).
fn needs_agent(story: &Story<'_, '_>, party: Party) -> bool {
    let networks = next::networks(&story.scene.facts.cni);
    let plugins = networks.iter().filter_map(|(_, it)| it.unwrapped()).flatten();
    let mut ipam = plugins.filter_map(|it| it.ipam.as_deref());
    party != Party::AzureCni || ipam.any(|it| it == "azure-cns")
}

/// Each drops what the other one lets through (tigera/docs#1614). Rules of one whose agent could
/// not be told to run may be of yesterday.
fn engines(story: &Story<'_, '_>) -> Option<Issue> {
    let may_be_old =
        |it: Party| it == Party::Calico && matches!(story.scene.life(it), Life::Unknown(_));
    let engines = story.policy.engines.iter().filter(|it| !may_be_old(**it));
    let engines: Vec<&str> = engines.map(|it| it.as_str()).collect();
    (engines.len() > 1).then(|| {
        Issue::conflict("policy-engines-two", "network-policy", format!("{} enforce network policy side by side: a packet passes only if all let it", engines.join(" and ")))
            .remedy("Switch all but one off; on EKS the AWS network policy agent before Calico's or Cilium's policies.")
            .evidence(story.policy.answer.evidence.clone())
    })
}

/// Both generations of Cilium's chains: a reload that did not end (cilium#33465, #47956).
fn generations(story: &Story<'_, '_>) -> Option<Issue> {
    let old = netfilter::chains(story.scene.facts, &["OLD_CILIUM_"]);
    let new = netfilter::chains(story.scene.facts, &["CILIUM_"]);
    let first = old.first().filter(|_| !new.is_empty() && story.has_cilium())?;
    Some(
        Issue::conflict("cilium-chains-twice", "cilium", "two generations of Cilium's iptables chains are there: its last reload did not end (cilium#33465)")
            .remedy("Restart Cilium's agent; if it fails, remove the OLD_CILIUM_ chains and restart it again.")
            .evidence([first.words()]),
    )
}

/// The filter runs another program than the pinned one (aws-network-policy-agent#514).
fn stale_program(story: &Story<'_, '_>) -> Option<Issue> {
    let scene = story.scene;
    let life = scene.life(Party::AwsPolicyAgent);
    let pinned = scene.pins().any(|it| it.contains("/globals/aws/programs/"));
    if !pinned || !life.is_alive() || scene.facts.inventory.programs.known().is_none() {
        return None;
    }
    let own = scene.all_hooks().filter(|it| it.1.owner == Some(Party::AwsPolicyAgent));
    let stale: Vec<String> = own
        .filter(|(_, hook)| hook.marks.pin.is_none())
        .map(|(link, hook)| format!("{} of {} is not the pinned program", hook.called(), link.name))
        .collect();
    (!stale.is_empty()).then(|| {
        Issue::conflict("aws-policy-program-stale", "aws-network-policy-agent", "filters run older programs than the agent keeps: policies of today do not hold there (aws-network-policy-agent#514)")
            .remedy("Recreate the pods behind these links.")
            .evidence([netfilter::few(&stale)])
    })
}

/// AWS supports no other CNI or policy plug-in on nodes of Auto Mode.
fn auto_mode(story: &Story<'_, '_>) -> Option<Issue> {
    detector::is_auto_mode(story.scene).then(|| {
        let mut issue = Issue::conflict(
            "eks-auto-mode",
            "aws-vpc-cni",
            "this is a node of EKS Auto Mode, which supports no other CNI than its own",
        )
        .reason(Reason::PlatformUnsupported)
        .blocks_ready()
        .remedy(
            "Run Cilium on managed or self-managed node groups, or on nodes that Karpenter makes.",
        )
        .evidence(["systemd unit ipamd.service is active".to_owned()]);
        issue.severity = Severity::Blocking;
        issue
    })
}

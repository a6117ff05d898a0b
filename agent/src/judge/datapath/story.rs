//! All answers about one host together: what conflicts and leftovers are told from.

use super::life::Life;
use super::next::Next;
use super::party::Party;
use super::plugins;
use super::policy::Policy;
use super::present::Present;
use super::scene::Scene;
use crate::judge::report::{Cni, ServiceProxyVerdict};

/// The answers so far.
pub(super) struct Story<'a, 'b> {
    pub(super) scene: &'b Scene<'a>,
    pub(super) next: &'b Next,
    pub(super) present: &'b Present<'a>,
    pub(super) policy: &'b Policy,
    pub(super) proxy: &'b ServiceProxyVerdict,
}

impl Story<'_, '_> {
    /// Whether a party carries pods here, will carry the next one, enforces policy, or runs.
    pub(super) fn is_in_use(&self, party: Party) -> bool {
        let carries = self.present.count.by_cni.keys().chain([&self.present.cni, &self.next.cni]);
        carries.into_iter().any(|it| parties(*it).contains(&party))
            || self.scene.life(party).is_alive()
            || self.is_called(party)
            || self.policy.engines.contains(&party)
            || self.proxy.owner == party.as_str() && !self.scene.life(party).is_dead()
    }

    /// Whether one of its plug-ins makes the next pod's link, be it as the first of a chain.
    fn is_called(&self, party: Party) -> bool {
        let taken = self.next.taken.as_ref().map(|(_, it)| &it.types);
        taken.into_iter().flatten().any(|it| plugins::makers(it).contains(&party))
    }

    /// Whether a party is gone: nothing uses it, and either its agent is known not to run, or
    /// what carries the pods now and next is known and is something else.
    pub(super) fn is_gone(&self, party: Party) -> bool {
        let known = self.present.cni != Cni::Unknown && self.next.cni != Cni::Unknown;
        !self.is_in_use(party) && (known || self.scene.life(party).is_dead())
    }

    /// Whether Cilium runs here or its agent may.
    pub(super) fn has_cilium(&self) -> bool {
        self.scene.life(Party::Cilium).is_alive()
            || self.present.cni.runs_cilium() && !self.scene.life(Party::Cilium).is_dead()
    }

    /// What shows that a party's agent does not run; empty where it could not be told.
    pub(super) fn why_gone(&self, party: Party) -> Option<String> {
        match self.scene.life(party) {
            Life::Dead(signs) => signs.first().cloned(),
            Life::Alive(_) => None,
            Life::Unknown(_) => Some(format!("no pod uses {}, now or next", party.as_str())),
        }
    }
}

/// Whose parts make up a datapath.
fn parties(cni: Cni) -> &'static [Party] {
    match cni {
        Cni::Cilium => &[Party::Cilium],
        Cni::AwsVpcCni => &[Party::AwsVpcCni],
        Cni::AwsVpcCniCilium => &[Party::AwsVpcCni, Party::Cilium],
        Cni::Calico => &[Party::Calico],
        Cni::Flannel => &[Party::Flannel, Party::ReferencePlugins],
        Cni::Canal => &[Party::Calico, Party::Flannel],
        Cni::Kindnet => &[Party::Kindnet, Party::ReferencePlugins],
        Cni::Antrea => &[Party::Antrea, Party::OpenVswitch],
        Cni::OvnKubernetes => &[Party::OvnKubernetes, Party::OpenVswitch],
        Cni::KubeOvn => &[Party::KubeOvn, Party::OpenVswitch],
        Cni::KubeRouter => &[Party::KubeRouter, Party::ReferencePlugins],
        Cni::AzureCni => &[Party::AzureCni],
        Cni::AzureCniCilium => &[Party::AzureCni, Party::Cilium],
        Cni::GkeDataplaneV2 => &[Party::Gke, Party::Cilium, Party::ReferencePlugins],
        Cni::Weave => &[Party::Weave, Party::OpenVswitch],
        Cni::Bridge => &[Party::ReferencePlugins],
        Cni::None | Cni::Unknown => &[],
    }
}

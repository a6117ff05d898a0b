//! Cilium chained behind the AWS VPC CNI: AWS's links and routes, Cilium's programs on the links.

use super::{Ask, Detector, Modes, aws_vpc_cni, cilium, no_base};
use crate::judge::datapath::next;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::AwsVpcCniCilium, party: Party::AwsVpcCni, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    if !aws_vpc_cni::is_link(ask, hop) {
        return None;
    }
    if cilium::has_programs(hop) {
        return Some("a pair of the AWS VPC CNI with Cilium's programs".into());
    }
    let chained = next::may_take(&ask.scene.facts.cni, ask.next, Cni::AwsVpcCniCilium);
    (chained && cilium::may_have_programs(ask, hop)).then(|| {
        "a pair of the AWS VPC CNI; the configuration chains Cilium, whose programs could not be read".into()
    })
}

fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let modes = cilium::aspects(ask.scene, hops, aws_vpc_cni::modes(ask, hops));
    modes.with("chaining", "aws-cni")
}

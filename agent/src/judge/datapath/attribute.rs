//! Whose a program is: by its pin, then the label of its filter, then its name in the kernel.
//!
//! The order is that of `cni-fingerprints.md` § 6.3. A label is a claim of whoever attached the
//! program, so it does not stand against a name that says something else.

use super::party::Party;

/// What is known of one attached program.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks<'a> {
    /// Where it or its link is pinned.
    pub(super) pin: Option<&'a str>,
    /// The label of its tc filter.
    pub(super) label: Option<&'a str>,
    /// Its name in the kernel, cut at 15 characters; `None`: names could not be read.
    pub(super) name: Option<&'a str>,
}

/// Whose it is; `None`: nobody's that is known.
pub(super) fn owner(marks: Marks<'_>) -> Option<Party> {
    let by_name = marks.name.and_then(by_name);
    let own_folder = |it: &&str| !SHARED_PINS.iter().any(|part| it.contains(part));
    let by_label = || marks.label.and_then(|label| by_label(label, marks.name));
    let by_own_pin = marks.pin.filter(own_folder).and_then(by_pin);
    by_own_pin.or(by_name).or_else(by_label).or_else(|| marks.pin.and_then(by_pin))
}

/// Folders with common names, in which others than Calico may pin: there a name says more.
const SHARED_PINS: &[&str] = &["/bpf/tcx/", "/bpf/netkit/"];

/// Parts of paths in bpffs. Cilium: `pkg/datapath/loader/paths.go`; AWS: aws-ebpf-sdk-go
/// `pkg/utils`; Calico: `felix/bpf/bpfdefs`.
const PINS: &[(&str, Party)] = &[
    ("/cilium/", Party::Cilium),
    ("/tc/globals/cilium_", Party::Cilium),
    ("/globals/aws/", Party::AwsPolicyAgent),
    ("/tc/globals/cali_", Party::Calico),
    ("/calico", Party::Calico),
    ("/ctlb/calico_", Party::Calico),
    ("/bpf/tcx/", Party::Calico),
    ("/bpf/netkit/", Party::Calico),
    ("/gadget/", Party::InspektorGadget),
    ("/azure-block-iptables", Party::AzureHelpers),
];

/// Whose a path in a bpffs is.
pub(super) fn by_pin(path: &str) -> Option<Party> {
    PINS.iter().find(|(part, _)| path.contains(part)).map(|it| it.1)
}

/// Beginnings of program names, as far as the kernel keeps them.
const NAMES: &[(&str, Party)] = &[
    ("cil_", Party::Cilium),
    ("cali_", Party::Calico),
    ("calico_", Party::Calico),
    ("xdp_cali_", Party::Calico),
    ("endpoint_ingres", Party::Retina),
    ("endpoint_egress", Party::Retina),
    ("host_ingress_fi", Party::Retina),
    ("host_egress_fil", Party::Retina),
    ("beyla_", Party::Beyla),
    ("obi_", Party::Beyla),
    ("gua_to_linkloca", Party::AzureHelpers),
    ("linklocal_to_gu", Party::AzureHelpers),
    ("ig_", Party::InspektorGadget),
    // `bpf/flows.c` of netobserv-ebpf-agent, which has each twice: by tc and by tcx.
    ("tc_ingress_flow", Party::NetObserv),
    ("tc_egress_flow_", Party::NetObserv),
    ("tcx_ingress_flo", Party::NetObserv),
    ("tcx_egress_flow", Party::NetObserv),
    ("tc_ingress_pca_", Party::NetObserv),
    ("tc_egress_pca_p", Party::NetObserv),
    ("tcx_ingress_pca", Party::NetObserv),
    ("tcx_egress_pca_", Party::NetObserv),
];

fn by_name(name: &str) -> Option<Party> {
    NAMES.iter().find(|(start, _)| name.starts_with(start)).map(|it| it.1)
}

/// Beginnings of filter labels. Cilium up to 1.12 wrote its object file, 1.13 `cilium-DEVICE`.
const LABELS: &[(&str, Party)] = &[
    ("bpf_lxc.o:", Party::Cilium),
    ("bpf_host.o:", Party::Cilium),
    ("bpf_netdev", Party::Cilium),
    ("bpf_overlay.o:", Party::Cilium),
    ("bpf_network.o:", Party::Cilium),
    ("cilium-", Party::Cilium),
    ("classifier/", Party::InspektorGadget),
];

/// The AWS policy agent's loader gives its programs no name, so a named one is not its own.
fn by_label(label: &str, name: Option<&str>) -> Option<Party> {
    let aws = matches!(label, "handle_ingress" | "handle_egress");
    if aws && name.unwrap_or_default().is_empty() {
        return Some(Party::AwsPolicyAgent);
    }
    let labelled = LABELS.iter().find(|(start, _)| label.starts_with(start)).map(|it| it.1);
    labelled.or_else(|| by_name(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(pin: Option<&str>, label: Option<&str>, name: Option<&str>, want: Option<Party>) {
        assert_eq!(owner(Marks { pin, label, name }), want, "{pin:?} {label:?} {name:?}");
    }

    /// `cni-fingerprints.md` § 2.5 and `cilium.md` § 4.1.
    #[test]
    fn each_owner_is_known_by_what_it_leaves_in_the_kernel() {
        let cilium = Some(Party::Cilium);
        expect(None, None, Some("cil_from_contai"), cilium);
        expect(None, Some("bpf_lxc.o:[from-container]"), None, cilium);
        expect(None, Some("cil_from_netdev-ens5"), None, cilium);
        let pin = "/sys/fs/bpf/cilium/endpoints/777/links/cil_from_container";
        expect(Some(pin), None, None, cilium);
        let aws = Some(Party::AwsPolicyAgent);
        expect(None, Some("handle_ingress"), Some(""), aws);
        expect(None, Some("handle_egress"), None, aws);
        let pin = "/sys/fs/bpf/globals/aws/programs/web@shop_handle_ingress";
        expect(Some(pin), None, Some(""), aws);
        expect(None, None, Some("cali_tc_preambl"), Some(Party::Calico));
        expect(Some("/sys/fs/bpf/tcx/cali1_ingress"), None, None, Some(Party::Calico));
        expect(None, Some("endpoint_ingress_filter"), None, Some(Party::Retina));
        expect(None, None, Some("beyla_ingress_f"), Some(Party::Beyla));
        expect(None, None, Some("tcx_ingress_flo"), Some(Party::NetObserv));
    }

    #[test]
    fn in_a_folder_that_many_may_use_the_name_decides() {
        let pin = Some("/sys/fs/bpf/tcx/eth0_ingress");
        expect(pin, None, Some("cil_from_netdev"), Some(Party::Cilium));
        expect(pin, None, Some("cali_tc_preambl"), Some(Party::Calico));
        expect(pin, None, None, Some(Party::Calico));
    }

    #[test]
    fn what_nobody_is_known_for_is_nobodys() {
        expect(None, None, Some(""), None);
        expect(None, Some("my_filter"), Some("my_prog"), None);
        expect(None, None, None, None);
    }

    #[test]
    fn a_label_does_not_stand_against_a_name() {
        expect(None, Some("handle_ingress"), Some("cil_from_contai"), Some(Party::Cilium));
        expect(None, Some("handle_ingress"), Some("something_else"), None);
    }
}

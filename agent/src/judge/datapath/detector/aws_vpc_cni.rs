//! The AWS VPC CNI: a routed pair a pod, rules by the address.
//!
//! Its chains are no sign: external SNAT, IPv6 and its nftables backend each remove them.

use super::{Ask, Detector, Modes, no_base};
use crate::facts::Facts;
use crate::facts::agents::{Answer, Endpoint};
use crate::facts::routes::RuleAction;
use crate::judge::datapath::party::Party;
use crate::judge::datapath::trace::Hop;
use crate::judge::datapath::{next, plugins};
use crate::judge::report::Cni;

pub(super) const DETECTOR: Detector =
    Detector { cni: Cni::AwsVpcCni, party: Party::AwsVpcCni, carries, base: no_base, modes };

fn carries(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> Option<String> {
    is_link(ask, hop).then(|| match hop.by_input_rule {
        true => "a routed pair of the AWS VPC CNI, on a branch ENI (strict mode)".into(),
        false => "a routed pair of the AWS VPC CNI".into(),
    })
}

/// Whether the pod's link is one of its pairs: the prefix that its configuration names (`eni` by
/// default) or `vlan`, and 11 hexadecimal digits (`pkg/networkutils/names.go`).
pub(super) fn is_link(ask: &Ask<'_, '_>, hop: &Hop<'_>) -> bool {
    let networks = next::networks(&ask.scene.facts.cni);
    let own = networks.iter().find_map(|(_, it)| plugins::veth_prefix(it));
    let own = own.as_deref().unwrap_or("eni");
    let named = ["eni", "vlan", own].iter().any(|it| is_named(&hop.link.name, it));
    named && hop.kind() == "veth"
}

fn is_named(link: &str, prefix: &str) -> bool {
    let digits = link.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 11 && digits.bytes().all(|it| it.is_ascii_hexdigit())
}

pub(super) fn modes(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Modes {
    let facts = ask.scene.facts;
    let groups = security_groups(ask, hops);
    let custom = setting(facts, "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG");
    let prefixes = setting(facts, "ENABLE_PREFIX_DELEGATION");
    let auto = is_auto_mode(facts);
    let parts = [
        (auto == Some(true)).then_some("auto-mode"),
        Some(match prefixes {
            Some(true) => "prefix-delegation",
            Some(false) => "secondary-ip",
            None => "routed",
        }),
        (custom == Some(true)).then_some("custom-networking"),
        match groups {
            Some("strict") => Some("pod-eni-strict"),
            Some("standard") => Some("pod-eni-standard"),
            _ => None,
        },
    ];
    let mode: Vec<&str> = parts.into_iter().flatten().collect();
    Modes::new(mode.join("+"))
        .maybe("prefix-delegation", prefixes.map(word))
        .maybe("custom-networking", custom.map(word))
        .maybe("security-groups-for-pods", groups)
        .maybe("auto-mode", auto.map(word))
        .maybe("ip-family", ip_family(hops))
}

fn word(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

/// EKS Auto Mode runs ipamd as a systemd unit and not as a pod; `None`: systemd's files could not
/// be read, as in a pod without the host's `/run`.
pub(in crate::judge::datapath) fn is_auto_mode(facts: &Facts) -> Option<bool> {
    match facts.agents.units.known()?.get("ipamd.service") {
        Some(unit) => unit.active.known().copied(),
        None => Some(false),
    }
}

/// A switch among the settings that ipamd tells; `None`: it does not listen, or does not say.
fn setting(facts: &Facts, name: &str) -> Option<bool> {
    let endpoints = [Endpoint::AwsIpamdSettings, Endpoint::AwsNetworkSettings];
    endpoints.iter().find_map(|it| match facts.agents.endpoints.get(it)?.known()? {
        Answer::Http { status: 200, body } => switch(body, name),
        Answer::Http { .. } | Answer::Connected | Answer::NobodyListens => None,
    })
}

/// The value of `"NAME": "true"` or `"NAME":true` in a flat JSON object.
fn switch(json: &str, name: &str) -> Option<bool> {
    let rest = json.split_once(&format!("\"{name}\""))?.1;
    let value = rest.trim_start().strip_prefix(':')?.trim_start().trim_start_matches('"');
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(word, is)| value.starts_with(word).then_some(is))
}

/// Security groups for pods: strict where packets from a link go by its own table; standard where
/// a pod's rule leads to the table of a VLAN device, 100 and its number.
fn security_groups(ask: &Ask<'_, '_>, hops: &[Hop<'_>]) -> Option<&'static str> {
    if hops.iter().any(|it| it.by_input_rule) {
        return Some("strict");
    }
    let tables: Vec<u32> = ask
        .scene
        .links()
        .filter_map(|it| it.name.strip_prefix("vlan.eth.")?.parse::<u32>().ok())
        .map(|it| it + 100)
        .collect();
    let mut rules = ask.scene.fib.rules();
    let standard = rules.any(|it| match it.action {
        RuleAction::Table(table) => it.priority == 1536 && tables.contains(&table),
        _ => false,
    });
    standard.then_some("standard")
}

fn ip_family(hops: &[Hop<'_>]) -> Option<&'static str> {
    let first = hops.iter().find_map(|it| it.route)?.route.destination.address;
    Some(if first.is_ipv6() { "ipv6" } else { "ipv4" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_links_have_a_prefix_and_eleven_digits() {
        assert!(is_named("eni0a1b2c3d4e5", "eni"));
        assert!(is_named("vlan0a1b2c3d4e5", "vlan"));
        for other in ["eni0", "enizzzzzzzzzzz", "ens5", "vlan.eth.1", "eth0"] {
            assert!(!is_named(other, "eni") && !is_named(other, "vlan"), "{other}");
        }
    }

    #[test]
    fn a_switch_is_read_as_text_or_as_truth_value() {
        assert_eq!(
            switch(r#"{"A":"x","ENABLE_PREFIX_DELEGATION":"true"}"#, "ENABLE_PREFIX_DELEGATION"),
            Some(true)
        );
        assert_eq!(
            switch(r#"{"ENABLE_PREFIX_DELEGATION": false}"#, "ENABLE_PREFIX_DELEGATION"),
            Some(false)
        );
        assert_eq!(switch(r#"{"OTHER":"true"}"#, "ENABLE_PREFIX_DELEGATION"), None);
        assert_eq!(switch(r#"{"X":""}"#, "X"), None);
    }
}

//! What a given Cilium configuration asks of exactly this node: `--cilium-values`.
//!
//! Every value that is given and known ends as findings that name it; where Cilium would do
//! something else without saying so, the finding says it. Values that are not given count with
//! the chart's default where another value depends on them.

mod asks;
mod bandwidth;
mod encryption;
mod host_routing;
mod key;
mod parse;
mod proxy;
mod services;
mod set_up;
mod tree;
mod xdp;

use std::collections::BTreeMap;

use super::features;
use super::reason::Reason;
use super::report::{Finding, Outcome, Release, Severity, Ternary};
use super::requirement::Met;
use crate::facts::Facts;
pub use key::{KEYS, Key, Kind, Known};

/// What form the text had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Values of the Helm chart.
    Helm,
    /// Keys of the ConfigMap `cilium-config`.
    ConfigMap,
}

/// One given value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name as it was written: `bandwidthManager.bbr` or `enable-bbr`.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Setting {
    fn told(&self) -> String {
        format!("{}={}", self.name, self.text)
    }
}

/// The values of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// What form the text had.
    pub form: Form,
    /// Known values that are given.
    pub settings: BTreeMap<Key, Setting>,
    /// Names of given values that are not judged.
    pub not_judged: Vec<String>,
}

/// A text that holds no usable values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ValuesError {
    /// Line, from 1; 0 where there is none to name.
    pub line: u64,
    /// What was expected, and what was found.
    pub message: String,
}

impl ValuesError {
    fn new(line: u64, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// Reads Helm values or a ConfigMap from YAML.
///
/// # Errors
///
/// [`ValuesError`] with the line, for bad YAML, more than one document, another kind of manifest,
/// and a known value of a wrong type.
pub fn parse(text: &str) -> Result<Values, ValuesError> {
    parse::parse(text)
}

impl Values {
    fn new(form: Form) -> Self {
        Self { form, settings: BTreeMap::new(), not_judged: Vec::new() }
    }

    /// The setting, if it is given and is this word.
    fn is(&self, key: Key, word: &str) -> Option<&Setting> {
        self.settings.get(&key).filter(|it| it.text == word)
    }

    /// The setting, if it is given and true.
    fn on(&self, key: Key) -> Option<&Setting> {
        self.is(key, "true")
    }

    /// Whether it is true: as given, else as the chart's default.
    fn holds(&self, key: Key, default: bool) -> bool {
        self.settings.get(&key).map_or(default, |it| it.text == "true")
    }

    /// What asks for kube-proxy replacement.
    fn kube_proxy_replacement(&self) -> Option<&Setting> {
        let given = self.settings.get(&Key::KubeProxyReplacement)?;
        matches!(given.text.as_str(), "true" | "strict").then_some(given)
    }

    /// What asks for this kind of encryption: `wireguard`, `ipsec`, `ztunnel`. In Helm IPsec is
    /// the type as long as none is given.
    fn encryption(&self, kind: &str) -> Option<Setting> {
        let key = match kind {
            "wireguard" => Key::Wireguard,
            "ipsec" => Key::Ipsec,
            _ => Key::Ztunnel,
        };
        if let Some(given) = self.on(key) {
            return Some(given.clone());
        }
        let enabled = self.on(Key::EncryptionEnabled)?;
        match self.settings.get(&Key::EncryptionType) {
            Some(given) => (given.text == kind).then(|| given.clone()),
            None => (kind == "ipsec").then(|| enabled.clone()),
        }
    }

    /// What asks for chaining behind another CNI.
    fn chaining(&self) -> Option<&Setting> {
        self.settings.get(&Key::ChainingMode).filter(|it| it.text != "none")
    }
}

/// What the judgement of values may look at.
#[derive(Clone, Copy)]
struct Asked<'a> {
    values: &'a Values,
    facts: &'a Facts,
    target: Release,
}

impl Asked<'_> {
    /// Whether the kernel and the devices have what a feature needs, whatever other features do.
    fn has(&self, feature: &str) -> Met {
        let Some(it) = features::named(feature) else {
            return Met::unknown(Reason::NotProbed, format!("{feature}: not judged"));
        };
        if it.since.is_some_and(|since| self.target < since) {
            let words = format!("Cilium {} does not have {feature}", self.target);
            return Met::no(Reason::NotInRelease, words);
        }
        let also = it.also.map(|check| check(self.facts));
        Met::all([it.needs.met_by(self.facts)].into_iter().chain(also))
    }
}

/// Judges what the values ask of this node.
pub(super) fn findings(values: &Values, facts: &Facts, target: Release) -> Vec<Finding> {
    let asked = Asked { values, facts, target };
    let mut all = asks::findings(&asked);
    all.extend(bandwidth::findings(&asked));
    all.extend(services::findings(&asked));
    all.extend(host_routing::findings(&asked));
    all.extend(xdp::findings(&asked));
    all.extend(encryption::findings(&asked));
    all.extend(proxy::findings(&asked));
    all.extend(set_up::findings(&asked));
    all
}

/// A finding about one value.
fn finding(
    setting: &Setting,
    outcome: Outcome,
    severity: Severity,
    reason: Reason,
    message: impl Into<String>,
) -> Finding {
    Finding {
        rule: format!("value-{}", setting.name),
        outcome,
        severity,
        reason,
        message: message.into(),
        remedy: String::new(),
        evidence: Vec::new(),
        value: Some(setting.told()),
    }
}

/// A value that cannot have what it asks for, because of other values.
fn excluded(
    setting: &Setting,
    severity: Severity,
    reason: Reason,
    message: impl Into<String>,
    remedy: &str,
) -> Finding {
    let remedy = remedy.to_owned();
    Finding { remedy, ..finding(setting, Outcome::Fail, severity, reason, message) }
}

/// A value by what the node has for it. `otherwise` says what Cilium does without.
fn by_node(
    setting: &Setting,
    met: Met,
    severity: Severity,
    otherwise: &str,
    remedy: &str,
) -> Finding {
    let value = setting.told();
    let (outcome, message) = match met.holds {
        Ternary::Yes => (Outcome::Pass, format!("{value}: this node has what it needs")),
        Ternary::No => (Outcome::Fail, format!("{value}: {otherwise}")),
        Ternary::Unknown => {
            (Outcome::Undetermined, format!("{value}: open; without what it needs, {otherwise}"))
        }
    };
    let reason = if met.holds == Ternary::Yes { Reason::Satisfied } else { met.reason };
    let remedy = match met.holds {
        Ternary::Yes => String::new(),
        Ternary::No => remedy.to_owned(),
        Ternary::Unknown => super::start::open(met.reason).to_owned(),
    };
    Finding {
        remedy,
        evidence: met.evidence,
        ..finding(setting, outcome, severity, reason, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Observed;
    use crate::facts::bpf::{Because, Support};
    use crate::facts::config::ModuleState;
    use crate::judge::{releases, sample};

    const GOOD: &str = "kubeProxyReplacement: true\nroutingMode: native\nbpf: {masquerade: true}\n";

    #[track_caller]
    fn judged(facts: &Facts, text: &str) -> Vec<Finding> {
        let values = parse(text).unwrap_or_else(|error| panic!("{error}"));
        findings(&values, facts, releases::NEWEST)
    }

    #[track_caller]
    fn expect(
        facts: &Facts,
        text: &str,
        value: &str,
        want: (Outcome, Severity, Reason),
    ) -> Finding {
        let found = judged(facts, text);
        let it = found.iter().find(|it| {
            it.value.as_deref() == Some(value) && (it.outcome, it.severity, it.reason) == want
        });
        it.unwrap_or_else(|| panic!("no {value} {want:?} in {found:#?}")).clone()
    }

    use Outcome::{Fail, Pass, Undetermined};
    use Severity::{Blocking, Degraded};

    #[test]
    fn values_that_a_node_can_hold_pass() {
        let facts = sample::kernel(6, 12);
        let text = format!(
            "{GOOD}bandwidthManager: {{enabled: true, bbr: true}}\nencryption: {{enabled: true, type: wireguard}}\n"
        );
        for it in judged(&facts, &text) {
            assert_eq!(it.outcome, Pass, "{it:#?}");
        }
    }

    #[test]
    fn bbr_stops_cilium_on_a_kernel_without_it() {
        let text = format!("{GOOD}bandwidthManager: {{enabled: true, bbr: true}}\n");
        let reason = Reason::HelperNotForProgramType;
        expect(
            &sample::kernel(5, 10),
            &text,
            "bandwidthManager.bbr=true",
            (Fail, Blocking, reason),
        );
    }

    #[test]
    fn bbr_needs_the_bandwidth_manager() {
        let silent = (Fail, Degraded, Reason::SilentFallback);
        let text = format!("{GOOD}bandwidthManager: {{bbr: true}}\n");
        expect(&sample::kernel(6, 12), &text, "bandwidthManager.bbr=true", silent);
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "ENOENT");
        facts.net_probes.insert(crate::facts::netprobe::NetProbe::FqQdisc, no);
        let text = text.replace("bbr", "enabled: true, bbr");
        let blocked = (Fail, Degraded, Reason::BlockedByFeature);
        expect(&facts, &text, "bandwidthManager.bbr=true", blocked);
    }

    #[test]
    fn a_value_that_an_older_release_does_not_know_stops_nothing() {
        let values = parse("bpf: {enableTCX: true}").unwrap();
        let found = findings(&values, &sample::kernel(6, 12), Release::one(15));
        let it = &found[0];
        assert_eq!((it.outcome, it.severity), (Fail, Degraded));
        assert_eq!(it.reason, Reason::NotInRelease);
    }

    #[test]
    fn bbr_and_netkit_stop_where_routing_is_legacy() {
        let facts = sample::kernel(6, 12);
        let excluded = (Fail, Blocking, Reason::ValuesExclude);
        let text = "bandwidthManager: {enabled: true, bbr: true}\nbpf: {datapathMode: netkit}\n";
        let it = expect(&facts, text, "bandwidthManager.bbr=true", excluded);
        assert!(it.evidence.iter().any(|it| it.contains("kube-proxy replacement is off")));
        expect(&facts, text, "bpf.datapathMode=netkit", excluded);
        let text =
            format!("{GOOD}bandwidthManager: {{bbr: true}}\ncni: {{chainingMode: aws-cni}}\n");
        expect(&facts, &text, "bandwidthManager.bbr=true", excluded);
    }

    #[test]
    fn silent_fallbacks_are_said_aloud() {
        let facts = sample::kernel(5, 10);
        let absent = Reason::NotInKernel;
        let it = expect(
            &facts,
            "bpf: {enableTCX: true}",
            "bpf.enableTCX=true",
            (Fail, Degraded, absent),
        );
        assert!(it.message.contains("clsact"), "{}", it.message);
        let it = expect(
            &facts,
            "bpf: {datapathMode: auto}",
            "bpf.datapathMode=auto",
            (Fail, Degraded, absent),
        );
        assert!(it.message.contains("veth"), "{}", it.message);
        let silent = (Fail, Degraded, Reason::SilentFallback);
        let ipsec = format!("{GOOD}encryption: {{enabled: true, type: ipsec}}\n")
            .replace("{masquerade: true}", "{masquerade: true, hostLegacyRouting: false}");
        let it = expect(&facts, &ipsec, "bpf.hostLegacyRouting=false", silent);
        assert!(it.evidence[0].contains("IPsec"), "{:?}", it.evidence);
        expect(&facts, "bpf: {masquerade: true}", "bpf.masquerade=true", silent);
    }

    #[test]
    fn ipsec_switches_the_bandwidth_manager_off() {
        let text = "encryption: {enabled: true}\nbandwidthManager: {enabled: true}\n";
        let off = (Fail, Degraded, Reason::SwitchedOffByCilium);
        let facts = sample::kernel(6, 12);
        expect(&facts, text, "bandwidthManager.enabled=true", off);
    }

    #[test]
    fn acceleration_is_judged_on_this_nodes_devices() {
        let mtu = Reason::XdpMtuTooLarge;
        let facts = sample::kernel(6, 12);
        let native = format!("{GOOD}loadBalancer: {{acceleration: native}}\n");
        expect(&facts, &native, "loadBalancer.acceleration=native", (Fail, Blocking, mtu));
        let best = native.replace("native}", "best-effort}");
        expect(&facts, &best, "loadBalancer.acceleration=best-effort", (Fail, Degraded, mtu));

        let mut facts = sample::kernel(6, 12);
        let mut other = sample::ena(3498, 1, 2);
        other.name = "ens6".into();
        facts.nics = Observed::Known(vec![sample::ena(9001, 1, 2), other]);
        let satisfied = (Pass, Blocking, Reason::Satisfied);
        let named = format!("{native}devices: ens6\n");
        expect(&facts, &named, "loadBalancer.acceleration=native", satisfied);
        let named = format!("{native}devices: eth0\n");
        expect(&facts, &named, "devices=eth0", (Fail, Degraded, Reason::DeviceMissing));
    }

    #[test]
    fn wireguard_without_its_module_stops_cilium() {
        let mut facts = sample::kernel(6, 12);
        facts.net_probes.clear();
        sample::set_module(&mut facts, "wireguard", ModuleState::Absent);
        let absent = (Fail, Blocking, Reason::ModuleAbsent);
        expect(&facts, "enable-wireguard: \"true\"", "enable-wireguard=true", absent);
        let helm = "encryption: {enabled: true, type: wireguard}";
        expect(&facts, helm, "encryption.type=wireguard", absent);
        assert!(judged(&facts, "encryption: {enabled: false, type: wireguard}").is_empty());
    }

    #[test]
    fn without_xt_socket_it_depends_on_the_tunnel() {
        let mut facts = sample::kernel(6, 12);
        sample::set_module(&mut facts, "xt_socket", ModuleState::Absent);
        let stops = (Fail, Blocking, Reason::ModuleAbsent);
        expect(&facts, "l7Proxy: true\nroutingMode: tunnel\n", "l7Proxy=true", stops);
        let falls = (Fail, Degraded, Reason::SilentFallback);
        expect(&facts, "l7Proxy: true\nroutingMode: native\n", "l7Proxy=true", falls);
    }

    #[test]
    fn an_overlap_of_ports_stops_only_without_protection() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, "net.ipv4.ip_local_port_range", "1024 65535");
        let text = "nodePort: {autoProtectPortRange: false}";
        let overlap = (Fail, Blocking, Reason::PortRangesOverlap);
        expect(&facts, text, "nodePort.autoProtectPortRange=false", overlap);
        assert!(judged(&facts, "nodePort: {autoProtectPortRange: true}").is_empty());
    }

    #[test]
    fn a_node_that_answers_nothing_leaves_every_value_open() {
        let text = format!(
            "{GOOD}bandwidthManager: {{enabled: true, bbr: true}}\nipv6: {{enabled: true}}\n\
             encryption: {{enabled: true, type: wireguard}}\nloadBalancer: {{acceleration: native}}\n"
        );
        for it in judged(&sample::unknown(), &text) {
            assert_eq!(it.outcome, Undetermined, "{it:#?}");
        }
    }

    #[test]
    fn kube_proxy_replacement_without_its_helper_stops() {
        let mut facts = sample::kernel(6, 12);
        sample::lose_helper(&mut facts, "sched_cls", "fib_lookup", Because::NotInKernel);
        let stops = (Fail, Blocking, Reason::NotInKernel);
        expect(&facts, GOOD, "kubeProxyReplacement=true", stops);
    }

    #[test]
    fn netkit_that_is_compiled_out_is_found_before_pods_hang() {
        let mut facts = sample::kernel(6, 12);
        let no = Support::unsupported(Because::NotInKernel, "EINVAL");
        facts.bpf.link_types.insert("netkit".into(), no);
        let text = GOOD.replace("masquerade: true", "masquerade: true, datapathMode: netkit");
        let stops = (Fail, Blocking, Reason::NotInKernel);
        expect(&facts, &text, "bpf.datapathMode=netkit", stops);
    }
}

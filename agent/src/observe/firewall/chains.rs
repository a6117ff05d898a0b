//! Which chains of a table are held: Services make tens of thousands of them.

use std::collections::BTreeMap;

use crate::facts::firewall::{Chain, Chains};

/// Gathers the chains of one table.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    chains: Chains,
    alike: BTreeMap<String, usize>,
}

impl Gathered {
    /// Whether a chain of this name is to be held; if not, it is counted. A base chain always is.
    pub(super) fn holds(&mut self, name: &str, is_base: bool) -> bool {
        if is_base {
            return true;
        }
        let beginning = beginning(name);
        // The counters too must not grow with the number of chains.
        let is_full = self.chains.list.len() >= Chains::MOST;
        let beginning = if is_full && !self.alike.contains_key(beginning) { "" } else { beginning };
        let alike = self.alike.entry(beginning.to_owned()).or_default();
        *alike += 1;
        if *alike <= Chains::MOST_ALIKE && !is_full {
            return true;
        }
        *self.chains.left_out.entry(beginning.to_owned()).or_default() += 1;
        false
    }

    /// Adds a chain that is to be held.
    pub(super) fn push(&mut self, chain: Chain) {
        self.chains.list.push(chain);
    }

    pub(super) fn into_chains(self) -> Chains {
        self.chains
    }
}

/// What chains of one purpose begin with: the first word, and the second where it is too short to
/// be a hash (`KUBE-SEP-`, `cali-fw-`, but `service-`).
fn beginning(name: &str) -> &str {
    const NO_HASH: usize = 7;
    let Some((first, rest)) = name.split_once('-') else { return name };
    let second = match rest.split_once('-') {
        Some((second, _)) if second.len() <= NO_HASH => second.len() + 1,
        _ => 0,
    };
    &name[..=first.len() + second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Observed;

    #[test]
    fn chains_of_one_purpose_begin_alike_and_their_hashes_do_not_count() {
        assert_eq!(beginning("KUBE-SEP-2A6P7D6YBXKLU6ZC"), "KUBE-SEP-");
        assert_eq!(beginning("KUBE-SERVICES"), "KUBE-");
        assert_eq!(beginning("cali-fw-cali0123456789a"), "cali-fw-");
        assert_eq!(beginning("cali-FORWARD"), "cali-");
        assert_eq!(beginning("service-ULMVA6XW-ns1/svc1/tcp/p80"), "service-");
        assert_eq!(beginning("CNI-8f3a2c44d1b0e6aa9d3f2c11"), "CNI-");
        assert_eq!(beginning("CILIUM_POST_nat"), "CILIUM_POST_nat");
    }

    #[test]
    fn of_many_services_a_few_are_held_and_all_are_counted() {
        let mut gathered = Gathered::default();
        for number in 0..30_000 {
            let name = format!("KUBE-SVC-{number:016}");
            if gathered.holds(&name, false) {
                let rules = Observed::Known(Vec::new());
                gathered.push(Chain { name, base: None, uses: None, rules });
            }
        }
        assert!(gathered.holds("PREROUTING", true) && gathered.holds("KUBE-SERVICES", false));
        let chains = gathered.into_chains();
        assert_eq!(chains.list.len(), Chains::MOST_ALIKE);
        assert_eq!(chains.beginning_with("KUBE-SVC-"), 30_000);
    }

    #[test]
    fn names_that_never_begin_alike_are_bounded_too() {
        let mut gathered = Gathered::default();
        for number in 0..30_000 {
            let name = format!("x{number}");
            if gathered.holds(&name, false) {
                let rules = Observed::Known(Vec::new());
                gathered.push(Chain { name, base: None, uses: None, rules });
            }
        }
        assert_eq!(gathered.alike.len(), Chains::MOST + 1);
        assert_eq!(gathered.chains.list.len(), Chains::MOST);
        assert_eq!(gathered.chains.left_out, [(String::new(), 28_000)].into());
    }
}

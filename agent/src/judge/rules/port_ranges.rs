//! Rule `port-ranges-apart`: NodePorts and ephemeral ports do not meet. Where they do, Cilium
//! reserves the NodePorts (`autoProtectPortRange`, the default), or stops at start.

use super::{Answer, Case, Rule, sysctl};
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

pub(super) const RULE: Rule = Rule {
    id: "port-ranges-apart",
    source: "https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/#nodeport-devices-port-and-bind-settings",
    check,
};

const EPHEMERAL: &str = "net.ipv4.ip_local_port_range";
const RESERVED: &str = "net.ipv4.ip_local_reserved_ports";
/// Kubernetes' default `--service-node-port-range`, both ends included.
const NODE_PORTS: (u16, u16) = (30_000, 32_767);

fn check(case: &Case<'_>) -> Answer {
    let text = match sysctl::read(case, EPHEMERAL, Severity::Advisory) {
        Err(answer) => return answer,
        Ok(None) => return Answer::not_applicable(format!("this kernel has no {EPHEMERAL}")),
        Ok(Some(text)) => text,
    };
    let Some((low, high)) = pair(text) else {
        return sysctl::malformed(EPHEMERAL, "two port numbers", text, Severity::Advisory);
    };
    let (first, last) = NODE_PORTS;
    if high < first || low > last {
        return Answer::pass(format!("ephemeral ports are {low}-{high}, NodePorts {first}-{last}"));
    }
    match sysctl::read(case, RESERVED, Severity::Advisory) {
        Err(answer) => answer,
        Ok(text) if reserves(text.unwrap_or_default()) => {
            Answer::pass(format!("{first}-{last} are reserved"))
        }
        Ok(_) => Answer::fail(
            Severity::Advisory,
            Reason::PortRangesOverlap,
            "a NodePort can be taken by an outgoing connection",
        )
        .remedy(format!(
            "Keep autoProtectPortRange=true (without it Cilium stops at start), or sysctl -w {RESERVED}={first}-{last}."
        ))
        .evidence([format!("{EPHEMERAL} = {low} {high}, NodePorts are {first}-{last}")]),
    }
}

fn pair(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Whether `8080,30000-32767` covers all NodePorts in one piece.
fn reserves(list: &str) -> bool {
    list.split(',').any(|it| {
        let (low, high) = it.trim().split_once('-').unwrap_or((it, it));
        match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) => low <= NODE_PORTS.0 && high >= NODE_PORTS.1,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::test::expect;
    use super::*;
    use crate::judge::report::Outcome;
    use crate::judge::sample;

    #[test]
    fn the_kernels_default_is_apart() {
        expect(&RULE, &sample::kernel(6, 12), Outcome::Pass, Reason::Satisfied);
    }

    #[test]
    fn an_overlap_fails_unless_the_ports_are_reserved() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, EPHEMERAL, "1024\t65535");
        expect(&RULE, &facts, Outcome::Fail, Reason::PortRangesOverlap);
        sample::set_sysctl(&mut facts, RESERVED, "8080,30000-32766");
        expect(&RULE, &facts, Outcome::Fail, Reason::PortRangesOverlap);
        sample::set_sysctl(&mut facts, RESERVED, "8080,30000-32767");
        expect(&RULE, &facts, Outcome::Pass, Reason::Satisfied);
    }

    #[test]
    fn garbage_settles_nothing() {
        let mut facts = sample::kernel(6, 12);
        sample::set_sysctl(&mut facts, EPHEMERAL, "many");
        expect(&RULE, &facts, Outcome::Undetermined, Reason::Malformed);
        expect(&RULE, &sample::unknown(), Outcome::Undetermined, Reason::NotProbed);
    }
}

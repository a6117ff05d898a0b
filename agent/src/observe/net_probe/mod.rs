//! What a throw-away network namespace can do.
//!
//! Each probe makes the real thing in a namespace that only a thread of ours is in and that ends
//! with it. Nothing of the host's namespace is touched, and no module is loaded: a probe whose
//! module would be loaded by it is not made. One trace may stay, as after any use of IPsec:
//! the kernel keeps an algorithm that was put together for [`NetProbe::XfrmOutputMark`] in
//! `/proc/crypto`.

mod big_tcp;
mod link;
mod modules;
pub(in crate::observe) mod namespace;
mod neighbor;
mod program;
mod qdisc;
mod rule;
mod tcx;
mod verdict;
mod xdp;
mod xfrm;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;

use super::netlink::Connection;
use super::{Host, deadline};
use crate::facts::bpf::Support;
use crate::facts::config::ConfigFacts;
use crate::facts::netprobe::NetProbe;
use crate::facts::{Cause, Failure};
use modules::Modules;

/// Longest wait for all of them.
const LIMIT: Duration = deadline::seconds(5);

type Answers = BTreeMap<NetProbe, Support>;

/// Probes under way.
#[derive(Debug)]
pub struct Pending {
    /// What is answered already.
    answers: Answers,
    /// What the thread will tell, in this order.
    waiting: Vec<NetProbe>,
    told: Receiver<(NetProbe, Support)>,
    until: Instant,
}

/// Begins to try each [`NetProbe`] in a network namespace that dies with the look; nothing is
/// begun for a recorded host.
///
/// Attaching waits for grace periods of RCU, tens of milliseconds in which nothing runs, so this
/// begins early and [`Pending::finish`] comes late.
///
/// Without CAP_SYS_ADMIN there is no such namespace, and every probe is unknown.
pub fn begin(host: &Host, config: &ConfigFacts) -> Pending {
    let (teller, told) = mpsc::channel();
    let until = Instant::now() + LIMIT;
    let mut pending = Pending { answers: Answers::new(), waiting: Vec::new(), told, until };
    if host.recording().is_some() {
        return pending;
    }
    let modules = Modules::new(host, config);
    for probe in in_order() {
        match modules.ready(probe) {
            Ok(()) => pending.waiting.push(probe),
            Err(failure) => drop(pending.answers.insert(probe, Support::Unknown(failure))),
        }
    }
    let probes = pending.waiting.clone();
    let thread = thread::Builder::new().name("net_probes".into());
    if let Err(error) = thread.spawn(move || in_new_namespace(&probes, &teller)) {
        let detail = format!("no thread for net_probes: {error}");
        pending.give_up(&Failure::new(Cause::OutOfMemory, detail));
    }
    pending
}

/// All probes, those that wait for a grace period last: they hold the kernel's RTNL mutex
/// meanwhile, which the others need.
fn in_order() -> [NetProbe; NetProbe::ALL.len()] {
    let mut probes = NetProbe::ALL;
    probes.sort_by_key(|it| match it {
        NetProbe::XdpDriverAttach => 1,
        NetProbe::TcxAttach => 2,
        _ => 0,
    });
    probes
}

impl Pending {
    /// Waits for what is not told yet.
    pub fn finish(mut self, host: &Host) -> BTreeMap<NetProbe, Support> {
        host.ask(
            "net_probes",
            move || {
                self.wait();
                self.answers
            },
            all_unknown,
        )
    }

    /// What is taken down after the last answer is not waited for.
    fn wait(&mut self) {
        while !self.waiting.is_empty() {
            let left = self.until.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok((probe, support)) => {
                    self.waiting.retain(|it| *it != probe);
                    self.answers.insert(probe, support);
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.give_up(&deadline::late("net_probes", LIMIT));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.give_up(&deadline::broken("net_probes"));
                }
            }
        }
    }

    fn give_up(&mut self, failure: &Failure) {
        self.answers.extend(unknown(std::mem::take(&mut self.waiting), failure));
    }
}

/// Every probe is unknown, for the same reason.
#[expect(clippy::needless_pass_by_value, reason = "the signature that `Looks::many` asks for")]
pub fn all_unknown(failure: Failure) -> BTreeMap<NetProbe, Support> {
    unknown(NetProbe::ALL, &failure).collect()
}

fn unknown(
    probes: impl IntoIterator<Item = NetProbe>,
    failure: &Failure,
) -> impl Iterator<Item = (NetProbe, Support)> {
    probes.into_iter().map(|it| (it, Support::Unknown(failure.clone())))
}

/// Tries these, each told as it is done, so that one that hangs costs only itself and what waits
/// behind it.
fn in_new_namespace(probes: &[NetProbe], teller: &Sender<(NetProbe, Support)>) {
    let opened = namespace::enter_new()
        .map_err(no_namespace)
        .and_then(|()| Connection::open(NETLINK_ROUTE).map_err(Failure::from));
    let mut route = match opened {
        Ok(route) => route,
        Err(failure) => {
            unknown(probes.iter().copied(), &failure).for_each(|it| drop(teller.send(it)));
            return;
        }
    };
    for probe in probes {
        let Answer { support, held } = answer(*probe, &mut route);
        // Nobody listens any more when the limit is over.
        let _ = teller.send((*probe, support));
        drop(held);
    }
}

fn no_namespace(errno: Errno) -> Failure {
    let words = std::io::Error::from(errno);
    let cause = super::host::cause_of_io(&words);
    let need = if errno == Errno::PERM { "; it needs CAP_SYS_ADMIN" } else { "" };
    Failure::new(cause, format!("no network namespace to try it in: {words}{need}"))
}

/// What was answered, and what must be let go only after it was told.
struct Answer {
    support: Support,
    held: Option<OwnedFd>,
}

fn answer(probe: NetProbe, route: &mut Connection) -> Answer {
    let support = match probe {
        NetProbe::VethLink => link::veth(route),
        NetProbe::VxlanLink => link::vxlan(route),
        NetProbe::GeneveLink => link::geneve(route),
        NetProbe::WireguardLink => link::wireguard(route),
        NetProbe::NetkitLink => link::netkit(route),
        NetProbe::NetkitScrub => link::netkit_scrub(route),
        NetProbe::ClsactQdisc => qdisc::clsact(route),
        NetProbe::TcxAttach => return tcx::tcx(),
        NetProbe::XdpDriverAttach => xdp::xdp_driver(route),
        NetProbe::FqQdisc => qdisc::fq(route),
        NetProbe::ManagedNeighbor => neighbor::managed(route),
        NetProbe::XfrmOutputMark => xfrm::output_mark(),
        NetProbe::BigTcpIpv6 => big_tcp::ipv6(route),
        NetProbe::BigTcpIpv4 => big_tcp::ipv4(route),
        NetProbe::FibRule => rule::fib_rule(route),
    };
    Answer { support, held: None }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

    use super::namespace::tests::{inside, ip};
    use super::*;
    use crate::facts::Observed;
    use crate::facts::config::ModuleState;

    /// A host on which no probe waits for a module: for the kernel that runs the tests, which
    /// may load what they need.
    fn config() -> ConfigFacts {
        let names = [
            "veth",
            "vxlan",
            "geneve",
            "wireguard",
            "sch_ingress",
            "sch_fq",
            "xfrm_user",
            "seqiv",
            "esp4",
        ];
        let loaded = |it: &str| (it.to_owned(), Observed::Known(ModuleState::Loaded));
        ConfigFacts { kconfig: Observed::Known(None), modules: names.map(loaded).into() }
    }

    fn look() -> BTreeMap<NetProbe, Support> {
        let host = Host::live().unwrap();
        begin(&host, &config()).finish(&host)
    }

    /// Looks with these capabilities only; capset(2) is a thread's own.
    fn look_with(capabilities: CapabilitySet) -> BTreeMap<NetProbe, Support> {
        let look = move || {
            let inheritable = CapabilitySet::empty();
            let permitted = capabilities;
            let effective = capabilities;
            set_capabilities(None, CapabilitySets { effective, permitted, inheritable }).unwrap();
            look()
        };
        thread::spawn(look).join().unwrap()
    }

    /// Whether a command of iproute2 is done in an empty network namespace.
    fn is_done(command: &str) -> Option<bool> {
        inside(|| {
            let mut words = command.split_whitespace();
            let mut command = Command::new(words.next().unwrap());
            let output = command.args(words).output();
            output.expect("iproute2 is installed (apt-get install iproute2)").status.success()
        })
    }

    #[test]
    fn links_qdiscs_and_rules_are_what_iproute2_can_make() {
        let answers = look();
        for (probe, command) in [
            (NetProbe::VethLink, "ip link add name left type veth"),
            (NetProbe::VxlanLink, "ip link add name tunnel type vxlan external"),
            (NetProbe::GeneveLink, "ip link add name tunnel type geneve external"),
            (NetProbe::WireguardLink, "ip link add name tunnel type wireguard"),
            (NetProbe::NetkitLink, "ip link add name left type netkit"),
            (NetProbe::ClsactQdisc, "tc qdisc add dev lo clsact"),
            (NetProbe::FqQdisc, "tc qdisc add dev lo root fq"),
            (NetProbe::BigTcpIpv6, "ip link set dev lo gso_max_size 196608"),
            (NetProbe::FibRule, "ip rule add fwmark 0x200/0xf00 lookup 2004"),
        ] {
            let Some(done) = is_done(command) else { return };
            let want = if done { "supported" } else { "unsupported" };
            assert_eq!(answers[&probe].as_str(), want, "{command}: {:?}", answers[&probe]);
        }
    }

    /// `IFLA_GSO_IPV4_MAX_SIZE` is told by every kernel that takes it (6.3), and managed
    /// neighbours, tcx and netkit came with other releases: what is told of the running kernel
    /// must fit.
    #[test]
    fn what_has_no_command_fits_the_kernel() {
        let host = Host::live().unwrap();
        let Observed::Known(nics) = crate::observe::nic::nics(&host) else { panic!() };
        let loopback = nics.iter().find(|it| it.name == "lo").unwrap();
        let answers = look();
        if answers[&NetProbe::BigTcpIpv4].as_str() != "unknown" {
            let supported = answers[&NetProbe::BigTcpIpv4] == Support::Supported;
            assert_eq!(supported, loopback.gso_ipv4_max_bytes.is_some());
        }
        if answers[&NetProbe::TcxAttach] == Support::Supported {
            assert!(
                loopback.xdp_features.known().unwrap().is_some(),
                "tcx (6.6) without netdev (6.3)"
            );
        }
    }

    #[test]
    fn without_capabilities_every_probe_is_unknown() {
        let default_rung = CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::NET_ADMIN;
        let mut sets = vec![CapabilitySet::empty()];
        if rustix::process::geteuid().is_root() {
            sets.push(default_rung);
        }
        for set in sets {
            let answers = look_with(set);
            assert_eq!(answers.len(), NetProbe::ALL.len());
            for (probe, support) in answers {
                let Support::Unknown(failure) = support else { panic!("{probe:?}: {support:?}") };
                assert_eq!(failure.cause, Cause::PermissionDenied, "{probe:?}");
                assert!(failure.detail.contains("CAP_SYS_ADMIN"), "{failure:?}");
            }
        }
    }

    #[test]
    fn with_a_namespace_and_no_right_in_it_nothing_is_no() {
        if !rustix::process::geteuid().is_root() {
            return eprintln!("skipped: needs CAP_SYS_ADMIN");
        }
        let answers = look_with(CapabilitySet::SYS_ADMIN);
        assert_eq!(answers.len(), NetProbe::ALL.len());
        for (probe, support) in answers {
            match support {
                // CAP_SYS_ADMIN stands for all that bpf(2) asks for.
                Support::Supported => assert_eq!(probe, NetProbe::TcxAttach),
                Support::Unsupported(_) => panic!("{probe:?}: {support:?}"),
                Support::Unknown(it) => assert_eq!(it.cause, Cause::PermissionDenied, "{it:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_left_on_the_host() {
        let seen = || (ip("-o link show"), ip("rule"), ip("neigh show nud all"));
        let before = seen();
        look();
        let (links, rules, neighbors) = seen();
        assert!(!links.contains("bpfr-"), "{links}");
        assert_eq!((rules, neighbors), (before.1, before.2));
        let names = |links: &str| links.lines().count();
        assert_eq!(names(&links), names(&before.0));
    }
}

//! Against real interfaces, addresses, routes and rules that iproute2 makes in empty namespaces.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use rustix::thread::CapabilitySet;

use super::super::net_probe::namespace;
use super::super::net_probe::namespace::tests::{inside, ip};
use super::*;
use crate::facts::Cause;
use crate::facts::links::{Netkit, NetkitMode, NetkitPolicy, OperationalState, Prefix, Tunnel};
use crate::facts::routes::{Mark, NextHop, Route, RouteKind, Rule, RuleAction};
use crate::observe::as_if::with_capabilities;
use crate::observe::netlink::Attributes;

fn seen() -> NetworkFacts {
    network(&Host::live().unwrap(), &mut Observed::Known(Vec::new()))
}

#[track_caller]
fn link(facts: &NetworkFacts, name: &str) -> Link {
    let links = facts.links.known().expect("links");
    links.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("{name}")).clone()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

#[test]
fn a_pair_a_port_and_a_vlan_name_their_relatives() {
    inside(|| {
        ip("link add name lxc1 mtu 1450 type veth peer name inner");
        ip("link add name cni0 type bridge");
        ip("link set lxc1 master cni0 alias pod-1 up");
        ip("link set cni0 up");
        ip("link property add dev cni0 altname bridge-of-pods");
        ip("link set lxc1 address 02:00:00:00:00:01");
        let facts = seen();
        let [lxc, inner, bridge] = ["lxc1", "inner", "cni0"].map(|it| link(&facts, it));
        assert_eq!(lxc.kind.as_deref(), Some("veth"));
        assert_eq!((lxc.peer, lxc.peer_namespace), (Some(inner.index), None));
        assert_eq!((lxc.master, lxc.port_kind.as_deref()), (Some(bridge.index), Some("bridge")));
        assert_eq!(lxc.mac.as_deref(), Some("02:00:00:00:00:01"));
        assert_eq!((lxc.mtu_bytes, lxc.alias.as_deref()), (1450, Some("pod-1")));
        assert!(lxc.is_up() && !lxc.is_loopback() && link(&facts, "lo").is_loopback());
        assert_eq!(lxc.state, OperationalState::LowerLayerDown, "its peer is down");
        assert_eq!(bridge.alternative_names, ["bridge-of-pods"]);
    });
}

/// Makes a link of a kind that not every kernel has; `false`, said aloud, where it has not.
fn made(arguments: &str) -> bool {
    let words = ["link", "add", "name"].into_iter().chain(arguments.split_whitespace());
    let output = std::process::Command::new("ip").args(words).output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[test]
fn a_vlan_tells_its_id_and_the_device_below() {
    inside(|| {
        ip("link add name eth0 type veth peer name other");
        if made("vlan.eth.7 link eth0 type vlan id 7") {
            let facts = seen();
            let vlan = link(&facts, "vlan.eth.7");
            assert_eq!(vlan.data, Some(LinkData::Vlan { id: 7 }));
            assert_eq!(vlan.peer, Some(link(&facts, "eth0").index));
        }
    });
}

#[test]
fn the_peer_in_another_namespace_is_told_with_the_namespaces_number() {
    inside(|| {
        ip("link add name lxc1 type veth peer name inner");
        // `ip link set … netns PID` takes a thread's id as well.
        let ((tell, told), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                namespace::enter_new().unwrap();
                tell.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
                let _ = ended.recv();
            });
            ip(&format!("link set inner netns {}", told.recv().unwrap()));
            let lxc = link(&seen(), "lxc1");
            drop(end);
            assert!(lxc.peer.is_some() && lxc.peer_namespace.is_some(), "{lxc:?}");
        });
    });
}

#[test]
fn tunnels_tell_id_port_and_whether_each_packet_brings_its_own() {
    inside(|| {
        ip("link add name cilium_vxlan type vxlan external dstport 8472");
        ip("link add name flannel.1 type vxlan id 1 local 10.0.0.1 dstport 8472 nolearning");
        let geneve = made("cilium_geneve type geneve external");
        let ipip = made("tunl1 type ipip local 10.0.0.1 remote 10.0.0.2");
        let facts = seen();
        let data = |name: &str| link(&facts, name).data.unwrap();
        let LinkData::Vxlan(vxlan) = data("cilium_vxlan") else { panic!() };
        assert_eq!((vxlan.port, vxlan.collects_metadata), (Some(8472), true));
        if geneve {
            let LinkData::Geneve(geneve) = data("cilium_geneve") else { panic!() };
            assert_eq!((geneve.port, geneve.collects_metadata), (Some(6081), true));
        }
        let flannel = Tunnel {
            id: Some(1),
            port: Some(8472),
            local: Some("10.0.0.1".parse().unwrap()),
            learns: Some(false),
            ..Tunnel::default()
        };
        assert_eq!(data("flannel.1"), LinkData::Vxlan(flannel));
        let ends = LinkData::Ip {
            local: Some("10.0.0.1".parse().unwrap()),
            remote: Some("10.0.0.2".parse().unwrap()),
            collects_metadata: false,
        };
        assert!(!ipip || data("tunl1") == ends);
    });
}

/// netkit came with Linux 6.7 (`drivers/net/netkit.c`): the primary end is made first, both
/// forward, mode L3.
#[test]
fn netkit_tells_its_mode_its_policies_and_which_end_it_is() {
    inside(|| {
        if !made("lxc1 type netkit") {
            return;
        }
        let facts = seen();
        let primary = link(&facts, "lxc1");
        let want = Netkit {
            mode: NetkitMode::L3,
            is_primary: true,
            policy: NetkitPolicy::Forward,
            peer_policy: NetkitPolicy::Forward,
        };
        assert_eq!(primary.data, Some(LinkData::Netkit(want)));
        let links = facts.links.known().unwrap();
        let peer = links.iter().find(|it| Some(it.index) == primary.peer).unwrap();
        let Some(LinkData::Netkit(peer)) = &peer.data else { panic!("{peer:?}") };
        assert!(!peer.is_primary);
    });
}

#[test]
fn addresses_neighbors_and_tunnel_peers_are_those_that_were_set() {
    inside(|| {
        ip("link add name eth0 type veth peer name other");
        ip("link add name flannel.1 type vxlan id 1 local 10.0.0.1 dstport 8472 nolearning");
        ip("addr add 10.0.0.1/24 dev eth0");
        ip("addr add 2001:db8::1/64 dev eth0 nodad");
        ip("link set eth0 up");
        ip("link set other up");
        ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent");
        ip("neigh add 2001:db8::2 lladdr 02:00:00:00:00:03 dev eth0 nud permanent");
        bridge("fdb append 02:00:00:00:00:09 dev flannel.1 dst 10.0.0.9");
        let facts = seen();
        let (eth0, flannel) = (link(&facts, "eth0").index, link(&facts, "flannel.1").index);
        let addresses = facts.addresses.known().unwrap();
        let on_eth0: Vec<_> = addresses.iter().filter(|it| it.link == eth0).collect();
        assert_eq!(on_eth0.len(), 2, "link-local ones are left out: {on_eth0:?}");
        assert!(on_eth0.iter().any(|it| it.address == prefix("10.0.0.1/24") && it.scope == 0));
        assert!(on_eth0.iter().any(|it| it.address == prefix("2001:db8::1/64")));
        let neighbors = facts.neighbors.known().unwrap();
        let told: Vec<_> =
            neighbors.iter().map(|it| (it.link, it.address.to_string(), it.mac.clone())).collect();
        let mac = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                (eth0, "10.0.0.2".to_owned(), mac("02:00:00:00:00:02")),
                (eth0, "2001:db8::2".to_owned(), mac("02:00:00:00:00:03")),
            ]
        );
        // NUD_PERMANENT.
        assert!(neighbors.iter().all(|it| it.state == 0x80), "{neighbors:?}");
        let peers = facts.tunnel_peers.known().unwrap();
        assert_eq!(peers.len(), 1);
        assert_eq!((peers[0].link, peers[0].node), (flannel, "10.0.0.9".parse().unwrap()));
    });
}

fn bridge(arguments: &str) {
    let words = arguments.split_whitespace();
    let status = std::process::Command::new("bridge").args(words).status();
    assert!(status.expect("iproute2 is installed").success(), "bridge {arguments}");
}

#[test]
fn routes_of_all_tables_are_told_and_what_the_kernel_makes_is_not() {
    inside(|| {
        ip("link add name eth0 type veth peer name other");
        ip("addr add 10.0.0.1/24 dev eth0");
        ip("link set lo up");
        ip("link set other up");
        ip("link set eth0 up");
        ip("route add default via 10.0.0.254 dev eth0 src 10.0.0.1 metric 100 mtu 1400");
        ip("route add 10.1.0.7/32 dev eth0 scope link table 107 proto 80");
        ip("route add blackhole 10.2.0.0/16");
        ip("route add 10.3.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3");
        ip("route add local 0.0.0.0/0 dev lo table 2004");
        ip("-6 route add 2001:db8:1::/48 dev eth0 metric 5");
        let facts = seen();
        let eth0 = link(&facts, "eth0").index;
        let routes = &facts.routes.known().unwrap().list;
        let route = |to: &str, table: u32| -> &Route {
            let found = routes.iter().find(|it| it.destination == prefix(to) && it.table == table);
            found.unwrap_or_else(|| panic!("{to} in {table}: {routes:?}"))
        };
        let default = route("0.0.0.0/0", 254);
        assert_eq!(default.gateway, Some("10.0.0.254".parse().unwrap()));
        assert_eq!(default.source, Some("10.0.0.1".parse().unwrap()));
        assert_eq!((default.metric, default.mtu_bytes), (Some(100), Some(1400)));
        let pod = route("10.1.0.7/32", 107);
        assert_eq!((pod.link, pod.gateway, pod.protocol, pod.scope), (Some(eth0), None, 80, 253));
        assert_eq!(route("10.2.0.0/16", 254).kind, RouteKind::Blackhole);
        let hop = |gateway: &str| NextHop { link: eth0, gateway: gateway.parse().ok() };
        assert_eq!(route("10.3.0.0/16", 254).next_hops, [hop("10.0.0.2"), hop("10.0.0.3")]);
        assert_eq!(route("0.0.0.0/0", 2004).kind, RouteKind::Local);
        assert_eq!(route("2001:db8:1::/48", 254).metric, Some(5));
        assert_eq!(route("10.0.0.0/24", 254).protocol, 2, "the kernel's own route to its link");
        assert!(routes.iter().all(|it| it.table != 255), "{routes:?}");
        assert_eq!(routes.len(), 7, "{routes:?}");
    });
}

#[test]
fn rules_are_told_with_mark_interface_and_table() {
    inside(|| {
        ip("rule add fwmark 0x200/0xf00 lookup 2004 priority 9");
        ip("rule add from 10.1.0.7 lookup 107 priority 1536");
        ip("rule add iif lo lookup 101 priority 10");
        ip("rule add not to 10.0.0.0/8 lookup main priority 20");
        ip("rule add fwmark 0x80/0x80 blackhole priority 21");
        ip("-6 rule add from 2001:db8::1 lookup 108 priority 30");
        let facts = seen();
        let rules = facts.rules.known().unwrap();
        let rule = |priority: u32, ipv6: bool| -> &Rule {
            rules.iter().find(|it| it.priority == priority && it.ipv6 == ipv6).unwrap()
        };
        assert_eq!(rule(0, false).action, RuleAction::Table(255));
        assert_eq!(rule(9, false).action, RuleAction::Table(2004));
        assert_eq!(rule(9, false).mark, Some(Mark { value: 0x200, mask: 0xf00 }));
        assert_eq!(rule(1536, false).from, Some(prefix("10.1.0.7/32")));
        assert_eq!(rule(10, false).input.as_deref(), Some("lo"));
        let not = rule(20, false);
        assert_eq!((not.invert, not.to, not.mark), (true, Some(prefix("10.0.0.0/8")), None));
        assert_eq!(rule(21, false).action, RuleAction::Blackhole);
        assert_eq!(rule(30, true).from, Some(prefix("2001:db8::1/128")));
        assert!(rules.is_sorted_by_key(|it| (it.ipv6, it.priority)));
    });
}

#[test]
fn qdiscs_are_told_but_for_noqueue() {
    inside(|| {
        ip("link add name eth0 type veth peer name other");
        for arguments in ["qdisc add dev eth0 root pfifo", "qdisc add dev eth0 clsact"] {
            let status =
                std::process::Command::new("tc").args(arguments.split_whitespace()).status();
            assert!(status.unwrap().success(), "tc {arguments}");
        }
        let facts = seen();
        let eth0 = link(&facts, "eth0").index;
        let kinds: Vec<_> =
            facts.qdiscs.known().unwrap().iter().map(|it| (it.link, it.kind.as_str())).collect();
        assert_eq!(kinds, [(eth0, "pfifo"), (eth0, "clsact")]);
    });
}

#[test]
fn no_capability_is_needed() {
    inside(|| {
        ip("link add name eth0 type bridge");
        let mut full = seen();
        let mut without = with_capabilities(CapabilitySet::empty(), seen);
        for facts in [&mut full, &mut without] {
            assert!(facts.namespace.known().is_some_and(|it| it.inode != 0));
        }
        assert_eq!(full, without);
    });
}

#[test]
fn an_empty_namespace_is_not_the_hosts() {
    let Some(own) = inside(|| seen().namespace) else { return };
    let Observed::Known(namespace) = own else { panic!("{own:?}") };
    // In a container the first pid namespace is not to be seen, and nothing is said.
    assert_ne!(namespace.is_host, Observed::Known(true));
}

/// Links come and go while they are listed: each list is whole, or the look says that it was
/// busy.
#[test]
fn a_list_that_changes_is_whole_or_unknown() {
    inside(|| {
        for number in 0..200 {
            ip(&format!("link add name stays{number} type bridge"));
        }
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let churn = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    ip("link add name goes type bridge");
                    ip("link del goes");
                }
            });
            let until = Instant::now() + Duration::from_secs(1);
            while Instant::now() < until {
                match seen().links {
                    Observed::Known(links) => {
                        let stays = links.iter().filter(|it| it.name.starts_with("stays"));
                        assert_eq!(stays.count(), 200);
                    }
                    Observed::Unknown(failure) => assert_eq!(failure.cause, Cause::Busy),
                }
            }
            stop.store(true, Ordering::Relaxed);
            churn.join().unwrap();
        });
    });
}

/// What the kernel answers to a question, message by message.
fn messages(kind: u16, question: &[u8]) -> Vec<Vec<u8>> {
    Connection::open(NETLINK_ROUTE).unwrap().dump(kind, question).unwrap()
}

/// Cuts a message at every length and breaks every byte of it.
fn mistreat<T>(whole: &[u8], parse: impl Fn(&[u8]) -> Result<T, NetlinkError>) {
    assert!(parse(whole).is_ok());
    for end in 0..whole.len() {
        let _ = parse(&whole[..end]);
    }
    for at in 0..whole.len() {
        let mut broken = whole.to_vec();
        broken[at] ^= 0xff;
        let _ = parse(&broken);
    }
}

#[test]
fn every_cut_and_every_flipped_byte_ends_without_a_panic() {
    inside(|| {
        ip("link add name eth0 type veth peer name other");
        ip("link add name vx type vxlan id 1 local 10.0.0.1 dstport 8472");
        ip("addr add 10.0.0.1/24 dev eth0");
        ip("link set eth0 up");
        ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent");
        ip("route add 10.3.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3");
        ip("rule add fwmark 0x200/0xf00 lookup 2004 priority 9");
        let zeros = [0; 20];
        messages(libc::RTM_GETLINK, &zeros[..16]).iter().for_each(|it| mistreat(it, link::parse));
        messages(libc::RTM_GETADDR, &zeros[..8]).iter().for_each(|it| mistreat(it, address::parse));
        for message in messages(libc::RTM_GETNEIGH, &zeros[..12]) {
            mistreat(&message, neighbor::parse);
            mistreat(&message, neighbor::parse_tunnel_peer);
        }
        messages(libc::RTM_GETROUTE, &zeros[..12]).iter().for_each(|it| mistreat(it, route::parse));
        messages(libc::RTM_GETRULE, &zeros[..12]).iter().for_each(|it| mistreat(it, rule::parse));
        messages(libc::RTM_GETQDISC, &zeros).iter().for_each(|it| mistreat(it, qdisc::parse));
        assert!(Attributes::with_header::<16>(&zeros[..15]).is_err());
    });
}

/// 10,000 interfaces with an address and a route each, as a node has that runs as many pods.
/// Takes half a minute to set up, so it runs only when asked for: `--ignored --nocapture`.
#[test]
#[ignore = "sets up 10,000 interfaces"]
fn ten_thousand_links_take_under_a_second_and_20_mib() {
    inside(|| {
        let mut commands = String::new();
        for n in 0..5_000 {
            let (a, b) = (n / 250, n % 250);
            commands += &format!("link add name lxc{n} type veth peer name pod{n}\n");
            commands += &format!("link set lxc{n} up\nlink set pod{n} up\n");
            commands += &format!("route add 10.{a}.{b}.1/32 dev lxc{n}\n");
            commands += &format!("neigh add 10.{a}.{b}.1 lladdr 02:00:00:00:00:01 dev lxc{n}\n");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), commands).unwrap();
        ip(&format!("-batch {}", file.path().display()));
        let peak = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        // The high-water mark begins anew.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = peak();
        let start = Instant::now();
        let facts = seen();
        let took = start.elapsed();
        let kib = peak() - before;
        let links = facts.links.known().unwrap().len();
        let routes = facts.routes.known().unwrap().list.len();
        println!("{links} links, {routes} routes: {took:?}, {kib} KiB at the most");
        assert!(links > 10_000 && routes >= 5_000);
        // Without optimising, reading attributes takes most of the time.
        let limit = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
        assert!(took < limit && kib < 20 << 10);
    });
}

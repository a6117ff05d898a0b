//! Composed hosts for tests: everything can be read, nothing is there, and then piece by piece.

use std::collections::BTreeMap;

use crate::facts::agents::{Answer, Endpoint, Process, SocketState, Unit};
use crate::facts::cilium::CiliumStatus;
use crate::facts::cni::{
    BinDir, Choice, ConfContent, ConfFile, Defect, Delegate, DelegateBy, Distribution, Network,
    Plugin, Runtime, RuntimeKind, Setting, SettingSource,
};
use crate::facts::firewall::{Chain, Chains, Family, Ipset, Ipvs, Rule as Filter, Table, Target};
use crate::facts::hooks::{
    Attached, BpfFilter, CgroupHook, CgroupHooks, Direction, Filter as TcFilter, Xdp, XdpMode,
};
use crate::facts::inventory::Program;
use crate::facts::links::{Address, Link, OperationalState};
use crate::facts::pins::{Pin, PinnedObject, Pins};
use crate::facts::pods::{NodePods, Pod, PodSource};
use crate::facts::prefix::Prefix;
use crate::facts::routes::{Mark, Route, RouteKind, Routes, Rule, RuleAction};
use crate::facts::{Cause, Facts, Failure, Observed};
use crate::judge::report::Verdict;
use crate::judge::{Policy, judge, sample};

/// Every endpoint that is asked.
const ENDPOINTS: [Endpoint; 13] = [
    Endpoint::CiliumStatus,
    Endpoint::CiliumHealthz,
    Endpoint::CiliumEnvoy,
    Endpoint::KubeProxyHealthz,
    Endpoint::KubeProxyMode,
    Endpoint::FelixLiveness,
    Endpoint::FelixReadiness,
    Endpoint::AwsIpamdGrpc,
    Endpoint::AwsIpamdSettings,
    Endpoint::AwsNetworkSettings,
    Endpoint::AwsPolicyAgent,
    Endpoint::KubeRouter,
    Endpoint::Weave,
];

const SOCKET: &str = "/var/run/cilium/cilium.sock";

/// A host in the making.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) facts: Facts,
    programs: u32,
}

fn known<T>(observed: &mut Observed<T>) -> &mut T {
    match observed {
        Observed::Known(value) => value,
        Observed::Unknown(failure) => panic!("a composed host knows it: {failure:?}"),
    }
}

/// A network of these plug-ins; `type/ipam` names the plug-in's addresses.
pub(crate) fn network(name: &str, types: &[&str]) -> Network {
    let plugins = types.iter().map(|it| {
        let (plugin_type, ipam) = it.split_once('/').map_or((*it, None), |it| (it.0, Some(it.1)));
        Plugin {
            plugin_type: plugin_type.into(),
            ipam: ipam.map(str::to_owned),
            settings: BTreeMap::new(),
            delegate: None,
            from_file: None,
        }
    });
    Network {
        name: Some(name.into()),
        cni_version: Some("0.3.1".into()),
        is_list: true,
        plugins: plugins.collect(),
    }
}

impl Host {
    /// A capable kernel, an uplink `eth0` with the default route, and nothing else.
    pub(crate) fn new() -> Self {
        let mut facts = sample::kernel(6, 12);
        facts.taken_at_seconds = 1_000_000;
        facts.network.links = Observed::Known(Vec::new());
        facts.network.addresses = Observed::Known(Vec::new());
        facts.network.neighbors = Observed::Known(Vec::new());
        facts.network.tunnel_peers = Observed::Known(Vec::new());
        facts.network.routes = Observed::Known(Routes::default());
        facts.network.rules = Observed::Known(Vec::new());
        facts.network.qdiscs = Observed::Known(Vec::new());
        facts.hooks.filters = Observed::Known(Vec::new());
        facts.hooks.xdp = Observed::Known(Vec::new());
        facts.hooks.tcx = Observed::Known(Vec::new());
        facts.hooks.netkit = Observed::Known(Vec::new());
        facts.hooks.cgroups = Observed::Known(BTreeMap::from([(
            "/sys/fs/cgroup".into(),
            Observed::Known(no_hooks()),
        )]));
        facts.inventory.programs = Observed::Known(Vec::new());
        facts.inventory.maps = Observed::Known(Vec::new());
        facts.inventory.links = Observed::Known(Vec::new());
        facts.pins = Observed::Known(Pins::default());
        facts.firewall.nftables = Observed::Known(Vec::new());
        facts.firewall.iptables = Observed::Known(Vec::new());
        facts.firewall.ip6tables = Observed::Known(Vec::new());
        facts.firewall.ipsets = Observed::Known(Vec::new());
        facts.firewall.ipvs = Observed::Known(None);
        facts.agents.processes = Observed::Known(Vec::new());
        facts.agents.units = Observed::Known(BTreeMap::new());
        facts.agents.sockets.insert(SOCKET.into(), Observed::Known(SocketState::Absent));
        for endpoint in ENDPOINTS {
            facts.agents.endpoints.insert(endpoint, Observed::Known(Answer::NobodyListens));
        }
        facts.cilium = Observed::Known(None);
        facts.pods = Observed::Known(NodePods { source: PodSource::Api, pods: Vec::new() });
        runtime(&mut facts);
        let host = Self { facts, programs: 100 };
        host.rule(0, None, None, 255)
            .rule(32766, None, None, 254)
            .rule(32767, None, None, 253)
            .device("eth0")
            .route("0.0.0.0/0", "eth0")
            .route("::/0", "eth0")
    }

    pub(crate) fn device(self, name: &str) -> Self {
        self.link_of(name, None, None)
    }

    pub(crate) fn link(self, name: &str, kind: &str) -> Self {
        self.link_of(name, Some(kind), None)
    }

    /// A port of `master`.
    pub(crate) fn port(self, name: &str, kind: &str, master: &str) -> Self {
        let master = self.index(master);
        self.link_of(name, Some(kind), Some(master))
    }

    fn link_of(mut self, name: &str, kind: Option<&str>, master: Option<u32>) -> Self {
        let links = known(&mut self.facts.network.links);
        let index = u32::try_from(links.len()).unwrap() + 2;
        let pair = matches!(kind, Some("veth" | "netkit"));
        links.push(Link {
            index,
            name: name.into(),
            alternative_names: Vec::new(),
            kind: kind.map(str::to_owned),
            data: None,
            master,
            port_kind: None,
            peer: pair.then_some(2),
            peer_namespace: pair.then_some(0),
            mtu_bytes: 1500,
            flags: 1,
            state: OperationalState::Up,
            mac: None,
            alias: None,
        });
        self
    }

    pub(crate) fn index(&self, name: &str) -> u32 {
        let links = self.facts.network.links.known().unwrap();
        links.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no link {name}")).index
    }

    pub(crate) fn address(mut self, link: &str, address: &str) -> Self {
        let (link, address) = (self.index(link), address.parse().unwrap());
        known(&mut self.facts.network.addresses).push(Address { link, address, scope: 0 });
        self
    }

    pub(crate) fn route(self, to: &str, link: &str) -> Self {
        self.route_in(254, to, link)
    }

    pub(crate) fn route_in(mut self, table: u32, to: &str, link: &str) -> Self {
        let link = Some(self.index(link));
        let destination: Prefix = to.parse().unwrap();
        known(&mut self.facts.network.routes).list.push(Route {
            table,
            destination,
            from: None,
            kind: RouteKind::Unicast,
            protocol: 3,
            scope: 253,
            link,
            gateway: None,
            source: None,
            metric: None,
            mtu_bytes: None,
            flags: 0,
            next_hops: Vec::new(),
        });
        self
    }

    /// A rule of both families, or of that of its addresses.
    pub(crate) fn rule(
        mut self,
        priority: u32,
        from: Option<&str>,
        to: Option<&str>,
        table: u32,
    ) -> Self {
        let (from, to) = (from.map(|it| it.parse().unwrap()), to.map(|it| it.parse().unwrap()));
        let six = |it: &Option<Prefix>| it.map(|it| it.address.is_ipv6());
        let families = six(&from).or(six(&to)).map_or(vec![false, true], |it| vec![it]);
        for ipv6 in families {
            let rule = Rule { from, to, ..plain_rule(ipv6, priority, table) };
            known(&mut self.facts.network.rules).push(rule);
        }
        self
    }

    pub(crate) fn input_rule(mut self, priority: u32, input: &str, table: u32) -> Self {
        let rule = Rule { input: Some(input.into()), ..plain_rule(false, priority, table) };
        known(&mut self.facts.network.rules).push(rule);
        self
    }

    pub(crate) fn mark_rule(mut self, priority: u32, value: u32, mask: u32, table: u32) -> Self {
        let mark = Some(Mark { value, mask });
        let rule = Rule { mark, ..plain_rule(false, priority, table) };
        known(&mut self.facts.network.rules).push(rule);
        self
    }

    /// A running pod with this address, as the API server tells it.
    pub(crate) fn pod(mut self, name: &str, address: &str) -> Self {
        let pods = known(&mut self.facts.pods);
        pods.pods.push(Pod {
            namespace: Some("default".into()),
            name: Some(name.into()),
            addresses: vec![address.parse().unwrap()],
            host_network: false,
            running: true,
            started_at_seconds: Some(900_000 + pods.pods.len() as u64),
            has_pod_eni: false,
        });
        self
    }

    /// No API server: only the kernel knows pods.
    pub(crate) fn without_api(mut self) -> Self {
        let failure = Failure::new(Cause::Prerequisite, "no API server was asked");
        self.facts.pods = Observed::Unknown(failure);
        self
    }

    fn program(&mut self, name: &str) -> u32 {
        self.programs += 1;
        let name: String = name.chars().take(15).collect();
        known(&mut self.facts.inventory.programs).push(Program {
            id: self.programs,
            program_type: 3,
            expected_attach_type: None,
            name,
            tag: format!("{:016x}", self.programs),
            run_time_ns: None,
            run_count: None,
        });
        self.programs
    }

    pub(crate) fn tcx(mut self, link: &str, direction: Direction, name: &str) -> Self {
        let (link, program_id) = (self.index(link), self.program(name));
        let it = Attached { link, direction, program_id, bpf_link_id: None };
        known(&mut self.facts.hooks.tcx).push(it);
        self
    }

    pub(crate) fn netkit(mut self, link: &str, direction: Direction, name: &str) -> Self {
        let (link, program_id) = (self.index(link), self.program(name));
        let it = Attached { link, direction, program_id, bpf_link_id: None };
        known(&mut self.facts.hooks.netkit).push(it);
        self
    }

    /// A tc filter with priority and label, of a program with this name.
    pub(crate) fn tc(
        mut self,
        link: &str,
        direction: Direction,
        priority: u16,
        label: &str,
        name: &str,
    ) -> Self {
        let (link, program) = (self.index(link), self.program(name));
        known(&mut self.facts.hooks.filters).push(TcFilter {
            link,
            direction,
            chain: 0,
            priority,
            handle: 1,
            kind: "bpf".into(),
            bpf: Some(BpfFilter {
                program_id: Some(program),
                label: Some(label.into()),
                tag: None,
                direct_action: true,
            }),
        });
        self
    }

    pub(crate) fn xdp(mut self, link: &str, name: &str) -> Self {
        let (link, program_id) = (self.index(link), self.program(name));
        known(&mut self.facts.hooks.xdp).push(Xdp { link, mode: XdpMode::Driver, program_id });
        self
    }

    pub(crate) fn cgroup(mut self, hook: CgroupHook, name: &str) -> Self {
        let program = self.program(name);
        let mounts = known(&mut self.facts.hooks.cgroups);
        let hooks = known(mounts.get_mut("/sys/fs/cgroup").unwrap());
        known(hooks.programs.get_mut(&hook).unwrap()).push(program);
        self
    }

    /// Pins the program that was attached last.
    pub(crate) fn pinned(mut self, path: &str) -> Self {
        let object = Observed::Known(Some(PinnedObject::Program(self.programs)));
        known(&mut self.facts.pins).list.push(Pin { path: path.into(), object });
        self
    }

    pub(crate) fn map_pin(mut self, path: &str) -> Self {
        let object = Observed::Known(Some(PinnedObject::Map(7)));
        known(&mut self.facts.pins).list.push(Pin { path: path.into(), object });
        self
    }

    fn table(&mut self, family: Family, name: &str) -> &mut Table {
        let tables = known(&mut self.facts.firewall.nftables);
        let found = tables.iter().position(|it| it.family == family && it.name == name);
        let at = found.unwrap_or_else(|| {
            let (chains, sets, flowtables) = (Chains::default(), Vec::new(), Vec::new());
            tables.push(Table { family, name: name.into(), chains, sets, flowtables });
            tables.len() - 1
        });
        &mut tables[at]
    }

    /// A table of nftables with one chain.
    pub(crate) fn nft(mut self, family: Family, name: &str) -> Self {
        let table = self.table(family, name);
        table.sets.push("service-ips".into());
        table.chains.list.push(chain("filter", Vec::new()));
        self
    }

    /// A chain of iptables (by nftables), such as `nat`, `KUBE-SERVICES`.
    pub(crate) fn chain(mut self, table: &str, name: &str) -> Self {
        self.table(Family::Ip, table).chains.list.push(chain(name, Vec::new()));
        self
    }

    /// A jump from a base chain.
    pub(crate) fn jump(mut self, table: &str, from: &str, to: &str) -> Self {
        let rule = Filter { target: Some(Target::Jump(to.into())), ..Filter::default() };
        self.table(Family::Ip, table).chains.list.push(chain(from, vec![rule]));
        self
    }

    pub(crate) fn comment(mut self, table: &str, from: &str, comment: &str) -> Self {
        let rule = Filter { comment: Some(comment.into()), ..Filter::default() };
        self.table(Family::Ip, table).chains.list.push(chain(from, vec![rule]));
        self
    }

    pub(crate) fn ipset(mut self, name: &str) -> Self {
        let set = Ipset { name: name.into(), kind: "hash:ip".into(), entries: Some(1) };
        known(&mut self.facts.firewall.ipsets).push(set);
        self
    }

    pub(crate) fn ipvs(mut self, services: u32) -> Self {
        let ipvs = Ipvs { services, served: services, list: Vec::new() };
        self.facts.firewall.ipvs = Observed::Known(Some(ipvs));
        self
    }

    /// A CNI configuration; the first by name is taken.
    pub(crate) fn conf(self, file: &str, name: &str, types: &[&str]) -> Self {
        self.conf_of(file, ConfContent::Network(network(name, types)))
    }

    pub(crate) fn conf_of(mut self, file: &str, content: ConfContent) -> Self {
        let cni = &mut self.facts.cni;
        let path = format!("{}/{file}", cni.conf_dir.value);
        let files = known(&mut cni.files).get_or_insert_default();
        files.push(ConfFile { path, content: Observed::Known(content) });
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let first = files[0].clone();
        let skips = known(&mut cni.runtime).as_ref().is_some_and(|it| it.kind == RuntimeKind::CriO);
        let good =
            files.iter().find(|it| matches!(it.content, Observed::Known(ConfContent::Network(_))));
        let choice = match (&first.content, good) {
            (Observed::Known(ConfContent::Broken { .. }), _) if !skips => {
                Choice::Broken(first.path)
            }
            (_, Some(good)) => Choice::Takes(good.path.clone()),
            (_, None) => Choice::Nothing,
        };
        cni.choice = Observed::Known(choice);
        self
    }

    pub(crate) fn broken_conf(self, file: &str) -> Self {
        let detail = "it ends after 12 bytes".to_owned();
        self.conf_of(file, ConfContent::Broken { defect: Defect::Cut, detail })
    }

    /// Multus with a copy of another network.
    pub(crate) fn multus_copy(self, file: &str, name: &str, types: &[&str]) -> Self {
        let mut multus = network("multus-cni-network", &["multus"]);
        multus.plugins[0].delegate = Some(Delegate {
            by: DelegateBy::Copy,
            network: Observed::Known(Some(Box::new(network(name, types)))),
            readiness_file: None,
        });
        self.conf_of(file, ConfContent::Network(multus))
    }

    pub(crate) fn renamed(mut self, file: &str) -> Self {
        known(&mut self.facts.cni.disabled).push(file.into());
        self
    }

    pub(crate) fn crio(mut self) -> Self {
        if let Some(runtime) = known(&mut self.facts.cni.runtime) {
            runtime.kind = RuntimeKind::CriO;
        }
        self
    }

    pub(crate) fn binaries(mut self, names: &[&str]) -> Self {
        let names = names.iter().map(|it| (*it).to_owned()).collect();
        self.facts.cni.bin_dirs = vec![BinDir {
            path: "/opt/cni/bin".into(),
            source: SettingSource::Default,
            names: Observed::Known(Some(names)),
        }];
        self
    }

    pub(crate) fn process(mut self, comm: &str) -> Self {
        let processes = known(&mut self.facts.agents.processes);
        processes.push(Process {
            pid: 4000 + u32::try_from(processes.len()).unwrap(),
            comm: comm.into(),
            flags: BTreeMap::new(),
            started_after_boot_seconds: Some(60),
            in_host_network: Some(true),
        });
        self
    }

    /// A file that an agent left.
    pub(crate) fn file(mut self, path: &str) -> Self {
        self.facts.agents.files.insert(path.into(), Observed::Known(true));
        self
    }

    pub(crate) fn answers(mut self, endpoint: Endpoint, status: u16, body: &str) -> Self {
        let answer = Answer::Http { status, body: body.into() };
        self.facts.agents.endpoints.insert(endpoint, Observed::Known(answer));
        self
    }

    pub(crate) fn unit(mut self, name: &str) -> Self {
        let unit = Unit { file: None, active: Observed::Known(true) };
        known(&mut self.facts.agents.units).insert(name.into(), unit);
        self
    }

    /// Cilium's agent over its socket.
    pub(crate) fn cilium(mut self, change: impl FnOnce(&mut CiliumStatus)) -> Self {
        let mut status = CiliumStatus {
            state: Some("Ok".into()),
            message: Some("1.17.3   (v1.17.3-deadbeef)".into()),
            kube_proxy_replacement: Some("True".into()),
            ..CiliumStatus::default()
        };
        change(&mut status);
        self.facts.cilium = Observed::Known(Some(status));
        self.facts.agents.sockets.insert(SOCKET.into(), Observed::Known(SocketState::Listening));
        self.process("cilium-agent").answers(Endpoint::CiliumStatus, 200, "").answers(
            Endpoint::CiliumHealthz,
            200,
            "",
        )
    }

    /// The same look with no capability at all: what needs one is refused (`cni-fingerprints.md`
    /// § 8).
    pub(crate) fn without_rights(mut self) -> Self {
        let eperm = || Failure::new(Cause::PermissionDenied, "EPERM");
        self.facts.hooks.tcx = Observed::Unknown(eperm());
        self.facts.hooks.netkit = Observed::Unknown(eperm());
        self.facts.hooks.cgroups = Observed::Unknown(eperm());
        self.facts.inventory.programs = Observed::Unknown(eperm());
        self.facts.inventory.links = Observed::Unknown(eperm());
        self.facts.firewall.nftables = Observed::Unknown(eperm());
        self.facts.firewall.ipsets = Observed::Unknown(eperm());
        self
    }

    pub(crate) fn verdict(self) -> Verdict {
        judge(self.facts, &Policy::default()).verdict
    }
}

fn plain_rule(ipv6: bool, priority: u32, table: u32) -> Rule {
    Rule {
        ipv6,
        priority,
        action: RuleAction::Table(table),
        invert: false,
        from: None,
        to: None,
        mark: None,
        input: None,
        output: None,
        protocol: None,
    }
}

fn chain(name: &str, rules: Vec<Filter>) -> Chain {
    Chain { name: name.into(), base: None, uses: None, rules: Observed::Known(rules) }
}

fn no_hooks() -> CgroupHooks {
    let programs = CgroupHook::ALL.map(|it| (it, Observed::Known(Vec::new())));
    CgroupHooks { cgroup_id: 1, programs: programs.into() }
}

/// containerd with its defaults, and no file.
fn runtime(facts: &mut Facts) {
    let cni = &mut facts.cni;
    cni.unread_dirs = Observed::Known(Vec::new());
    cni.runtime = Observed::Known(Some(Runtime {
        kind: RuntimeKind::Containerd,
        distribution: Distribution::Plain,
        signs: Vec::new(),
        config_version: Some(2),
    }));
    cni.conf_dir = Setting { value: "/etc/cni/net.d".into(), source: SettingSource::Default };
    cni.max_conf_num = Setting { value: 1, source: SettingSource::Default };
    cni.files = Observed::Known(Some(Vec::new()));
    cni.choice = Observed::Known(Choice::Nothing);
    cni.disabled = Observed::Known(Vec::new());
}

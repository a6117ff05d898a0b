//! Links, addresses and routes of a host, and the pods behind them.

use std::fs;

use super::{Host, tool};
use crate::datapath::switch::{self, Port};

/// Set where the kernel has everything: what is missing there is a failure.
const EVERYTHING: &str = "BPFREADY_KERNEL_HAS_EVERYTHING";

/// Whether the kernel was chosen because it has everything. It is an emulated one, then, where a
/// look takes seconds.
pub(super) fn has_everything() -> bool {
    std::env::var_os(EVERYTHING).is_some()
}

/// `false`, said aloud; a failure where the kernel has everything.
#[track_caller]
pub(super) fn lacks(what: &str) -> bool {
    assert!(!has_everything(), "this kernel lacks {what}");
    eprintln!("skipped: this kernel lacks {what}");
    false
}

impl Host {
    /// Lines for `ip`; those that begin with an option or `netns` are commands of their own.
    #[track_caller]
    pub(in crate::datapath) fn ip(&mut self, lines: &str) {
        self.try_ip(lines).unwrap_or_else(|it| panic!("{lines}: {it}"));
    }

    fn try_ip(&mut self, lines: &str) -> Result<(), String> {
        let alone = |line: &str| ["-n ", "-6 ", "netns "].iter().any(|it| line.starts_with(it));
        if !lines.lines().any(alone) {
            return tool(&["ip", "-batch", "-"], lines);
        }
        lines.lines().try_for_each(|line| {
            let words: Vec<&str> = std::iter::once("ip").chain(line.split_whitespace()).collect();
            tool(&words, "")
        })
    }

    /// A link of a kind that not every kernel has; `false`, said aloud, where it has not.
    #[track_caller]
    pub(in crate::datapath) fn has_link(&mut self, name: &str, kind: &str) -> bool {
        let made = self.try_ip(&format!("link add {name} type {kind}"));
        made.map_or_else(|why| lacks(&format!("links of kind {kind}: {}", why.trim())), |()| true)
    }

    /// A netkit pair, a pod with this address behind it; `false` as with [`Host::has_link`].
    pub(in crate::datapath) fn has_netkit_pod(&mut self, link: &str, address: &str) -> bool {
        if !self.has_link(link, "netkit") {
            return false;
        }
        let of = |link: &str, file: &str| {
            let text = fs::read_to_string(format!("/sys/class/net/{link}/{file}"));
            text.unwrap().trim().to_owned()
        };
        let peer = of(link, "iflink");
        let links = fs::read_dir("/sys/class/net").unwrap();
        let mut names = links.map(|it| it.unwrap().file_name().into_string().unwrap());
        let inner = names.find(|it| of(it, "ifindex") == peer).expect("netkit comes in pairs");
        let pod = self.namespace();
        self.ip(&format!("link set {inner} netns {pod} name eth0\nlink set {link} up"));
        self.ip(&format!("-n {pod} link set eth0 up\n-n {pod} addr add {address}/32 dev eth0"));
        self.ip(&format!("route add {address}/32 dev {link} scope link"));
        true
    }

    /// Open vSwitch's datapath; `None`, said aloud, where the kernel has none.
    #[track_caller]
    pub(in crate::datapath) fn has_switch(&mut self) -> bool {
        match switch::family("ovs_datapath") {
            Some(family) => switch::datapath(family, "ovs-system"),
            None => return lacks("Open vSwitch"),
        }
        true
    }

    /// A port of Open vSwitch.
    pub(in crate::datapath) fn port(&mut self, kind: Port, link: &str) {
        let family = switch::family("ovs_vport").expect("there is a datapath");
        switch::port(family, self.index("ovs-system"), kind, link);
    }

    /// An interface of the kind that Open vSwitch's userspace datapath gives the host.
    pub(in crate::datapath) fn tap(&mut self, name: &str, address: &str) {
        self.ip(&format!("tuntap add dev {name} mode tap\nlink set {name} up"));
        self.ip(&format!("addr add {address} dev {name}"));
    }

    /// A real VXLAN device, up.
    pub(in crate::datapath) fn vxlan(&mut self, name: &str, id: u32, port: u16) {
        self.ip(&format!("link add {name} type vxlan id {id} dev eth0 dstport {port} nolearning"));
        self.ip(&format!("link set {name} up"));
    }

    fn namespace(&mut self) -> String {
        let pod = format!("pod{}", self.pods);
        self.pods += 1;
        self.ip(&format!("netns add {pod}"));
        pod
    }

    /// A pod's namespace behind a pair; `link` is the host's end.
    pub(in crate::datapath) fn pair(&mut self, link: &str) -> String {
        let pod = self.namespace();
        self.ip(&format!("link add {link} type veth peer name eth0 netns {pod}"));
        self.ip(&format!("link set {link} up\n"));
        self.ip(&format!("-n {pod} link set eth0 up"));
        pod
    }

    /// A pod with an address and a route to it by its pair.
    pub(in crate::datapath) fn pod(&mut self, link: &str, address: &str) {
        let pod = self.pair(link);
        let length = if address.contains(':') { 128 } else { 32 };
        self.ip(&format!("-n {pod} addr add {address}/{length} dev eth0"));
        self.ip(&format!("route add {address}/{length} dev {link} scope link"));
    }

    /// Pods that are ports of a bridge.
    pub(in crate::datapath) fn bridge(&mut self, bridge: &str, links: [&str; 2]) {
        self.ip(&format!("link add {bridge} type bridge\nlink set {bridge} up"));
        self.ip(&format!("addr add 10.42.0.1/24 dev {bridge}"));
        for (at, link) in links.into_iter().enumerate() {
            let pod = self.pair(link);
            let address = format!("10.42.0.{}", at + 5);
            self.ip(&format!("link set {link} master {bridge}"));
            self.ip(&format!("-n {pod} addr add {address}/24 dev eth0"));
        }
    }

    pub(super) fn index(&self, link: &str) -> u32 {
        let text = fs::read_to_string(format!("/sys/class/net/{link}/ifindex"));
        text.unwrap_or_else(|it| panic!("{link}: {it}")).trim().parse().unwrap()
    }
}

//! What a host has in the kernel besides links: programs, pins, netfilter, IPVS.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use rustix::mount;

use super::network::lacks;
use super::{CGROUP, Host, tool};
use crate::datapath::kernel::{self, Hook, Way};

/// Which of the two kinds of iptables(8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::datapath) enum Flavour {
    Nft,
    Legacy,
}

/// There where the kernel has legacy tables.
const LEGACY: &str = "/proc/1/net/ip_tables_names";

impl Host {
    /// Attaches a program to a link, by tcx or XDP.
    pub(in crate::datapath) fn attach(&mut self, link: &str, hook: Hook, name: &str) {
        let program = kernel::program(name, hook);
        self.held.push(kernel::attach(&program, hook, self.index(link)));
        self.held.push(program);
    }

    /// Attaches a program by a tc filter with this label; the program's name may be empty.
    pub(in crate::datapath) fn filter(
        &mut self,
        link: &str,
        way: Way,
        priority: u32,
        label: &str,
        name: &str,
    ) {
        // There may be one already.
        let _ = tool(&["tc", "qdisc", "add", "dev", link, "clsact"], "");
        let program = kernel::program(name, Hook::Tcx(way));
        kernel::filter(self.index(link), way, priority, &program, label);
        self.held.push(program);
    }

    /// Removes a filter of this priority.
    pub(in crate::datapath) fn remove_filter(&mut self, link: &str, way: Way, priority: u32) {
        let way = if way == Way::In { "ingress" } else { "egress" };
        let priority = priority.to_string();
        tool(&["tc", "filter", "del", "dev", link, way, "prio", &priority], "").unwrap();
    }

    /// Attaches a program to the cgroup at Cilium's mount of cgroup v2.
    pub(in crate::datapath) fn cgroup(&mut self, hook: Hook, name: &str) {
        if self.cgroup.is_none() {
            let own = self.root_cgroup();
            fs::create_dir_all(CGROUP).unwrap();
            mount::mount_bind(&own, CGROUP).unwrap();
            self.cgroup = Some(own);
        }
        let directory = fs::File::open(CGROUP).unwrap();
        let program = kernel::program(name, hook);
        let target = directory.as_raw_fd().cast_unsigned();
        self.held.push(kernel::attach(&program, hook, target));
        self.held.push(program);
    }

    fn root_cgroup(&self) -> String {
        let thread = format!("{:?}", std::thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let path = format!("/sys/fs/cgroup/bpfready-it-{}-{number}", std::process::id());
        fs::create_dir(&path).unwrap();
        path
    }

    /// A pinned map.
    pub(in crate::datapath) fn pinned_map(&mut self, path: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        let map = kernel::map("map");
        kernel::pin(&map, path);
        self.held.push(map);
    }

    /// A pinned program, attached to nothing.
    pub(in crate::datapath) fn pinned_program(&mut self, path: &str, name: &str) {
        fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        let program = kernel::program(name, Hook::Tcx(Way::In));
        kernel::pin(&program, path);
        self.held.push(program);
    }

    /// A script for nft(8).
    #[track_caller]
    pub(in crate::datapath) fn nft(&mut self, script: &str) {
        tool(&["nft", "-f", "-"], script).unwrap_or_else(|it| panic!("{script}: {it}"));
    }

    /// Chains and rules of one table by iptables in this flavour; `false`, said aloud, where the
    /// kernel has no legacy tables.
    #[track_caller]
    pub(in crate::datapath) fn iptables(
        &mut self,
        flavour: Flavour,
        table: &str,
        lines: &[&str],
    ) -> bool {
        let restore = match flavour {
            Flavour::Nft => "iptables-nft-restore",
            Flavour::Legacy => "iptables-legacy-restore",
        };
        let script = format!("*{table}\n{}\nCOMMIT\n", lines.join("\n"));
        match tool(&[restore, "--noflush"], &script) {
            Ok(()) => true,
            Err(why) if flavour == Flavour::Legacy && !Path::new(LEGACY).exists() => {
                lacks(&format!("legacy iptables: {}", why.trim()))
            }
            Err(why) => panic!("{script}: {why}"),
        }
    }

    /// A set of ipset(8).
    pub(in crate::datapath) fn ipset(&mut self, name: &str) {
        tool(&["ipset", "create", name, "hash:net"], "").unwrap();
    }

    /// A TCP service of IPVS; `false`, said aloud, where the kernel has none.
    #[track_caller]
    pub(in crate::datapath) fn has_ipvs_service(&mut self, address: &str) -> bool {
        if !Path::new("/proc/1/net/ip_vs").exists() {
            return lacks("IPVS");
        }
        tool(&["ipvsadm", "-A", "-t", address, "-s", "rr"], "").unwrap();
        true
    }
}

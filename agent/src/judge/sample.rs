//! Hosts for tests: what an upstream kernel of some version has, by the first kernel that had it.
//!
//! Sources: `facts/cilium.md` § 2 and § 2.2 (cilium/ebpf's test matrix) and bpf-helpers(7). The
//! numbers are written here a second time on purpose, so that a test does not read the table of
//! the code it tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::agents::AgentFacts;
use crate::facts::bpf::{Because, BpfFacts, Feature, HelperRow, ProgramSupport, Support};
use crate::facts::btf::{BtfFacts, VmlinuxBtf};
use crate::facts::cni::CniFacts;
use crate::facts::config::{ConfigFacts, Kconfig, KconfigTie, ModuleState};
use crate::facts::firewall::FirewallFacts;
use crate::facts::hooks::HookFacts;
use crate::facts::inventory::Inventory;
use crate::facts::kernel::{KernelFacts, Uname};
use crate::facts::links::NetworkFacts;
use crate::facts::mounts::{BPF_FS_MAGIC, BpffsMount, CgroupMode, MountFacts};
use crate::facts::netprobe::NetProbe;
use crate::facts::networkd::NetworkdFacts;
use crate::facts::nic::{Channels, Nic, XdpFeatures};
use crate::facts::privilege::{Privilege, Seccomp};
use crate::facts::security::{Lockdown, LsmList, LsmSource, SecurityFacts};
use crate::facts::selftest::Selftest;
use crate::facts::{Cause, Facts, Observed, SCHEMA};

type Version = (u32, u32);

#[rustfmt::skip]
const PROGRAMS: &[(&str, Version)] = &[
    ("socket_filter", (3, 19)), ("kprobe", (4, 1)), ("sched_cls", (4, 1)), ("tracepoint", (4, 7)),
    ("xdp", (4, 8)), ("perf_event", (4, 9)), ("cgroup_skb", (4, 10)), ("cgroup_sock", (4, 10)),
    ("sock_ops", (4, 13)), ("cgroup_sock_addr", (4, 17)), ("raw_tracepoint", (4, 17)),
    ("tracing", (5, 5)), ("lsm", (5, 7)), ("sk_lookup", (5, 9)), ("syscall", (5, 14)),
];

#[rustfmt::skip]
const ATTACH: &[(&str, &str, Version)] = &[
    ("cgroup_sock_addr", "cgroup_inet4_connect", (4, 17)), ("cgroup_sock_addr", "cgroup_inet6_connect", (4, 17)),
    ("cgroup_sock", "cgroup_inet4_post_bind", (4, 17)), ("cgroup_sock", "cgroup_inet6_post_bind", (4, 17)),
    ("cgroup_sock_addr", "cgroup_udp4_sendmsg", (4, 18)), ("cgroup_sock_addr", "cgroup_udp6_sendmsg", (4, 18)),
    ("cgroup_sock_addr", "cgroup_udp4_recvmsg", (5, 2)), ("cgroup_sock_addr", "cgroup_udp6_recvmsg", (5, 2)),
    ("cgroup_sock_addr", "cgroup_inet4_getpeername", (5, 8)), ("cgroup_sock_addr", "cgroup_inet6_getpeername", (5, 8)),
    ("cgroup_sock", "cgroup_inet_sock_release", (5, 9)), ("tracing", "trace_iter", (5, 8)),
    ("tracing", "trace_fentry", (5, 5)), ("lsm", "lsm_mac", (5, 7)), ("lsm", "lsm_cgroup", (6, 0)),
];

#[rustfmt::skip]
const MAPS: &[(&str, Version)] = &[
    ("hash", (3, 19)), ("array", (3, 19)), ("prog_array", (4, 2)), ("perf_event_array", (4, 3)),
    ("percpu_hash", (4, 6)), ("percpu_array", (4, 6)), ("lru_hash", (4, 10)), ("lpm_trie", (4, 11)),
    ("array_of_maps", (4, 12)), ("hash_of_maps", (4, 12)), ("sockhash", (4, 18)), ("ringbuf", (5, 8)),
];

#[rustfmt::skip]
const HELPERS: &[(&str, &str, Version)] = &[
    ("sched_cls", "redirect", (4, 2)), ("sched_cls", "perf_event_output", (4, 3)), ("sched_cls", "skb_change_tail", (4, 9)),
    ("sched_cls", "skb_adjust_room", (4, 13)), ("sched_cls", "fib_lookup", (4, 18)),
    ("sched_cls", "sk_lookup_tcp", (4, 20)), ("sched_cls", "sk_lookup_udp", (4, 20)),
    ("sched_cls", "sk_release", (4, 20)), ("sched_cls", "skc_lookup_tcp", (5, 2)),
    ("sched_cls", "skb_ecn_set_ce", (5, 1)), ("sched_cls", "jiffies64", (5, 6)),
    ("sched_cls", "sk_assign", (5, 7)), ("sched_cls", "skb_change_head", (5, 8)),
    ("sched_cls", "csum_level", (5, 8)), ("sched_cls", "redirect_neigh", (5, 10)),
    ("sched_cls", "redirect_peer", (5, 10)), ("sched_cls", "for_each_map_elem", (5, 13)),
    ("sched_cls", "skb_set_tstamp", (5, 18)),
    ("xdp", "jiffies64", (5, 6)), ("xdp", "ktime_get_boot_ns", (5, 8)),
    ("xdp", "xdp_get_buff_len", (5, 18)), ("xdp", "xdp_load_bytes", (5, 18)), ("xdp", "xdp_store_bytes", (5, 18)),
    ("cgroup_sock", "jiffies64", (5, 6)), ("cgroup_sock", "get_netns_cookie", (5, 7)),
    ("cgroup_sock_addr", "get_socket_cookie", (4, 12)), ("cgroup_sock_addr", "jiffies64", (5, 6)),
    ("cgroup_sock_addr", "get_netns_cookie", (5, 7)), ("cgroup_sock_addr", "get_current_cgroup_id", (5, 7)),
    ("cgroup_sock_addr", "get_cgroup_classid", (5, 7)), ("cgroup_sock_addr", "perf_event_output", (5, 7)),
    ("cgroup_sock_addr", "getsockopt", (5, 8)), ("cgroup_sock_addr", "set_retval", (5, 17)),
    ("kprobe", "probe_read_kernel", (5, 5)), ("kprobe", "get_current_pid_tgid", (4, 2)),
];

const FEATURES: &[(Feature, Version)] = &[
    (Feature::Jit, (3, 18)),
    (Feature::CgroupAttach, (4, 10)),
    (Feature::IsaV2, (4, 14)),
    (Feature::TestRun, (4, 12)),
    (Feature::KprobeEvents, (4, 17)),
    (Feature::UprobeEvents, (4, 17)),
    (Feature::TracepointEvents, (2, 6)),
    (Feature::DeadCodeElimination, (5, 1)),
    (Feature::IsaV3, (5, 1)),
    (Feature::LargeInstructionLimit, (5, 2)),
    (Feature::GlobalData, (5, 2)),
    (Feature::BoundedLoops, (5, 3)),
    (Feature::MmapableArray, (5, 5)),
    (Feature::Trampoline, (5, 5)),
    (Feature::BatchMapOperations, (5, 6)),
    (Feature::BpfLink, (5, 7)),
    (Feature::LsmAttach, (5, 7)),
    (Feature::CallbackWithTailCall, (5, 13)),
    (Feature::IsaV4, (6, 6)),
    (Feature::Token, (6, 9)),
];

const SELFTESTS: &[(Selftest, Version)] = &[
    (Selftest::FibLookup, (4, 18)),
    (Selftest::AdjustRoomMac, (5, 2)),
    (Selftest::SkAssign, (5, 7)),
    (Selftest::CsumLevel, (5, 8)),
    (Selftest::RedirectNeigh, (5, 10)),
    (Selftest::RedirectPeer, (5, 10)),
    (Selftest::FibLookupSkipNeigh, (6, 3)),
    (Selftest::FibLookupTbid, (6, 5)),
    (Selftest::FibLookupSrc, (6, 7)),
    (Selftest::FibLookupMark, (6, 10)),
];

const NET: &[(NetProbe, Version)] = &[
    (NetProbe::VethLink, (2, 6)),
    (NetProbe::VxlanLink, (3, 7)),
    (NetProbe::GeneveLink, (3, 18)),
    (NetProbe::ClsactQdisc, (4, 5)),
    (NetProbe::FqQdisc, (3, 12)),
    (NetProbe::FibRule, (2, 6)),
    (NetProbe::XdpDriverAttach, (4, 19)),
    (NetProbe::XfrmOutputMark, (4, 19)),
    (NetProbe::WireguardLink, (5, 6)),
    (NetProbe::ManagedNeighbor, (5, 16)),
    (NetProbe::BigTcpIpv6, (5, 19)),
    (NetProbe::BigTcpIpv4, (6, 3)),
    (NetProbe::TcxAttach, (6, 6)),
    (NetProbe::NetkitLink, (6, 7)),
    (NetProbe::NetkitScrub, (6, 10)),
];

const LINKS: &[(&str, Version)] = &[
    ("cgroup", (5, 7)),
    ("xdp", (5, 9)),
    ("kprobe_multi", (5, 18)),
    ("tcx", (6, 6)),
    ("netkit", (6, 7)),
];

/// Options that distributions set; all as built in.
#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "BPF", "BPF_SYSCALL", "BPF_JIT", "HAVE_EBPF_JIT", "BPF_EVENTS", "NET_CLS_BPF", "NET_CLS_ACT",
    "NET_SCH_INGRESS", "CRYPTO_SHA1", "CRYPTO_USER_API_HASH", "CGROUPS", "CGROUP_BPF",
    "PERF_EVENTS", "SCHEDSTATS", "NETFILTER_XT_SET", "IP_SET", "IP_SET_HASH_IP",
    "NETFILTER_XT_MATCH_COMMENT", "VXLAN", "GENEVE", "FIB_RULES", "IP_MULTIPLE_TABLES",
    "NETFILTER_XT_TARGET_TPROXY", "NETFILTER_XT_TARGET_MARK", "NETFILTER_XT_TARGET_CT",
    "NETFILTER_XT_MATCH_MARK", "NETFILTER_XT_MATCH_SOCKET", "IP_NF_IPTABLES", "IP_NF_NAT",
    "IP_NF_MANGLE", "IP_NF_RAW", "IP_NF_FILTER", "XFRM", "XFRM_USER", "XFRM_ALGO", "XFRM_OFFLOAD",
    "XFRM_STATISTICS", "INET_ESP", "INET6_ESP", "INET_IPCOMP", "INET6_IPCOMP", "INET_XFRM_TUNNEL",
    "INET6_XFRM_TUNNEL", "INET_TUNNEL", "INET6_TUNNEL", "CRYPTO_AEAD", "CRYPTO_AEAD2",
    "CRYPTO_GCM", "CRYPTO_SEQIV", "CRYPTO_CBC", "CRYPTO_HMAC", "CRYPTO_SHA256", "CRYPTO_AES",
    "NET_SCH_FQ", "TCP_CONG_BBR", "WIREGUARD", "KPROBES", "DEBUG_INFO_BTF", "BPF_LSM", "NETKIT",
    "INET_DIAG_DESTROY", "IPV6", "KPROBE_EVENTS", "UPROBE_EVENTS", "LWTUNNEL_BPF", "NET_IPIP", "IPV6_TUNNEL",
];

/// Modules of a usual server kernel; here all are built in.
#[rustfmt::skip]
const MODULES: &[&str] = &[
    "sch_ingress", "cls_bpf", "sch_fq", "tcp_bbr", "vxlan", "geneve", "wireguard", "ip_tables",
    "nf_tables", "nft_compat", "ip_set", "ip_set_hash_ip", "xt_set", "xt_comment", "xt_mark",
    "xt_CT", "xt_TPROXY", "xt_socket", "xfrm_user", "xfrm_algo", "esp4", "gcm", "seqiv",
];

const SYSCTLS: &[(&str, &str)] = &[
    ("net.core.bpf_jit_enable", "1"),
    ("net.core.bpf_jit_harden", "0"),
    ("net.core.default_qdisc", "fq_codel"),
    ("kernel.kptr_restrict", "0"),
    ("kernel.unprivileged_bpf_disabled", "2"),
    ("kernel.perf_event_paranoid", "2"),
    ("kernel.modules_disabled", "0"),
    ("net.ipv4.ip_local_port_range", "32768\t60999"),
    ("net.ipv4.ip_local_reserved_ports", ""),
    ("net.ipv4.ip_early_demux", "1"),
    ("net.ipv4.tcp_available_congestion_control", "reno cubic bbr"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
];

/// A kernel that could not be asked anything: every fact is unknown.
pub(super) fn unknown() -> Facts {
    let eperm = || crate::facts::Failure::new(Cause::PermissionDenied, "EPERM");
    Facts {
        schema: SCHEMA,
        agent_version: "test".into(),
        taken_at_seconds: 0,
        kernel: KernelFacts {
            uname: Observed::Unknown(eperm()),
            boot_id: Observed::Unknown(eperm()),
            os: Observed::Unknown(eperm()),
            schedstat: Observed::Unknown(eperm()),
            ipv6: Observed::Unknown(eperm()),
        },
        privilege: Observed::Unknown(eperm()),
        bpf: BpfFacts {
            syscall: Support::Unknown(eperm()),
            programs: BTreeMap::new(),
            maps: BTreeMap::new(),
            map_flags: BTreeMap::new(),
            helpers: Observed::Unknown(eperm()),
            attach_types: BTreeMap::new(),
            link_types: BTreeMap::new(),
            features: BTreeMap::new(),
        },
        btf: Observed::Unknown(eperm()),
        security: SecurityFacts {
            lsms: Observed::Unknown(eperm()),
            lockdown: Observed::Unknown(eperm()),
            sysctls: BTreeMap::new(),
        },
        config: ConfigFacts { kconfig: Observed::Unknown(eperm()), modules: BTreeMap::new() },
        mounts: MountFacts {
            bpffs: Observed::Unknown(eperm()),
            sys_fs_bpf_magic: Observed::Unknown(eperm()),
            cgroup: Observed::Unknown(eperm()),
            cgroup2: Observed::Unknown(eperm()),
            net_cls: Observed::Unknown(eperm()),
        },
        nics: Observed::Unknown(eperm()),
        selftests: BTreeMap::new(),
        net_probes: BTreeMap::new(),
        inventory: Inventory {
            method: Observed::Unknown(eperm()),
            programs: Observed::Unknown(eperm()),
            maps: Observed::Unknown(eperm()),
            links: Observed::Unknown(eperm()),
        },
        network: NetworkFacts::unknown(&eperm()),
        hooks: HookFacts::unknown(&eperm()),
        pins: Observed::Unknown(eperm()),
        firewall: FirewallFacts::unknown(&eperm()),
        cni: CniFacts::unknown(&eperm()),
        agents: AgentFacts::unknown(&eperm()),
        cilium: Observed::Unknown(eperm()),
        networkd: NetworkdFacts::unknown(&eperm()),
        pods: Observed::Unknown(eperm()),
        sources: Vec::new(),
    }
}

/// An x86-64 host with root's rights, with what an upstream kernel of this version has.
pub(super) fn kernel(major: u32, minor: u32) -> Facts {
    let now = (major, minor);
    let mut facts = unknown();
    facts.kernel.uname = Observed::Known(Uname {
        release: format!("{major}.{minor}.0-generic"),
        version: "#1 SMP".into(),
        machine: "x86_64".into(),
    });
    facts.kernel.schedstat = Observed::Known(true);
    facts.kernel.ipv6 = Observed::Known(true);
    facts.privilege = Observed::Known(root());
    facts.bpf = bpf(now);
    facts.btf = Observed::Known(btf(now));
    facts.security = security();
    facts.config = config(now);
    facts.mounts = mounts();
    facts.nics = Observed::Known(vec![ena(9001, 4, 4)]);
    facts.selftests = table(SELFTESTS, now);
    facts.net_probes = table(NET, now);
    facts
}

fn support(has: bool) -> Support {
    if has { Support::Supported } else { Support::unsupported(Because::NotInKernel, "EINVAL") }
}

fn table<K: Ord + Copy>(rows: &[(K, Version)], now: Version) -> BTreeMap<K, Support> {
    rows.iter().map(|(key, first)| (*key, support(*first <= now))).collect()
}

fn words(rows: &[(&str, Version)], now: Version) -> BTreeMap<String, Support> {
    rows.iter().map(|(key, first)| ((*key).to_owned(), support(*first <= now))).collect()
}

fn bpf(now: Version) -> BpfFacts {
    let mut programs: BTreeMap<String, ProgramSupport> = words(PROGRAMS, now)
        .into_iter()
        .map(|(name, load)| (name, ProgramSupport { load, by_attach_type: BTreeMap::new() }))
        .collect();
    let mut attach_types = BTreeMap::new();
    for (program, attach, first) in ATTACH {
        let row = programs.get_mut(*program).unwrap();
        row.by_attach_type.insert((*attach).into(), support(*first <= now));
        attach_types.insert((*attach).to_owned(), support(*first <= now));
    }
    let mut helpers: BTreeMap<String, HelperRow> = BTreeMap::new();
    for (program, helper, first) in HELPERS {
        let row = helpers.entry((*program).into()).or_default();
        let set = if *first <= now { &mut row.supported } else { &mut row.unsupported };
        set.insert((*helper).into());
    }
    BpfFacts {
        syscall: Support::Supported,
        programs,
        maps: words(MAPS, now),
        map_flags: BTreeMap::new(),
        helpers: Observed::Known(
            helpers.into_iter().map(|(row, it)| (row, Observed::Known(it))).collect(),
        ),
        attach_types,
        link_types: words(LINKS, now),
        features: table(FEATURES, now),
    }
}

fn btf(now: Version) -> BtfFacts {
    let functions: BTreeSet<String> =
        if now >= (6, 5) { ["bpf_sock_destroy".to_owned()].into() } else { BTreeSet::new() };
    BtfFacts {
        vmlinux: Some(VmlinuxBtf {
            bytes: 5_000_000,
            header_bytes: 24,
            types: 140_000,
            helpers: None,
            kfuncs: (now >= (6, 10)).then(|| functions.clone()),
            functions,
            iterators: ["tcp".to_owned(), "udp".to_owned()].into(),
            struct_ops: BTreeSet::new(),
            fields: BTreeMap::new(),
            enumerators: BTreeSet::new(),
            enums: BTreeSet::new(),
        }),
        modules: Observed::Known(BTreeMap::new()),
    }
}

fn security() -> SecurityFacts {
    SecurityFacts {
        lsms: Observed::Known(Some(LsmList {
            names: ["lockdown", "capability", "yama", "bpf"].map(str::to_owned).to_vec(),
            source: LsmSource::Securityfs,
        })),
        lockdown: Observed::Known(Some(Lockdown::None)),
        sysctls: SYSCTLS
            .iter()
            .map(|(name, value)| ((*name).into(), Observed::Known(Some((*value).into()))))
            .collect(),
    }
}

fn config(now: Version) -> ConfigFacts {
    let kconfig = Kconfig {
        path: "/proc/config.gz".into(),
        tie: KconfigTie::Header,
        options: OPTIONS
            .iter()
            .filter(|it| **it != "NETKIT" || now >= (6, 7))
            .map(|it| (format!("CONFIG_{it}"), "y".to_owned()))
            .collect(),
    };
    let builtin = |it: &&str| ((*it).to_owned(), Observed::Known(ModuleState::Builtin));
    let modules = MODULES.iter().map(builtin).collect();
    ConfigFacts { kconfig: Observed::Known(Some(kconfig)), modules }
}

fn mounts() -> MountFacts {
    MountFacts {
        bpffs: Observed::Known(vec![BpffsMount {
            path: "/sys/fs/bpf".into(),
            options: vec!["mode=700".into()],
            owner: Observed::Known(None),
        }]),
        sys_fs_bpf_magic: Observed::Known(Some(BPF_FS_MAGIC)),
        cgroup: Observed::Known(CgroupMode::V2),
        cgroup2: Observed::Known(vec!["/sys/fs/cgroup".into()]),
        net_cls: Observed::Known(false),
    }
}

fn root() -> Privilege {
    let names =
        ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYSLOG"];
    Privilege {
        effective: names.map(str::to_owned).into(),
        initial_user_namespace: true,
        seccomp: Seccomp::Disabled,
        no_new_privs: false,
    }
}

/// An ENA interface of EC2 with this MTU and these combined channels.
pub(super) fn ena(mtu_bytes: u32, combined: u32, combined_max: u32) -> Nic {
    let channels = Channels { combined_max, combined, rx_max: 0, rx: 0, tx_max: 0, tx: 0 };
    Nic {
        name: "ens5".into(),
        ifindex: 2,
        kind: None,
        up: true,
        driver: Observed::Known(Some("ena".into())),
        driver_version: Observed::Known(Some("2.13.0g".into())),
        mtu_bytes,
        channels: Observed::Known(Some(channels)),
        xdp_features: Observed::Known(Some(XdpFeatures(0b11))),
        gso_max_bytes: Some(65_536),
        gro_max_bytes: Some(65_536),
        tso_max_bytes: Some(65_536),
        gso_ipv4_max_bytes: Some(65_536),
        gro_ipv4_max_bytes: Some(65_536),
    }
}

/// RHEL 8.10: calls itself 4.18 and carries the BPF of about 5.14.
pub(super) fn rhel_8() -> Facts {
    let mut facts = kernel(5, 14);
    if let Observed::Known(uname) = &mut facts.kernel.uname {
        uname.release = "4.18.0-553.el8_10.x86_64".into();
    }
    facts
}

/// Graviton on an early 6.1: loads tracing programs and cannot attach them (errno 524).
pub(super) fn arm64_6_1() -> Facts {
    let mut facts = kernel(6, 1);
    if let Observed::Known(uname) = &mut facts.kernel.uname {
        uname.release = "6.1.134-152.225.amzn2023.aarch64".into();
        uname.machine = "aarch64".into();
    }
    for feature in [Feature::Trampoline, Feature::LsmAttach] {
        let no = Support::unsupported(Because::NoTrampoline, "errno 524 (ENOTSUPP)");
        facts.bpf.features.insert(feature, no);
    }
    facts
}

/// A process without capabilities on a capable kernel: files speak, bpf(2) does not.
pub(super) fn no_capabilities() -> Facts {
    let mut facts = kernel(6, 12);
    let asked = unknown();
    facts.bpf = asked.bpf;
    facts.inventory = asked.inventory;
    facts.selftests.clear();
    facts.net_probes.clear();
    if let Observed::Known(rights) = &mut facts.privilege {
        rights.effective.clear();
    }
    facts
}

/// A capable kernel in lockdown mode `confidentiality`.
pub(super) fn locked_down() -> Facts {
    let mut facts = kernel(6, 12);
    facts.security.lockdown = Observed::Known(Some(Lockdown::Confidentiality));
    lose_helper(&mut facts, "kprobe", "probe_read_kernel", Because::NotForProgramType);
    facts
}

/// Takes a helper from a program type.
pub(super) fn lose_helper(facts: &mut Facts, program: &str, helper: &str, because: Because) {
    let Observed::Known(rows) = &mut facts.bpf.helpers else { panic!("no helpers to lose") };
    let Some(Observed::Known(row)) = rows.get_mut(program) else { panic!("no row {program}") };
    assert!(row.supported.remove(helper), "{program} never had {helper}");
    row.refused.insert(helper.into(), because);
}

/// Leaves an option out of the kernel configuration.
pub(super) fn lose_option(facts: &mut Facts, option: &str) {
    let Observed::Known(Some(kconfig)) = &mut facts.config.kconfig else { panic!("no kconfig") };
    assert!(kconfig.options.remove(option).is_some(), "{option} was never set");
}

/// Gives a module a state.
pub(super) fn set_module(facts: &mut Facts, module: &str, state: ModuleState) {
    facts.config.modules.insert(module.into(), Observed::Known(state));
}

/// Sets a sysctl.
pub(super) fn set_sysctl(facts: &mut Facts, name: &str, value: &str) {
    facts.security.sysctls.insert(name.into(), Observed::Known(Some(value.into())));
}

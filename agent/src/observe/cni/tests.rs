//! Whole roots of distributions, and directories of broken files.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::facts::Cause;
use crate::facts::cni::{
    Choice, ConfContent, Defect, DelegateBy, Distribution, Network, RuntimeSign,
};
use crate::observe::host::tests::host;

const AWS: &str = r#"{"cniVersion": "0.4.0", "name": "aws-cni", "plugins": [{"type": "aws-cni"}, {"type": "portmap"}]}"#;
const CILIUM: &str =
    r#"{"cniVersion": "0.3.1", "name": "cilium", "plugins": [{"type": "cilium-cni"}]}"#;
const CONTAINERD: &str = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n\
    bin_dirs = ['/opt/cni/bin']\nconf_dir = '/etc/cni/net.d'\n";
const CRIO: &str = "[crio.network]\nplugin_dirs = ['/opt/cni/bin']\n";

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// What is seen on a root with these files and what `more` adds.
fn seen_with(files: &[(&str, &str)], more: impl FnOnce(&Path)) -> CniFacts {
    let (_dir, host) = host(|root| {
        files.iter().for_each(|(path, text)| write(root, path, text.as_bytes()));
        more(root);
    });
    cni(&host)
}

fn seen(files: &[(&str, &str)]) -> CniFacts {
    seen_with(files, |_| {})
}

fn takes(facts: &CniFacts) -> &str {
    match facts.choice.known() {
        Some(Choice::Takes(path)) => path,
        other => panic!("{other:?}"),
    }
}

fn network<'a>(facts: &'a CniFacts, path: &str) -> &'a Network {
    let files = facts.files.known().unwrap().as_ref().unwrap();
    match files.iter().find(|it| it.path == path).unwrap().content.known() {
        Some(ConfContent::Network(network)) => network,
        other => panic!("{other:?}"),
    }
}

fn kind(facts: &CniFacts) -> Option<(RuntimeKind, Distribution)> {
    let runtime = facts.runtime.known().unwrap().as_ref();
    runtime.map(|it| (it.kind, it.distribution))
}

#[test]
fn an_eks_node_takes_the_file_that_sorts_first() {
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/10-aws.conflist", AWS),
        ("/etc/cni/net.d/05-cilium.conflist", CILIUM),
        ("/opt/cni/bin/cilium-cni", ""),
    ]);
    assert_eq!(kind(&facts), Some((RuntimeKind::Containerd, Distribution::Plain)));
    assert_eq!(takes(&facts), "/etc/cni/net.d/05-cilium.conflist");
    assert_eq!(facts.conf_dir.source, SettingSource::File("/etc/containerd/config.toml".into()));
    assert_eq!(facts.max_conf_num, Setting { value: 1, source: SettingSource::Default });
    assert_eq!(facts.bin_dirs[0].names, Observed::Known(Some(vec!["cilium-cni".into()])));
}

/// Case 7 of `facts/cni-fingerprints.md` § 9.
#[test]
fn what_cilium_put_aside_is_not_configuration() {
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/05-cilium.conflist.cilium_bak", CILIUM),
        ("/etc/cni/net.d/10-aws.conflist", AWS),
        ("/etc/cni/net.d/calico-kubeconfig", "x"),
    ]);
    assert_eq!(takes(&facts), "/etc/cni/net.d/10-aws.conflist");
    assert_eq!(facts.disabled, Observed::Known(vec!["05-cilium.conflist.cilium_bak".into()]));
}

/// Case 8: the copy in Multus' file is stale, and both are told.
#[test]
fn multus_is_unwrapped_to_the_copy_in_it() {
    let multus = format!(
        r#"{{"name": "multus-cni-network", "type": "multus", "delegates": [{AWS}],
        "readinessindicatorfile": "/etc/cni/net.d/10-aws.conflist"}}"#
    );
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/00-multus.conf", &multus),
        ("/etc/cni/net.d/05-cilium.conflist", CILIUM),
    ]);
    let path = "/etc/cni/net.d/00-multus.conf";
    assert_eq!(takes(&facts), path);
    let network = network(&facts, path);
    assert_eq!(network.types(), Some(vec!["aws-cni", "portmap"]));
    let delegate = network.plugins[0].delegate.as_ref().unwrap();
    assert_eq!(delegate.by, DelegateBy::Copy);
    assert_eq!(delegate.readiness_file.as_deref(), Some("/etc/cni/net.d/10-aws.conflist"));
}

#[test]
fn the_thick_multus_names_a_path_as_its_own_container_sees_it() {
    let multus = r#"{"name": "m", "plugins": [{"type": "multus-shim", "clusterNetwork": "/host/etc/cni/net.d/10-aws.conflist"}]}"#;
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/00-multus.conflist", multus),
        ("/etc/cni/net.d/10-aws.conflist", AWS),
    ]);
    let network = network(&facts, "/etc/cni/net.d/00-multus.conflist");
    assert_eq!(network.types(), Some(vec!["aws-cni", "portmap"]));
}

#[test]
fn a_network_that_only_the_api_server_knows_is_unknown() {
    let multus = r#"{"name": "m", "type": "multus", "clusterNetwork": "kube-system/cilium"}"#;
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/00-multus.conf", multus),
    ]);
    assert_eq!(network(&facts, "/etc/cni/net.d/00-multus.conf").types(), None);
    let named = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/00-multus.conf", &multus.replace("kube-system/", "")),
        ("/etc/cni/multus/net.d/x.conflist", CILIUM),
    ]);
    assert_eq!(network(&named, "/etc/cni/net.d/00-multus.conf").types(), Some(vec!["cilium-cni"]));
}

#[test]
fn a_multus_that_names_itself_ends() {
    let multus =
        r#"{"name": "m", "type": "multus", "clusterNetwork": "/etc/cni/net.d/00-multus.conf"}"#;
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/cni/net.d/00-multus.conf", multus),
    ]);
    assert_eq!(network(&facts, "/etc/cni/net.d/00-multus.conf").types(), None);
}

/// libcni 1.3: plugins of the folder with the network's name come after those of the list.
#[test]
fn plugins_of_the_sibling_folder_are_added_unless_they_are_refused() {
    let files = |list: &str| {
        let facts = seen(&[
            ("/etc/containerd/config.toml", CONTAINERD),
            ("/etc/cni/net.d/10-x.conflist", list),
            ("/etc/cni/net.d/x/20-chained.conf", r#"{"type": "cilium-cni"}"#),
        ]);
        let network = network(&facts, "/etc/cni/net.d/10-x.conflist");
        network.types().unwrap().join(",")
    };
    let list = r#"{"name": "x", "plugins": [{"type": "ptp"}]}"#;
    assert_eq!(files(list), "ptp,cilium-cni");
    let alone = r#"{"name": "x", "loadOnlyInlinedPlugins": true, "plugins": [{"type": "ptp"}]}"#;
    assert_eq!(files(alone), "ptp");
}

/// Case 10: containerd stops at a broken file, CRI-O goes on to the next.
#[test]
fn a_broken_first_file_is_the_end_for_containerd_and_nothing_for_crio() {
    let files = |runtime: (&str, &str)| {
        seen(&[
            (runtime.0, runtime.1),
            ("/etc/cni/net.d/00-broken.conflist", "{"),
            ("/etc/cni/net.d/10-aws.conflist", AWS),
        ])
    };
    let containerd = files(("/etc/containerd/config.toml", CONTAINERD));
    let broken = Choice::Broken("/etc/cni/net.d/00-broken.conflist".into());
    assert_eq!(containerd.choice, Observed::Known(broken));
    let crio = files(("/etc/crio/crio.conf", CRIO));
    assert_eq!(kind(&crio), Some((RuntimeKind::CriO, Distribution::Plain)));
    assert_eq!(takes(&crio), "/etc/cni/net.d/10-aws.conflist");
}

#[test]
fn crio_leaves_out_a_network_whose_plugins_are_not_there() {
    let facts = seen(&[
        ("/etc/crio/crio.conf", CRIO),
        ("/etc/cni/net.d/05-cilium.conflist", CILIUM),
        ("/etc/cni/net.d/10-aws.conflist", AWS),
        ("/opt/cni/bin/aws-cni", ""),
        ("/opt/cni/bin/portmap", ""),
    ]);
    assert_eq!(takes(&facts), "/etc/cni/net.d/10-aws.conflist");
}

#[test]
fn crio_takes_the_network_that_it_is_told_to_take() {
    let facts = seen(&[
        ("/etc/crio/crio.conf", CRIO),
        ("/etc/crio/crio.conf.d/10.conf", "[crio.network]\ncni_default_network = 'aws-cni'\n"),
        ("/etc/cni/net.d/05-cilium.conflist", CILIUM),
        ("/etc/cni/net.d/10-aws.conflist", AWS),
    ]);
    assert_eq!(takes(&facts), "/etc/cni/net.d/10-aws.conflist");
}

/// Case 11: the directory that everybody knows is empty, and the real one is elsewhere.
#[test]
fn k3s_has_its_own_directories() {
    let own = "/var/lib/rancher/k3s/agent/etc/cni/net.d";
    let config = format!(
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
        bin_dir = \"/var/lib/rancher/k3s/data/cni\"\nconf_dir = \"{own}\"\n"
    );
    let flannel = r#"{"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {"isDefaultGateway": true}}, {"type": "portmap"}]}"#;
    let facts = seen_with(
        &[
            ("/var/lib/rancher/k3s/agent/etc/containerd/config.toml", &config),
            ("/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist", flannel),
        ],
        |root| std::fs::create_dir_all(root.join("etc/cni/net.d")).unwrap(),
    );
    assert_eq!(kind(&facts), Some((RuntimeKind::Containerd, Distribution::K3s)));
    assert_eq!(takes(&facts), format!("{own}/10-flannel.conflist"));
    let plugin = &network(&facts, takes(&facts)).plugins[0];
    assert_eq!(plugin.settings["delegate.isDefaultGateway"], "true");
    assert_eq!(facts.bin_dirs[0].path, "/var/lib/rancher/k3s/data/cni");
}

#[test]
fn k3s_without_a_readable_configuration_is_known_by_its_socket() {
    let facts = seen(&[("/run/k3s/containerd/containerd.sock", "")]);
    assert_eq!(kind(&facts), Some((RuntimeKind::Containerd, Distribution::K3s)));
    assert_eq!(facts.conf_dir.value, "/var/lib/rancher/k3s/agent/etc/cni/net.d");
    assert_eq!(facts.conf_dir.source, SettingSource::Distribution(Distribution::K3s));
}

#[test]
fn microk8s_names_its_directories_by_variables() {
    let config = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
        bin_dir = \"${SNAP_DATA}/opt/cni/bin\"\nconf_dir = \"${SNAP_DATA}/args/cni-network\"\n";
    let facts = seen(&[
        ("/var/snap/microk8s/current/args/containerd.toml", config),
        ("/var/snap/microk8s/current/args/cni-network/cni.yaml", "kind: DaemonSet"),
        ("/var/snap/microk8s/current/args/cni-network/10-calico.conflist", CILIUM),
    ]);
    assert_eq!(kind(&facts).map(|it| it.1), Some(Distribution::Microk8s));
    assert_eq!(takes(&facts), "/var/snap/microk8s/current/args/cni-network/10-calico.conflist");
}

#[test]
fn bottlerocket_is_told_by_its_release_file() {
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/etc/os-release", "NAME=Bottlerocket\nID=bottlerocket\n"),
    ]);
    assert_eq!(kind(&facts).map(|it| it.1), Some(Distribution::Bottlerocket));
}

#[test]
fn the_kubelet_says_which_of_two_runtimes_is_used() {
    let both = [
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/run/containerd/containerd.sock", ""),
        ("/etc/crio/crio.conf", CRIO),
        ("/run/crio/crio.sock", ""),
    ];
    let undecided = seen(&both);
    assert_eq!(undecided.runtime.failure().map(|it| it.cause), Some(Cause::Inconclusive));
    let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\n\
        kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///var/run/crio/crio.sock\n";
    let told = [&both[..], &[("/var/lib/kubelet/config.yaml", kubelet)]].concat();
    let facts = seen(&told);
    assert_eq!(kind(&facts).map(|it| it.0), Some(RuntimeKind::CriO));
    let runtime = facts.runtime.known().unwrap().as_ref().unwrap();
    assert!(matches!(runtime.signs[0], RuntimeSign::KubeletEndpoint { .. }));
    let flags = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock --x\"\n";
    let told = [&told[..], &[("/var/lib/kubelet/kubeadm-flags.env", flags)]].concat();
    assert_eq!(kind(&seen(&told)).map(|it| it.0), Some(RuntimeKind::Containerd));
}

#[test]
fn a_host_without_any_runtime_has_none() {
    let facts = seen(&[]);
    assert_eq!(facts.runtime, Observed::Known(None));
    assert_eq!(facts.files, Observed::Known(None));
    assert_eq!(facts.choice, Observed::Known(Choice::Nothing));
    assert!(matches!(facts.conf_dir.source, SettingSource::Guess(_)));
}

#[test]
fn a_runtimes_configuration_that_is_no_toml_leaves_a_guess() {
    let facts =
        seen(&[("/etc/containerd/config.toml", "[[[["), ("/etc/cni/net.d/10-aws.conflist", AWS)]);
    assert!(matches!(facts.conf_dir.source, SettingSource::Guess(_)));
    assert_eq!(takes(&facts), "/etc/cni/net.d/10-aws.conflist");
}

/// Issue 3, "Must show" 5: each file costs itself, in well under a second.
#[test]
fn every_malformed_file_is_a_finding_and_not_a_hang() {
    let deep = "[".repeat(100_000);
    let files = [
        ("/etc/crio/crio.conf", CRIO),
        ("/etc/cni/net.d/00-empty.conflist", ""),
        ("/etc/cni/net.d/01-cut.conflist", &AWS[..40]),
        ("/etc/cni/net.d/02-yaml.conf", "name: x"),
        ("/etc/cni/net.d/20-aws.conflist", AWS),
        ("/etc/cni/net.d/30-deep.conf", &deep),
    ];
    let start = std::time::Instant::now();
    let facts = seen_with(&files, |root| {
        let dir = root.join("etc/cni/net.d");
        write(root, "/etc/cni/net.d/03-binary.conflist", b"\x7fELF\0\0\x02");
        write(root, "/etc/cni/net.d/31-large.conflist", &vec![b'{'; 10 << 20]);
        symlink("04-loop.conflist", dir.join("04-loop.conflist")).unwrap();
        symlink("gone.conflist", dir.join("05-dangling.conflist")).unwrap();
        symlink("/elsewhere/x.conflist", dir.join("32-unseen.conflist")).unwrap();
        std::fs::create_dir(dir.join("06-directory.conf")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.join("07-fifo.conf"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
    });
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(takes(&facts), "/etc/cni/net.d/20-aws.conflist");
    let files = facts.files.known().unwrap().as_ref().unwrap();
    let content = |name: &str| {
        let file = files.iter().find(|it| it.path.ends_with(name)).unwrap();
        match &file.content {
            Observed::Known(ConfContent::Broken { defect, .. }) => Ok(*defect),
            Observed::Known(ConfContent::Network(_)) => panic!("{name} is a network"),
            Observed::Unknown(failure) => Err(failure.cause),
        }
    };
    assert_eq!(content("00-empty.conflist"), Ok(Defect::Empty));
    assert_eq!(content("01-cut.conflist"), Ok(Defect::Cut));
    assert_eq!(content("02-yaml.conf"), Ok(Defect::NotJson));
    assert_eq!(content("03-binary.conflist"), Ok(Defect::Binary));
    assert_eq!(content("04-loop.conflist"), Ok(Defect::SymlinkLoop));
    assert_eq!(content("05-dangling.conflist"), Ok(Defect::Dangling));
    assert_eq!(content("07-fifo.conf"), Ok(Defect::Empty));
    assert_eq!(content("30-deep.conf"), Err(Cause::TooLarge));
    assert_eq!(content("31-large.conflist"), Err(Cause::TooLarge));
    assert_eq!(content("32-unseen.conflist"), Err(Cause::Prerequisite));
    assert!(!files.iter().any(|it| it.path.ends_with("06-directory.conf")));
}

#[test]
fn other_directories_that_hold_configuration_are_told() {
    let facts = seen(&[
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/run/multus/cni/net.d/10-ovn.conf", "{}"),
    ]);
    assert_eq!(facts.unread_dirs, Observed::Known(vec!["/run/multus/cni/net.d".to_owned()]));
}

/// A loop of links cannot be listed by anybody, root included.
#[test]
fn a_directory_that_cannot_be_listed_is_not_an_empty_one() {
    let files = [
        ("/etc/containerd/config.toml", CONTAINERD),
        ("/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist", "{}"),
    ];
    let facts = seen_with(&files, |root| {
        std::fs::create_dir_all(root.join("run/multus/cni")).unwrap();
        symlink("net.d", root.join("run/multus/cni/net.d")).unwrap();
    });
    let failure = facts.unread_dirs.failure().expect("one could not be listed");
    assert!(failure.detail.contains("/run/multus/cni/net.d"), "{failure:?}");
}

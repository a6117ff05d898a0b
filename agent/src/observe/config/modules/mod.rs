//! Which of the modules that Cilium may need are there, and where.

mod lists;

use std::collections::{BTreeMap, BTreeSet};

pub use lists::{parse_builtin, parse_dep, parse_loaded};

use crate::facts::config::{Kconfig, MODULES, Module, ModuleState};
use crate::facts::kernel::Uname;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;

type States = BTreeMap<String, Observed<ModuleState>>;

/// Looks up every module of [`MODULES`].
pub(super) fn modules(
    host: &Host,
    uname: &Observed<Uname>,
    kconfig: &Observed<Option<Kconfig>>,
) -> States {
    let sources = Sources {
        loaded: lists::loaded(host),
        in_sysfs: lists::in_sysfs(host),
        disk: lists::on_disk(host, uname),
        kconfig: kconfig.known().and_then(Option::as_ref),
    };
    MODULES.iter().map(|it| (it.name.to_owned(), sources.state(*it))).collect()
}

/// What it means for every module that the look as a whole failed.
pub(super) fn all_unknown(failure: &Failure) -> States {
    MODULES.iter().map(|it| (it.name.to_owned(), Observed::Unknown(failure.clone()))).collect()
}

/// What is known of all modules together.
struct Sources<'a> {
    /// `/proc/modules`; empty for a kernel without loadable modules.
    loaded: Observed<BTreeSet<String>>,
    /// `/sys/module`: what is loaded, and built-in code with parameters or a version.
    in_sysfs: BTreeSet<String>,
    /// The modules directory of this kernel.
    disk: Observed<Disk>,
    /// The configuration of this kernel.
    kconfig: Option<&'a Kconfig>,
}

/// `/lib/modules/$(uname -r)`.
struct Disk {
    /// `modules.builtin`.
    builtin: BTreeSet<String>,
    /// `modules.dep`.
    loadable: BTreeSet<String>,
}

impl Sources<'_> {
    fn state(&self, module: Module) -> Observed<ModuleState> {
        let loaded = match &self.loaded {
            Observed::Known(loaded) => loaded,
            Observed::Unknown(failure) => return Observed::Unknown(failure.clone()),
        };
        if loaded.contains(module.name) {
            return Observed::Known(ModuleState::Loaded);
        }
        if self.is_builtin(module) {
            return Observed::Known(ModuleState::Builtin);
        }
        match &self.disk {
            Observed::Known(disk) if disk.loadable.contains(module.name) => {
                Observed::Known(ModuleState::Loadable)
            }
            Observed::Known(_) => Observed::Known(ModuleState::Absent),
            Observed::Unknown(failure) => self.without_disk(module, failure),
        }
    }

    fn is_builtin(&self, module: Module) -> bool {
        self.in_sysfs.contains(module.name)
            || self.value(module.option) == Some("y")
            || self.disk.known().is_some_and(|it| it.builtin.contains(module.name))
    }

    /// Only the configuration is left: it proves absence where the option is not set.
    fn without_disk(&self, module: Module, why: &Failure) -> Observed<ModuleState> {
        let Some(kconfig) = self.kconfig else { return Observed::Unknown(why.clone()) };
        let older = module.formerly.filter(|it| self.value(it).is_some());
        match (self.value(module.option), older) {
            (None, None) => Observed::Known(ModuleState::Absent),
            (Some(value), _) => Observed::unknown(
                Cause::Prerequisite,
                format!("{}={value} in {}, but {}", module.option, kconfig.path, why.detail),
            ),
            (None, Some(older)) => Observed::unknown(
                Cause::Inconclusive,
                format!("{older} alone builds it in some kernels only; {}", why.detail),
            ),
        }
    }

    fn value(&self, option: &str) -> Option<&str> {
        self.kconfig?.options.get(option).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::facts::config::KconfigTie;
    use crate::observe::host::tests::host;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn uname() -> Observed<Uname> {
        let (release, machine) = ("6.1.128".into(), "x86_64".into());
        Observed::Known(Uname { release, version: "#1 SMP".into(), machine })
    }

    fn kconfig(options: &[(&str, &str)]) -> Observed<Option<Kconfig>> {
        let options = options.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let path = "/proc/config.gz".into();
        Observed::Known(Some(Kconfig { path, tie: KconfigTie::Header, options }))
    }

    fn procfs(root: &Path) {
        write(root, "proc/version", "Linux");
    }

    fn disk(root: &Path) {
        let dep = "kernel/drivers/net/vxlan/vxlan.ko:\nkernel/drivers/net/geneve.ko:\n";
        write(root, "lib/modules/6.1.128/modules.dep", dep);
        write(root, "lib/modules/6.1.128/modules.builtin", "kernel/net/sched/sch_fq.ko\n");
    }

    fn known(states: &States, name: &str) -> ModuleState {
        *states[name].known().unwrap()
    }

    #[test]
    fn a_host_with_its_modules_directory_tells_all_four() {
        let (_dir, host) = host(|root| {
            procfs(root);
            disk(root);
            write(root, "proc/modules", "vxlan 155648 0 - Live 0x0\n");
        });
        let states = modules(&host, &uname(), &Observed::Known(None));
        assert_eq!(known(&states, "vxlan"), ModuleState::Loaded);
        assert_eq!(known(&states, "geneve"), ModuleState::Loadable);
        assert_eq!(known(&states, "sch_fq"), ModuleState::Builtin);
        assert_eq!(known(&states, "wireguard"), ModuleState::Absent);
        assert_eq!(states.len(), MODULES.len());
    }

    #[test]
    fn a_container_without_lib_modules_knows_only_what_is_loaded() {
        let (_dir, host) = host(|root| {
            procfs(root);
            write(root, "proc/modules", "vxlan 155648 0 - Live 0x0\n");
        });
        let states = modules(&host, &uname(), &Observed::Known(None));
        assert_eq!(known(&states, "vxlan"), ModuleState::Loaded);
        let others = states.iter().filter(|(name, _)| *name != "vxlan");
        assert!(others.map(|(_, it)| it).all(|it| it.failure().is_some()));
    }

    #[test]
    fn without_a_directory_the_configuration_proves_builtin_and_absent_but_not_loadable() {
        let (_dir, host) = host(procfs);
        let options =
            [("CONFIG_NETKIT", "y"), ("CONFIG_VXLAN", "m"), ("CONFIG_IP_NF_IPTABLES", "y")];
        let states = modules(&host, &uname(), &kconfig(&options));
        assert_eq!(known(&states, "netkit"), ModuleState::Builtin);
        assert_eq!(known(&states, "wireguard"), ModuleState::Absent);
        assert_eq!(states["vxlan"].failure().unwrap().cause, Cause::Prerequisite);
        assert_eq!(states["ip_tables"].failure().unwrap().cause, Cause::Inconclusive);
        assert_eq!(known(&states, "ip6_tables"), ModuleState::Absent);
    }

    #[test]
    fn the_directory_of_another_kernel_is_none() {
        let (_dir, host) = host(|root| {
            procfs(root);
            write(root, "lib/modules/5.10.0/modules.dep", "kernel/drivers/net/vxlan/vxlan.ko:\n");
            write(root, "lib/modules/5.10.0/modules.builtin", "kernel/net/sched/sch_fq.ko\n");
        });
        let states = modules(&host, &uname(), &Observed::Known(None));
        assert!(states.values().all(|it| it.failure().is_some()));
    }

    #[test]
    fn a_broken_list_settles_nothing() {
        let (_dir, host) = host(|root| {
            procfs(root);
            disk(root);
            write(root, "lib/modules/6.1.128/modules.dep", "kernel/drivers/net/vx");
        });
        let states = modules(&host, &uname(), &Observed::Known(None));
        assert_eq!(states["vxlan"].failure().unwrap().cause, Cause::Malformed);
    }

    #[test]
    fn without_procfs_nothing_is_known_to_be_unloaded() {
        let (_dir, host) = host(disk);
        let states = modules(&host, &uname(), &Observed::Known(None));
        assert_eq!(states["geneve"].failure().unwrap().cause, Cause::Prerequisite);
    }

    #[test]
    fn built_in_code_that_sysfs_shows_is_builtin() {
        let (_dir, host) = host(|root| {
            procfs(root);
            write(root, "sys/module/tcp_bbr/parameters/x", "1");
        });
        let states = modules(&host, &uname(), &Observed::Known(None));
        assert_eq!(known(&states, "tcp_bbr"), ModuleState::Builtin);
    }
}

//! Which probes would make the kernel load a module, and so change the host.

use crate::facts::config::{ConfigFacts, ModuleState};
use crate::facts::netprobe::NetProbe;
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;

/// What is known of the host's modules.
pub(super) struct Modules<'a> {
    host: &'a Host,
    config: &'a ConfigFacts,
    /// No module can be loaded any more, so none can be loaded by a probe.
    sealed: bool,
}

impl<'a> Modules<'a> {
    pub(super) fn new(host: &'a Host, config: &'a ConfigFacts) -> Self {
        Self { host, config, sealed: sealed(host) }
    }

    /// Whether the probe can be made without loading a module.
    ///
    /// A module that is absent is no obstacle: then the kernel's refusal is the proof.
    pub(super) fn ready(&self, probe: NetProbe) -> Result<(), Failure> {
        if self.sealed {
            return Ok(());
        }
        needed(probe).iter().try_for_each(|it| self.settled(it))?;
        if probe == NetProbe::XfrmOutputMark { self.ciphers_are_settled() } else { Ok(()) }
    }

    /// Whether `rfc4106(gcm(aes))` can be put together without loading a module for one of its
    /// parts: built-in ESP selects them all (CONFIG_XFRM_ESP of `net/xfrm/Kconfig`), a loaded one
    /// does not need them loaded.
    fn ciphers_are_settled(&self) -> Result<(), Failure> {
        use ModuleState::{Absent, Builtin};
        let esp4 = self.config.modules.get("esp4");
        if matches!(esp4, Some(Observed::Known(Builtin | Absent))) {
            return Ok(());
        }
        // The second makes the initialisation vectors.
        let Some(part) = ["rfc4106(gcm(aes))", "stdrng"].iter().find(|it| !self.has_algorithm(it))
        else {
            return Ok(());
        };
        let why = format!("{part} is not in /proc/crypto; trying could load modules for its parts");
        Err(Failure::new(Cause::Prerequisite, why))
    }

    fn settled(&self, module: &str) -> Result<(), Failure> {
        use ModuleState::{Absent, Builtin, Loadable, Loaded};
        let why = match self.config.modules.get(module) {
            Some(Observed::Known(Builtin | Loaded | Absent)) => return Ok(()),
            Some(Observed::Known(Loadable)) => {
                format!("module {module} is on disk and not loaded; trying would load it")
            }
            Some(Observed::Unknown(_)) | None if self.is_loaded(module) => return Ok(()),
            Some(Observed::Unknown(failure)) => {
                format!(
                    "trying could load module {module}, of which nothing is known: {}",
                    failure.detail
                )
            }
            None => format!("trying could load module {module}, which was not looked for"),
        };
        Err(Failure::new(Cause::Prerequisite, why))
    }

    /// Loaded modules, and those built in that have a parameter, are in `/sys/module`.
    fn is_loaded(&self, module: &str) -> bool {
        matches!(self.host.list(&format!("/sys/module/{module}")), Ok(Some(_)))
    }

    /// Whether the algorithm is put together already, `/proc/crypto`.
    fn has_algorithm(&self, name: &str) -> bool {
        let Ok(Some(text)) = self.host.read("/proc/crypto") else { return false };
        text.lines()
            .filter_map(|it| it.split_once(':'))
            .any(|(key, value)| key.trim_end() == "name" && value.trim() == name)
    }
}

/// Modules that a probe's question makes the kernel ask modprobe(8) for.
fn needed(probe: NetProbe) -> &'static [&'static str] {
    match probe {
        NetProbe::VethLink | NetProbe::XdpDriverAttach => &["veth"],
        NetProbe::VxlanLink => &["vxlan"],
        NetProbe::GeneveLink => &["geneve"],
        NetProbe::WireguardLink => &["wireguard"],
        NetProbe::ClsactQdisc => &["sch_ingress"],
        NetProbe::FqQdisc => &["sch_fq"],
        NetProbe::XfrmOutputMark => &["xfrm_user", "esp4", "seqiv"],
        // CONFIG_NETKIT and the rest are built in or not there at all.
        NetProbe::NetkitLink
        | NetProbe::NetkitScrub
        | NetProbe::TcxAttach
        | NetProbe::ManagedNeighbor
        | NetProbe::BigTcpIpv6
        | NetProbe::BigTcpIpv4
        | NetProbe::FibRule => &[],
    }
}

/// Without `/proc/modules` the kernel has no modules (CONFIG_MODULES); with
/// `kernel.modules_disabled` it takes no more of them.
fn sealed(host: &Host) -> bool {
    let absent = |path: &str| matches!(host.read(path), Ok(None));
    // A root without /proc says nothing about modules.
    let no_modules = absent("/proc/modules") && !absent("/proc/version");
    let disabled = host.read("/proc/sys/kernel/modules_disabled");
    no_modules || matches!(disabled, Ok(Some(text)) if text.trim_end() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host with modules and these files beside `/proc/version` and `/proc/modules`.
    #[track_caller]
    fn expect(
        files: &[(&str, &str)],
        states: &[(&str, Observed<ModuleState>)],
        probe: NetProbe,
        want: Result<(), Cause>,
    ) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [("/proc/version", ""), ("/proc/modules", "")].iter().chain(files) {
            let path = root.path().join(&path[1..]);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let modules = states.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
        let config = ConfigFacts { kconfig: Observed::Known(None), modules };
        let host = Host::mounted(root.path()).unwrap();
        let found = Modules::new(&host, &config).ready(probe).map_err(|it| it.cause);
        assert_eq!(found, want);
    }

    fn known(state: ModuleState) -> Observed<ModuleState> {
        Observed::Known(state)
    }

    #[test]
    fn a_module_that_would_be_loaded_is_left_alone() {
        let vxlan = |state| [("vxlan", known(state))];
        let wait = Err(Cause::Prerequisite);
        expect(&[], &vxlan(ModuleState::Loadable), NetProbe::VxlanLink, wait);
        for state in [ModuleState::Builtin, ModuleState::Loaded, ModuleState::Absent] {
            expect(&[], &vxlan(state), NetProbe::VxlanLink, Ok(()));
        }
    }

    #[test]
    fn of_an_unknown_module_only_sysfs_is_believed() {
        let unknown = [("vxlan", Observed::unknown(Cause::PermissionDenied, ""))];
        let loaded = [("/sys/module/vxlan/refcnt", "0")];
        expect(&[], &unknown, NetProbe::VxlanLink, Err(Cause::Prerequisite));
        expect(&[], &[], NetProbe::VxlanLink, Err(Cause::Prerequisite));
        expect(&loaded, &unknown, NetProbe::VxlanLink, Ok(()));
        expect(&loaded, &[], NetProbe::VxlanLink, Ok(()));
    }

    #[test]
    fn what_is_never_a_module_needs_no_knowledge() {
        expect(&[], &[], NetProbe::FibRule, Ok(()));
    }

    #[test]
    fn a_kernel_that_takes_no_modules_may_be_tried() {
        let loadable = [("vxlan", known(ModuleState::Loadable))];
        let disabled = [("/proc/sys/kernel/modules_disabled", "1\n")];
        let enabled = [("/proc/sys/kernel/modules_disabled", "0\n")];
        expect(&disabled, &loadable, NetProbe::VxlanLink, Ok(()));
        expect(&enabled, &loadable, NetProbe::VxlanLink, Err(Cause::Prerequisite));
    }

    #[test]
    fn parts_of_a_cipher_are_not_loaded_either() {
        let xfrm = |esp4| {
            let settled = known(ModuleState::Builtin);
            [("xfrm_user", settled.clone()), ("seqiv", settled), ("esp4", known(esp4))]
        };
        // As `crypto/proc.c` prints them.
        let cipher = "name         : rfc4106(gcm(aes))\ndriver       : rfc4106-gcm-aesni\n";
        let both = format!("{cipher}\nname         : stdrng\n");
        let ask = |esp4, crypto, want| {
            let files = [("/proc/crypto", crypto)];
            expect(&files, &xfrm(esp4), NetProbe::XfrmOutputMark, want);
        };
        ask(ModuleState::Loaded, cipher, Err(Cause::Prerequisite));
        ask(ModuleState::Loaded, &both, Ok(()));
        ask(ModuleState::Builtin, "", Ok(()));
        ask(ModuleState::Absent, "", Ok(()));
    }
}

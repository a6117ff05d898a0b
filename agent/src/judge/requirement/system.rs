//! Requirements that the network stack, configuration, modules and type information answer.

use super::{Met, names};
use crate::facts::bpf::Support;
use crate::facts::btf::VmlinuxBtf;
use crate::facts::config::{Kconfig, ModuleState};
use crate::facts::netprobe::NetProbe;
use crate::facts::{Facts, Failure, Observed};
use crate::judge::reason::Reason;

fn could_not_tell(failure: &Failure, what: &str) -> Met {
    let detail = &failure.detail;
    Met::unknown(failure.cause.into(), format!("{what}: could not tell ({detail})"))
}

pub(super) fn net(facts: &Facts, probe: NetProbe) -> Met {
    let what = names::net(probe);
    match facts.net_probes.get(&probe) {
        None => Met::unknown(Reason::NotProbed, format!("{what}: not probed")),
        Some(Support::Supported) => Met::yes(format!("{what}: made in a throw-away namespace")),
        Some(Support::Unsupported(absence)) => {
            Met::no(absence.because.into(), format!("{what}: refused ({})", absence.detail))
        }
        Some(Support::Unknown(failure)) => could_not_tell(failure, what),
    }
}

/// The running kernel's configuration, or why there is none.
fn kconfig<'a>(facts: &'a Facts, option: &str) -> Result<&'a Kconfig, Met> {
    match &facts.config.kconfig {
        Observed::Known(Some(kconfig)) => Ok(kconfig),
        Observed::Known(None) => Err(Met::unknown(
            Reason::KernelConfigMissing,
            format!("{option}: no kernel configuration found"),
        )),
        Observed::Unknown(failure) => Err(could_not_tell(failure, option)),
    }
}

pub(super) fn config(facts: &Facts, option: &str) -> Met {
    let kconfig = match kconfig(facts, option) {
        Ok(kconfig) => kconfig,
        Err(unknown) => return unknown,
    };
    match kconfig.option(option) {
        Observed::Unknown(failure) => could_not_tell(&failure, option),
        Observed::Known(None | Some("n")) => {
            Met::no(Reason::NotCompiledIn, format!("{option} is not set in {}", kconfig.path))
        }
        Observed::Known(Some(value)) => Met::yes(format!("{option}={value} in {}", kconfig.path)),
    }
}

/// By the state of the module, which an option of `y` makes `Builtin` already. Where that is
/// unknown, an option that is not set still proves absence; one that is `m` does not prove that
/// the module is on this host.
pub(super) fn module(facts: &Facts, module: &str, option: &str) -> Met {
    let what = format!("module {module}");
    match facts.config.modules.get(module) {
        Some(Observed::Known(ModuleState::Builtin)) => {
            Met::yes(format!("{module} is built into the kernel"))
        }
        Some(Observed::Known(ModuleState::Loaded)) => Met::yes(format!("{what} is loaded")),
        Some(Observed::Known(ModuleState::Loadable)) => {
            Met::yes(format!("{what} is on disk, not loaded"))
        }
        Some(Observed::Known(ModuleState::Absent)) => {
            Met::no(Reason::ModuleAbsent, format!("{module} is neither built in nor on disk"))
        }
        Some(Observed::Unknown(failure)) => {
            by_option(facts, option, || could_not_tell(failure, &what))
        }
        None => by_option(facts, option, || {
            Met::unknown(Reason::NotProbed, format!("{what}: not looked for"))
        }),
    }
}

fn by_option(facts: &Facts, option: &str, otherwise: impl FnOnce() -> Met) -> Met {
    match config(facts, option) {
        met if met.reason == Reason::NotCompiledIn => met,
        _ => otherwise(),
    }
}

pub(super) fn sysctl(facts: &Facts, name: &str) -> Met {
    match facts.security.sysctls.get(name) {
        None => Met::unknown(Reason::NotProbed, format!("{name}: not read")),
        Some(Observed::Known(Some(value))) => Met::yes(format!("{name} = {value}")),
        Some(Observed::Known(None)) => {
            Met::no(Reason::SysctlMissing, format!("this kernel has no {name}"))
        }
        Some(Observed::Unknown(failure)) => could_not_tell(failure, name),
    }
}

pub(super) fn sysctl_word(facts: &Facts, name: &str, word: &str) -> Met {
    match facts.security.sysctls.get(name) {
        Some(Observed::Known(Some(value))) if !value.split_whitespace().any(|it| it == word) => {
            Met::no(Reason::SysctlValue, format!("{name} = {value}, without {word}"))
        }
        _ => sysctl(facts, name),
    }
}

/// The parsed type information of the kernel, or why there is none.
fn vmlinux<'a>(facts: &'a Facts, what: &str) -> Result<&'a VmlinuxBtf, Met> {
    match &facts.btf {
        Observed::Unknown(failure) => Err(could_not_tell(failure, what)),
        Observed::Known(btf) => btf.vmlinux.as_ref().ok_or_else(|| {
            Met::unknown(
                Reason::BtfMissing,
                format!("{what}: there is no /sys/kernel/btf/vmlinux to look in"),
            )
        }),
    }
}

pub(super) fn btf(facts: &Facts) -> Met {
    match &facts.btf {
        Observed::Unknown(failure) => could_not_tell(failure, "/sys/kernel/btf/vmlinux"),
        Observed::Known(btf) => match &btf.vmlinux {
            Some(it) => Met::yes(format!("/sys/kernel/btf/vmlinux has {} types", it.types)),
            None => Met::no(Reason::BtfMissing, "there is no /sys/kernel/btf/vmlinux"),
        },
    }
}

pub(super) fn btf_field(facts: &Facts, name: &str) -> Met {
    let btf = match vmlinux(facts, name) {
        Ok(btf) => btf,
        Err(unknown) => return unknown,
    };
    match btf.fields.get(name) {
        Some(true) => Met::yes(format!("{name} is in the kernel's BTF")),
        Some(false) => Met::no(Reason::NotInBtf, format!("{name} is not in the kernel's BTF")),
        None => Met::unknown(Reason::NotProbed, format!("{name}: not looked for")),
    }
}

/// A kfunc by its declaration tag where the BTF carries tags; by the function's name otherwise,
/// where only presence of the name proves something.
pub(super) fn kfunc(facts: &Facts, name: &str) -> Met {
    let btf = match vmlinux(facts, name) {
        Ok(btf) => btf,
        Err(unknown) => return unknown,
    };
    if btf.functions.contains(name) || btf.kfuncs.as_ref().is_some_and(|it| it.contains(name)) {
        return Met::yes(format!("kfunc {name} is in the kernel's BTF"));
    }
    match btf.kfuncs {
        Some(_) => Met::no(Reason::NotInBtf, format!("kfunc {name} is not in the kernel's BTF")),
        None => Met::unknown(
            Reason::Inconclusive,
            format!("kfunc {name}: not in the kernel's BTF, which does not tag kfuncs"),
        ),
    }
}

pub(super) fn iterator(facts: &Facts, name: &str) -> Met {
    let btf = match vmlinux(facts, name) {
        Ok(btf) => btf,
        Err(unknown) => return unknown,
    };
    if btf.iterators.contains(name) {
        return Met::yes(format!("iterator {name} is in the kernel's BTF"));
    }
    Met::no(Reason::NotInBtf, format!("iterator {name} is not in the kernel's BTF"))
}

pub(super) fn machine(facts: &Facts, machines: &[&str]) -> Met {
    match &facts.kernel.uname {
        Observed::Unknown(failure) => could_not_tell(failure, "the machine"),
        Observed::Known(uname) if machines.contains(&uname.machine.as_str()) => {
            Met::yes(format!("the machine is {}", uname.machine))
        }
        Observed::Known(uname) => Met::no(
            Reason::ArchitectureUnsupported,
            format!("the machine is {}, not {}", uname.machine, machines.join(" or ")),
        ),
    }
}

pub(super) fn ipv6(facts: &Facts) -> Met {
    match &facts.kernel.ipv6 {
        Observed::Known(true) => Met::yes("/proc/net/if_inet6 is there"),
        Observed::Known(false) => Met::no(Reason::Ipv6Absent, "there is no /proc/net/if_inet6"),
        Observed::Unknown(failure) => could_not_tell(failure, "/proc/net/if_inet6"),
    }
}

pub(super) fn net_cls(facts: &Facts) -> Met {
    match &facts.mounts.net_cls {
        Observed::Known(true) => Met::yes("the cgroup v1 controller net_cls is mounted"),
        Observed::Known(false) => {
            Met::no(Reason::NotInKernel, "the cgroup v1 controller net_cls is not mounted")
        }
        Observed::Unknown(failure) => could_not_tell(failure, "net_cls"),
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::Observed;
    use crate::facts::config::ModuleState;
    use crate::judge::reason::Reason;
    use crate::judge::report::Ternary;
    use crate::judge::requirement::Requirement::{self, Config, Module, Sysctl, SysctlWord};
    use crate::judge::sample;

    #[track_caller]
    fn expect(facts: &crate::facts::Facts, needs: Requirement, want: (Ternary, Reason)) {
        let met = needs.met_by(facts);
        assert_eq!((met.holds, met.reason), want, "{:?}", met.evidence);
        assert!(!met.evidence.is_empty());
    }

    const VXLAN: Requirement = Module("vxlan", "CONFIG_VXLAN");

    #[test]
    fn a_module_counts_where_its_code_is() {
        let mut facts = sample::kernel(6, 12);
        for (state, want) in [
            (ModuleState::Builtin, (Ternary::Yes, Reason::Supported)),
            (ModuleState::Loaded, (Ternary::Yes, Reason::Supported)),
            (ModuleState::Loadable, (Ternary::Yes, Reason::Supported)),
            (ModuleState::Absent, (Ternary::No, Reason::ModuleAbsent)),
        ] {
            sample::set_module(&mut facts, "vxlan", state);
            expect(&facts, VXLAN, want);
        }
    }

    #[test]
    fn an_option_alone_refutes_a_module_and_never_proves_it() {
        let mut facts = sample::kernel(6, 12);
        facts.config.modules.clear();
        expect(&facts, VXLAN, (Ternary::Unknown, Reason::NotProbed));
        sample::lose_option(&mut facts, "CONFIG_VXLAN");
        expect(&facts, VXLAN, (Ternary::No, Reason::NotCompiledIn));
        facts.config.kconfig = Observed::Known(None);
        expect(&facts, VXLAN, (Ternary::Unknown, Reason::NotProbed));
    }

    #[test]
    fn an_option_that_is_not_set_is_no_and_a_missing_configuration_is_unknown() {
        let mut facts = sample::kernel(6, 12);
        expect(&facts, Config("CONFIG_VXLAN"), (Ternary::Yes, Reason::Supported));
        sample::lose_option(&mut facts, "CONFIG_VXLAN");
        expect(&facts, Config("CONFIG_VXLAN"), (Ternary::No, Reason::NotCompiledIn));
        facts.config.kconfig = Observed::Known(None);
        expect(&facts, Config("CONFIG_VXLAN"), (Ternary::Unknown, Reason::KernelConfigMissing));
    }

    #[test]
    fn a_sysctl_is_there_absent_or_unread() {
        let mut facts = sample::kernel(6, 12);
        expect(&facts, Sysctl("net.core.default_qdisc"), (Ternary::Yes, Reason::Supported));
        facts.security.sysctls.insert("net.core.default_qdisc".into(), Observed::Known(None));
        expect(&facts, Sysctl("net.core.default_qdisc"), (Ternary::No, Reason::SysctlMissing));
        expect(&facts, Sysctl("never.asked"), (Ternary::Unknown, Reason::NotProbed));
    }

    #[test]
    fn a_word_is_found_only_as_a_whole() {
        let mut facts = sample::kernel(6, 12);
        let name = "net.ipv4.tcp_available_congestion_control";
        expect(&facts, SysctlWord(name, "bbr"), (Ternary::Yes, Reason::Supported));
        sample::set_sysctl(&mut facts, name, "reno cubic bbr2");
        expect(&facts, SysctlWord(name, "bbr"), (Ternary::No, Reason::SysctlValue));
    }
}

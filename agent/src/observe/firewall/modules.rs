//! Whether a part of netfilter is there: a question to one that is a module would load it.

use crate::facts::config::{ConfigFacts, ModuleState};
use crate::facts::{Cause, Observed};
use crate::observe::Host;

/// What is known of the host's modules.
pub(super) struct Modules<'a> {
    host: &'a Host,
    config: &'a ConfigFacts,
}

impl<'a> Modules<'a> {
    pub(super) fn new(host: &'a Host, config: &'a ConfigFacts) -> Self {
        Self { host, config }
    }

    /// Asks if `module` is built in or loaded. If it is neither, it holds nothing.
    pub(super) fn if_there<T>(
        &self,
        module: &str,
        option: &str,
        ask: impl FnOnce() -> Observed<Vec<T>>,
    ) -> Observed<Vec<T>> {
        match self.is_there(module, option) {
            Observed::Known(true) => ask(),
            Observed::Known(false) => Observed::Known(Vec::new()),
            Observed::Unknown(failure) => Observed::Unknown(failure),
        }
    }

    fn is_there(&self, module: &str, option: &str) -> Observed<bool> {
        use ModuleState::{Absent, Builtin, Loadable, Loaded};
        let failure = match self.config.modules.get(module) {
            Some(Observed::Known(Builtin | Loaded)) => return Observed::Known(true),
            Some(Observed::Known(Loadable | Absent)) => return Observed::Known(false),
            Some(Observed::Unknown(failure)) => failure.clone(),
            None => {
                return Observed::unknown(
                    Cause::Prerequisite,
                    format!("{module} is not looked for"),
                );
            }
        };
        // `/sys/module` has what is loaded, and a kernel without `/proc/modules` loads nothing.
        if matches!(self.host.list(&format!("/sys/module/{module}")), Ok(Some(_))) {
            return Observed::Known(true);
        }
        match self.host.read("/proc/modules") {
            Ok(None) if matches!(self.host.read("/proc/version"), Ok(Some(_))) => {
                Observed::Known(true)
            }
            // Not built in and not loaded, whatever is on disk.
            Ok(Some(list)) if self.is_module(option) && !lists(&list, module) => {
                Observed::Known(false)
            }
            _ => {
                let why = format!("asking could load module {module}: {}", failure.detail);
                Observed::unknown(Cause::Prerequisite, why)
            }
        }
    }

    fn is_module(&self, option: &str) -> bool {
        let kconfig = self.config.kconfig.known().and_then(Option::as_ref);
        kconfig.and_then(|it| it.options.get(option)).is_some_and(|it| it == "m")
    }
}

fn lists(modules: &str, module: &str) -> bool {
    modules.lines().any(|it| it.split(' ').next() == Some(module))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Failure;
    use crate::facts::config::{Kconfig, KconfigTie};
    use crate::observe::host::tests::host;

    /// What is said of `nf_tables`, by its state, the option and `/proc/modules`.
    fn there(
        state: Observed<ModuleState>,
        option: Option<&str>,
        modules: Option<&str>,
    ) -> Option<bool> {
        let (_dir, host) = host(|root| {
            std::fs::create_dir(root.join("proc")).unwrap();
            std::fs::write(root.join("proc/version"), "Linux version 6.1.0\n").unwrap();
            if let Some(modules) = modules {
                std::fs::write(root.join("proc/modules"), modules).unwrap();
            }
        });
        let kconfig = option.map(|value| Kconfig {
            path: "/proc/config.gz".into(),
            tie: KconfigTie::Path,
            options: [("CONFIG_NF_TABLES".to_owned(), value.to_owned())].into(),
        });
        let config = ConfigFacts {
            kconfig: Observed::Known(kconfig),
            modules: [("nf_tables".to_owned(), state)].into(),
        };
        Modules::new(&host, &config).is_there("nf_tables", "CONFIG_NF_TABLES").known().copied()
    }

    fn no_disk() -> Observed<ModuleState> {
        Observed::Unknown(Failure::new(Cause::Prerequisite, "no /lib/modules"))
    }

    #[test]
    fn what_is_only_on_disk_holds_nothing() {
        assert_eq!(there(Observed::Known(ModuleState::Loadable), None, None), Some(false));
        assert_eq!(there(Observed::Known(ModuleState::Loaded), None, None), Some(true));
    }

    #[test]
    fn without_the_disk_the_configuration_and_the_loaded_list_decide() {
        let other = "veth 36864 0 - Live 0x0\n";
        assert_eq!(there(no_disk(), Some("m"), Some(other)), Some(false));
        assert_eq!(there(no_disk(), None, Some(other)), None, "it could be built in");
        assert_eq!(there(no_disk(), None, None), Some(true), "a kernel without modules loads none");
    }
}

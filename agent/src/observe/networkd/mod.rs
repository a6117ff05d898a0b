//! systemd-networkd's settings and ec2-net-utils: who deletes routes and rules that a CNI made.
//!
//! Source: networkd.conf(5), systemd.network(5); `unitdir` of amazon-ec2-net-utils.

pub mod ini;

use std::collections::BTreeMap;

use super::Host;
use crate::facts::cni::{Setting, SettingSource};
use crate::facts::networkd::{NetworkdFacts, Unmanaged};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::SourceError;

/// Where systemd looks for its files, the one that counts first; the same name in a later place
/// is masked.
const PLACES: &[&str] =
    &["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"];

/// Files of amazon-ec2-net-utils: version 2, which Amazon Linux 2023 has, and version 1.
const EC2_NET_UTILS: &[&str] = &[
    "/usr/lib/systemd/system/policy-routes@.service",
    "/usr/lib/systemd/system/ec2net-ifup@.service",
    "/etc/udev/rules.d/53-ec2-network-interfaces.rules",
];

/// Reads what the files say; whether networkd runs is with the units.
pub fn networkd(host: &Host) -> NetworkdFacts {
    let files: Observed<Vec<String>> =
        in_sight(host).and_then(|()| Ok(configuration(host)?)).into();
    let setting = |key: &str| files.as_ref().and_then(|it| flag(host, it, key).into());
    NetworkdFacts {
        manage_foreign_routes: setting("ManageForeignRoutes"),
        manage_foreign_rules: setting("ManageForeignRoutingPolicyRules"),
        unmanaged: in_sight(host).and_then(|()| Ok(unmanaged(host)?)).into(),
        ec2_net_utils: ec2_net_utils(host).into(),
    }
}

/// Where the administrator and the distribution speak: without either, their silence is not known.
/// The other places are there only when something is in them.
const SPEAK: [&str; 2] = ["/etc/systemd", "/usr/lib/systemd"];

/// Whether what is not said is said by nobody: a pod has these folders only where they are mounted.
fn in_sight(host: &Host) -> Result<(), Failure> {
    for dir in SPEAK {
        if host.list(dir)?.is_none() {
            let detail =
                format!("there is no {dir} in this root: no systemd, or it is not mounted");
            return Err(Failure::new(Cause::Prerequisite, detail));
        }
    }
    Ok(())
}

/// Files of `networkd.conf` in the order in which they are laid over each other.
fn configuration(host: &Host) -> Result<Vec<String>, SourceError> {
    let mut files = Vec::new();
    for place in PLACES {
        let path = format!("{place}/networkd.conf");
        if host.read_bytes(&path)?.is_some() {
            files.push(path);
            break;
        }
    }
    files.extend(by_name(host, "networkd.conf.d", ".conf")?.into_values());
    Ok(files)
}

/// The files of a folder of all places with this ending, by name; of two alike the first counts.
fn by_name(
    host: &Host,
    folder: &str,
    ending: &str,
) -> Result<BTreeMap<String, String>, SourceError> {
    let mut files = BTreeMap::new();
    for place in PLACES {
        let dir = format!("{place}/{folder}");
        for name in host.list(&dir)?.unwrap_or_default() {
            if name.ends_with(ending) {
                let path = format!("{dir}/{name}");
                files.entry(name).or_insert(path);
            }
        }
    }
    Ok(files)
}

/// The last word on a flag of `[Network]`; both flags are `yes` where nobody says anything.
fn flag(host: &Host, files: &[String], key: &str) -> Result<Setting<bool>, SourceError> {
    let mut setting = Setting { value: true, source: SettingSource::Default };
    for path in files {
        let Some(text) = host.read(path)? else { continue };
        let lines = ini::parse(&text);
        let said = lines.iter().rfind(|it| it.section == "Network" && it.key == key);
        // systemd ignores, with a warning, what is no boolean.
        if let Some(value) = said.and_then(|it| ini::boolean(&it.value)) {
            setting = Setting { value, source: SettingSource::File(path.clone()) };
        }
    }
    Ok(setting)
}

fn unmanaged(host: &Host) -> Result<Vec<Unmanaged>, SourceError> {
    let mut found = Vec::new();
    for (name, path) in by_name(host, "network", ".network")? {
        let mut lines = Vec::new();
        let drop_ins = by_name(host, &format!("network/{name}.d"), ".conf")?;
        for file in std::iter::once(&path).chain(drop_ins.values()) {
            lines.extend(ini::parse(&host.read(file)?.unwrap_or_default()));
        }
        let all = |section: &str, key: &str| -> Vec<String> {
            let lines = lines.iter().filter(|it| it.section == section && it.key == key);
            lines.map(|it| it.value.clone()).collect()
        };
        if all("Link", "Unmanaged").last().and_then(|it| ini::boolean(it)) == Some(true) {
            let names = all("Match", "Name");
            let names = names.iter().flat_map(|it| it.split_whitespace()).map(str::to_owned);
            found.push(Unmanaged { file: path, names: names.collect() });
        }
    }
    Ok(found)
}

fn ec2_net_utils(host: &Host) -> Result<Option<String>, SourceError> {
    for path in EC2_NET_UTILS {
        if host.read_bytes(path)?.is_some() {
            return Ok(Some((*path).to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    fn seen(files: &[(&str, &str)]) -> NetworkdFacts {
        let (_dir, host) = host(|root| {
            for dir in SPEAK {
                std::fs::create_dir_all(root.join(&dir[1..])).unwrap();
            }
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        });
        networkd(&host)
    }

    #[test]
    fn without_a_word_networkd_deletes_what_it_did_not_make() {
        let facts = seen(&[]);
        let default = Setting { value: true, source: SettingSource::Default };
        assert_eq!(facts.manage_foreign_routes, Observed::Known(default.clone()));
        assert_eq!(facts.manage_foreign_rules, Observed::Known(default));
        assert_eq!(facts.ec2_net_utils, Observed::Known(None));
    }

    /// A pod without these mounts, or a host without systemd.
    #[test]
    fn folders_that_are_not_there_say_nothing() {
        for there in [&[][..], &SPEAK[..1], &SPEAK[1..]] {
            let (_dir, host) = host(|root| {
                for dir in there {
                    std::fs::create_dir_all(root.join(&dir[1..])).unwrap();
                }
            });
            let facts = networkd(&host);
            for failure in [
                facts.manage_foreign_routes.failure(),
                facts.manage_foreign_rules.failure(),
                facts.unmanaged.failure(),
            ] {
                let failure = failure.expect("nothing can be told");
                assert_eq!(failure.cause, Cause::Prerequisite);
                assert!(failure.detail.contains("/systemd in this root"), "{failure:?}");
            }
        }
    }

    /// Nobody can list a loop of links, root included.
    #[test]
    fn folders_that_cannot_be_listed_say_nothing() {
        for broken in ["etc/systemd/networkd.conf.d", "etc/systemd/network"] {
            let (_dir, host) = host(|root| {
                SPEAK.iter().for_each(|it| std::fs::create_dir_all(root.join(&it[1..])).unwrap());
                let name = std::path::Path::new(broken).file_name().unwrap();
                std::os::unix::fs::symlink(name, root.join(broken)).unwrap();
            });
            let facts = networkd(&host);
            let routes = facts.manage_foreign_routes.failure();
            let failure = routes.or(facts.unmanaged.failure()).expect("it cannot be listed");
            assert!(failure.detail.contains(broken), "{failure:?}");
        }
    }

    /// The drop-in of nodeadm (`nodeadm/internal/system/networking.go`) and Cilium's advice.
    #[test]
    fn a_drop_in_is_laid_over_the_main_file_and_masks_its_namesake() {
        let no = "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules = no\n";
        let facts = seen(&[
            ("etc/systemd/networkd.conf", "[Network]\n#ManageForeignRoutes=yes\n"),
            (
                "usr/lib/systemd/networkd.conf.d/80-release.conf",
                "[Network]\nManageForeignRoutes=yes\n",
            ),
            ("etc/systemd/networkd.conf.d/80-release.conf", no),
        ]);
        let path = "/etc/systemd/networkd.conf.d/80-release.conf";
        let want = Setting { value: false, source: SettingSource::File(path.into()) };
        assert_eq!(facts.manage_foreign_routes, Observed::Known(want.clone()));
        assert_eq!(facts.manage_foreign_rules, Observed::Known(want));
    }

    #[test]
    fn interfaces_that_are_left_alone_are_told_also_by_a_drop_in() {
        let facts = seen(&[
            (
                "etc/systemd/network/05-cilium.network",
                "[Match]\nName=eth[1-9]* cilium_*\n[Link]\nUnmanaged=yes\n",
            ),
            ("usr/lib/systemd/network/80-ec2.network", "[Match]\nDriver=ena\n"),
            ("run/systemd/network/80-ec2.network.d/x.conf", "[Link]\nUnmanaged=true\n"),
        ]);
        assert_eq!(
            facts.unmanaged,
            Observed::Known(vec![
                Unmanaged {
                    file: "/etc/systemd/network/05-cilium.network".into(),
                    names: vec!["eth[1-9]*".into(), "cilium_*".into()],
                },
                Unmanaged {
                    file: "/usr/lib/systemd/network/80-ec2.network".into(),
                    names: Vec::new()
                },
            ])
        );
    }

    #[test]
    fn ec2_net_utils_are_told_by_a_file_of_theirs() {
        let facts = seen(&[("usr/lib/systemd/system/policy-routes@.service", "")]);
        let path = facts.ec2_net_utils.known().unwrap().as_deref();
        assert_eq!(path, Some("/usr/lib/systemd/system/policy-routes@.service"));
    }
}

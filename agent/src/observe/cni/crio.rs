//! CRI-O's `crio.conf` and what is dropped into `crio.conf.d`, see crio.conf(5) and
//! crio.conf.d(5).

use toml::Table;

use super::settings::{Settings, list, parse, text};
use crate::facts::Failure;
use crate::facts::cni::{Setting, SettingSource};
use crate::observe::Host;

/// Every file here is laid over the main one, in the order of their names.
const DROP_INS: &str = "/etc/crio/crio.conf.d";

/// What CRI-O's configuration says of CNI; `None`: there is none.
pub(super) fn settings(host: &Host, path: &str) -> Result<Option<Settings>, Failure> {
    let mut files = Vec::from([path.to_owned()]);
    for name in host.list(DROP_INS)?.unwrap_or_default() {
        files.push(format!("{DROP_INS}/{name}"));
    }
    let mut settings: Option<Settings> = None;
    for file in files {
        let Some(content) = host.read(&file)? else { continue };
        settings.get_or_insert_default().take(of_file(&file, &parse(&file, &content)?));
    }
    Ok(settings)
}

fn of_file(path: &str, table: &Table) -> Settings {
    let source = || SettingSource::File(path.to_owned());
    let network = table.get("crio").and_then(|it| it.get("network"));
    let network = network.and_then(toml::Value::as_table);
    let get = |key| network.and_then(|it| it.get(key));
    let dirs = get("plugin_dirs").map(list).filter(|it| !it.is_empty());
    // The one of old releases, which newer ones put before the list.
    let dirs = dirs.or_else(|| text(get("plugin_dir")).map(|it| vec![it]));
    Settings {
        conf_dir: text(get("network_dir")).map(|value| Setting { value, source: source() }),
        bin_dirs: dirs.map(|value| Setting { value, source: source() }),
        default_network: text(get("cni_default_network")),
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    const PATH: &str = "/etc/crio/crio.conf";

    #[test]
    fn a_drop_in_overrides_the_main_file() {
        let (_dir, host) = host(|root| {
            std::fs::create_dir_all(root.join("etc/crio/crio.conf.d")).unwrap();
            let main = "[crio.network]\nnetwork_dir = \"/a\"\nplugin_dirs = [\"/p\", \"/q\"]\n";
            std::fs::write(root.join("etc/crio/crio.conf"), main).unwrap();
            let drop_in =
                "[crio.network]\nnetwork_dir = \"/b\"\ncni_default_network = \"cilium\"\n";
            std::fs::write(root.join("etc/crio/crio.conf.d/10-b.conf"), drop_in).unwrap();
        });
        let settings = settings(&host, PATH).unwrap().unwrap();
        let conf_dir = settings.conf_dir.unwrap();
        assert_eq!(conf_dir.value, "/b");
        assert_eq!(conf_dir.source, SettingSource::File("/etc/crio/crio.conf.d/10-b.conf".into()));
        assert_eq!(settings.bin_dirs.unwrap().value, ["/p", "/q"]);
        assert_eq!(settings.default_network.as_deref(), Some("cilium"));
    }

    #[test]
    fn without_any_file_there_is_none() {
        let (_dir, host) = host(|_| {});
        assert_eq!(settings(&host, PATH).unwrap(), None);
    }
}

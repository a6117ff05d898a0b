//! containerd's `config.toml`, versions 1 to 3, with its imports.
//!
//! Source: `docs/man/containerd-config.toml.5.md`, `docs/cri/config.md` and
//! `cmd/containerd/server/config/config.go` of containerd.

use toml::{Table, Value};

use super::settings::{Settings, list, number, parse, text};
use crate::facts::Failure;
use crate::facts::cni::{Handler, Setting, SettingSource};
use crate::observe::Host;

/// The table of the CRI plugin, the newest version of the configuration first.
const CRI: &[&str] = &["io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "cri"];

/// Files that imports may name in all.
const MOST_IMPORTS: usize = 64;

/// Words of `disabled_plugins` that turn the CRI off; Docker's package writes the last.
const DISABLED: &[&str] = &["io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "cri"];

/// What containerd's configuration says of CNI; `None`: there is no such file.
pub(super) fn settings(host: &Host, path: &str) -> Result<Option<Settings>, Failure> {
    let Some(main) = host.read(path)? else { return Ok(None) };
    let main = parse(path, &main)?;
    let imports = imports(host, path, &main)?;
    let mut settings = of_file(path, &main);
    for (path, table) in &imports {
        let alone = of_file(path, table);
        settings.take(alone.clone());
        // containerd before 2.1 replaces the plugin's whole table by that of the later file.
        if cri(table).is_some() && !settings.says_the_same(&alone) {
            settings.doubt = Some(format!(
                "{path} is imported and has the CRI plugin's table too: an older containerd would \
                 forget what other files set there"
            ));
        }
    }
    Ok(Some(settings))
}

fn of_file(path: &str, table: &Table) -> Settings {
    let source = || SettingSource::File(path.to_owned());
    let setting = |value| Setting { value, source: source() };
    let disabled = table.get("disabled_plugins").map(list).unwrap_or_default();
    let mut settings = Settings {
        version: number(table.get("version")),
        disabled: disabled.iter().any(|it| DISABLED.contains(&it.as_str())),
        ..Settings::default()
    };
    let Some(cri) = cri(table) else { return settings };
    if let Some(Value::Table(cni)) = cri.get("cni") {
        settings.conf_dir = text(cni.get("conf_dir")).map(setting);
        settings.max_conf_num =
            number(cni.get("max_conf_num")).map(|value| Setting { value, source: source() });
        let dirs = cni.get("bin_dirs").map(list).filter(|it| !it.is_empty());
        let dirs = dirs.or_else(|| text(cni.get("bin_dir")).map(|it| vec![it]));
        settings.bin_dirs = dirs.map(|value| Setting { value, source: source() });
    }
    settings.handlers = handlers(cri);
    settings
}

fn cri(table: &Table) -> Option<&Table> {
    let plugins = table.get("plugins")?.as_table()?;
    CRI.iter().find_map(|it| plugins.get(*it)?.as_table())
}

/// Runtime handlers with a CNI directory of their own.
fn handlers(cri: &Table) -> Vec<Handler> {
    let runtimes = cri.get("containerd").and_then(|it| it.get("runtimes"));
    let Some(Value::Table(runtimes)) = runtimes else { return Vec::new() };
    let handlers = runtimes.iter().filter_map(|(name, runtime)| {
        let conf_dir = text(runtime.get("cni_conf_dir"));
        let max_conf_num = number(runtime.get("cni_max_conf_num"));
        // nodeadm writes both as their zero values, which mean "not set".
        let conf_dir = conf_dir.filter(|it| !it.is_empty());
        let name = name.clone();
        conf_dir.is_some().then_some(Handler { name, conf_dir, max_conf_num })
    });
    handlers.collect()
}

/// The files that `imports` names, in the order in which they are laid over the main one: names
/// relative to the importing file, with globs, and theirs in turn.
fn imports(host: &Host, path: &str, table: &Table) -> Result<Vec<(String, Table)>, Failure> {
    let mut found = Vec::new();
    let mut seen = vec![path.to_owned()];
    let mut pending: Vec<String> = patterns(path, table);
    while !pending.is_empty() {
        let pattern = pending.remove(0);
        for file in expand(host, &pattern)? {
            if seen.contains(&file) || seen.len() > MOST_IMPORTS {
                continue;
            }
            seen.push(file.clone());
            let Some(content) = host.read(&file)? else { continue };
            let table = parse(&file, &content)?;
            pending.extend(patterns(&file, &table));
            found.push((file, table));
        }
    }
    Ok(found)
}

fn patterns(path: &str, table: &Table) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let absolute = |it: String| if it.starts_with('/') { it } else { format!("{folder}/{it}") };
    table.get("imports").map(list).unwrap_or_default().into_iter().map(absolute).collect()
}

/// The files that a pattern names: a glob in the last part of the path, as everybody writes it.
fn expand(host: &Host, pattern: &str) -> Result<Vec<String>, Failure> {
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Ok(Vec::new()) };
    if !name.contains('*') {
        return Ok(vec![pattern.to_owned()]);
    }
    let names = host.list(folder)?.unwrap_or_default();
    let matching = names.into_iter().filter(|it| matches(name, it));
    Ok(matching.map(|it| format!("{folder}/{it}")).collect())
}

/// Whether `name` matches a pattern whose only special character is `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::observe::host::tests::host;

    const PATH: &str = "/etc/containerd/config.toml";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[track_caller]
    fn read(files: &[(&str, &str)]) -> Settings {
        let (_dir, host) =
            host(|root| files.iter().for_each(|(path, text)| write(root, path, text)));
        settings(&host, PATH).unwrap().unwrap()
    }

    fn conf_dir(settings: &Settings) -> Option<&str> {
        settings.conf_dir.as_ref().map(|it| it.value.as_str())
    }

    /// The form of `nodeadm/internal/containerd/config2.template.toml` of amazon-eks-ami, and of
    /// containerd 2's for version 3.
    #[test]
    fn all_versions_of_the_configuration_are_read() {
        let tables = [
            ("", "plugins.cri.cni"),
            ("version = 2", "plugins.\"io.containerd.grpc.v1.cri\".cni"),
            ("version = 3", "plugins.'io.containerd.cri.v1.runtime'.cni"),
        ];
        for (version, table) in tables {
            let text = format!(
                "{version}\n[{table}]\nbin_dir = \"/b\"\nconf_dir = \"/c\"\nmax_conf_num = 2\n"
            );
            let settings = read(&[(PATH, &text)]);
            assert_eq!(conf_dir(&settings), Some("/c"), "{version}");
            assert_eq!(settings.bin_dirs.unwrap().value, ["/b"], "{version}");
            assert_eq!(settings.max_conf_num.unwrap().value, 2, "{version}");
        }
    }

    #[test]
    fn several_directories_of_binaries_come_in_their_order() {
        let text = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n\
                    bin_dir = ''\nbin_dirs = ['/opt/cni/bin', '/usr/lib/cni']\n";
        let settings = read(&[(PATH, text)]);
        assert_eq!(settings.bin_dirs.unwrap().value, ["/opt/cni/bin", "/usr/lib/cni"]);
    }

    #[test]
    fn imports_are_laid_over_the_main_file_in_the_order_of_their_names() {
        let cni =
            |dir: &str| format!("[plugins.'io.containerd.grpc.v1.cri'.cni]\nconf_dir = '{dir}'\n");
        let main = format!("version = 2\nimports = ['conf.d/*.toml']\n{}", cni("/main"));
        let settings = read(&[
            (PATH, &main),
            ("/etc/containerd/conf.d/20-b.toml", &cni("/b")),
            ("/etc/containerd/conf.d/10-a.toml", &cni("/a")),
            ("/etc/containerd/conf.d/30-c.bak", &cni("/c")),
        ]);
        assert_eq!(conf_dir(&settings), Some("/b"));
        assert_eq!(
            settings.conf_dir.unwrap().source,
            SettingSource::File("/etc/containerd/conf.d/20-b.toml".into())
        );
        assert_eq!(settings.doubt, None, "both readings say the same");
    }

    #[test]
    fn an_import_of_other_keys_of_the_same_plugin_is_a_doubt() {
        let main = "version = 2\nimports = ['/etc/x.toml']\n\
                    [plugins.'io.containerd.grpc.v1.cri'.cni]\nconf_dir = '/main'\n";
        let import = "[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/r'\n";
        let settings = read(&[(PATH, main), ("/etc/x.toml", import)]);
        assert_eq!(conf_dir(&settings), Some("/main"));
        assert!(settings.doubt.is_some());
    }

    #[test]
    fn imports_that_import_each_other_end() {
        let settings = read(&[
            (PATH, "imports = ['/etc/a.toml']"),
            ("/etc/a.toml", "imports = ['/etc/containerd/config.toml', '/etc/a.toml']"),
        ]);
        assert_eq!(conf_dir(&settings), None);
    }

    #[test]
    fn dockers_containerd_has_no_cri() {
        assert!(read(&[(PATH, "disabled_plugins = [\"cri\"]\n")]).disabled);
    }

    #[test]
    fn a_handler_with_a_directory_of_its_own_is_told() {
        let text = "version = 2\n\
            [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.kata]\n\
            cni_conf_dir = '/etc/cni/kata'\ncni_max_conf_num = 1\n\
            [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc]\n\
            cni_conf_dir = ''\ncni_max_conf_num = 0\n";
        let settings = read(&[(PATH, text)]);
        let names: Vec<_> = settings.handlers.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["kata"]);
    }

    #[test]
    fn a_file_that_is_no_toml_is_a_failure_and_an_absent_one_is_none() {
        let (_dir, host) = host(|root| write(root, PATH, "[plugins"));
        assert!(settings(&host, PATH).is_err());
        assert_eq!(settings(&host, "/none").unwrap(), None);
    }

    #[test]
    fn a_star_matches_any_part() {
        for (pattern, name, want) in [
            ("*.toml", "a.toml", true),
            ("*.toml", "a.toml.bak", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXc", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }
}

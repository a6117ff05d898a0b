//! Multus is no datapath: what it really calls for every pod.
//!
//! Source: `docs/configuration.md` and `pkg/types/conf.go` of multus-cni.

use serde_json::{Map, Value};

use super::network::{self, Wrong, string};
use super::places;
use crate::facts::cni::{ConfContent, Delegate, DelegateBy, Network, Plugin};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;

/// The thin plugin, and the one that talks to the thick plugin's daemon.
const TYPES: &[&str] = &["multus", "multus-shim"];

/// Where Multus looks for a network by its name.
const CONF_DIR: &str = "/etc/cni/multus/net.d";

/// How the daemon's container sees the host.
const HOST_PREFIX: &str = "/host";

/// How many Multus may lie in each other.
const DEEPEST: u32 = 3;

/// Puts the default network into every Multus of this network. `raw` is the file it comes from.
pub(super) fn unwrap(host: &Host, network: &mut Network, raw: &Value) {
    unwrap_at(host, network, raw, 0);
}

fn unwrap_at(host: &Host, network: &mut Network, raw: &Value, depth: u32) {
    let items = match raw.get("plugins") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) | None => std::slice::from_ref(raw),
    };
    for (plugin, item) in network.plugins.iter_mut().zip(items) {
        if let Value::Object(fields) = item
            && TYPES.contains(&plugin.plugin_type.as_str())
        {
            plugin.delegate = Some(delegate(host, fields, depth));
        }
    }
}

fn delegate(host: &Host, fields: &Map<String, Value>, depth: u32) -> Delegate {
    let readiness_file = string(fields, "readinessindicatorfile");
    let (by, network) = match first_copy(fields) {
        Some(copy) => (DelegateBy::Copy, of_copy(host, copy, depth)),
        None => match string(fields, "clusterNetwork") {
            Some(path) if path.starts_with('/') => {
                let network = of_path(host, &path, depth);
                (DelegateBy::Path(path), network)
            }
            Some(name) => {
                let dir = string(fields, "confDir").unwrap_or_else(|| CONF_DIR.into());
                let network = of_name(host, &dir, &name, depth);
                (DelegateBy::Name(name), network)
            }
            None => (DelegateBy::Copy, Observed::Known(None)),
        },
    };
    Delegate { by, network: network.map(|it| it.map(Box::new)), readiness_file }
}

/// `delegates[0]`; a delegate that only names a network is not a copy.
fn first_copy(fields: &Map<String, Value>) -> Option<&Map<String, Value>> {
    fields.get("delegates")?.as_array()?.first()?.as_object()
}

fn of_copy(host: &Host, copy: &Map<String, Value>, depth: u32) -> Observed<Option<Network>> {
    if depth >= DEEPEST {
        return Observed::unknown(Cause::TooLarge, "Multus inside Multus, too deep");
    }
    match network::either(copy) {
        Ok(mut network) => {
            unwrap_at(host, &mut network, &Value::Object(copy.clone()), depth + 1);
            Observed::Known(Some(network))
        }
        Err(Wrong::Defect(_, detail)) => {
            Observed::unknown(Cause::Malformed, format!("the first delegate: {detail}"))
        }
        Err(Wrong::TooMany(failure)) => Observed::Unknown(failure),
    }
}

/// A file, or a directory whose first file counts.
fn of_path(host: &Host, path: &str, depth: u32) -> Observed<Option<Network>> {
    for path in [path, path.strip_prefix(HOST_PREFIX).unwrap_or(path)] {
        let file = match first_in(host, path) {
            Ok(Some(file)) => file,
            Ok(None) => path.to_owned(),
            Err(failure) => return Observed::Unknown(failure),
        };
        match of_file(host, &file, depth) {
            Observed::Known(None) => {}
            other => return other,
        }
    }
    Observed::Known(None)
}

fn first_in(host: &Host, dir: &str) -> Result<Option<String>, Failure> {
    if places::is_configuration(dir) {
        return Ok(None);
    }
    let names = host.list(dir)?.unwrap_or_default();
    let first = names.into_iter().find(|it| places::is_configuration(it));
    Ok(first.map(|it| format!("{dir}/{it}")))
}

fn of_file(host: &Host, path: &str, depth: u32) -> Observed<Option<Network>> {
    if depth >= DEEPEST {
        return Observed::unknown(Cause::TooLarge, "Multus inside Multus, too deep");
    }
    let bytes = match host.read_bytes(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Observed::Known(None),
        Err(error) => return Observed::Unknown(error.into()),
    };
    network::parse(path, &bytes).and_then(|content| match content {
        ConfContent::Network(mut network) => {
            if let Ok(raw) = serde_json::from_slice(&bytes) {
                unwrap_at(host, &mut network, &raw, depth + 1);
            }
            Observed::Known(Some(network))
        }
        ConfContent::Broken { detail, .. } => Observed::unknown(Cause::Malformed, detail),
    })
}

/// A network of this name, or a file of this name, in Multus' own directory. What is not there
/// lies with the API server as a `NetworkAttachmentDefinition`.
fn of_name(host: &Host, dir: &str, name: &str, depth: u32) -> Observed<Option<Network>> {
    let dir = dir.trim_end_matches('/');
    let names = match host.list(dir) {
        Ok(names) => names.unwrap_or_default(),
        Err(error) => return Observed::Unknown(error.into()),
    };
    for file in names.into_iter().filter(|it| places::is_configuration(it)) {
        let stem = file.rsplit_once('.').map_or("", |(stem, _)| stem);
        let read = of_file(host, &format!("{dir}/{file}"), depth);
        if let Observed::Known(Some(network)) = &read
            && (stem == name || network.name.as_deref() == Some(name))
        {
            return read;
        }
    }
    let detail =
        format!("{name} is not in {dir}: a NetworkAttachmentDefinition, with the API server");
    Observed::unknown(Cause::Prerequisite, detail)
}

/// Adds the plugins of the sibling folder that libcni 1.3 reads unless `loadOnlyInlinedPlugins`
/// is set: `*.conf` of the folder with the network's name.
pub(super) fn add_sibling_plugins(host: &Host, dir: &str, network: &mut Network, raw: &Value) {
    if raw.get("loadOnlyInlinedPlugins").and_then(Value::as_bool) == Some(true) || !network.is_list
    {
        return;
    }
    let Some(name) = &network.name else { return };
    if name.contains('/') || name.starts_with('.') {
        return;
    }
    let folder = format!("{dir}/{name}");
    // A folder that is not there or cannot be read adds nothing that we know of.
    for file in host.list(&folder).ok().flatten().unwrap_or_default() {
        if places::extension(&file) != Some("conf") {
            continue;
        }
        let path = format!("{folder}/{file}");
        let Ok(Some(bytes)) = host.read_bytes(&path) else { continue };
        if let Observed::Known(ConfContent::Network(one)) = network::parse(&file, &bytes) {
            let from = |it: Plugin| Plugin { from_file: Some(path.clone()), ..it };
            network.plugins.extend(one.plugins.into_iter().map(from));
        }
    }
}

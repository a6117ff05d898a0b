//! One CNI configuration file, parsed as libcni and go-cni do.
//!
//! Source: `libcni/conf.go` of containernetworking/cni and `opts.go` of containerd/go-cni. Which of
//! the two forms a file has follows from its name alone: `.conflist` is a list, all else is not.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::facts::cni::{ConfContent, Defect, Network, Plugin};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::host::shorten;

/// Most bytes of a configuration; real ones have a few kilobytes, Multus with copies some tens.
pub const MOST_BYTES: usize = 1 << 20;

/// Most plugins of one network; real ones have up to eight.
const MOST_PLUGINS: usize = 64;

/// Longest value of a setting that is kept.
const MOST_CHARACTERS: usize = 256;

/// Keys of a plugin that a verdict may rest on. Others are left out: some hold tokens.
const KEYS: &[&str] = &[
    "bridge",
    "chaining-mode",
    "clusterNetwork",
    "confDir",
    "dataplane_options.type",
    "datastore_type",
    "delegate.bridge",
    "delegate.isDefaultGateway",
    "delegate.mtu",
    "delegate.type",
    "device_type",
    "enable-route-mtu",
    "enabled",
    "executionMode",
    "hairpinMode",
    "ipMasq",
    "ipam.mode",
    "ipam.subnet",
    "ipam.type",
    "isDefaultGateway",
    "isGateway",
    "master",
    "mode",
    "mtu",
    "podSGEnforcingMode",
    "policy.type",
    "provider",
    "server_socket",
    "vethPrefix",
];

/// What is in a file of this name; total on any bytes.
pub fn parse(name: &str, bytes: &[u8]) -> Observed<ConfContent> {
    if bytes.len() > MOST_BYTES {
        let detail = format!("{name}: {} bytes, more than {MOST_BYTES}", bytes.len());
        return Observed::unknown(Cause::TooLarge, detail);
    }
    if bytes.contains(&0) {
        return broken(Defect::Binary, format!("{name}: holds zero bytes"));
    }
    // Go's parser takes bytes that are not UTF-8 for U+FFFD.
    let text = String::from_utf8_lossy(bytes);
    if text.trim().is_empty() {
        return broken(Defect::Empty, format!("{name}: {} bytes of nothing", bytes.len()));
    }
    match serde_json::from_str(&text) {
        Ok(value) => shape(name, &value),
        Err(error) => why_no_json(name, &text, &error),
    }
}

fn broken(defect: Defect, detail: String) -> Observed<ConfContent> {
    Observed::Known(ConfContent::Broken { defect, detail })
}

fn why_no_json(name: &str, text: &str, error: &serde_json::Error) -> Observed<ConfContent> {
    let words = error.to_string();
    if words.starts_with("recursion limit") {
        // Go's own limit is 10,000 levels, so that this may be good for the runtime.
        return Observed::unknown(Cause::TooLarge, format!("{name}: {words}"));
    }
    if text.contains('\u{fffd}') {
        return broken(Defect::Binary, format!("{name}: neither JSON nor text: {words}"));
    }
    let defect = if error.is_eof() { Defect::Cut } else { Defect::NotJson };
    broken(defect, format!("{name}: {}", shorten(&words)))
}

fn shape(name: &str, value: &Value) -> Observed<ConfContent> {
    let Value::Object(fields) = value else {
        return broken(Defect::NotJson, format!("{name}: JSON, but no object"));
    };
    let read = if name.ends_with(".conflist") { list(fields) } else { single(fields) };
    match read {
        Ok(network) => Observed::Known(ConfContent::Network(network)),
        Err(Wrong::Defect(defect, detail)) => broken(defect, format!("{name}: {detail}")),
        Err(Wrong::TooMany(failure)) => Observed::Unknown(failure),
    }
}

/// Why an object is no network.
pub(super) enum Wrong {
    Defect(Defect, String),
    TooMany(Failure),
}

/// An object of either form, for a copy inside another file.
pub(super) fn either(fields: &Map<String, Value>) -> Result<Network, Wrong> {
    if fields.contains_key("plugins") { list(fields) } else { single(fields) }
}

fn list(fields: &Map<String, Value>) -> Result<Network, Wrong> {
    let items = match fields.get("plugins") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => return Err(defect(Defect::NotJson, "`plugins` is no array")),
        None => &[],
    };
    if items.len() > MOST_PLUGINS {
        let detail = format!("{} plugins, more than {MOST_PLUGINS}", items.len());
        return Err(Wrong::TooMany(Failure::new(Cause::TooLarge, detail)));
    }
    let Some(name) = string(fields, "name") else {
        return Err(defect(Defect::NotJson, "a list without a `name`"));
    };
    // A list may leave all its plugins to the folder of its name (libcni 1.3).
    if items.is_empty() && bool_of(fields, "loadOnlyInlinedPlugins") != Some(false) {
        return Err(defect(Defect::NoPlugins, "a list without plugins"));
    }
    let plugins: Result<Vec<Plugin>, Wrong> = items.iter().map(plugin).collect();
    let cni_version = string(fields, "cniVersion");
    Ok(Network { name: Some(name), cni_version, is_list: true, plugins: plugins? })
}

fn single(fields: &Map<String, Value>) -> Result<Network, Wrong> {
    let plugins = vec![plugin_of(fields)?];
    let (name, cni_version) = (string(fields, "name"), string(fields, "cniVersion"));
    Ok(Network { name, cni_version, is_list: false, plugins })
}

fn plugin(value: &Value) -> Result<Plugin, Wrong> {
    match value {
        Value::Object(fields) => plugin_of(fields),
        _ => Err(defect(Defect::NotJson, "a plugin that is no object")),
    }
}

fn plugin_of(fields: &Map<String, Value>) -> Result<Plugin, Wrong> {
    let Some(plugin_type) = string(fields, "type") else {
        return Err(defect(Defect::NoType, "a plugin without `type`"));
    };
    Ok(Plugin {
        plugin_type,
        ipam: fields.get("ipam").and_then(|it| string(it.as_object()?, "type")),
        settings: settings(fields),
        delegate: None,
        from_file: None,
    })
}

fn settings(fields: &Map<String, Value>) -> BTreeMap<String, String> {
    let value = |key: &str| match key.split_once('.') {
        Some((outer, inner)) => fields.get(outer)?.get(inner),
        None => fields.get(key),
    };
    let setting = |key: &&str| Some(((*key).to_owned(), scalar(value(key)?)?));
    KEYS.iter().filter_map(setting).collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.chars().take(MOST_CHARACTERS).collect()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn string(fields: &Map<String, Value>, key: &str) -> Option<String> {
    let text = fields.get(key)?.as_str().filter(|it| !it.is_empty())?;
    Some(text.chars().take(MOST_CHARACTERS).collect())
}

fn bool_of(fields: &Map<String, Value>, key: &str) -> Option<bool> {
    fields.get(key)?.as_bool()
}

fn defect(defect: Defect, detail: &str) -> Wrong {
    Wrong::Defect(defect, detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn network(name: &str, text: &str) -> Network {
        match parse(name, text.as_bytes()) {
            Observed::Known(ConfContent::Network(network)) => network,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect_defect(name: &str, bytes: &[u8], want: Defect) {
        match parse(name, bytes) {
            Observed::Known(ConfContent::Broken { defect, .. }) => assert_eq!(defect, want),
            other => panic!("{other:?}"),
        }
    }

    /// `misc/10-aws.conflist` of amazon-vpc-cni-k8s, its variables set as its entry point does.
    const AWS: &str = r#"{"cniVersion": "0.4.0", "name": "aws-cni", "disableCheck": true, "plugins": [
        {"name": "aws-cni", "type": "aws-cni", "vethPrefix": "eni", "mtu": "9001", "podSGEnforcingMode": "strict"},
        {"name": "egress-cni", "type": "egress-cni", "mtu": "9001", "enabled": "false", "ipam": {"type": "host-local"}},
        {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]}"#;

    #[test]
    fn the_list_of_aws_is_read_with_what_verdicts_rest_on() {
        let network = network("10-aws.conflist", AWS);
        assert_eq!(network.types(), Some(vec!["aws-cni", "egress-cni", "portmap"]));
        assert_eq!(network.name.as_deref(), Some("aws-cni"));
        let settings = &network.plugins[0].settings;
        assert_eq!(settings["vethPrefix"], "eni");
        assert_eq!(settings["podSGEnforcingMode"], "strict");
        assert_eq!(network.plugins[1].ipam.as_deref(), Some("host-local"));
    }

    /// What Calico's installer writes has a token of the API server in it.
    #[test]
    fn a_token_is_not_kept() {
        let text = r#"{"name": "k8s-pod-network", "plugins": [{"type": "calico", "mtu": 1440,
            "policy": {"type": "k8s", "k8s_auth_token": "secret"}, "dataplane_options": {"type": "grpc"}}]}"#;
        let network = network("10-calico.conflist", text);
        let settings = &network.plugins[0].settings;
        assert_eq!(settings["policy.type"], "k8s");
        assert_eq!(settings["dataplane_options.type"], "grpc");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    /// go-cni's `loadFromConfFiles` takes the form from the name.
    #[test]
    fn the_name_of_a_file_says_which_form_it_has() {
        expect_defect("10-aws.conf", AWS.as_bytes(), Defect::NoType);
        let single = br#"{"name": "x", "type": "bridge"}"#;
        expect_defect("x.conflist", single, Defect::NoPlugins);
        assert!(!network("x.json", r#"{"name": "x", "type": "bridge"}"#).is_list);
    }

    #[test]
    fn each_way_to_be_broken_has_its_name() {
        expect_defect("x.conflist", b"", Defect::Empty);
        expect_defect("x.conflist", b" \n\t", Defect::Empty);
        expect_defect("x.conflist", &AWS.as_bytes()[..100], Defect::Cut);
        expect_defect("x.conflist", b"\x7fELF\x02\x01\x01\0\0\0", Defect::Binary);
        expect_defect("x.conflist", b"\xff\xfe\xfd\xfc", Defect::Binary);
        expect_defect("x.conflist", b"name: yaml\n", Defect::NotJson);
        expect_defect("x.conflist", b"[]", Defect::NotJson);
        expect_defect("x.conflist", br#"{"name": "x", "plugins": []}"#, Defect::NoPlugins);
        expect_defect("x.conflist", br#"{"name": "x", "plugins": [{}]}"#, Defect::NoType);
        expect_defect("x.conflist", br#"{"plugins": [{"type": "x"}]}"#, Defect::NotJson);
        expect_defect("x.conf", br#"{"name": "x"}"#, Defect::NoType);
    }

    #[test]
    fn what_is_more_than_we_hold_settles_nothing() {
        let deep = "[".repeat(100_000);
        let large = vec![b' '; 10 << 20];
        for bytes in [deep.as_bytes(), &large] {
            let failure = parse("x.conf", bytes).failure().map(|it| it.cause);
            assert_eq!(failure, Some(Cause::TooLarge));
        }
    }

    #[test]
    fn every_cut_of_a_good_file_ends_without_a_panic() {
        for end in 0..AWS.len() {
            let read = parse("x.conflist", &AWS.as_bytes()[..end]);
            assert!(matches!(read, Observed::Known(ConfContent::Broken { .. })), "{end}");
        }
    }
}

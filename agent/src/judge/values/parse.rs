//! From a YAML text to the values in it: which form it has, and what each value is.

use std::collections::BTreeMap;

use super::key::{self, Kind, Known};
use super::tree::{self, Branch, Node};
use super::{Form, Setting, Values, ValuesError};

type Map = BTreeMap<String, Branch>;

/// Reads Helm values, a ConfigMap manifest (also as `kubectl get -o yaml` prints it, also in a
/// `List`), a mapping with `data:`, or the bare mapping of a ConfigMap's keys.
pub(super) fn parse(text: &str) -> Result<Values, ValuesError> {
    let root = tree::parse(text)?;
    let map = mapping(&root, "Helm values or a ConfigMap")?;
    match map.get("kind").map(|it| (it, scalar(it))) {
        Some((_, Some("ConfigMap"))) => config(data(map, &root)?),
        Some((_, Some("List" | "ConfigMapList"))) => config(data(listed(map, &root)?, &root)?),
        Some((at, Some(kind))) => {
            Err(wrong(at, format!("expected kind ConfigMap, found kind {kind}")))
        }
        Some((_, None)) | None => without_kind(map),
    }
}

/// Without `kind` it is a `data:` mapping, the keys of a ConfigMap, or Helm values.
fn without_kind(map: &Map) -> Result<Values, ValuesError> {
    if let (Some(data), 1) = (map.get("data"), map.len()) {
        return config(mapping(data, "the data of a ConfigMap")?);
    }
    let known = |helm: bool| {
        let mut paths = Vec::new();
        flatten("", map, &mut paths);
        paths.iter().filter(|(name, _)| key::find(name, helm).is_some()).count()
    };
    if known(false) > known(true) { config(map) } else { helm(map) }
}

/// The `data` of a ConfigMap manifest.
fn data<'a>(map: &'a Map, at: &Branch) -> Result<&'a Map, ValuesError> {
    let Some(data) = map.get("data") else {
        return Err(wrong(at, "expected a ConfigMap with data, found none".into()));
    };
    mapping(data, "the data of a ConfigMap")
}

/// The one ConfigMap of a list, or the one called `cilium-config`.
fn listed<'a>(map: &'a Map, at: &Branch) -> Result<&'a Map, ValuesError> {
    let items = match map.get("items").map(|it| &it.value) {
        Some(Node::List(items)) => items.as_slice(),
        Some(_) | None => &[],
    };
    let maps = items.iter().filter_map(|it| match &it.value {
        Node::Map(map) => Some(map),
        Node::Null | Node::Scalar(_) | Node::List(_) => None,
    });
    let maps: Vec<&Map> = maps.collect();
    let named = maps.iter().find(|it| name(it) == Some("cilium-config"));
    match (named, maps.as_slice()) {
        (Some(map), _) | (None, [map]) => Ok(map),
        (None, _) => Err(wrong(at, "expected a list with the ConfigMap cilium-config".into())),
    }
}

fn name(map: &Map) -> Option<&str> {
    match &map.get("metadata")?.value {
        Node::Map(metadata) => scalar(metadata.get("name")?),
        Node::Null | Node::Scalar(_) | Node::List(_) => None,
    }
}

fn config(data: &Map) -> Result<Values, ValuesError> {
    let mut values = Values::new(Form::ConfigMap);
    for (name, at) in data {
        match key::find(name, false) {
            Some(known) => take(&mut values, known, name, at)?,
            None => values.not_judged.push(name.clone()),
        }
    }
    Ok(values)
}

fn helm(map: &Map) -> Result<Values, ValuesError> {
    let mut values = Values::new(Form::Helm);
    let mut paths = Vec::new();
    flatten("", map, &mut paths);
    for (path, at) in paths {
        // extraConfig goes into the ConfigMap as it is.
        let (name, is_helm) = match path.strip_prefix("extraConfig.") {
            Some(name) => (name, false),
            None => (path.as_str(), true),
        };
        match key::find(name, is_helm) {
            Some(known) => take(&mut values, known, &path, at)?,
            None => refuse_leaf_above(&path, at).map(|()| values.not_judged.push(path))?,
        }
    }
    Ok(values)
}

/// A single value where known values stand below, such as `bandwidthManager: true`.
fn refuse_leaf_above(path: &str, at: &Branch) -> Result<(), ValuesError> {
    let below = format!("{path}.");
    let inside = key::KEYS.iter().flat_map(|it| it.helm).find(|it| it.starts_with(&below));
    match (&at.value, inside) {
        (Node::Scalar(_) | Node::List(_), Some(inside)) => Err(wrong(
            at,
            format!("{path}: expected a mapping (as for {inside}), found {}", at.value.kind()),
        )),
        (Node::Null | Node::Map(_), _) | (_, None) => Ok(()),
    }
}

/// All leaves by dotted path; an empty mapping is no leaf.
fn flatten<'a>(prefix: &str, map: &'a Map, into: &mut Vec<(String, &'a Branch)>) {
    for (name, at) in map {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match &at.value {
            Node::Map(below) if key::find(&path, true).is_none() => flatten(&path, below, into),
            Node::Map(_) | Node::Null | Node::Scalar(_) | Node::List(_) => into.push((path, at)),
        }
    }
}

/// Checks one known value and keeps it. `null` means "the chart's default": not given.
fn take(values: &mut Values, known: &Known, name: &str, at: &Branch) -> Result<(), ValuesError> {
    let text = match (&at.value, known.kind) {
        (Node::Null, _) => return Ok(()),
        (Node::Scalar(text), Kind::Names) => text.clone(),
        (Node::List(items), Kind::Names) => {
            items.iter().filter_map(scalar).collect::<Vec<_>>().join(" ")
        }
        (Node::Scalar(text), Kind::Bool) => boolean(text)
            .ok_or_else(|| wrong(at, format!("{name}: expected true or false, found {text:?}")))?,
        (Node::Scalar(text), Kind::Word(words)) => word(text, words).ok_or_else(|| {
            let expected = words.join(", ");
            wrong(at, format!("{name}: expected one of {expected}, found {text:?}"))
        })?,
        (other, Kind::Bool | Kind::Word(_) | Kind::Names) => {
            let found = other.kind();
            return Err(wrong(at, format!("{name}: expected a single value, found {found}")));
        }
    };
    // A chart template writes an empty string for "the default".
    if !text.is_empty() {
        let setting = Setting { name: name.to_owned(), text };
        values.settings.entry(known.key).or_insert(setting);
    }
    Ok(())
}

/// The YAML 1.1 spellings that Helm's parser takes; an empty text stays empty.
fn boolean(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "" => Some(String::new()),
        "true" | "yes" | "on" => Some("true".into()),
        "false" | "no" | "off" => Some("false".into()),
        _ => None,
    }
}

fn word(text: &str, words: &[&str]) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    (text.is_empty() || words.contains(&lower.as_str())).then_some(lower)
}

fn mapping<'a>(at: &'a Branch, what: &str) -> Result<&'a Map, ValuesError> {
    match &at.value {
        Node::Map(map) => Ok(map),
        other => Err(wrong(at, format!("expected {what}: a mapping, found {}", other.kind()))),
    }
}

fn scalar(at: &Branch) -> Option<&str> {
    match &at.value {
        Node::Scalar(text) => Some(text),
        Node::Null | Node::List(_) | Node::Map(_) => None,
    }
}

fn wrong(at: &Branch, message: String) -> ValuesError {
    ValuesError::new(at.referenced.line(), message)
}

#[cfg(test)]
mod tests {
    use super::super::key::Key;
    use super::*;

    #[track_caller]
    fn given(text: &str, form: Form) -> Values {
        let values = parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(values.form, form);
        values
    }

    #[track_caller]
    fn expect(values: &Values, key: Key, told: &str) {
        assert_eq!(values.settings[&key].told(), told);
    }

    #[test]
    fn helm_values_are_found_by_path() {
        let text = "kubeProxyReplacement: true\nbandwidthManager:\n  enabled: yes\n  bbr: \"true\"\n\
                    devices: [eth0, ens+]\nfoo:\n  bar: 1\n";
        let values = given(text, Form::Helm);
        expect(&values, Key::KubeProxyReplacement, "kubeProxyReplacement=true");
        expect(&values, Key::BandwidthManager, "bandwidthManager.enabled=true");
        expect(&values, Key::Bbr, "bandwidthManager.bbr=true");
        expect(&values, Key::Devices, "devices=eth0 ens+");
        assert_eq!(values.not_judged, ["foo.bar"]);
    }

    #[test]
    fn extra_config_is_config_map_keys_inside_helm_values() {
        let values = given("l7Proxy: false\nextraConfig:\n  enable-mke: \"true\"\n", Form::Helm);
        expect(&values, Key::Mke, "extraConfig.enable-mke=true");
    }

    #[test]
    fn a_config_map_is_found_in_each_of_its_forms() {
        let data = "data:\n  enable-bbr: \"true\"\n  cluster-name: default\n";
        let manifest =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\n{data}");
        let indented = manifest.replace('\n', "\n  ");
        let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}\n", indented.trim_end());
        let bare = "enable-bbr: \"true\"\ncluster-name: default\n".to_owned();
        for text in [manifest, data.to_owned(), bare, list] {
            let values = given(&text, Form::ConfigMap);
            expect(&values, Key::Bbr, "enable-bbr=true");
            assert_eq!(values.not_judged, ["cluster-name"], "{text}");
        }
    }

    #[test]
    fn null_and_empty_mean_the_charts_default() {
        let values = given("l7Proxy:\nbpf:\n  masquerade: ~\n  tproxy: \"\"\n", Form::Helm);
        assert!(values.settings.is_empty(), "{values:?}");
    }

    #[track_caller]
    fn refused(text: &str, line: u64, words: &str) {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(words), "{error}");
    }

    #[test]
    fn a_wrong_type_is_refused_with_line_and_expectation() {
        refused("a: 1\nbpf:\n  masquerade: maybe\n", 3, "expected true or false, found \"maybe\"");
        refused(
            "a: 1\nloadBalancer:\n  acceleration: fast\n",
            3,
            "expected one of disabled, native",
        );
        refused("a: 1\nbandwidthManager: true\n", 2, "expected a mapping");
        refused("a: 1\nl7Proxy: [true]\n", 2, "expected a single value, found a list");
        refused("- a\n- b\n", 1, "expected Helm values or a ConfigMap: a mapping, found a list");
    }

    #[test]
    fn another_manifest_is_refused() {
        refused("apiVersion: v1\nkind: Secret\ndata: {}\n", 2, "found kind Secret");
        refused("kind: ConfigMap\nmetadata:\n  name: x\n", 1, "with data");
    }

    #[test]
    fn bad_yaml_is_refused_with_its_line() {
        for text in ["a: [1\n", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n", "a: *nobody\n", "a: 'x\n"] {
            let error = parse(text).unwrap_err();
            assert!(error.line > 0, "{text:?}: {error}");
        }
        assert!(parse("").is_err());
    }

    #[test]
    fn a_bomb_is_refused_and_not_expanded() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(9);
            bomb += &format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", "));
        }
        assert!(parse(&bomb).is_err());
        assert!(parse(&format!("a: {}", "[".repeat(10_000))).is_err());
    }
}

//! Strings that are shared, and what makes them so.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A string that many objects may share. An absent field of Kubernetes is the empty string.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Default for Text {
    fn default() -> Self {
        /// One for all: most fields of most objects are absent.
        static EMPTY: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(""));
        Self(Arc::clone(&EMPTY))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

/// A string, or a number or truth value by its text: `limits: {nodes: 50}` is an IntOrString.
struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E>(self, value: &str) -> Result<Text, E> {
        Ok(value.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
        Ok(value.to_string().into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
        Ok(value.to_string().into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
        Ok(value.to_string().into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
        Ok(value.to_string().into())
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
}

/// A map of strings: labels, annotations, selectors. In the order of its keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Text, Text)]>);

impl Labels {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Text> {
        let at = self.0.binary_search_by(|it| (*it.0).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether the key has this value.
    pub fn is(&self, key: &str, value: &str) -> bool {
        self.get(key).is_some_and(|it| it == value)
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Every key and value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the keys that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        if self.0.iter().any(|it| !wanted(&it.0)) {
            self.0 = self.0.iter().filter(|it| wanted(&it.0)).cloned().collect();
        }
    }
}

impl FromIterator<(Text, Text)> for Labels {
    fn from_iter<I: IntoIterator<Item = (Text, Text)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort();
        pairs.dedup_by(|later, earlier| later.0 == earlier.0);
        Self(pairs.into())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Map)
    }
}

struct Map;

impl<'de> Visitor<'de> for Map {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_unit<E>(self) -> Result<Labels, E> {
        Ok(Labels::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Labels, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = entries.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs.into_iter().collect())
    }
}

/// The prefix of our keys on objects, unless it is configured; in facts it is always this one.
pub const PREFIX: &str = "bpfready.io/";

/// Every string once, as long as somebody holds it.
#[derive(Debug, Default)]
pub struct Interner {
    known: HashSet<Text>,
    /// When so many are known, those that nobody holds any more are forgotten: names come and go for
    /// months.
    enough: usize,
    /// What our keys begin with on this cluster's objects; `None`: with [`PREFIX`].
    configured: Option<String>,
}

impl Interner {
    /// An interner for a cluster where our keys have this prefix, such as `example.org/`.
    pub fn for_prefix(prefix: &str) -> Self {
        let configured = (prefix != PREFIX).then(|| prefix.to_owned());
        Self { configured, ..Self::default() }
    }

    /// Gives our keys the prefix that they have in facts.
    pub fn rename(&self, text: &mut Text) {
        let Some(configured) = &self.configured else { return };
        if let Some(name) = text.strip_prefix(configured.as_str()) {
            *text = format!("{PREFIX}{name}").into();
        }
    }

    /// As [`Self::rename`], for every key.
    pub fn rename_keys(&self, labels: &mut Labels) {
        if self.configured.is_none() {
            return;
        }
        labels.0.iter_mut().for_each(|(key, _)| self.rename(key));
        // Their order is that of their names.
        labels.0.sort();
    }

    /// Makes `text` share the memory of an equal one that was seen before.
    pub fn share(&mut self, text: &mut Text) {
        match self.known.get(&**text) {
            Some(known) => *text = known.clone(),
            None => self.learn(text.clone()),
        }
    }

    fn learn(&mut self, text: Text) {
        if self.known.len() >= self.enough {
            self.forget_unused();
            // Twice as many as are in use: looking through them costs no more than learning them.
            self.enough = (2 * self.known.len()).max(1024);
        }
        self.known.insert(text);
    }

    /// As [`Self::share`], for every key and value.
    pub fn share_all(&mut self, labels: &mut Labels) {
        for (key, value) in &mut labels.0 {
            self.share(key);
            self.share(value);
        }
    }

    /// Forgets strings that nobody else holds any more.
    pub fn forget_unused(&mut self) {
        self.known.retain(|it| Arc::strong_count(&it.0) > 1);
    }

    /// How many strings are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// What is kept for long: without what nobody judges, and with shared strings.
pub trait Trim {
    /// Drops what is not judged and shares the strings of the rest.
    fn trim(&mut self, interner: &mut Interner);
}

/// `null` as nothing: Go writes it for empty lists, maps and times.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_share_their_memory_and_unused_ones_go() {
        let mut interner = Interner::default();
        let (mut first, mut second) = (Text::from("a"), Text::from("a"));
        interner.share(&mut first);
        interner.share(&mut second);
        assert!(Arc::ptr_eq(&first.0, &second.0));
        drop((first, second));
        interner.forget_unused();
        assert!(interner.is_empty());
    }

    /// A name a second for a day, as of pods of a job: each is held for a moment.
    #[test]
    fn names_that_come_and_go_fill_no_memory() {
        let mut interner = Interner::default();
        let mut held = Text::from("held");
        interner.share(&mut held);
        for number in 0..86_400 {
            interner.share(&mut Text::from(format!("job-{number}")));
        }
        assert!(interner.len() <= 2048, "{}", interner.len());
        let mut again = Text::from("held");
        interner.share(&mut again);
        assert!(Arc::ptr_eq(&held.0, &again.0), "what is in use is not forgotten");
    }

    #[test]
    fn keys_of_a_configured_prefix_are_ours_and_others_are_nobodys() {
        let text = r#"{"example.org/ebpf":"full","b":"x","example.com/ebpf":"none"}"#;
        let mut labels: Labels = serde_json::from_str(text).unwrap();
        Interner::for_prefix("example.org/").rename_keys(&mut labels);
        assert!(labels.is("bpfready.io/ebpf", "full") && labels.is("b", "x"));
        assert!(labels.is("example.com/ebpf", "none") && !labels.has("example.org/ebpf"));
        let mut usual: Labels = serde_json::from_str(text).unwrap();
        Interner::for_prefix(PREFIX).rename_keys(&mut usual);
        assert!(usual.is("example.org/ebpf", "full"));
    }

    #[test]
    fn labels_are_found_by_key_whatever_their_order() {
        let labels: Labels = serde_json::from_str(r#"{"b":"2","a":"1","c":3}"#).unwrap();
        assert_eq!(labels.get("a").map(AsRef::as_ref), Some("1"));
        assert!(labels.is("c", "3") && !labels.has("d"));
        assert_eq!(serde_json::to_string(&labels).unwrap(), r#"{"a":"1","b":"2","c":"3"}"#);
    }
}

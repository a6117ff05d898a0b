//! What a runtime's TOML says of CNI.

use toml::{Table, Value};

use crate::facts::cni::{Handler, Setting};
use crate::facts::{Cause, Failure};
use crate::observe::host::shorten;

/// Most bytes of a runtime's configuration; real ones have a few kilobytes.
const MOST_BYTES: usize = 1 << 20;

/// What one or more files set; what they do not say is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) version: Option<u32>,
    pub(super) conf_dir: Option<Setting<String>>,
    pub(super) bin_dirs: Option<Setting<Vec<String>>>,
    pub(super) max_conf_num: Option<Setting<u32>>,
    pub(super) handlers: Vec<Handler>,
    /// CRI-O: the network that it takes, whatever comes first.
    pub(super) default_network: Option<String>,
    /// The runtime runs without its CRI plugin: it makes no sandboxes.
    pub(super) disabled: bool,
    /// Why these files can be read in another way too.
    pub(super) doubt: Option<String>,
}

impl Settings {
    /// Lays a later file over this one.
    pub(super) fn take(&mut self, later: Self) {
        let Self {
            version,
            conf_dir,
            bin_dirs,
            max_conf_num,
            handlers,
            default_network,
            disabled,
            doubt,
        } = later;
        self.version = self.version.or(version);
        self.conf_dir = conf_dir.or(self.conf_dir.take());
        self.bin_dirs = bin_dirs.or(self.bin_dirs.take());
        self.max_conf_num = max_conf_num.or(self.max_conf_num.take());
        self.default_network = default_network.or(self.default_network.take());
        self.handlers.extend(handlers);
        self.disabled |= disabled;
        self.doubt = self.doubt.take().or(doubt);
    }

    /// Whether both say the same of directories and counts.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.conf_dir == other.conf_dir
            && self.bin_dirs == other.bin_dirs
            && self.max_conf_num == other.max_conf_num
    }
}

/// Parses TOML; total on any text. The `toml` crate bounds the depth.
///
/// # Errors
///
/// `too_large` beyond a megabyte, `malformed` for what is no TOML.
pub(super) fn parse(path: &str, text: &str) -> Result<Table, Failure> {
    if text.len() > MOST_BYTES {
        let detail = format!("{path}: {} bytes, more than {MOST_BYTES}", text.len());
        return Err(Failure::new(Cause::TooLarge, detail));
    }
    text.parse().map_err(|error: toml::de::Error| {
        Failure::new(Cause::Malformed, format!("{path}: {}", shorten(error.message())))
    })
}

/// A string that says something; runtimes write an empty one for "not set".
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|it| !it.is_empty()).map(expand)
}

pub(super) fn number(value: Option<&Value>) -> Option<u32> {
    u32::try_from(value?.as_integer()?).ok()
}

/// The strings of an array.
pub(super) fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(|it| text(Some(it))).collect()
}

/// MicroK8s' template names its snap's folders by variables.
fn expand(value: &str) -> String {
    value
        .replace("${SNAP_DATA}", "/var/snap/microk8s/current")
        .replace("${SNAP_COMMON}", "/var/snap/microk8s/common")
        .replace("${SNAP}", "/snap/microk8s/current")
}

//! What the container runtime will do for the next pod, as its own configuration says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Failure, Observed};

/// The CNI configuration as *this* node's runtime reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CniFacts {
    /// The runtime that makes pod sandboxes here; `Known(None)`: no trace of one.
    pub runtime: Observed<Option<Runtime>>,
    /// The directory that the runtime reads, and whose word that is.
    pub conf_dir: Setting<String>,
    /// How many configurations the runtime loads, each a pod interface; 0: all. containerd's
    /// `max_conf_num`; CRI-O always takes one.
    pub max_conf_num: Setting<u32>,
    /// Directories and counts of single runtime handlers, where containerd's differ.
    pub handlers: Vec<Handler>,
    /// Every `.conf`, `.conflist` and `.json` of [`Self::conf_dir`] in the order in which the
    /// runtime reads them; `Known(None)`: there is no such directory in this root.
    pub files: Observed<Option<Vec<ConfFile>>>,
    /// What the runtime makes of [`Self::files`].
    pub choice: Observed<Choice>,
    /// Names in [`Self::conf_dir`] that the runtime does not read and that once were
    /// configuration: `*.cilium_bak`, `*.bak`, …
    pub disabled: Observed<Vec<String>>,
    /// Directories of other distributions and tools that hold configuration, which this runtime
    /// does not read: their paths. Unknown where one of them could not be listed.
    pub unread_dirs: Observed<Vec<String>>,
    /// Where the runtime looks for plugins, in its order.
    pub bin_dirs: Vec<BinDir>,
}

/// A setting and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    /// What holds; the runtime's default where nobody set it.
    pub value: T,
    /// Whose word it is.
    pub source: SettingSource,
}

/// Whose word a setting is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// This configuration file.
    File(String),
    /// The runtime's configuration was read and does not say; this is its default.
    Default,
    /// There is no configuration to read; the distribution is known to use this.
    Distribution(Distribution),
    /// The configuration could not be read or understood: this is a guess, why is in the text.
    Guess(String),
}

/// A container runtime and how it was recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Which one; its rules for choosing a configuration follow from this.
    pub kind: RuntimeKind,
    /// The distribution that ships it in its own way.
    pub distribution: Distribution,
    /// What shows it, the surest sign first: kubelet's setting, its socket, its configuration.
    pub signs: Vec<RuntimeSign>,
    /// `version` of containerd's configuration file; 1 where it names none.
    pub config_version: Option<u32>,
}

/// Container runtimes with the CRI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeKind {
    /// containerd: the first file must be good, else there is no network.
    Containerd,
    /// CRI-O: the first *good* file counts.
    CriO,
    /// cri-dockerd, whose rules are those of the old dockershim: the first good file counts.
    CriDockerd,
}

/// Distributions whose runtime has its own paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// The runtime's own paths: kubeadm, EKS, kind, GKE, AKS, …
    Plain,
    /// k3s.
    K3s,
    /// RKE2.
    Rke2,
    /// MicroK8s, a snap.
    Microk8s,
    /// Bottlerocket, whose `/etc/cni` is a tmpfs: nothing there is older than the boot.
    Bottlerocket,
}

/// A trace of a container runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeSign {
    /// The kubelet is told to use this endpoint.
    KubeletEndpoint {
        /// The file that says so.
        file: String,
        /// Such as `unix:///run/containerd/containerd.sock`.
        endpoint: String,
    },
    /// There is a socket at this path.
    Socket(String),
    /// There is a configuration file at this path.
    Config(String),
    /// A process of this name runs.
    Process(String),
}

/// A runtime handler (`RuntimeClass`) with its own CNI directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// Its name in containerd's configuration, such as `kata`.
    pub name: String,
    /// Its `cni_conf_dir`, if it has one.
    pub conf_dir: Option<String>,
    /// Its `cni_max_conf_num`, if it has one.
    pub max_conf_num: Option<u32>,
}

/// One configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfFile {
    /// Absolute path on the host.
    pub path: String,
    /// What is in it. `Unknown`: *we* could not read it (rights, larger or deeper nested than we
    /// hold), which says nothing about the runtime.
    pub content: Observed<ConfContent>,
}

/// What is in a file that could be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfContent {
    /// A network that the runtime can load.
    Network(Network),
    /// The runtime cannot load it.
    Broken {
        /// In which way.
        defect: Defect,
        /// What is wrong, in words.
        detail: String,
    },
}

/// Why a runtime cannot load a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// Nothing but white space.
    Empty,
    /// JSON that ends too early.
    Cut,
    /// Not text.
    Binary,
    /// Text, but not JSON, or JSON of another shape.
    NotJson,
    /// A symlink that leads to itself.
    SymlinkLoop,
    /// A symlink to a file that is not there.
    Dangling,
    /// A directory, a FIFO or the like.
    NotAFile,
    /// A single configuration without `type`.
    NoType,
    /// A list without plugins.
    NoPlugins,
}

/// A network configuration, as the CNI specification has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `name`.
    pub name: Option<String>,
    /// `cniVersion`.
    pub cni_version: Option<String>,
    /// Whether it has the form of a list (`plugins`) or is one plugin alone.
    pub is_list: bool,
    /// Plugins in the order in which they are called, those of the sibling folder last.
    pub plugins: Vec<Plugin>,
}

/// One plugin of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// `type`, which is the name of its binary.
    pub plugin_type: String,
    /// `ipam.type`.
    pub ipam: Option<String>,
    /// What a verdict may rest on, by key as it is written there: `mtu`, `vethPrefix`,
    /// `chaining-mode`, `podSGEnforcingMode`, `bridge`, `mode`, `device_type`, … as text.
    /// Keys of `ipam` and of `delegate` (Flannel) come as `ipam.KEY` and `delegate.KEY`.
    pub settings: BTreeMap<String, String>,
    /// For Multus: the network that it really sets up for every pod.
    pub delegate: Option<Delegate>,
    /// The file of the sibling folder that adds it (`loadOnlyInlinedPlugins` is off); `None`:
    /// inline.
    pub from_file: Option<String>,
}

/// The default network of a meta plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegate {
    /// How it is named.
    pub by: DelegateBy,
    /// The network, its own Multus unwrapped in turn. `Known(None)`: nothing of that name is in
    /// its directory. `Unknown`: it lies with the API server, or could not be read.
    pub network: Observed<Option<Box<Network>>>,
    /// `readinessindicatorfile`: Multus waits for this file.
    pub readiness_file: Option<String>,
}

/// How Multus names its default network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegateBy {
    /// A whole configuration copied in (`delegates[0]`); it may have gone stale.
    Copy,
    /// A path (`clusterNetwork`).
    Path(String),
    /// A name: of a network in `confDir`, else of a `NetworkAttachmentDefinition`.
    Name(String),
}

impl CniFacts {
    /// Nothing could be told; the directory is the runtimes' default as a guess.
    pub fn unknown(failure: &Failure) -> Self {
        let guess = SettingSource::Guess(failure.detail.clone());
        Self {
            runtime: Observed::Unknown(failure.clone()),
            conf_dir: Setting { value: "/etc/cni/net.d".into(), source: guess.clone() },
            max_conf_num: Setting { value: 1, source: guess },
            handlers: Vec::new(),
            files: Observed::Unknown(failure.clone()),
            choice: Observed::Unknown(failure.clone()),
            disabled: Observed::Unknown(failure.clone()),
            unread_dirs: Observed::Unknown(failure.clone()),
            bin_dirs: Vec::new(),
        }
    }
}

impl Network {
    /// Types of the plugins that are really called for a pod, Multus unwrapped.
    ///
    /// `None`: a Multus is among them whose network is not known.
    pub fn types(&self) -> Option<Vec<&str>> {
        let mut types = Vec::new();
        for plugin in self.unwrapped()? {
            types.push(plugin.plugin_type.as_str());
        }
        Some(types)
    }

    /// The plugins that are really called for a pod, Multus replaced by its default network.
    ///
    /// `None`: the network of a Multus among them is not known.
    pub fn unwrapped(&self) -> Option<Vec<&Plugin>> {
        let mut plugins = Vec::new();
        for plugin in &self.plugins {
            match &plugin.delegate {
                None => plugins.push(plugin),
                Some(delegate) => {
                    let network = delegate.network.known()?.as_ref()?;
                    plugins.extend(network.unwrapped()?);
                }
            }
        }
        Some(plugins)
    }
}

/// What a runtime makes of the files in its directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// It loads this file (its path).
    Takes(String),
    /// containerd only: this file (its path) comes first and is broken, so there is no network.
    Broken(String),
    /// There is no file that it could load.
    Nothing,
}

/// A directory of plugin binaries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinDir {
    /// Its path on the host.
    pub path: String,
    /// Whose word it is that the runtime looks there.
    pub source: SettingSource,
    /// Names in it; `Known(None)`: there is no such directory in this root, which in a container
    /// may only mean that it is not mounted there.
    pub names: Observed<Option<Vec<String>>>,
}

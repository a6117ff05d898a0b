//! The objects and their history: one revision counter, as etcd has it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::object::{Key, Stored};
use super::selector::Selector;

/// Changes that a shelf remembers for watches; what is older is 410.
const REMEMBERED: usize = 10_000;

/// Events that a watcher may be behind before it is closed, as the real server does.
const BEHIND: usize = 4096;

/// One change of one object.
#[derive(Debug)]
pub(super) struct Change {
    pub revision: u64,
    pub old: Option<Arc<Stored>>,
    pub new: Option<Arc<Stored>>,
}

/// Where the counter starts: nobody's watch may begin at 1, as with an etcd that has lived.
const START: u64 = 1000;

/// Everything that is stored.
#[derive(Debug)]
pub(super) struct Store {
    pub revision: u64,
    shelves: HashMap<(String, String), Shelf>,
    /// When a role or binding last changed.
    pub policy_revision: u64,
    pages: VecDeque<(u64, Page)>,
    next_page: u64,
}

/// What is left of a list that was cut by `limit`: the list as it was at its first page.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub revision: u64,
    pub items: Arc<Vec<Arc<Stored>>>,
}

/// Lists under way; older ones are 410, as after a compaction of etcd.
const PAGES: usize = 256;

/// All objects of one resource.
#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Key, Arc<Stored>>,
    /// Pods by the node that they are bound to.
    by_node: HashMap<Box<str>, BTreeSet<Key>>,
    history: VecDeque<Arc<Change>>,
    /// Revision of the newest change that is forgotten.
    forgotten: u64,
    watchers: Vec<Watcher>,
    /// Watchers that can only see one object, or the pods of one node.
    narrow: HashMap<Narrow, Vec<Watcher>>,
}

/// The one thing that a narrow watcher looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Narrow {
    Name(String),
    Node(String),
}

#[derive(Debug)]
struct Watcher {
    namespace: Option<String>,
    selector: Selector,
    sender: mpsc::Sender<Arc<Change>>,
}

/// Too old a revision to start a watch at, and the newest one.
#[derive(Debug, PartialEq)]
pub(super) struct TooOld;

/// A watch that was begun: what it sees first, and what comes after.
pub(super) struct Watch {
    /// Objects that existed already, when no revision was given.
    pub existing: Vec<Arc<Stored>>,
    pub missed: Vec<Arc<Change>>,
    pub receiver: mpsc::Receiver<Arc<Change>>,
    pub revision: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            revision: START,
            shelves: HashMap::new(),
            policy_revision: 0,
            pages: VecDeque::new(),
            next_page: 0,
        }
    }
}

impl Store {
    pub(super) fn get(&self, shelf: (&str, &str), key: &Key) -> Option<Arc<Stored>> {
        self.shelf(shelf)?.objects.get(key).cloned()
    }

    /// Objects that `selector` sees, in the order of their keys.
    pub(super) fn list(
        &self,
        shelf: (&str, &str),
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Vec<Arc<Stored>> {
        let Some(shelf) = self.shelf(shelf) else { return Vec::new() };
        let seen = |it: &&Arc<Stored>| {
            namespace.is_none_or(|namespace| it.key.0 == namespace) && it.is_selected(selector)
        };
        if let Some(node) = selector.equal("spec.nodeName") {
            let keys = shelf.by_node.get(node).into_iter().flatten();
            return keys.filter_map(|key| shelf.objects.get(key)).filter(seen).cloned().collect();
        }
        // Kinds of the cluster have no namespace: five thousand agents that each ask for their own
        // Node do not make the server look at all of them five thousand times.
        let of_cluster = || shelf.objects.keys().next().is_some_and(|it| it.0.is_empty());
        let place = namespace.or_else(|| of_cluster().then_some(""));
        if let (Some(name), Some(namespace)) = (selector.equal("metadata.name"), place) {
            let key = (namespace.to_owned(), name.to_owned());
            return shelf.objects.get(&key).into_iter().filter(seen).cloned().collect();
        }
        match namespace {
            None => shelf.objects.values().filter(seen).cloned().collect(),
            Some(namespace) => {
                let from = (namespace.to_owned(), String::new());
                let rest = shelf.objects.range(from..).map(|(_, it)| it);
                let rest = rest.take_while(|it| it.key.0 == namespace);
                rest.filter(seen).cloned().collect()
            }
        }
    }

    /// Puts, replaces or (`None`) removes an object, if it still is at revision `expected`.
    ///
    /// # Errors
    ///
    /// The object is at another revision: nothing is changed.
    pub(super) fn commit(
        &mut self,
        shelf: (&str, &str),
        key: &Key,
        expected: Option<u64>,
        object: Option<serde_json::Value>,
    ) -> Result<Arc<Stored>, ()> {
        let current = self.get(shelf, key);
        if current.as_ref().map(|it| it.revision) != expected {
            return Err(());
        }
        self.revision += 1;
        let revision = self.revision;
        let new = object.map(|it| Stored::new(it, revision));
        let gone = || current.as_ref().map(|it| it.at(revision));
        let result = new.clone().or_else(gone).ok_or(())?;
        if shelf.0 == "rbac.authorization.k8s.io" {
            self.policy_revision = revision;
        }
        let shelf = self.shelves.entry((shelf.0.into(), shelf.1.into())).or_default();
        shelf.record(key, Arc::new(Change { revision, old: current, new }));
        Ok(result)
    }

    /// Begins a watch after revision `after`; `None`: existing objects come first.
    ///
    /// # Errors
    ///
    /// What happened since is no longer known.
    pub(super) fn watch(
        &mut self,
        shelf: (&str, &str),
        namespace: Option<&str>,
        selector: Selector,
        after: Option<u64>,
    ) -> Result<Watch, TooOld> {
        let existing = match after {
            None => self.list(shelf, namespace, &selector),
            Some(_) => Vec::new(),
        };
        let revision = self.revision;
        let after = after.unwrap_or(revision);
        let shelf = self.shelves.entry((shelf.0.into(), shelf.1.into())).or_default();
        if after < shelf.forgotten {
            return Err(TooOld);
        }
        let from = shelf.history.partition_point(|it| it.revision <= after);
        let missed = shelf.history.range(from..).cloned().collect();
        let (sender, receiver) = mpsc::channel(BEHIND);
        let narrow = selector.equal("metadata.name").map(|it| Narrow::Name(it.into()));
        let node = || selector.equal("spec.nodeName").map(|it| Narrow::Node(it.into()));
        let narrow = narrow.or_else(node);
        let watcher = Watcher { namespace: namespace.map(Into::into), selector, sender };
        match narrow {
            Some(narrow) => shelf.narrow.entry(narrow).or_default().push(watcher),
            None => shelf.watchers.push(watcher),
        }
        Ok(Watch { existing, missed, receiver, revision })
    }

    /// Keeps the rest of a list for its next pages; the number is for the continue token.
    pub(super) fn keep(&mut self, page: Page) -> u64 {
        self.next_page += 1;
        self.pages.push_back((self.next_page, page));
        if self.pages.len() > PAGES {
            self.pages.pop_front();
        }
        self.next_page
    }

    pub(super) fn page(&self, number: u64) -> Option<Page> {
        self.pages.iter().find(|(it, _)| *it == number).map(|(_, page)| page.clone())
    }

    /// Forgets a list whose last page was read.
    pub(super) fn finish(&mut self, number: u64) {
        self.pages.retain(|(it, _)| *it != number);
    }

    /// Forgets all history: every older revision and continue token is 410 from now on.
    pub(super) fn compact(&mut self) {
        self.pages.clear();
        let revision = self.revision;
        for shelf in self.shelves.values_mut() {
            shelf.history.clear();
            shelf.forgotten = revision;
        }
    }

    /// Ends every watch.
    pub(super) fn close_watches(&mut self) {
        for shelf in self.shelves.values_mut() {
            shelf.watchers.clear();
            shelf.narrow.clear();
        }
    }

    /// Watches that are open.
    pub(super) fn watches(&self) -> usize {
        let open = |it: &&Watcher| !it.sender.is_closed();
        let all = self
            .shelves
            .values()
            .flat_map(|it| it.watchers.iter().chain(it.narrow.values().flatten()));
        all.filter(open).count()
    }

    fn shelf(&self, (group, plural): (&str, &str)) -> Option<&Shelf> {
        self.shelves.get(&(group.to_owned(), plural.to_owned()))
    }
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            by_node: HashMap::new(),
            history: VecDeque::new(),
            forgotten: START,
            watchers: Vec::new(),
            narrow: HashMap::new(),
        }
    }
}

impl Shelf {
    fn record(&mut self, key: &Key, change: Arc<Change>) {
        let Change { old, new, .. } = &*change;
        let node = |it: &Option<Arc<Stored>>| it.as_ref().and_then(|it| it.node.clone());
        let (from, to) = (node(old), node(new));
        if from != to {
            if let Some(keys) = from.and_then(|it| self.by_node.get_mut(&it)) {
                keys.remove(key);
            }
            if let Some(node) = to {
                self.by_node.entry(node).or_default().insert(key.clone());
            }
        }
        match new {
            Some(new) => self.objects.insert(key.clone(), Arc::clone(new)),
            None => self.objects.remove(key),
        };
        self.tell(key, &change);
        self.history.push_back(change);
        if self.history.len() > REMEMBERED
            && let Some(forgotten) = self.history.pop_front()
        {
            self.forgotten = forgotten.revision;
        }
    }

    fn tell(&mut self, key: &Key, change: &Arc<Change>) {
        self.watchers.retain(|it| it.tell(change));
        let name = Narrow::Name(key.1.clone());
        let objects = [&change.old, &change.new].into_iter().flatten();
        let nodes = objects.filter_map(|it| it.node.as_deref());
        let nodes: BTreeSet<_> = nodes.map(|it| Narrow::Node(it.to_owned())).collect();
        for narrow in nodes.into_iter().chain([name]) {
            if let Some(watchers) = self.narrow.get_mut(&narrow) {
                watchers.retain(|it| it.tell(change));
                if watchers.is_empty() {
                    self.narrow.remove(&narrow);
                }
            }
        }
    }
}

impl Watcher {
    /// `false`: it is gone, or so far behind that it must begin anew.
    fn tell(&self, change: &Arc<Change>) -> bool {
        let sees = |it: &Option<Arc<Stored>>| {
            it.as_ref().is_some_and(|it| {
                self.namespace.as_ref().is_none_or(|namespace| it.key.0 == *namespace)
                    && it.is_selected(&self.selector)
            })
        };
        if !sees(&change.old) && !sees(&change.new) {
            return !self.sender.is_closed();
        }
        self.sender.try_send(Arc::clone(change)).is_ok()
    }
}

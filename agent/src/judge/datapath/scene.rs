//! One host's facts, indexed: which link is which, what is attached to it and whose that is, which
//! agents live. Everything the detectors ask.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::attribute::{self, Marks};
use super::fib::Fib;
use super::life::{self, Life};
use super::party::Party;
use crate::facts::hooks::{CgroupHook, Direction, XdpMode};
use crate::facts::inventory::Program;
use crate::facts::links::Link;
use crate::facts::pins::PinnedObject;
use crate::facts::{Facts, Observed};

/// Where a program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Tc(Direction),
    Tcx(Direction),
    /// `egress`: the primary end, `ingress`: the peer.
    Netkit(Direction),
    Xdp(XdpMode),
    Cgroup(CgroupHook),
}

impl Place {
    /// The place as tc(8) and bpftool(8) write it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Tc(Direction::Ingress) => "tc ingress",
            Self::Tc(Direction::Egress) => "tc egress",
            Self::Tcx(Direction::Ingress) => "tcx ingress",
            Self::Tcx(Direction::Egress) => "tcx egress",
            Self::Netkit(Direction::Ingress) => "netkit peer",
            Self::Netkit(Direction::Egress) => "netkit primary",
            Self::Xdp(XdpMode::Driver) => "XDP (driver)",
            Self::Xdp(XdpMode::Generic) => "XDP (generic)",
            Self::Xdp(XdpMode::Offload) => "XDP (offload)",
            Self::Cgroup(_) => "cgroup",
        }
    }
}

/// One attached program.
#[derive(Debug, Clone)]
pub(super) struct Hook<'a> {
    pub(super) place: Place,
    pub(super) program: u32,
    /// Priority of a tc filter; 0 elsewhere.
    pub(super) priority: u16,
    pub(super) marks: Marks<'a>,
    /// Whose it is; `None`: nobody's that is known.
    pub(super) owner: Option<Party>,
}

impl Hook<'_> {
    /// The program's name for people: its own, its filter's label, or its id.
    pub(super) fn called(&self) -> String {
        let name = self.marks.name.filter(|it| !it.is_empty()).or(self.marks.label);
        name.map_or_else(|| format!("program {}", self.program), str::to_owned)
    }

    /// Whether it can decide over a packet between a pod and the rest.
    pub(super) fn is_in_path(&self) -> bool {
        !matches!(self.place, Place::Cgroup(_))
    }
}

/// One host's facts, indexed.
pub(super) struct Scene<'a> {
    pub(super) facts: &'a Facts,
    pub(super) fib: Fib<'a>,
    links: Vec<&'a Link>,
    by_index: HashMap<u32, &'a Link>,
    by_name: HashMap<&'a str, &'a Link>,
    hooks: BTreeMap<u32, Vec<Hook<'a>>>,
    cgroup: Vec<Hook<'a>>,
    uplinks: BTreeSet<u32>,
    lives: BTreeMap<Party, Life>,
    nobody: Life,
}

impl<'a> Scene<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let links: Vec<&Link> = facts.network.links.known().into_iter().flatten().collect();
        let ids = Ids::of(facts);
        Self {
            facts,
            fib: Fib::of(&facts.network),
            by_index: links.iter().map(|it| (it.index, *it)).collect(),
            by_name: links.iter().map(|it| (it.name.as_str(), *it)).collect(),
            links,
            hooks: on_links(facts, &ids),
            cgroup: on_cgroups(facts, &ids),
            uplinks: uplinks(facts),
            lives: life::ALL.map(|it| (it, life::life(&facts.agents, it))).into(),
            nobody: Life::Unknown(Vec::new()),
        }
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &'a Link> {
        self.links.iter().copied()
    }

    pub(super) fn link(&self, name: &str) -> Option<&'a Link> {
        self.by_name.get(name).copied()
    }

    pub(super) fn link_at(&self, index: u32) -> Option<&'a Link> {
        self.by_index.get(&index).copied()
    }

    /// The interface that a link is a port of.
    pub(super) fn master(&self, link: &Link) -> Option<&'a Link> {
        self.link_at(link.master?)
    }

    /// Programs on a link.
    pub(super) fn hooks(&self, link: &Link) -> &[Hook<'a>] {
        self.hooks.get(&link.index).map(Vec::as_slice).unwrap_or_default()
    }

    /// Programs on all links, with their links; those of links that are gone meanwhile are left out.
    pub(super) fn all_hooks(&self) -> impl Iterator<Item = (&'a Link, &Hook<'a>)> {
        let on =
            self.hooks.iter().filter_map(|(index, hooks)| Some((self.link_at(*index)?, hooks)));
        on.flat_map(|(link, hooks)| hooks.iter().map(move |it| (link, it)))
    }

    /// This party's programs on a link.
    pub(super) fn hooks_of(&self, party: Party, link: &Link) -> Vec<&Hook<'a>> {
        self.hooks(link).iter().filter(|it| it.owner == Some(party)).collect()
    }

    /// Links that carry programs of this party.
    pub(super) fn links_with(&self, party: Party) -> Vec<&'a Link> {
        let mut links: Vec<&Link> = self
            .all_hooks()
            .filter(|(_, hook)| hook.owner == Some(party))
            .map(|(link, _)| link)
            .collect();
        links.dedup_by_key(|it| it.index);
        links
    }

    /// This party's programs on cgroups.
    pub(super) fn cgroup_hooks_of(&self, party: Party) -> Vec<&Hook<'a>> {
        self.cgroup.iter().filter(|it| it.owner == Some(party)).collect()
    }

    /// Whether every hook of links could be read, with the link it is on and whose it is.
    pub(super) fn hooks_known(&self) -> bool {
        let hooks = &self.facts.hooks;
        let lists = [
            hooks.filters.known().is_some(),
            hooks.xdp.known().is_some(),
            hooks.tcx.known().is_some(),
            hooks.netkit.known().is_some(),
            self.facts.network.links.known().is_some(),
        ];
        lists.iter().all(|it| *it) && self.are_told_apart(self.hooks.values().flatten())
    }

    /// Whether it is known whose these are: without the programs' names only what has an owner by
    /// its pin or label is.
    fn are_told_apart<'h>(&self, mut hooks: impl Iterator<Item = &'h Hook<'a>>) -> bool
    where
        'a: 'h,
    {
        self.facts.inventory.programs.known().is_some() || hooks.all(|it| it.owner.is_some())
    }

    /// Whether every cgroup hook could be read, at the root of all cgroups.
    pub(super) fn cgroups_known(&self) -> bool {
        let Observed::Known(mounts) = &self.facts.hooks.cgroups else { return false };
        let mut roots = mounts.values().filter_map(Observed::known).filter(|it| it.cgroup_id == 1);
        roots.any(|it| it.programs.values().all(|list| list.known().is_some()))
            && self.are_told_apart(self.cgroup.iter())
    }

    /// Paths of all pinned objects, directories left out.
    pub(super) fn pins(&self) -> impl Iterator<Item = &'a str> {
        let pins = self.facts.pins.known().into_iter().flat_map(|it| &it.list);
        pins.filter(|it| !matches!(it.object, Observed::Known(None))).map(|it| it.path.as_str())
    }

    /// Whether this party's agent runs.
    pub(super) fn life(&self, party: Party) -> &Life {
        self.lives.get(&party).unwrap_or(&self.nobody)
    }

    /// Whether a link has an address of its own, other than IPv6 link-local ones.
    pub(super) fn has_address(&self, link: &Link) -> bool {
        let mut addresses = self.facts.network.addresses.known().into_iter().flatten();
        addresses.any(|it| it.link == link.index)
    }

    /// Whether a default route leaves by it; in a nested node the uplink is a pair, too.
    pub(super) fn is_uplink(&self, link: &Link) -> bool {
        self.uplinks.contains(&link.index)
    }

    /// Interfaces that are ports of this one.
    pub(super) fn ports_of(&self, link: &Link) -> impl Iterator<Item = &'a Link> {
        let master = Some(link.index);
        self.links().filter(move |it| it.master == master)
    }

    /// How many interfaces are ports of this one.
    pub(super) fn ports(&self, link: &Link) -> usize {
        self.ports_of(link).count()
    }

    /// Routes that leave by this link.
    pub(super) fn has_route_by(&self, link: &Link) -> bool {
        let mut routes = self.facts.network.routes.known().into_iter().flat_map(|it| &it.list);
        routes.any(|it| {
            it.link == Some(link.index) || it.next_hops.iter().any(|hop| hop.link == link.index)
        })
    }
}

fn uplinks(facts: &Facts) -> BTreeSet<u32> {
    let routes = facts.network.routes.known().into_iter().flat_map(|it| &it.list);
    let defaults = routes.filter(|it| it.destination.length == 0);
    defaults
        .flat_map(|it| it.link.into_iter().chain(it.next_hops.iter().map(|hop| hop.link)))
        .collect()
}

/// Programs and pins by kernel id.
struct Ids<'a> {
    programs: HashMap<u32, &'a Program>,
    names_known: bool,
    pins: HashMap<u32, &'a str>,
}

impl<'a> Ids<'a> {
    fn of(facts: &'a Facts) -> Self {
        let inventory = &facts.inventory;
        let programs = inventory.programs.known().into_iter().flatten();
        let of_link: HashMap<u32, u32> = inventory
            .links
            .known()
            .into_iter()
            .flatten()
            .map(|it| (it.id, it.program_id))
            .collect();
        let pins = facts.pins.known().into_iter().flat_map(|it| &it.list);
        let pins = pins.filter_map(|it| match it.object {
            Observed::Known(Some(PinnedObject::Program(id))) => Some((id, it.path.as_str())),
            Observed::Known(Some(PinnedObject::Link(id))) => {
                Some((*of_link.get(&id)?, it.path.as_str()))
            }
            Observed::Known(Some(PinnedObject::Map(_)) | None) | Observed::Unknown(_) => None,
        });
        Self {
            names_known: inventory.programs.known().is_some(),
            programs: programs.map(|it| (it.id, it)).collect(),
            pins: pins.collect(),
        }
    }

    fn hook(&self, place: Place, program: u32, label: Option<&'a str>, priority: u16) -> Hook<'a> {
        let name = self.programs.get(&program).map(|it| it.name.as_str());
        let name = name.filter(|_| self.names_known);
        let marks = Marks { pin: self.pins.get(&program).copied(), label, name };
        Hook { place, program, priority, marks, owner: attribute::owner(marks) }
    }
}

fn on_links<'a>(facts: &'a Facts, ids: &Ids<'a>) -> BTreeMap<u32, Vec<Hook<'a>>> {
    let mut hooks: BTreeMap<u32, Vec<Hook<'a>>> = BTreeMap::new();
    let facts = &facts.hooks;
    for it in facts.filters.known().into_iter().flatten() {
        let Some(bpf) = &it.bpf else { continue };
        let Some(program) = bpf.program_id else { continue };
        let hook = ids.hook(Place::Tc(it.direction), program, bpf.label.as_deref(), it.priority);
        hooks.entry(it.link).or_default().push(hook);
    }
    for it in facts.tcx.known().into_iter().flatten() {
        let hook = ids.hook(Place::Tcx(it.direction), it.program_id, None, 0);
        hooks.entry(it.link).or_default().push(hook);
    }
    for it in facts.netkit.known().into_iter().flatten() {
        let hook = ids.hook(Place::Netkit(it.direction), it.program_id, None, 0);
        hooks.entry(it.link).or_default().push(hook);
    }
    for it in facts.xdp.known().into_iter().flatten() {
        let hook = ids.hook(Place::Xdp(it.mode), it.program_id, None, 0);
        hooks.entry(it.link).or_default().push(hook);
    }
    hooks
}

fn on_cgroups<'a>(facts: &'a Facts, ids: &Ids<'a>) -> Vec<Hook<'a>> {
    let mut hooks: Vec<Hook<'a>> = Vec::new();
    let mounts = facts.hooks.cgroups.known().into_iter().flat_map(|it| it.values());
    let mounts = mounts.filter_map(Observed::known);
    for (hook, programs) in mounts.flat_map(|it| &it.programs) {
        for program in programs.known().into_iter().flatten() {
            // One tree can be mounted at several places.
            let place = Place::Cgroup(*hook);
            if !hooks.iter().any(|it| it.place == place && it.program == *program) {
                hooks.push(ids.hook(place, *program, None, 0));
            }
        }
    }
    hooks
}

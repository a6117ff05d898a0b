//! Filters of `clsact` and `ingress`, `RTM_NEWTFILTER`.

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::super::links::qdisc::{HEADER_BYTES, number};
use super::super::netlink::{Attributes, Connection, NetlinkError};
use crate::facts::hooks::{BpfFilter, Direction, Filter};
use crate::facts::links::Qdisc;

/// `TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)` of `include/uapi/linux/pkt_sched.h`, and egress.
const INGRESS: u32 = 0xffff_fff2;
const EGRESS: u32 = 0xffff_fff3;

// `include/uapi/linux/pkt_cls.h`, which `linux-raw-sys` does not have.
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_FLAGS: u16 = 8;
const TCA_BPF_TAG: u16 = 10;
const TCA_BPF_ID: u16 = 11;
const TCA_BPF_FLAG_ACT_DIRECT: u32 = 1;

/// Where filters can be: a link, and which way.
pub(super) type Place = (u32, Direction);

/// The places that these qdiscs make: every list of filters is asked for by its own question.
pub(super) fn places(qdiscs: &[Qdisc]) -> Vec<Place> {
    let directions = |kind: &str| match kind {
        "clsact" => &[Direction::Ingress, Direction::Egress][..],
        "ingress" => &[Direction::Ingress][..],
        _ => &[],
    };
    let places = |it: &Qdisc| {
        let link = it.link;
        directions(&it.kind).iter().map(move |direction| (link, *direction))
    };
    qdiscs.iter().flat_map(places).collect()
}

pub(super) fn filters(places: &[Place]) -> Result<Vec<Filter>, NetlinkError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let mut route = Connection::open(NETLINK_ROUTE)?;
    let mut filters = Vec::new();
    for (link, direction) in places {
        let parent = match direction {
            Direction::Ingress => INGRESS,
            Direction::Egress => EGRESS,
        };
        let mut question = [0; HEADER_BYTES];
        question[4..8].copy_from_slice(&link.to_ne_bytes());
        question[12..16].copy_from_slice(&parent.to_ne_bytes());
        let place = (*link, *direction);
        // A link that went away meanwhile has no filters, and the kernel says so.
        let mut list =
            route.dump_each(libc::RTM_GETTFILTER, &question, |answer| parse(place, answer))?;
        list.sort_by_key(|it| (it.chain, it.priority, it.handle));
        filters.extend(list);
    }
    Ok(filters)
}

/// Reads one `RTM_NEWTFILTER` message; total on any bytes. `None`: the head of a priority, which
/// the kernel tells before its filters.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when something is missing or cut short.
pub fn parse(place: Place, answer: &[u8]) -> Result<Option<Filter>, NetlinkError> {
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    if attributes.get(uapi::TCA_OPTIONS as u16).is_none() {
        return Ok(None);
    }
    let missing = || NetlinkError::malformed("a kind", "a filter without");
    let kind = attributes.text(uapi::TCA_KIND as u16).ok_or_else(missing)?;
    let options = attributes.nested(uapi::TCA_OPTIONS as u16)?;
    let bpf = if kind == "bpf" { Some(bpf(&options)?) } else { None };
    let (link, direction) = place;
    // `tcm_info`: the priority above, the protocol below.
    let priority = u16::try_from(number(header, 16) >> 16).unwrap_or(u16::MAX);
    Ok(Some(Filter {
        link,
        direction,
        chain: attributes.u32(uapi::TCA_CHAIN as u16)?.unwrap_or(0),
        priority,
        handle: number(header, 8),
        kind,
        bpf,
    }))
}

fn bpf(options: &Attributes<'_>) -> Result<BpfFilter, NetlinkError> {
    let flags = options.u32(TCA_BPF_FLAGS)?.unwrap_or(0);
    let tag: Option<[u8; 8]> = options.array(TCA_BPF_TAG)?;
    Ok(BpfFilter {
        program_id: options.u32(TCA_BPF_ID)?,
        label: options.text(TCA_BPF_NAME),
        tag: tag.map(|it| format!("{:016x}", u64::from_be_bytes(it))),
        direct_action: flags & TCA_BPF_FLAG_ACT_DIRECT != 0,
    })
}
